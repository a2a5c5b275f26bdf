internal import NIOCore

/// A transaction under way: a connection of its own until the body returns.
public struct Transaction: Sendable {
    let lease: Lease

    /// Runs one statement in the transaction and returns its rows.
    public func query(
        _ statement: Statement, _ parameters: [any PostgresEncodable] = []
    ) async throws(PostgresError) -> [Row] {
        try await send(statement, ParameterWriter.encode(parameters, for: statement)).rows
    }

    /// Runs one statement in the transaction and returns how many rows it touched.
    @discardableResult
    public func execute(
        _ statement: Statement, _ parameters: [any PostgresEncodable] = []
    ) async throws(PostgresError) -> Int {
        try await send(statement, ParameterWriter.encode(parameters, for: statement)).affected
    }

    func send(
        _ statement: Statement, _ parameters: ParameterWriter
    ) async throws(PostgresError) -> ResultRows {
        let lease = lease
        let pending = PendingUnit()
        let outcome: Unit.Outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                lease.pool.loop.runNow {
                    let unit = Unit(lease.work(statement, parameters), deadline: lease.deadline)
                    unit.wantsCancel = pending.cancelled
                    pending.unit = unit
                    unit.onFinish { outcome in
                        if case .failure(let error) = outcome { lease.noteFailure(error) }
                        continuation.resume(returning: outcome)
                    }
                    lease.send(unit)
                }
            }
        } onCancel: {
            lease.pool.loop.execute {
                pending.cancelled = true
                if let unit = pending.unit { lease.cancel(unit) }
            }
        }
        return try outcome.get()
    }
}

/// The unit of a statement that may be cancelled before it exists. Used on the transaction's loop only.
private final class PendingUnit: @unchecked Sendable {
    var unit: Unit?
    var cancelled = false
}
