public import Logging
internal import NIOCore
public import NIOPosix
internal import Synchronization

/// PostgreSQL, as seen by the server's code: one pool of pipelined connections per event loop.
///
/// A call made on one of the group's event loops is sent and answered on that loop, without a lock or a thread hop; a
/// call from elsewhere is served by one of the loops. Every call is one unit of work in one round trip: the identity
/// and the statement travel together, and the identity ends with the unit.
public final class Database: Sendable {
    public let configuration: Configuration
    let logger: Logger
    private let pools: [LoopPool]
    private let turn = Atomic<Int>(0)
    private let listener: Listener

    /// By when calls in this task must have an outcome: a server that must answer within a deadline sets it, so that the
    /// reason of a refusal still reaches its caller. They wait for a connection for half of what is left at most, and a
    /// statement that the server has not answered by then fails with `deadlinePassed`, even when the server is as if
    /// dead; it is cancelled there when the server hears of it.
    @TaskLocal public static var deadline: ContinuousClock.Instant?

    /// Runs `body` with a deadline that is `limit` away, or the present one where that is earlier.
    public static func within<R, Failure: Error>(
        _ limit: Duration, isolation: isolated (any Actor)? = #isolation, _ body: () async throws(Failure) -> R
    ) async throws(Failure) -> R {
        let latest = ContinuousClock.now.advanced(by: limit)
        let moment = min(deadline ?? latest, latest)
        // A task-local value's own scope throws any error.
        let run = { () async -> Result<R, Failure> in
            do throws(Failure) { return .success(try await body()) } catch { return .failure(error) }
        }
        return try await $deadline.withValue(moment, operation: run, isolation: isolation).get()
    }

    /// Connects when first used. Nothing is checked here; see `DatabaseSafety.verify` and `Migrator`.
    public init(configuration: Configuration, group: MultiThreadedEventLoopGroup, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        pools = group.makeIterator().map { LoopPool(loop: $0, configuration: configuration, logger: logger) }
        listener = Listener(loop: group.next(), configuration: configuration, logger: logger)
    }

    /// The pool of the loop that we are on; from elsewhere the loops take turns.
    private func pool() -> LoopPool {
        if let here = MultiThreadedEventLoopGroup.currentEventLoop {
            for pool in pools where pool.loop === here { return pool }
        }
        let turn = turn.wrappingAdd(1, ordering: .relaxed).oldValue
        return pools[Int(UInt(bitPattern: turn) % UInt(pools.count))]
    }

    /// Runs one statement and returns its rows.
    public func query(
        _ statement: Statement, _ parameters: [any PostgresEncodable] = [], as identity: Identity
    ) async throws(PostgresError) -> [Row] {
        try await send(statement, ParameterWriter.encode(parameters, for: statement), as: identity).rows
    }

    /// Runs one statement and returns how many rows it touched.
    @discardableResult
    public func execute(
        _ statement: Statement, _ parameters: [any PostgresEncodable] = [], as identity: Identity
    ) async throws(PostgresError) -> Int {
        try await send(statement, ParameterWriter.encode(parameters, for: statement), as: identity).affected
    }

    func send(
        _ statement: Statement, _ parameters: ParameterWriter, as identity: Identity
    ) async throws(PostgresError) -> ResultRows {
        let unit = Unit(.alone(statement, parameters, identity))
        let pool = pool()
        let outcome: Unit.Outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                pool.loop.runNow {
                    unit.onFinish { continuation.resume(returning: $0) }
                    pool.submit(unit)
                }
            }
        } onCancel: {
            pool.loop.execute { pool.cancel(unit) }
        }
        return try outcome.get()
    }

    /// What to pass as `attempts` to `transaction` for a body that may run again: whoever loses to others that often in
    /// a row is told to come back later.
    public static let usualAttempts = 4

    /// Runs `body` in one transaction on a connection of its own. It commits when `body` returns and rolls back when
    /// `body` throws. Do not wait in `body` for anything but the database, and do not use other calls of the database
    /// in it, since these wait for another connection.
    ///
    /// `attempts` above 1 runs `body` again after a serialization failure or a deadlock (or when a migration has just
    /// changed a table under a prepared statement), with short growing pauses: for bodies that do nothing but database
    /// work.
    public func transaction<R: Sendable>(
        as identity: Identity, isolation: Isolation = .readCommitted, attempts: Int = 1,
        _ body: @Sendable (Transaction) async throws -> R
    ) async throws -> R {
        var attempt = 1
        while true {
            do {
                return try await runOnce(as: identity, isolation, body)
            } catch let error as PostgresError where error.mayTryAgain && attempt < attempts {
                // Those who collided must not meet again: each waits for another time.
                try await Task.sleep(for: .milliseconds(Int.random(in: 1...(5 << min(attempt, 6)))))
                attempt += 1
            }
        }
    }

    private func runOnce<R: Sendable>(
        as identity: Identity, _ isolation: Isolation, _ body: @Sendable (Transaction) async throws -> R
    ) async throws -> R {
        let lease = Lease(pool: pool(), identity: identity, begin: "begin isolation level \(isolation.rawValue)")
        try await take(lease).get()
        do {
            let value = try await body(Transaction(lease: lease))
            try await end(lease, commit: true).get()
            return value
        } catch {
            // Without effect when it was the commit that failed: then the lease has ended.
            _ = await end(lease, commit: false)
            throw error
        }
    }

    private func take(_ lease: Lease) async -> Result<Void, PostgresError> {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                lease.pool.loop.runNow {
                    lease.onGrant { continuation.resume(returning: $0) }
                    lease.pool.submit(lease)
                }
            }
        } onCancel: {
            lease.pool.loop.execute { lease.pool.cancel(lease) }
        }
    }

    /// Not cancellable: a caller that gave up still leaves a clean connection.
    private func end(_ lease: Lease, commit: Bool) async -> Result<Void, PostgresError> {
        await withCheckedContinuation { continuation in
            lease.pool.loop.runNow {
                lease.end(commit: commit) { continuation.resume(returning: $0) }
            }
        }
    }

    /// Everything that is sent by `NOTIFY` on the channel from the moment of the return. The connection is one that
    /// the database keeps for this alone. Ends when the stream is dropped or the database is closed.
    ///
    /// A subscriber that falls some 1,000 notifications behind is told `connectionLost`, and `connectionRestored` when it
    /// has caught up; what came in between is lost to it.
    public func listen(_ channel: String) async throws(PostgresError) -> AsyncStream<Notification> {
        let outcome: Result<AsyncStream<Notification>, PostgresError> = await withCheckedContinuation { continuation in
            listener.loop.runNow { [listener] in
                listener.subscribe(channel) { continuation.resume(returning: $0) }
            }
        }
        return try outcome.get()
    }

    /// Sends a `NOTIFY` over the connection that listens, so that a subscriber of the channel which hears it has heard
    /// everything that was announced before it. Does nothing while that connection is away.
    public func echo(_ payload: String, on channel: String) {
        listener.loop.runNow { [listener] in listener.echo(channel, payload) }
    }

    /// Ends all connections. Waiting calls fail with `closed`; running ones may finish first, but not longer than
    /// `grace` (10 s unless given).
    public func close(grace: Duration = .seconds(10)) async {
        let grace = TimeAmount(grace)
        await withCheckedContinuation { continuation in
            listener.loop.runNow { [listener] in
                listener.close()
                continuation.resume()
            }
        }
        for pool in pools {
            await withCheckedContinuation { continuation in
                pool.loop.runNow { pool.close(grace: grace) { continuation.resume() } }
            }
        }
    }
}

/// How much of other transactions a transaction may see.
public enum Isolation: String, Sendable, Hashable {
    case readCommitted = "read committed"
    case repeatableRead = "repeatable read"
    case serializable = "serializable"
}

extension EventLoop {
    /// At once when we are on the loop, otherwise as its next task.
    func runNow(_ body: @escaping @Sendable () -> Void) {
        if inEventLoop { body() } else { execute(body) }
    }
}

extension Duration {
    var wholeMilliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
