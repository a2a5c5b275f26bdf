public import Bytes
public import Postgres
public import RPC
internal import Synchronization

/// The sessions of members as credentials: what the authentication of calls asks.
public final class MemberSessions: Sendable {
    /// What is known of a session.
    public struct Found: Sendable, Hashable {
        /// With the scopes of the role that the member has now.
        public var member: CallIdentity.Member
        public var tenantStatus: String
        public var tenantPlan: String
        /// Unix microseconds.
        public var endMicros: Int64
        public var isRevoked: Bool
    }

    let database: Database
    let lifetimes: SessionLifetimes
    private let current: Mutex<SessionKeys>
    private let nowMicros: @Sendable () -> Int64

    /// - Parameter nowMicros: The clock, in Unix microseconds.
    public init(
        database: Database, keys: SessionKeys, lifetimes: SessionLifetimes = .defaults,
        nowMicros: @escaping @Sendable () -> Int64 = { WallClock.nowMicros() }
    ) {
        self.database = database
        self.lifetimes = lifetimes
        self.nowMicros = nowMicros
        current = Mutex(keys)
    }

    /// Puts other keys in force: tokens of versions that are still among them stay good.
    public func replaceKeys(_ keys: SessionKeys) { current.withLock { $0 = keys } }

    var keys: SessionKeys { current.withLock { $0 } }
    var nowSeconds: Int64 { nowMicros() / 1_000_000 }

    /// The session that a token was signed for. No I/O.
    public func session(of token: String) throws(Status) -> UUID128 {
        guard let read = SessionToken.read(token, .session, keys) else {
            throw .unauthenticated(
                "The session token is cut off, changed, or was not signed here: log in again.",
                reason: "SESSION_TOKEN_INVALID")
        }
        guard lifetimes.isCurrent(end: read.end, nowSeconds: nowSeconds) else {
            throw .unauthenticated(
                "The session token is over: get the next one with the refresh token.", reason: "SESSION_TOKEN_EXPIRED")
        }
        return read.session
    }

    /// What the database knows of a session; nil: nothing.
    public func find(_ session: UUID128) async throws -> Found? {
        guard let row = try await Queries.findSession(database.as(.none), sessionID: session) else { return nil }
        // A role that this version does not know gives no right.
        let scopes = MemberRole(rawValue: row.role)?.scopes ?? .none
        return Found(
            member: CallIdentity.Member(
                tenant: row.tenantID, id: row.memberID, session: session, scopes: scopes),
            tenantStatus: row.tenantStatus, tenantPlan: row.tenantPlan, endMicros: row.endTime.unixMicros,
            isRevoked: row.revokeTime != nil)
    }
}
