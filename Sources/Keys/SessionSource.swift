public import Bytes
public import RPC

/// Who knows sessions: the authentication asks it about credentials that begin with `ragdz_session_`.
public protocol SessionSource: Sendable {
    /// The session that a token was signed for. No I/O: `UNAUTHENTICATED` for a token that is malformed, forged or over.
    func session(of token: String) throws(Status) -> UUID128

    /// What is known of a session, from the database; nil: nothing. Throws as the database does.
    func find(_ session: UUID128) async throws -> KnownSession?
}

/// A session as the database knows it.
public struct KnownSession: Sendable, Hashable {
    /// With the scopes of the role that the member has now.
    public var member: CallIdentity.Member
    public var tenantStatus: String
    public var tenantPlan: String
    /// Unix microseconds.
    public var endMicros: Int64
    public var isRevoked: Bool

    public init(
        member: CallIdentity.Member, tenantStatus: String, tenantPlan: String, endMicros: Int64, isRevoked: Bool
    ) {
        self.member = member
        self.tenantStatus = tenantStatus
        self.tenantPlan = tenantPlan
        self.endMicros = endMicros
        self.isRevoked = isRevoked
    }
}

extension KeyRecord {
    init(_ session: KnownSession) {
        self.init(
            owner: .member(session.member, tenantStatus: session.tenantStatus), expireMicros: session.endMicros,
            isRevoked: session.isRevoked, secrets: [],
            limits: RateLimits(plan: session.tenantPlan, perMinute: 0, perHour: 0, burst: 0))
    }
}

extension CallIdentity {
    /// Whose limits a call counts against: its tenant, and the name of the key or member within it.
    var limitSubject: (tenant: UUID128, name: String)? {
        switch self {
        case .tenantKey(let tenant, let keyID, _): (tenant, keyID)
        case .member(let member): (member.tenant, member.id.description)
        case .anonymous, .platformOperator, .service: nil
        }
    }
}

extension Status {
    /// Why a session is not let in.
    static func refusedSession(_ verdict: CredentialVerdict) -> Status {
        switch verdict {
        case .revoked, .unknown, .accepted, .disabled, .foreignAddress: sessionEnded
        case .expired: sessionExpired
        case .tenantSuspended, .tenantDeleted: refused(verdict)
        }
    }

    private static let sessionEnded = unauthenticated("The session has ended: log in again.", reason: "SESSION_ENDED")
    private static let sessionExpired = unauthenticated("The session is over: log in again.", reason: "SESSION_EXPIRED")
}
