internal import Logging
internal import Postgres
internal import ProtoRuntime
internal import RPC

// One attempt of one step: take it, run its action under the lease, record the end.

extension WorkflowEngine {
    /// How an attempt ended, as this worker saw it.
    enum Ending: Sendable {
        case succeeded(Google_Protobuf_Struct, bytes: Int)
        case failed(StepFailure)
        case stopped
        case released
        /// The step belongs to another worker by now, or this process dies: nothing is to be recorded.
        case abandoned

        var report: (RunState.Report, Google_Protobuf_Struct?)? {
            switch self {
            case .succeeded(let output, let bytes): (.succeeded(outputBytes: bytes), output)
            case .failed(let failure): (.failed(failure), nil)
            case .stopped: (.stopped, nil)
            case .released: (.released, nil)
            case .abandoned: nil
            }
        }
    }

    /// Works on a claimed step while its lease is renewed beside it: also while it waits for the run's lock, before
    /// and after the action.
    func attempt(_ claim: RunStore.Claim, _ gate: AttemptGate) async {
        let done = AttemptGate()
        await withTaskGroup { group in
            group.addTask { await self.keepLease(of: claim, gate, until: done) }
            await takeAndRun(claim, gate)
            // Not by cancelling: a cancel request that arrives late can hit the connection's next statement.
            done.close(.released)
        }
    }

    private func takeAndRun(_ claim: RunStore.Claim, _ gate: AttemptGate) async {
        let log: Logger.Metadata = [
            "tenant": "\(claim.tenant)", "run": "\(claim.run)", "step": "\(claim.step)", "epoch": "\(claim.epoch)",
        ]
        if isDying(.afterClaim, claim) { return }
        do {
            guard let attempt = try await persistently({ try await store.take(claim) }) else { return }
            if isDying(.afterTake, claim) { return }
            logger.debug("step starts", metadata: log)
            let ending = await act(attempt, claim, gate)
            if isDead || Task.isCancelled || isDying(.afterEffect, claim) { return }
            guard let (report, output) = ending.report else {
                logger.warning("the lease of a running step was lost", metadata: log)
                return
            }
            let counted = try await offer(report, output, for: claim)
            if !counted { logger.warning("a late result was refused", metadata: log) }
            _ = isDying(.afterCommit, claim)
        } catch {
            // The lease runs out and the step is taken again: by then the database may be back.
            if !Task.isCancelled {
                logger.error("a step could not be worked on", metadata: log.merging(["error": "\(error)"]) { $1 })
            }
        }
    }

    private func isDying(_ moment: Moment, _ claim: RunStore.Claim) -> Bool {
        guard let dies, !isDead else { return isDead }
        if dies(moment, claim) { die() }
        return isDead
    }

    private func keepLease(of claim: RunStore.Claim, _ gate: AttemptGate, until done: AttemptGate) async {
        var heldUntil = ContinuousClock.now.advanced(by: configuration.lease)
        while true {
            await done.wait(atMost: configuration.renewal)
            if done.reason != nil || Task.isCancelled || isDead { return }
            let asked = ContinuousClock.now
            switch await renewed(claim) {
            case .held?: heldUntil = asked.advanced(by: configuration.lease)
            case .heldButStopping?:
                heldUntil = asked.advanced(by: configuration.lease)
                gate.close(.stopped)
            case .lost?: return gate.close(.leaseLost)
            case nil:
                // The database does not answer. Once the lease is over by our own clock somebody else may have
                // the step, so the action must not go on.
                if ContinuousClock.now >= heldUntil { return gate.close(.leaseLost) }
            }
        }
    }

    /// Nil: no answer within the time of a lease.
    private func renewed(_ claim: RunStore.Claim) async -> RunStore.Lease? {
        await withTaskGroup(of: RunStore.Lease?.self) { group in
            group.addTask {
                try? await self.store.renew(claim, owner: self.owner, lease: self.configuration.lease)
            }
            group.addTask {
                try? await Task.sleep(for: self.configuration.lease)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }

    /// Runs the action until it ends, its time is over, or the gate closes: whatever comes first cancels the rest.
    private func act(_ attempt: RunStore.Attempt, _ claim: RunStore.Claim, _ gate: AttemptGate) async -> Ending {
        guard case .action(let name) = attempt.step.kind, let action = actions.action(name) else {
            return .failed(
                .retryable(reason: "UNKNOWN_ACTION", "This worker does not have the action of the step."))
        }
        let parameters: Google_Protobuf_Struct
        do { parameters = try attempt.scope.resolve(attempt.step.parameters) } catch { return .failed(error) }
        let input = StepInput(
            tenant: claim.tenant, runID: claim.run, stepID: claim.step, attempt: attempt.number,
            parameters: parameters)
        return await withTaskGroup(of: Ending?.self) { group in
            group.addTask { await Self.ending(of: action, input) }
            group.addTask {
                do { try await Task.sleep(for: .microseconds(attempt.step.timeoutMicros)) } catch { return nil }
                return .failed(
                    .retryable(
                        reason: "TIMEOUT",
                        "The attempt took longer than \(Double(attempt.step.timeoutMicros) / 1_000_000) s."))
            }
            group.addTask { await gate.wait().map(Self.ending(of:)) }
            var first: Ending?
            for await ending in group {
                guard let ending else { continue }
                if first == nil {
                    first = ending
                    group.cancelAll()
                } else if case .succeeded = ending {
                    // Done in spite of the interruption: the effect has happened.
                    first = ending
                }
            }
            return first ?? .abandoned
        }
    }

    private static func ending(of reason: AttemptGate.Reason) -> Ending {
        switch reason {
        case .stopped: .stopped
        case .leaseLost: .abandoned
        case .released: .released
        }
    }

    private static func ending(of action: any StepAction, _ input: StepInput) async -> Ending {
        do {
            let output = try await action.run(input)
            return try checked(output)
        } catch {
            return .failed(StepFailure(error))
        }
    }

    private static func checked(_ output: Google_Protobuf_Struct) throws -> Ending {
        if let defect = output.defect() {
            throw StepFailure.permanent(
                reason: "OUTPUT", "The action's output cannot be stored: \(defect).")
        }
        let bytes = try output.jsonBytes().count
        guard bytes <= Limits.outputBytes else {
            throw StepFailure.permanent(
                reason: "OUTPUT_TOO_LARGE", "The action's output exceeds \(Limits.outputBytes) bytes as JSON.")
        }
        return .succeeded(output, bytes: bytes)
    }

    /// Records the end of an attempt. False: it counted for nothing.
    private func offer(
        _ report: RunState.Report, _ output: Google_Protobuf_Struct?, for claim: RunStore.Claim
    ) async throws -> Bool {
        let chance = Double.random(in: 0..<1)
        return try await persistently {
            try await store.report(report, output: output, for: claim, chance: chance)
        }
    }

    /// Tries again while the database is away. A commit of which nobody heard may have happened all the same: then
    /// the lease epoch, or the state of the step, makes the repetition count for nothing.
    private func persistently<R>(_ body: () async throws -> R) async throws -> R {
        let until = ContinuousClock.now.advanced(by: configuration.reportPatience)
        var pause = Duration.milliseconds(50)
        while true {
            do { return try await body() } catch let error as PostgresError
                where (error.isTransient || error.isCancelled) && !Task.isCancelled && ContinuousClock.now < until
            {
                logger.notice("a transition is tried again", metadata: ["error": "\(error)"])
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(2))
            }
        }
    }
}
