internal import ProtoRuntime
internal import RPC
internal import Schema

/// What a definition must keep to before it is stored: names, sizes, the fields of each kind, and references that
/// point only to what is there when the step starts. Every refusal names its field and a stable reason.
enum DefinitionRules {
    /// Checks a definition and gives its graph.
    static func check(_ definition: Ragdz_V1_Definition, actions: Set<String>) throws(Status) -> Graph {
        try checkName(definition.name, field: "definition.name")
        guard definition.description.fits(Limits.textLength) else {
            throw tooLong("The description", Limits.textLength, field: "definition.description")
        }
        guard (1...Limits.steps).contains(definition.steps.count) else {
            throw .invalidArgument(
                "A definition has 1 to \(Limits.steps) steps; this one has \(definition.steps.count).",
                reason: definition.steps.isEmpty ? "NO_STEPS" : "TOO_MANY_STEPS", field: "definition.steps")
        }
        for (place, step) in definition.steps.enumerated() {
            let field = "definition.steps[\(place)]"
            try checkName(step.id, field: "\(field).id")
            try checkKind(of: step, field: field, actions: actions)
            try checkTimes(of: step, field: field)
            guard step.needs.count < Limits.steps else {
                throw tooLong("The list of needs", Limits.steps, field: "\(field).needs")
            }
        }
        let graph = try Graph(definition)
        for place in graph.steps.indices {
            try checkTemplates(of: place, in: graph, prompt: definition.steps[place].prompt)
        }
        return graph
    }

    static func checkName(_ name: String, field: String) throws(Status) {
        let sound = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard sound, (1...Limits.nameLength).contains(name.utf8.count) else {
            throw .invalidArgument(
                "A name is 1 to \(Limits.nameLength) of a-z, 0-9, \"-\" and \"_\".", reason: "NAME", field: field)
        }
    }

    private static func tooLong(_ what: String, _ limit: Int, field: String) -> Status {
        .invalidArgument("\(what) is longer than \(limit) allows, or holds U+0000.", reason: "TOO_LONG", field: field)
    }

    /// Fields that belong to another kind are refused: they would be forgotten silently.
    private static func checkKind(
        of step: Ragdz_V1_StepDefinition, field: String, actions: Set<String>
    ) throws(Status) {
        func stray(_ name: String, _ kind: String) -> Status {
            .invalidArgument(
                "Step \"\(step.id)\" has `\(name)`, which only a \(kind) has.", reason: "FIELD_OF_OTHER_KIND",
                field: "\(field).\(name)")
        }
        if step.kind != .action {
            if !step.action.isEmpty { throw stray("action", "STEP_KIND_ACTION") }
            if step.with_p != nil { throw stray("with", "STEP_KIND_ACTION") }
            if step.retry != nil { throw stray("retry", "STEP_KIND_ACTION") }
            if step.timeout != nil { throw stray("timeout", "STEP_KIND_ACTION") }
        }
        if step.kind != .timer, step.delay != nil { throw stray("delay", "STEP_KIND_TIMER") }
        if step.kind != .approval, !step.prompt.isEmpty { throw stray("prompt", "STEP_KIND_APPROVAL") }
        switch step.kind {
        case .action:
            guard actions.contains(step.action) else {
                throw .invalidArgument(
                    "\"\(step.action.prefix(Limits.actionLength))\" is no action of this server. It has: "
                        + "\(actions.sorted().joined(separator: ", ")).",
                    reason: "UNKNOWN_ACTION", field: "\(field).action")
            }
        case .approval:
            guard step.prompt.fits(Limits.textLength) else {
                throw tooLong("The prompt", Limits.textLength, field: "\(field).prompt")
            }
        case .timer:
            guard step.delay != nil else {
                throw .invalidArgument(
                    "Timer \"\(step.id)\" has no delay. Say how long it waits.", reason: "MISSING_DELAY",
                    field: "\(field).delay")
            }
        default: break  // Graph refuses it.
        }
        if let defect = step.with_p?.defect() {
            throw status(defect, field: "\(field).with")
        }
    }

    private static func checkTimes(of step: Ragdz_V1_StepDefinition, field: String) throws(Status) {
        func check(
            _ value: Google_Protobuf_Duration?, _ range: ClosedRange<Int64>, _ name: String
        ) throws(Status) {
            guard let value else { return }
            guard let micros = value.checkedMicroseconds, range.contains(micros) else {
                throw .invalidArgument(
                    "`\(name)` of step \"\(step.id)\" lies outside "
                        + "\(Double(range.lowerBound) / 1_000_000) to \(range.upperBound / 1_000_000) seconds.",
                    reason: "DURATION_RANGE", field: "\(field).\(name)")
            }
        }
        try check(step.timeout, 1_000...Limits.timeoutMicros, "timeout")
        try check(step.delay, 0...Limits.delayMicros, "delay")
        try check(step.retry?.initialBackoff, 0...Limits.backoffMicros, "retry.initial_backoff")
        try check(step.retry?.maxBackoff, 0...Limits.backoffMicros, "retry.max_backoff")
        if let retry = step.retry, !(0...Int32(Limits.attempts)).contains(retry.maxAttempts) {
            throw .invalidArgument(
                "A step is tried 1 to \(Limits.attempts) times; 0 means \(RetryRule.defaults.maxAttempts).",
                reason: "ATTEMPTS_RANGE", field: "\(field).retry.max_attempts")
        }
    }

    private static func checkTemplates(of place: Int, in graph: Graph, prompt: String) throws(Status) {
        let ancestors = graph.ancestors(of: place)
        let base = "definition.steps[\(place)]"
        let strings =
            TemplateScope.strings(in: graph.steps[place].parameters, at: "\(base).with")
            + (prompt.isEmpty ? [] : [("\(base).prompt", prompt)])
        for (field, text) in strings {
            let template: Template
            do { template = try Template(parsing: text) } catch {
                throw .invalidArgument(error.message, reason: "TEMPLATE", field: field)
            }
            for reference in template.references {
                guard case .step(let id) = reference.root else { continue }
                guard let target = graph.place(of: id) else {
                    throw .invalidArgument(
                        "\"${\(reference.text)}\" names a step that does not exist.", reason: "MISSING_STEP",
                        field: field)
                }
                guard ancestors.contains(target) else {
                    throw .invalidArgument(
                        "\"${\(reference.text)}\": \"\(id)\" need not be done when \"\(graph.steps[place].id)\" "
                            + "starts. Add it to the needs.",
                        reason: "STEP_NOT_BEFORE", field: field)
                }
            }
        }
    }

    static func status(_ defect: ValueDefect, field: String) -> Status {
        switch defect {
        case .tooDeep:
            .invalidArgument(
                "Objects and lists are nested more than \(Limits.depth) deep.", reason: "TOO_DEEP", field: field)
        case .notANumber:
            .invalidArgument("A number is infinite or not a number.", reason: "NOT_A_NUMBER", field: field)
        case .nullCharacter:
            .invalidArgument("A text holds U+0000, which cannot be stored.", reason: "NULL_CHARACTER", field: field)
        }
    }

    /// Refuses a run whose steps would do what its starter's key may not do by calls of its own. The starter counts:
    /// not who wrote the definition, which may be another key, and not who approves a step, since an approval lets
    /// go on what was allowed at the start.
    static func check(
        _ graph: Graph, mayBeStartedWith granted: ScopeSet, scopes: [String: String]
    ) throws(Status) {
        for step in graph.steps {
            guard case .action(let name) = step.kind else { continue }
            guard let scope = scopes[name] else {
                throw .failedPrecondition(
                    "The workflow has the action \"\(name)\", which this server does not know. Store a new version.",
                    reason: "UNKNOWN_ACTION")
            }
            guard granted.allows(scope) else {
                throw .permissionDenied(
                    "Step \"\(step.id)\" runs \"\(name)\", for which the key needs the scope \"\(scope)\".",
                    reason: "SCOPE_MISSING")
            }
        }
    }

    /// Refuses an input that lacks a field which a step refers to without a question mark: a run that cannot end
    /// well should not begin.
    static func check(input: Google_Protobuf_Struct, for graph: Graph) throws(Status) {
        if let defect = input.defect() { throw status(defect, field: "input") }
        let scope = TemplateScope(runID: "", input: input, outputs: [:])
        for step in graph.steps {
            var texts = TemplateScope.strings(in: step.parameters, at: "").map(\.text)
            if case .approval(let prompt) = step.kind { texts.append(prompt) }
            for text in texts {
                let references = (try? Template(parsing: text))?.references ?? []
                for reference in references where reference.root == .input {
                    do { _ = try scope.look(up: reference) } catch {
                        throw .invalidArgument(
                            "The workflow needs \"\(reference.text)\", which the input does not have.",
                            reason: "INPUT_MISSING", field: reference.text)
                    }
                }
            }
        }
    }
}

extension String {
    func fits(_ limit: Int) -> Bool {
        utf8.count <= limit * 4 && count <= limit && !utf8.contains(0)
    }
}

extension Google_Protobuf_Duration {
    /// The length in microseconds; nil when it does not fit or the parts contradict each other.
    var checkedMicroseconds: Int64? {
        guard abs(Int64(nanos)) < 1_000_000_000, (seconds >= 0 && nanos >= 0) || (seconds <= 0 && nanos <= 0) else {
            return nil
        }
        let (micros, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let (sum, over) = micros.addingReportingOverflow(Int64(nanos) / 1_000)
        return overflow || over ? nil : sum
    }
}
