internal import NIOCore

extension Transaction {
    /// Runs `copy … from stdin` and sends what `body` writes, in the format that the statement names. Returns how many
    /// rows were stored.
    ///
    /// `write` suspends until the socket has taken the bytes. When `body` throws, the server forgets all of it and the
    /// transaction can only be rolled back; the connection stays good. A row that the server refuses fails the call at its
    /// end. Row-level security: PostgreSQL refuses COPY into a table whose policies bind the role.
    public func copyIn(
        _ statement: Statement, _ body: (CopyWriter) async throws -> Void
    ) async throws -> Int {
        let operation = try await startCopy(statement, .in)
        let reason: String?
        var thrown: (any Error)?
        do {
            try await body(CopyWriter(loop: lease.pool.loop, operation: operation))
            try Task.checkCancellation()
            reason = nil
        } catch {
            thrown = error
            reason = "the caller gave up"
        }
        let outcome: Result<Int, PostgresError> = await withCheckedContinuation { continuation in
            lease.pool.loop.runNow { operation.endWriting(reason: reason) { continuation.resume(returning: $0) } }
        }
        return try conclude(outcome, thrown)
    }

    /// Runs `copy … to stdout` and hands its rows to `body` in pieces of some 64 KB, whole rows each. Returns how many
    /// rows there were.
    ///
    /// Nothing is read while `body` works, so that a slow reader slows the server. When `body` throws, the rest is
    /// cancelled and read away; the connection stays good and the transaction can only be rolled back.
    public func copyOut(
        _ statement: Statement, _ body: ([UInt8]) async throws -> Void
    ) async throws -> Int {
        let operation = try await startCopy(statement, .out)
        var thrown: (any Error)?
        do {
            while let piece = try await read(operation) {
                try await body(piece)
                try Task.checkCancellation()
            }
        } catch { thrown = error }
        let early = thrown != nil
        let outcome: Result<Int, PostgresError> = await withCheckedContinuation { continuation in
            lease.pool.loop.runNow { operation.endReading(early: early) { continuation.resume(returning: $0) } }
        }
        return try conclude(outcome, thrown)
    }

    private func read(_ operation: CopyOperation) async throws(PostgresError) -> [UInt8]? {
        let piece: Result<[UInt8]?, PostgresError> = await withCheckedContinuation { continuation in
            lease.pool.loop.runNow { operation.read { continuation.resume(returning: $0) } }
        }
        return try piece.get()
    }

    /// What `body` threw goes before what the server said about being interrupted.
    private func conclude(_ outcome: Result<Int, PostgresError>, _ thrown: (any Error)?) throws -> Int {
        if case .failure(let error) = outcome {
            let lease = lease
            lease.pool.loop.runNow { lease.noteFailure(error) }
        }
        if let thrown { throw thrown is CancellationError ? PostgresError(.cancelled, "the caller gave up") : thrown }
        return try outcome.get()
    }

    /// The transaction begins, if it has not, and its connection is given to the COPY.
    private func startCopy(
        _ statement: Statement, _ direction: CopyOperation.Direction
    ) async throws(PostgresError) -> CopyOperation {
        _ = try await send(Queries.Statements.begun, ParameterWriter(capacity: 0))
        let lease = lease
        let started: Result<CopyOperation, PostgresError> = await withCheckedContinuation { continuation in
            lease.pool.loop.runNow {
                guard let operation = lease.copy(statement, direction) else {
                    return continuation.resume(
                        returning: .failure(PostgresError(.misuse, "the transaction's connection is not free")))
                }
                operation.start { outcome in
                    if case .failure(let error) = outcome { lease.noteFailure(error) }
                    continuation.resume(returning: outcome.map { operation })
                }
            }
        }
        return try started.get()
    }
}

/// Where the bytes of a `copyIn` go.
public struct CopyWriter: Sendable {
    let loop: any EventLoop
    let operation: CopyOperation

    /// Sends bytes; a row may be cut anywhere. Returns when the socket has taken them.
    public func write(_ bytes: [UInt8]) async throws(PostgresError) {
        if Task.isCancelled { throw PostgresError(.cancelled, "the caller gave up") }
        let outcome: Result<Void, PostgresError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                loop.runNow { operation.write(bytes) { continuation.resume(returning: $0) } }
            }
        } onCancel: {
            loop.execute { operation.giveUpWriting() }
        }
        try outcome.get()
    }
}
