internal import Bytes
internal import Logging
internal import Postgres
internal import RPC
internal import Schema
internal import Stores

/// Works on the runs of evaluations, of all tenants in turn.
///
/// Where a run stands is in the database. A step claims the run that has waited longest, asks some of its questions, keeps the
/// outcomes under the epoch of its claim and lets go. So runs take turns, any server goes on where another one stopped, a run that
/// was cancelled takes nothing more, and whoever comes back late finds that its epoch is over.
struct EvalRunner: Sendable {
    enum Limits {
        /// Questions that one step asks.
        static let slice = 20
        /// After that long a step asks no further question, and keeps what it has.
        static let turn: Duration = .seconds(5)
        /// How long a step's claim holds: as long as its last question may take, too.
        static let lease: Duration = .seconds(30)
        /// Between two looks when nothing is due.
        static let pause: Duration = .milliseconds(500)
        /// After a failure of the database.
        static let patience: Duration = .seconds(5)
        /// Failures in a row after which a run has failed; the waits between them double from one second to a minute.
        static let attempts = 8
        static let longestWait: Duration = .seconds(60)
    }

    let store: EvalStore
    let retrieval: RetrievalStore
    let answers: AnswerEngine
    let meter: any UsageMeter
    let logger: Logger
    var slice = Limits.slice
    /// What the wait after the first failure is.
    var firstWait: Duration = .seconds(1)

    /// Until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                if try await !step() { try await Task.sleep(for: Limits.pause) }
            } catch is CancellationError {
                return
            } catch {
                if Task.isCancelled { return }
                logger.warning("evaluations are interrupted", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: Limits.patience)
            }
        }
    }

    /// Asks some questions of the run that has waited longest. False when none is due.
    func step() async throws -> Bool {
        guard let claim = try await store.claim(lease: Limits.lease) else { return false }
        do { try await work(on: claim) } catch {
            // A server that stops leaves the run to the lease's end.
            try Task.checkCancellation()
            try await settle(claim, after: Status(database: error, logger))
        }
        return true
    }

    private func work(on claim: EvalClaim) async throws {
        guard let run = try await store.row(claim.tenant, claim.run), run.epoch == claim.epoch else { return }
        let pending = try await store.pending(claim, limit: slice)
        if pending.isEmpty { return try await finish(claim, run) }
        let caller = Caller(tenant: claim.tenant, groups: AccessGroups(run.groups))
        let cases = try RetrievalRules.evaluationCases(pending.map(\.case))
        let scope = try await retrieval.scope(caller, (run.collectionIDs ?? []).map(\.description))
        // The call that started the run was a query already.
        let paid: Int64 = run.doneCount == 0 ? 1 : 0
        let wanted = Int64(pending.count) - paid
        let count = try await wanted > 0 ? meter.hold(.queries, wanted, tenant: claim.tenant) : { _ in }
        var kept: Int64 = 0
        defer { count(max(0, kept - paid)) }
        let evaluation = SearchEvaluation(answers: answers)
        var outcomes: [(id: UUID128, outcome: Ragdz_V1_EvalOutcome)] = []
        let start = ContinuousClock.now
        for (stored, asked) in zip(pending, cases) {
            let outcome = try await evaluation.outcome(caller, asked, scope: scope, judgesGate: run.judgesGate)
            outcomes.append((stored.id, Ragdz_V1_EvalOutcome(stored.id, outcome)))
            if ContinuousClock.now - start >= Limits.turn { break }
        }
        if try await store.keep(claim, outcomes) { kept = Int64(outcomes.count) }
    }

    /// All questions have their outcomes: what they come to.
    private func finish(_ claim: EvalClaim, _ run: Queries.EvalRunRow) async throws {
        let outcomes = try await store.outcomes(claim.tenant, of: claim.run)
        var baseline: (id: UUID128, outcomes: [Ragdz_V1_EvalOutcome])?
        if let id = run.baselineID { baseline = (id, try await store.outcomes(claim.tenant, of: id)) }
        let threshold = answers.gate.threshold
        let ending = await withTaskExecutorPreference(globalConcurrentExecutor) { [baseline] in
            EvalEnding.succeeded(
                Ragdz_V1_EvaluationReport(outcomes.map { SearchEvaluation.Outcome($0) }, threshold: threshold),
                baseline.map { Ragdz_V1_EvalComparison(of: outcomes, with: $0.outcomes, baseline: $0.id.description) })
        }
        _ = try await store.end(claim, ending)
    }

    private func settle(_ claim: EvalClaim, after failure: Status) async throws {
        guard let run = try await store.row(claim.tenant, claim.run), run.epoch == claim.epoch else { return }
        if failure.mayPass, run.failures + 1 < Limits.attempts {
            let wait = min(firstWait * (1 << run.failures), Limits.longestWait)
            return try await store.postpone(claim, by: wait)
        }
        logger.warning(
            "an evaluation has failed",
            metadata: ["tenant": "\(claim.tenant)", "run": "\(claim.run)", "reason": "\(failure.reason ?? "")"])
        _ = try await store.end(claim, .failed(failure))
    }
}

extension Status {
    /// Whether the same may go well in a while.
    fileprivate var mayPass: Bool {
        if code == .resourceExhausted { return reason?.hasPrefix("QUOTA_") != true }
        return [.unavailable, .deadlineExceeded, .aborted, .cancelled, .internalError, .unknown].contains(code)
    }
}

extension SearchEvaluation.Outcome {
    init(_ kept: Ragdz_V1_EvalOutcome) {
        label = kept.label
        isAnswerable = kept.answerable
        evidence = kept.evidence
        var places: [SearchEvaluation.Leg: Int] = [:]
        for leg in SearchEvaluation.Leg.allCases { places[leg] = kept.places[leg.rawValue].map { Int($0) - 1 } }
        self.places = places
    }
}

extension Ragdz_V1_EvalOutcome {
    init(_ id: UUID128, _ outcome: SearchEvaluation.Outcome) {
        self.init()
        caseID = id.description
        label = outcome.label
        answerable = outcome.isAnswerable
        for (leg, place) in outcome.places { places[leg.rawValue] = Int32(clamping: place + 1) }
        evidence = outcome.evidence
    }
}
