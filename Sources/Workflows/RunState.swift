/// Where a run and its steps stand: a pure value. What happens goes in, what is to be written comes out.
///
/// Three kinds of input do not fit the state, and each is answered in its own way:
/// - a worker that lost its lease reports late (normal: another one has the step): refused, nothing changes;
/// - a person decides what is decided already, or cancels what has ended (normal): the caller is told;
/// - a claim finds a step that nobody should run any more (a cancellation was faster): the step leaves the queue.
///
/// A run that is to fail or to be cancelled first lets its running steps end (`.stopping`), so nothing can happen
/// after the last event of a run.
struct RunState: Sendable, Hashable {
    enum Ending: Sendable, Hashable {
        case succeeded
        case failed(String)
        case cancelled(String)
    }

    enum Phase: Sendable, Hashable {
        case active
        /// Running steps are told to give up; the run ends when the last one has.
        case stopping(Ending)
        case ended(Ending)
    }

    /// The numbers of StepStatus in the public contract.
    enum StepPhase: Int, Sendable, Hashable {
        case pending = 1
        case ready, running, waiting, succeeded, failed, cancelled

        var isFinal: Bool { self == .succeeded || self == .failed || self == .cancelled }
    }

    struct StepRecord: Sendable, Hashable {
        var phase: StepPhase = .pending
        /// How often it was started.
        var attempts = 0
        /// How many of the attempts reported a failure.
        var failures = 0
        /// How many of the attempts lost their worker.
        var losses = 0
        var leaseEpoch: Int64 = 0
        var outputBytes = 0
        var error = ""
    }

    /// When a worker may take the step.
    enum Due: Sendable, Hashable {
        case never
        case after(micros: Int64)
        /// The time of the lease stays.
        case unchanged
    }

    /// What one input changed: to be written in one transaction.
    struct Changes: Sendable, Hashable {
        var events: [RunEvent] = []
        /// By place in the graph.
        var steps: [Int: Due] = [:]
        /// Running steps have to be told that the run stops.
        var stopsRunningSteps = false

        var isEmpty: Bool { events.isEmpty && steps.isEmpty }
        /// A worker can take one of the steps at once.
        var makesReady: Bool { steps.values.contains(.after(micros: 0)) }
    }

    var phase: Phase
    var steps: [StepRecord]

    var isEnded: Bool { if case .ended = phase { true } else { false } }
    var isStopping: Bool { if case .stopping = phase { true } else { false } }

    /// Active, and nothing goes on until somebody approves.
    func isWaiting(in graph: Graph) -> Bool {
        guard phase == .active else { return false }
        var approvals = false
        for (place, step) in steps.enumerated() {
            switch (step.phase, graph.steps[place].kind) {
            case (.ready, _), (.running, _), (.waiting, .timer): return false
            case (.waiting, _): approvals = true
            default: break
            }
        }
        return approvals
    }

    /// A new run: its first steps are ready.
    static func started(_ graph: Graph, workflow: String, version: Int) -> (RunState, Changes) {
        var state = RunState(phase: .active, steps: graph.steps.map { _ in StepRecord() })
        var changes = Changes()
        changes.events.append(.runStarted(workflow: workflow, version: version))
        for place in graph.steps.indices where graph.steps[place].needs.isEmpty {
            state.activate(place, in: graph, &changes)
        }
        return (state, changes)
    }

    /// All needs of a step have succeeded.
    mutating func activate(_ place: Int, in graph: Graph, _ changes: inout Changes) {
        let id = graph.steps[place].id
        switch graph.steps[place].kind {
        case .action:
            steps[place].phase = .ready
            changes.steps[place] = .after(micros: 0)
            changes.events.append(.stepReady(id))
        case .approval:
            steps[place].phase = .waiting
            changes.steps[place] = .never
            changes.events.append(.approvalWaiting(id))
        case .timer(let delay):
            steps[place].phase = .waiting
            changes.steps[place] = .after(micros: delay)
            changes.events.append(.timerWaiting(id, delayMicros: delay))
        }
    }

    mutating func succeed(_ place: Int, in graph: Graph, _ changes: inout Changes) {
        steps[place].phase = .succeeded
        steps[place].error = ""
        changes.steps[place] = .never
        changes.events.append(.stepSucceeded(graph.steps[place].id))
        if phase == .active {
            for dependent in graph.dependents[place] where steps[dependent].phase == .pending {
                if graph.steps[dependent].needs.allSatisfy({ steps[$0].phase == .succeeded }) {
                    activate(dependent, in: graph, &changes)
                }
            }
        }
        settle(&changes)
    }

    mutating func fail(
        _ place: Int, reason: String, message: String, in graph: Graph, _ changes: inout Changes
    ) {
        steps[place].phase = .failed
        steps[place].error = message
        changes.steps[place] = .never
        changes.events.append(.stepFailed(graph.steps[place].id, reason: reason, message: message))
        if phase == .active {
            stop(.failed("Step \"\(graph.steps[place].id)\" failed: \(message)"), &changes)
        }
        settle(&changes)
    }

    /// Nothing starts any more; what runs is told to give up.
    mutating func stop(_ ending: Ending, _ changes: inout Changes) {
        phase = .stopping(ending)
        for place in steps.indices where !steps[place].phase.isFinal {
            if steps[place].phase == .running {
                changes.stopsRunningSteps = true
            } else {
                cancelStep(place, &changes)
            }
        }
    }

    mutating func cancelStep(_ place: Int, _ changes: inout Changes) {
        steps[place].phase = .cancelled
        changes.steps[place] = .never
    }

    /// Ends the run when nothing is left to wait for.
    mutating func settle(_ changes: inout Changes) {
        switch phase {
        case .ended: return
        case .active:
            guard steps.allSatisfy({ $0.phase == .succeeded }) else { return }
            end(.succeeded, &changes)
        case .stopping(let ending):
            guard steps.allSatisfy(\.phase.isFinal) else { return }
            end(ending, &changes)
        }
    }

    private mutating func end(_ ending: Ending, _ changes: inout Changes) {
        phase = .ended(ending)
        switch ending {
        case .succeeded: changes.events.append(.runSucceeded)
        case .failed(let error): changes.events.append(.runFailed(error: error))
        case .cancelled(let reason): changes.events.append(.runCancelled(reason: reason))
        }
    }
}
