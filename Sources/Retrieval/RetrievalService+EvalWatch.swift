internal import Bytes
public import RPC
public import Schema
internal import Stores

extension RetrievalService {
    /// Nothing is held in memory for a watcher but what it has seen, and no connection to the database while it waits.
    public func watchEvalRun(
        _ request: Ragdz_V1_WatchEvalRunRequest, responses: ResponseWriter<Ragdz_V1_EvalRun>, context: ServerContext
    ) async throws {
        let tenant = try context.requireTenant()
        guard let id = UUID128(request.id) else { throw Status.evalRunNotFound }
        let start = UUID128(hi: 0, lo: 0)
        guard let given = request.afterCaseID.isEmpty ? start : UUID128(request.afterCaseID) else {
            throw Status.invalidArgument(
                "after_case_id is the case_id of an outcome, or empty.", reason: "EVAL_CASE_ID", field: "after_case_id")
        }
        let store = EvalStore(database: store.database)
        var seen = given
        var last: Ragdz_V1_EvalRun?
        while true {
            try Task.checkCancellation()
            let after = seen
            let now = try await withDatabaseErrors(logger, context) {
                // The run before its outcomes: when it is over they are all there.
                guard let row = try await store.row(tenant, id) else { throw Status.evalRunNotFound }
                let run = try Ragdz_V1_EvalRun(row)
                return (run: run, fresh: try await store.outcomes(tenant, of: id, after: after))
            }
            if now.run != last || !now.fresh.outcomes.isEmpty {
                var message = now.run
                message.outcomes = now.fresh.outcomes
                try await responses.write(message)
            }
            if now.run.status != .running { return }
            last = now.run
            seen = now.fresh.last
            try await Task.sleep(for: IngestLimits.watchPoll)
        }
    }
}
