internal import ProtoRuntime
internal import RPC
internal import Schema

/// The graph of a definition with its references resolved: what the run's state machine walks on.
///
/// A value of this type is sound: ids are unique, every need exists, and there is no cycle.
/// Sizes, names and templates are checked by `DefinitionRules` when a definition is stored; a run that was stored
/// under earlier limits must still be readable, so they are not checked again here.
struct Graph: Sendable, Hashable {
    struct Step: Sendable, Hashable {
        var id: String
        var kind: Kind
        /// Places in `steps`.
        var needs: [Int]
        var retry: RetryRule
        var timeoutMicros: Int64
        var parameters: Google_Protobuf_Struct
    }

    enum Kind: Sendable, Hashable {
        case action(String)
        case approval(prompt: String)
        case timer(delayMicros: Int64)
    }

    let steps: [Step]
    /// For each step, the steps that need it.
    let dependents: [[Int]]
    private let places: [String: Int]

    func place(of id: String) -> Int? { places[id] }

    /// The steps that nobody needs: their outputs are the run's.
    var sinks: [Int] { steps.indices.filter { dependents[$0].isEmpty } }

    init(_ definition: Ragdz_V1_Definition) throws(Status) {
        var places: [String: Int] = [:]
        for (place, step) in definition.steps.enumerated() {
            guard places.updateValue(place, forKey: step.id) == nil else {
                throw .invalidArgument(
                    "Two steps have the id \"\(step.id)\". Give each step its own.", reason: "DUPLICATE_STEP",
                    field: "definition.steps[\(place)].id")
            }
        }
        var steps: [Step] = []
        var dependents = [[Int]](repeating: [], count: definition.steps.count)
        for (place, step) in definition.steps.enumerated() {
            let needs = try Graph.needs(of: step, at: place, in: places)
            for need in needs { dependents[need].append(place) }
            steps.append(try Step(step, needs: needs, field: "definition.steps[\(place)]"))
        }
        self.steps = steps
        self.dependents = dependents
        self.places = places
        if let place = placeInCycle() {
            throw .invalidArgument(
                "Step \"\(steps[place].id)\" waits for itself through its needs. Break the cycle.",
                reason: "CYCLE", field: "definition.steps[\(place)].needs")
        }
    }

    private static func needs(
        of step: Ragdz_V1_StepDefinition, at place: Int, in places: [String: Int]
    ) throws(Status) -> [Int] {
        var needs: [Int] = []
        for (index, need) in step.needs.enumerated() {
            let field = "definition.steps[\(place)].needs[\(index)]"
            guard let needed = places[need] else {
                throw .invalidArgument(
                    "Step \"\(step.id)\" needs \"\(need.prefix(Limits.nameLength))\", which is not a step.",
                    reason: "MISSING_STEP", field: field)
            }
            guard !needs.contains(needed) else {
                throw .invalidArgument(
                    "Step \"\(step.id)\" names \"\(need)\" twice in its needs.", reason: "DUPLICATE_NEED",
                    field: field)
            }
            needs.append(needed)
        }
        return needs
    }

    /// A step on a cycle, or nil. Steps without open needs are taken away until none is left (Kahn).
    private func placeInCycle() -> Int? {
        var open = steps.map(\.needs.count)
        var free = open.indices.filter { open[$0] == 0 }
        var taken = 0
        while let place = free.popLast() {
            taken += 1
            for dependent in dependents[place] {
                open[dependent] -= 1
                if open[dependent] == 0 { free.append(dependent) }
            }
        }
        guard taken < steps.count else { return nil }
        // What is left is on a cycle or behind one: going from need to need ends on the cycle itself.
        guard var place = open.indices.first(where: { open[$0] > 0 }) else { return nil }
        for _ in steps.indices {
            guard let need = steps[place].needs.first(where: { open[$0] > 0 }) else { break }
            place = need
        }
        return place
    }

    /// The steps that have succeeded whenever this one starts.
    func ancestors(of place: Int) -> Set<Int> {
        var found: Set<Int> = []
        var open = steps[place].needs
        while let next = open.popLast() {
            if found.insert(next).inserted { open.append(contentsOf: steps[next].needs) }
        }
        return found
    }
}

extension Graph.Step {
    init(_ step: Ragdz_V1_StepDefinition, needs: [Int], field: String) throws(Status) {
        id = step.id
        self.needs = needs
        parameters = step.with_p ?? Google_Protobuf_Struct()
        timeoutMicros = step.timeout?.microseconds ?? Limits.defaultTimeoutMicros
        retry = RetryRule(step.retry)
        switch step.kind {
        case .action: kind = .action(step.action)
        case .approval: kind = .approval(prompt: step.prompt)
        case .timer: kind = .timer(delayMicros: step.delay?.microseconds ?? 0)
        default:
            throw .invalidArgument(
                "Step \"\(step.id)\" has no kind. Say STEP_KIND_ACTION, STEP_KIND_APPROVAL or STEP_KIND_TIMER.",
                reason: "STEP_KIND", field: "\(field).kind")
        }
    }
}

extension RetryRule {
    init(_ policy: Ragdz_V1_RetryPolicy?) {
        self = .defaults
        guard let policy else { return }
        if policy.maxAttempts > 0 { maxAttempts = Int(policy.maxAttempts) }
        if let initial = policy.initialBackoff { initialBackoffMicros = initial.microseconds }
        if let most = policy.maxBackoff { maxBackoffMicros = most.microseconds }
    }
}
