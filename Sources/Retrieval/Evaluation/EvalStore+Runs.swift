internal import Bytes
internal import Postgres
internal import ProtoRuntime
internal import RPC
internal import Schema

/// What a run is to do, as it is kept from its start on.
struct NewEvalRun: Sendable {
    let id: UUID128
    let set: UUID128
    let label: String
    /// As the caller named them, and what they meant; nil: all that the caller may see.
    let collections: [String]
    let collectionIDs: [UUID128]?
    /// Of the caller.
    let groups: [String]
    let judgesGate: Bool
    let baseline: UUID128?
    /// The caller's own name for the run; one is started under each. Empty: none.
    let requestID: String
}

/// The right to work on a run until its lease is over or somebody else claims it.
struct EvalClaim: Sendable {
    let tenant: UUID128
    let run: UUID128
    let epoch: Int64
}

/// How a run ends.
enum EvalEnding: Sendable {
    case succeeded(Ragdz_V1_EvaluationReport, Ragdz_V1_EvalComparison?)
    case failed(Status)
}

extension EvalStore {
    private func runner(_ tenant: UUID128) -> IdentifiedDatabase { database.as(.tenant(tenant)) }

    /// Starts a run on what its set holds now, or finds the one that was started so before; the run's id. Throws when too many go
    /// on, the set is gone, or another run was started under the request id.
    func start(_ tenant: UUID128, _ run: NewEvalRun) async throws -> UUID128 {
        try await database.transaction(as: .tenant(tenant)) { transaction in
            try await Self.start(run, transaction)
        }
    }

    /// Not in the closure: the optimiser of Swift 6.3.1 crashes on a `guard` between the awaits of one.
    private static func start(_ run: NewEvalRun, _ transaction: Transaction) async throws -> UUID128 {
        _ = try await Queries.lockEvaluations(transaction)
        if let present = try await present(run, transaction) { return present }
        let running = try await Queries.countEvaluations(transaction)?.running ?? 0
        if running >= Limits.running {
            throw Status.resourceExhausted(
                "At most \(Limits.running) evaluations go on at a time: wait for one to end, or cancel one.",
                reason: "EVAL_RUNS_BUSY")
        }
        let asked = try await Queries.insertEvalRun(
            transaction, id: run.id, label: run.label, collections: run.collections,
            collectionIDs: run.collectionIDs, groups: run.groups, judgesGate: run.judgesGate,
            baselineID: run.baseline, requestID: run.requestID, setID: run.set)
        if asked == 0 { throw Status.evalSetNotFound }
        _ = try await Queries.pruneEvalRuns(transaction, setID: run.set, kept: Limits.keptRuns)
        return run.id
    }

    private static func present(_ run: NewEvalRun, _ transaction: Transaction) async throws -> UUID128? {
        if run.requestID.isEmpty { return nil }
        let row = try await Queries.findEvalRunByRequest(
            transaction, setID: run.set, label: run.label, collections: run.collections, groups: run.groups,
            judgesGate: run.judgesGate, baselineID: run.baseline, requestID: run.requestID)
        guard let row else { return nil }
        if row.alike { return row.id }
        throw Status.alreadyExists(
            "Another run was started under this request id. Choose a new id for a new run.",
            reason: "REQUEST_ID_REUSED")
    }

    func row(_ tenant: UUID128, _ id: UUID128) async throws -> Queries.EvalRunRow? {
        try await Queries.findEvalRun(runner(tenant), id: id)
    }

    /// With the outcomes that are known.
    func run(_ tenant: UUID128, _ id: String) async throws -> Ragdz_V1_EvalRun {
        guard let id = UUID128(id) else { throw Status.evalRunNotFound }
        guard let row = try await row(tenant, id) else { throw Status.evalRunNotFound }
        var run = try Ragdz_V1_EvalRun(row)
        run.outcomes = try await outcomes(tenant, of: id)
        return run
    }

    func outcomes(_ tenant: UUID128, of run: UUID128) async throws -> [Ragdz_V1_EvalOutcome] {
        try await Queries.listEvalOutcomes(runner(tenant), runID: run).map {
            try Ragdz_V1_EvalOutcome(json: Array($0.text.utf8))
        }
    }

    /// Outcomes of the cases after one, and the last of them.
    func outcomes(
        _ tenant: UUID128, of run: UUID128, after case: UUID128
    ) async throws -> (outcomes: [Ragdz_V1_EvalOutcome], last: UUID128) {
        let rows = try await Queries.newEvalOutcomes(runner(tenant), runID: run, afterID: `case`)
        return (try rows.map { try Ragdz_V1_EvalOutcome(json: Array($0.body.text.utf8)) }, rows.last?.caseID ?? `case`)
    }

    /// Newest first, without their outcomes.
    func runs(
        _ tenant: UUID128, of set: UUID128, before id: UUID128, limit: Int
    ) async throws -> [Ragdz_V1_EvalRun] {
        try await Queries.listEvalRuns(runner(tenant), setID: set, beforeID: id, pageSize: Int64(limit)).map {
            try Ragdz_V1_EvalRun($0)
        }
    }

    /// False when there is no such run that goes on.
    func cancel(_ tenant: UUID128, _ id: UUID128) async throws -> Bool {
        try await Queries.cancelEvalRun(runner(tenant), id: id) > 0
    }

    /// The run that has waited longest, of any tenant; nil when none is due.
    func claim(lease: Duration) async throws -> EvalClaim? {
        let claimed = try await Queries.claimEvalRun(database.as(.none), leaseMicros: Self.micros(lease))
        return claimed.map { EvalClaim(tenant: $0.tenantID, run: $0.runID, epoch: $0.epoch) }
    }

    /// Questions of the run that have no outcome yet, in their order.
    func pending(_ claim: EvalClaim, limit: Int) async throws -> [(id: UUID128, case: Ragdz_V1_EvaluationCase)] {
        try await Queries.pendingEvalCases(runner(claim.tenant), runID: claim.run, atMost: Int64(limit)).map {
            ($0.id, try Ragdz_V1_EvaluationCase(json: Array($0.body.text.utf8)))
        }
    }

    /// Keeps outcomes and lets go of the run. False when it is not the claim's any more: nothing is kept then.
    func keep(_ claim: EvalClaim, _ outcomes: [(id: UUID128, outcome: Ragdz_V1_EvalOutcome)]) async throws -> Bool {
        let bodies = try outcomes.map { try $0.outcome.jsonString() }
        return try await Queries.keepEvalOutcomes(
            runner(claim.tenant), caseIDs: outcomes.map(\.id), runID: claim.run, epoch: claim.epoch, bodies: bodies) > 0
    }

    /// Lets go of the run for a while, after a failure.
    func postpone(_ claim: EvalClaim, by wait: Duration) async throws {
        _ = try await Queries.postponeEvalRun(
            runner(claim.tenant), waitMicros: Self.micros(wait), id: claim.run, epoch: claim.epoch)
    }

    /// False when the run is not the claim's any more.
    func end(_ claim: EvalClaim, _ ending: EvalEnding) async throws -> Bool {
        var report: PostgresJSON?
        var comparison: PostgresJSON?
        var failure: Status?
        switch ending {
        case .succeeded(let made, let compared):
            report = PostgresJSON(try made.jsonString())
            comparison = try compared.map { PostgresJSON(try $0.jsonString()) }
        case .failed(let status): failure = status
        }
        return try await Queries.endEvalRun(
            runner(claim.tenant), state: failure == nil ? "succeeded" : "failed", report: report,
            comparison: comparison, failureReason: failure.map { $0.reason ?? $0.code.name } ?? "",
            failureMessage: failure?.message ?? "", id: claim.run, epoch: claim.epoch) > 0
    }

    private static func micros(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}

extension Ragdz_V1_EvalRun {
    /// Without its outcomes.
    init(_ row: Queries.EvalRunRow) throws {
        self.init()
        id = row.id.description
        setID = row.setID.description
        label = row.label
        createTime = Google_Protobuf_Timestamp(unixMicros: row.createTime.unixMicros)
        endTime = row.endTime.map { Google_Protobuf_Timestamp(unixMicros: $0.unixMicros) }
        collections = row.collections
        gate = row.judgesGate
        caseCount = Int32(clamping: row.caseCount)
        doneCount = Int32(clamping: row.doneCount)
        report = try row.report.map { try Ragdz_V1_EvaluationReport(json: Array($0.text.utf8)) }
        comparison = try row.comparison.map { try Ragdz_V1_EvalComparison(json: Array($0.text.utf8)) }
        failureReason = row.failureReason
        failureMessage = row.failureMessage
        status =
            switch row.state {
            case "running": .running
            case "succeeded": .succeeded
            case "failed": .failed
            case "cancelled": .cancelled
            default: .unspecified
            }
    }
}
