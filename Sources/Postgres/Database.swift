public import Logging
public import NIOPosix

/// PostgreSQL, as seen by the server's code: one pool of pipelined connections per event loop.
///
/// A call made on one of the group's event loops is sent and answered on that loop, without a lock or a thread hop; a
/// call from elsewhere is served by one of the loops. Every call is one unit of work in one round trip: the identity
/// and the statement travel together, and the identity ends with the unit.
public final class Database: Sendable {
    public let configuration: Configuration
    let group: MultiThreadedEventLoopGroup
    let logger: Logger

    /// Connects when first used. Nothing is checked here; see `DatabaseSafety.verify` and `Migrator`.
    public init(configuration: Configuration, group: MultiThreadedEventLoopGroup, logger: Logger) {
        self.configuration = configuration
        self.group = group
        self.logger = logger
    }

    /// Runs one statement and returns its rows.
    public func query(
        _ statement: Statement, _ parameters: [any PostgresEncodable] = [], as identity: Identity
    ) async throws(PostgresError) -> [Row] {
        throw PostgresError(.closed, "not connected", statement: statement.name)
    }

    /// Runs one statement and returns how many rows it touched.
    @discardableResult
    public func execute(
        _ statement: Statement, _ parameters: [any PostgresEncodable] = [], as identity: Identity
    ) async throws(PostgresError) -> Int {
        throw PostgresError(.closed, "not connected", statement: statement.name)
    }

    /// Runs `body` in one transaction on a connection of its own. It commits when `body` returns and rolls back when
    /// `body` throws. Do not wait in `body` for anything but the database.
    public func transaction<R: Sendable>(
        as identity: Identity, _ body: @Sendable (Transaction) async throws -> R
    ) async throws -> R {
        throw PostgresError(.closed, "not connected")
    }

    /// Everything that is sent by `NOTIFY` on the channel from the moment of the return. The connection is one that
    /// the database keeps for this alone. Ends when the stream is dropped or the database is closed.
    public func listen(_ channel: String) async throws(PostgresError) -> AsyncStream<Notification> {
        throw PostgresError(.closed, "not connected")
    }

    /// Ends all connections. Waiting calls fail with `closed`; running ones may finish first.
    public func close() async {}
}

/// A transaction under way: a connection of its own until the body returns.
public struct Transaction: Sendable {
    /// Runs one statement in the transaction and returns its rows.
    public func query(
        _ statement: Statement, _ parameters: [any PostgresEncodable] = []
    ) async throws(PostgresError) -> [Row] {
        throw PostgresError(.closed, "not connected", statement: statement.name)
    }

    /// Runs one statement in the transaction and returns how many rows it touched.
    @discardableResult
    public func execute(
        _ statement: Statement, _ parameters: [any PostgresEncodable] = []
    ) async throws(PostgresError) -> Int {
        throw PostgresError(.closed, "not connected", statement: statement.name)
    }
}
