import ProtoRuntime
import RPC
import Schema
import Testing

@testable import Workflows

@Suite struct DefinitionRulesTests {
    /// The reason and the field of the refusal; nil when the definition is taken.
    private func refusal(_ definition: Ragdz_V1_Definition) -> [String]? {
        do {
            _ = try DefinitionRules.check(definition, actions: ["test.echo"])
            return nil
        } catch {
            #expect(error.code == .invalidArgument)
            return [error.reason ?? "", error.details.fieldViolations.first?.field ?? ""]
        }
    }

    @Test func aDiamondIsTaken() throws {
        let graph = try DefinitionRules.check(
            definition(
                "test", action("a"), action("b", needs: ["a"]), approval("c", needs: ["a"]),
                timer("d", needs: ["b", "c"], micros: 5)),
            actions: ["test.echo"])
        #expect(graph.dependents == [[1, 2], [3], [3], []])
        #expect(graph.sinks == [3])
        #expect(graph.ancestors(of: 3) == [0, 1, 2])
    }

    @Test func cyclesAreFoundWhereverTheyAre() {
        #expect(refusal(definition("c", action("a", needs: ["a"]))) == ["CYCLE", "definition.steps[0].needs"])
        let long = definition(
            "c", action("a"), action("b", needs: ["a", "d"]), action("c", needs: ["b"]), action("d", needs: ["c"]),
            action("e", needs: ["d"]))
        #expect(refusal(long)?[0] == "CYCLE")
        #expect(refusal(long)?[1] != "definition.steps[4].needs", "e is behind the cycle, not on it")
    }

    @Test func stepsThatDoNotExistOrExistTwice() {
        #expect(
            refusal(definition("m", action("a", needs: ["nobody"])))
                == ["MISSING_STEP", "definition.steps[0].needs[0]"])
        #expect(
            refusal(definition("m", action("a"), action("a"))) == ["DUPLICATE_STEP", "definition.steps[1].id"])
        #expect(
            refusal(definition("m", action("a"), action("b", needs: ["a", "a"])))
                == ["DUPLICATE_NEED", "definition.steps[1].needs[1]"])
    }

    @Test(arguments: ["", "Upper", "a b", "é", "a/b", String(repeating: "a", count: 64)])
    func names(_ name: String) {
        #expect(refusal(definition(name, action("a"))) == ["NAME", "definition.name"])
        #expect(refusal(definition("n", action(name))) == ["NAME", "definition.steps[0].id"])
    }

    @Test func sizes() {
        #expect(refusal(definition("n")) == ["NO_STEPS", "definition.steps"])
        var many = definition("n")
        many.steps = (0...200).map { action("s\($0)") }
        #expect(refusal(many) == ["TOO_MANY_STEPS", "definition.steps"])
        many.steps.removeLast()
        #expect(refusal(many) == nil)
        var wordy = definition("n", action("a"))
        wordy.description = String(repeating: "é", count: 2_001)
        #expect(refusal(wordy) == ["TOO_LONG", "definition.description"])
        #expect(
            refusal(definition("n", approval("a", prompt: String(repeating: "x", count: 2_001))))
                == ["TOO_LONG", "definition.steps[0].prompt"])
        #expect(refusal(definition("n", approval("a", prompt: "a\0b")))?[0] == "TOO_LONG")
    }

    @Test func fieldsOfEachKind() {
        var step = action("a")
        step.prompt = "?"
        #expect(refusal(definition("n", step)) == ["FIELD_OF_OTHER_KIND", "definition.steps[0].prompt"])
        step = action("a")
        step.delay = Google_Protobuf_Duration(seconds: 1)
        #expect(refusal(definition("n", step)) == ["FIELD_OF_OTHER_KIND", "definition.steps[0].delay"])
        step = approval("a")
        step.action = "test.echo"
        #expect(refusal(definition("n", step)) == ["FIELD_OF_OTHER_KIND", "definition.steps[0].action"])
        step = timer("a", micros: 1)
        step.delay = nil
        #expect(refusal(definition("n", step)) == ["MISSING_DELAY", "definition.steps[0].delay"])
        step = action("a")
        step.kind = .unspecified
        step.action = ""
        #expect(refusal(definition("n", step)) == ["STEP_KIND", "definition.steps[0].kind"])
        #expect(
            refusal(definition("n", action("a", "no.such"))) == ["UNKNOWN_ACTION", "definition.steps[0].action"])
    }

    @Test func times() {
        func timing(_ timeout: Google_Protobuf_Duration) -> [String]? {
            refusal(definition("n", action("a", timeout: timeout)))
        }
        let range = ["DURATION_RANGE", "definition.steps[0].timeout"]
        #expect(timing(Google_Protobuf_Duration(seconds: 3_600)) == nil)
        #expect(timing(Google_Protobuf_Duration(seconds: 3_601)) == range)
        #expect(timing(Google_Protobuf_Duration(seconds: 0)) == range)
        #expect(timing(Google_Protobuf_Duration(seconds: -1)) == range)
        #expect(timing(Google_Protobuf_Duration(seconds: .max)) == range)
        #expect(timing(Google_Protobuf_Duration(seconds: 1, nanos: -5)) == range)
        #expect(
            refusal(definition("n", timer("a", micros: 31 * 86_400_000_000)))
                == ["DURATION_RANGE", "definition.steps[0].delay"])
        #expect(
            refusal(definition("n", action("a", attempts: 21)))
                == ["ATTEMPTS_RANGE", "definition.steps[0].retry.max_attempts"])
        #expect(
            refusal(definition("n", action("a", attempts: -1)))?[0] == "ATTEMPTS_RANGE")
    }

    @Test func references() {
        func with(_ text: Google_Protobuf_Value, needs: [String] = ["a"]) -> [String]? {
            refusal(definition("n", action("a"), action("z"), action("b", needs: needs, with: ["x": ["y": text]])))
        }
        let field = "definition.steps[2].with.x.y"
        #expect(with("${steps.a.out}") == nil)
        #expect(with("${run.id} ${input.a.0.b?} $${no}") == nil)
        #expect(with("${steps.z.out}") == ["STEP_NOT_BEFORE", field])
        #expect(with("${steps.b.out}") == ["STEP_NOT_BEFORE", field])
        #expect(with("${steps.nobody.out}") == ["MISSING_STEP", field])
        #expect(with("${steps.a}") == ["TEMPLATE", field])
        #expect(with("${unclosed") == ["TEMPLATE", field])
        #expect(with("${}") == ["TEMPLATE", field])
        #expect(with("${env.HOME}") == ["TEMPLATE", field])
        #expect(with("${input.a..b}") == ["TEMPLATE", field])
        #expect(with(["ok", "${input}"]) == ["TEMPLATE", field + "[1]"])
    }

    @Test func valuesThatCannotBeStored() {
        func with(_ value: Google_Protobuf_Value) -> String? {
            refusal(definition("n", action("a", with: ["x": value])))?[0]
        }
        var deep: Google_Protobuf_Value = "bottom"
        for _ in 0..<23 { deep = ["d": deep] }
        #expect(with(deep) == nil)
        #expect(with(["d": deep]) == "TOO_DEEP")
        #expect(with([deep]) == "TOO_DEEP")
        #expect(with(.number(.infinity)) == "NOT_A_NUMBER")
        #expect(with("a\0") == "NULL_CHARACTER")
    }

    @Test func aRunsInputHasWhatTheStepsNeed() throws {
        let graph = try Graph(BuiltInDefinitions.brief(language: "en"))
        func reason(_ input: Google_Protobuf_Struct) -> String? {
            do {
                try DefinitionRules.check(input: input, for: graph)
                return nil
            } catch { return "\(error.reason ?? "") \(error.details.fieldViolations.first?.field ?? "")" }
        }
        #expect(reason(["topic": "x", "collection": "c"]) == nil)
        #expect(reason(["topic": "x"]) == "INPUT_MISSING input.collection")
        #expect(reason([:])?.hasPrefix("INPUT_MISSING") == true)
        #expect(reason(["topic": "a\0", "collection": "c"]) == "NULL_CHARACTER input")
    }

    @Test(arguments: ["fr", "ar", "en", "de", ""])
    func theBuiltInDefinitionsKeepTheRules(_ language: String) throws {
        for definition in BuiltInDefinitions.all(language: language) {
            let graph = try DefinitionRules.check(
                definition, actions: ["retrieval.search", "answer.draft", "retrieval.store"])
            #expect(graph.steps.map(\.id) == ["retrieve", "draft", "approve", "store"])
        }
    }
}
