internal import ProtoRuntime
internal import Schema

/// The definitions that every tenant has. A run stores its own copy, so a new version changes no run.
enum BuiltInDefinitions {
    static func all(language: String) -> [Ragdz_V1_Definition] { [brief(language: language)] }

    static func named(_ name: String, language: String) -> Ragdz_V1_Definition? {
        all(language: language).first { $0.name == name }
    }

    /// Input: {topic, collection, language?}. The prompt, and the draft when the input names no language, are in the
    /// language of whoever starts the run.
    static func brief(language: String) -> Ragdz_V1_Definition {
        let words = BriefWords.of(language)
        var definition = Ragdz_V1_Definition()
        definition.name = "brief"
        definition.version = 1
        definition.builtIn = true
        definition.description = words.description
        definition.steps = [
            action(
                "retrieve", SearchPassages.name,
                with: ["query": "${input.topic}", "collection": "${input.collection}"]),
            action(
                "draft", DraftBrief.name, needs: ["retrieve"],
                with: [
                    "topic": "${input.topic}", "passages": "${steps.retrieve.passages}",
                    "language": "${input.language?}", "defaultLanguage": .string(words.language),
                ]),
            approval("approve", words.prompt, needs: ["draft"]),
            action(
                "store", StoreBrief.name, needs: ["approve"],
                with: [
                    "collection": "${input.collection}", "title": "${steps.draft.title}",
                    "text": "${steps.draft.text}",
                ]),
        ]
        return definition
    }

    private static func action(
        _ id: String, _ action: String, needs: [String] = [], with parameters: Google_Protobuf_Struct
    ) -> Ragdz_V1_StepDefinition {
        var step = Ragdz_V1_StepDefinition()
        step.id = id
        step.kind = .action
        step.action = action
        step.needs = needs
        step.with_p = parameters
        // A model or an embedding server that restarts takes longer than the default three attempts allow.
        var retry = Ragdz_V1_RetryPolicy()
        retry.maxAttempts = 6
        step.retry = retry
        step.timeout = Google_Protobuf_Duration(seconds: 120)
        return step
    }

    private static func approval(_ id: String, _ prompt: String, needs: [String]) -> Ragdz_V1_StepDefinition {
        var step = Ragdz_V1_StepDefinition()
        step.id = id
        step.kind = .approval
        step.needs = needs
        step.prompt = prompt
        return step
    }
}
