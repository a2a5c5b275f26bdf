// What workers and people tell a run.

extension RunState {
    /// The answer to a worker's claim.
    enum Taken: Sendable, Hashable {
        /// Run the action.
        case run(attempt: Int)
        /// There is nothing to run (a timer fired, the run stops, the claim is old); write the changes, if any.
        case nothing
    }

    /// A worker has claimed a due step under `epoch`.
    mutating func take(_ place: Int, epoch: Int64, in graph: Graph) -> (Taken, Changes) {
        var changes = Changes()
        guard steps[place].leaseEpoch == epoch else { return (.nothing, changes) }
        let id = graph.steps[place].id
        switch (steps[place].phase, graph.steps[place].kind) {
        case (.ready, .action):
            return (.run(attempt: begin(place, id, &changes)), changes)
        case (.running, .action):
            // The lease ran out: the worker before is dead or cut off, and cannot report any more.
            return (takeOver(place, id, in: graph, &changes), changes)
        case (.waiting, .timer):
            changes.events.append(.timerFired(id))
            succeed(place, in: graph, &changes)
            return (.nothing, changes)
        default:
            changes.steps[place] = .never
            return (.nothing, changes)
        }
    }

    private mutating func begin(_ place: Int, _ id: String, _ changes: inout Changes) -> Int {
        steps[place].phase = .running
        steps[place].attempts += 1
        changes.steps[place] = .unchanged
        changes.events.append(.stepStarted(id, attempt: steps[place].attempts))
        return steps[place].attempts
    }

    private mutating func takeOver(
        _ place: Int, _ id: String, in graph: Graph, _ changes: inout Changes
    ) -> Taken {
        steps[place].losses += 1
        if isStopping {
            cancelStep(place, &changes)
            settle(&changes)
            return .nothing
        }
        let message = "The worker of attempt \(steps[place].attempts) was lost."
        guard steps[place].losses <= Limits.losses else {
            fail(place, reason: "WORKER_LOST", message: message, in: graph, &changes)
            return .nothing
        }
        // Counted and written before anything runs again: a step that kills its process gets no free attempt.
        let late = steps[place].losses - Limits.promptLosses
        let pause = late > 0 ? RetryRule.defaults.pauseMicros(afterFailure: late, chance: 1) : 0
        changes.events.append(
            .stepRetrying(id, reason: "WORKER_LOST", message: message, pauseMicros: pause))
        if pause > 0 {
            steps[place].phase = .ready
            steps[place].error = message
            changes.steps[place] = .after(micros: pause)
            return .nothing
        }
        return .run(attempt: begin(place, id, &changes))
    }

    /// What a worker reports at the end of an attempt.
    enum Report: Sendable, Hashable {
        case succeeded(outputBytes: Int)
        case failed(StepFailure)
        /// It gave up because the run stops.
        case stopped
        /// It gives the step back untouched, because its process is about to end.
        case released
    }

    /// A worker reports under `epoch`. Nil: the lease is not its own any more, and the report counts for nothing.
    ///
    /// `chance`, from 0 up to but not including 1, is what the pause before another attempt varies by.
    mutating func report(
        _ report: Report, of place: Int, epoch: Int64, in graph: Graph, chance: Double
    ) -> Changes? {
        guard steps[place].phase == .running, steps[place].leaseEpoch == epoch else { return nil }
        var changes = Changes()
        switch report {
        case .succeeded(let bytes):
            // Also while the run stops: the effect has happened, and saying otherwise would be untrue.
            steps[place].outputBytes = bytes
            succeed(place, in: graph, &changes)
        case .failed, .stopped, .released:
            if isStopping {
                cancelStep(place, &changes)
                settle(&changes)
            } else if case .failed(let failure) = report {
                attemptFailed(failure, place, in: graph, chance: chance, &changes)
            } else {
                steps[place].phase = .ready
                changes.steps[place] = .after(micros: 0)
                changes.events.append(.stepReady(graph.steps[place].id))
            }
        }
        return changes
    }

    private mutating func attemptFailed(
        _ failure: StepFailure, _ place: Int, in graph: Graph, chance: Double, _ changes: inout Changes
    ) {
        let step = graph.steps[place]
        steps[place].failures += 1
        guard failure.kind == .retryable, steps[place].failures < step.retry.maxAttempts else {
            fail(place, reason: failure.reason, message: failure.message, in: graph, &changes)
            return
        }
        let wanted = min(failure.retryAfter?.wholeMicroseconds ?? 0, Limits.backoffMicros)
        let pause = max(step.retry.pauseMicros(afterFailure: steps[place].failures, chance: chance), wanted)
        steps[place].phase = .ready
        steps[place].error = failure.message
        changes.steps[place] = .after(micros: pause)
        changes.events.append(
            .stepRetrying(step.id, reason: failure.reason, message: failure.message, pauseMicros: pause))
    }

    /// Why a decision or a cancellation changes nothing.
    enum Refusal: Error, Sendable, Hashable {
        case runEnded
        case notAnApproval
        /// The step waits for others first.
        case notYetWaiting
        /// It was decided the other way.
        case decidedOtherwise
        /// No step was named, and not exactly one waits.
        case noneWaiting
        case manyWaiting
    }

    /// The approval that a decision without a step id is about: the one that waits, or, when none does and only one
    /// was ever decided, that one (so that a repeated call finds its own work).
    func soleApproval(in graph: Graph) throws(Refusal) -> Int {
        let approvals = graph.steps.indices.filter {
            if case .approval = graph.steps[$0].kind { true } else { false }
        }
        let waiting = approvals.filter { steps[$0].phase == .waiting }
        if waiting.count == 1 { return waiting[0] }
        guard waiting.isEmpty else { throw .manyWaiting }
        let decided = approvals.filter { steps[$0].phase == .succeeded || steps[$0].phase == .failed }
        guard decided.count == 1 else { throw .noneWaiting }
        return decided[0]
    }

    /// Somebody decides an approval. No changes: it was decided alike before.
    mutating func decide(
        _ place: Int, _ decision: Decision, outputBytes: Int, in graph: Graph
    ) throws(Refusal) -> Changes {
        guard case .approval = graph.steps[place].kind else { throw .notAnApproval }
        var changes = Changes()
        switch steps[place].phase {
        case .waiting:
            changes.events.append(.approvalDecided(graph.steps[place].id, decision))
            if decision.approved {
                steps[place].outputBytes = outputBytes
                succeed(place, in: graph, &changes)
            } else {
                let message = decision.comment.isEmpty ? "Refused." : "Refused: \(decision.comment)"
                fail(place, reason: "REFUSED", message: message, in: graph, &changes)
            }
        case .succeeded where decision.approved, .failed where !decision.approved: break
        case .succeeded, .failed: throw .decidedOtherwise
        case .cancelled: throw .runEnded
        default: throw isEnded ? .runEnded : .notYetWaiting
        }
        return changes
    }

    /// Somebody cancels the run. No changes: it is being cancelled already.
    mutating func cancel(reason: String) throws(Refusal) -> Changes {
        var changes = Changes()
        switch phase {
        case .active:
            changes.events.append(.runCancelling(reason: reason))
            stop(.cancelled(reason), &changes)
            settle(&changes)
        case .stopping, .ended(.cancelled): break
        case .ended: throw .runEnded
        }
        return changes
    }
}

extension Duration {
    /// Rounded towards zero; the largest number when it does not fit.
    var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        let (micros, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? .max : micros.addingReportingOverflow(attoseconds / 1_000_000_000_000).partialValue
    }
}
