import Bytes
import Cryptography
import Keys
import Logging
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support
import Synchronization

@testable import Members

/// A small platform: members and keys behind the interceptors, on a database of its own.
final class MembersWorld: Sendable {
    static let keys = "1:" + String(repeating: "a1", count: 32)
    /// The least that scrypt does: tests count hashes and do not wait for them.
    static let cost = Scrypt.Cost(cost: 2, blockSize: 1, parallelism: 1)
    static let quiet = Logger(label: "members") { _ in SwiftLogNoOpLogHandler() }
    static let password = "correct horse battery"

    let test: TestDatabase
    let sessions: MemberSessions
    let authenticator: Authenticator
    let service: MembersService
    let router: Router

    init(
        limits: LoginLimits = .defaults, passwords: PasswordWorkers? = nil, lifetimes: SessionLifetimes = .defaults
    ) async throws {
        test = try await TestDatabase.fresh()
        let offset = ClockOffset()
        clock = offset
        sessions = MemberSessions(
            database: test.database, keys: try SessionKeys(parsing: Self.keys), lifetimes: lifetimes
        ) { WallClock.nowMicros() + offset.micros.load(ordering: .relaxed) }
        let pepper = try Pepper(parsing: "1:" + String(repeating: "0f", count: 32))
        authenticator = Authenticator(
            database: test.database, pepper: pepper, sessions: Door(sessions: sessions), logger: Self.quiet)
        service = MembersService(
            sessions: sessions,
            passwords: try passwords
                ?? PasswordWorkers(cost: Self.cost, limits: .init(concurrent: 2, waiting: 10_000)),
            limits: limits, logger: Self.quiet
        ) { [authenticator] change in
            switch change {
            case .session(let id): authenticator.forget(.credential(.init(kind: .session, id: id.description)))
            case .member(let tenant): authenticator.forget(.tenant(tenant))
            }
        }
        var router = Router(interceptors: [AuthenticationInterceptor(authenticator), PolicyInterceptor()])
        router.add(service)
        router.add(KeysService(database: test.database, pepper: pepper, logger: Self.quiet))
        self.router = router
    }

    let clock: ClockOffset

    final class ClockOffset: Sendable {
        let micros = Atomic<Int64>(0)
    }

    struct Door: SessionSource {
        let sessions: MemberSessions
        func session(of token: String) throws(Status) -> UUID128 { try sessions.session(of: token) }
        func find(_ session: UUID128) async throws -> KnownSession? {
            try await sessions.find(session).map {
                KnownSession(
                    member: $0.member, tenantStatus: $0.tenantStatus, tenantPlan: $0.tenantPlan,
                    endMicros: $0.endMicros, isRevoked: $0.isRevoked)
            }
        }
    }

    func makeTenant(_ slug: String) async throws -> UUID128 {
        let id = UUID128.v4()
        try await test.asOwner(
            """
            insert into ragdz.tenants (tenant_id, slug, name, region, timezone, default_language, plan, status, provisioned)
            values ('\(id)', '\(slug)', 'T', 'DZ', 'Africa/Algiers', 'fr', 'enterprise', 'active', '{}')
            """)
        return id
    }

    /// Calls a method over the router with a credential, as a transport would.
    func call<Request: Message, Response: Message>(
        _ method: MethodDescriptor, _ request: Request, as credential: String? = nil, peer: String = "192.0.2.1:5",
        returning: Response.Type = Response.self
    ) async throws -> Response {
        var metadata = Metadata()
        if let credential { metadata.add("authorization", "Bearer \(credential)") }
        let context = ServerContext(method: method, metadata: metadata, peer: peer)
        return try Response(
            wire: try await router.callUnary(method.path, request: request.wireBytes(), context: context))
    }

    /// An invitation in an operator's name.
    func invite(_ email: String, _ role: Ragdz_V1_Role, to tenant: UUID128, ttl: Google_Protobuf_Duration? = nil)
        async throws -> Ragdz_V1_InvitationWithToken
    {
        var request = Ragdz_V1_InviteMemberRequest()
        request.email = email
        request.role = role
        request.tenantID = tenant.description
        request.ttl = ttl
        let method = Ragdz_V1_Members.Methods.inviteMember
        let context = ServerContext(method: method, identity: .platformOperator(name: "root"))
        return try Ragdz_V1_InvitationWithToken(
            wire: try await router.callUnary(method.path, request: request.wireBytes(), context: context))
    }

    func invite(_ email: String, _ role: Ragdz_V1_Role, as credential: String) async throws
        -> Ragdz_V1_InvitationWithToken
    {
        var request = Ragdz_V1_InviteMemberRequest()
        request.email = email
        request.role = role
        return try await call(Ragdz_V1_Members.Methods.inviteMember, request, as: credential)
    }

    func accept(_ token: String, password: String = password, name: String = "") async throws -> Ragdz_V1_Membership {
        var request = Ragdz_V1_AcceptInvitationRequest()
        request.token = token
        request.password = password
        request.name = name
        return try await call(Ragdz_V1_Members.Methods.acceptInvitation, request)
    }

    func login(_ slug: String, _ email: String, password: String = password, peer: String = "192.0.2.1:5")
        async throws -> Ragdz_V1_SessionTokens
    {
        var request = Ragdz_V1_LoginRequest()
        request.tenant = slug
        request.email = email
        request.password = password
        return try await call(Ragdz_V1_Members.Methods.login, request, peer: peer)
    }

    func refresh(_ token: String) async throws -> Ragdz_V1_SessionTokens {
        var request = Ragdz_V1_RefreshSessionRequest()
        request.refreshToken = token
        return try await call(Ragdz_V1_Members.Methods.refreshSession, request)
    }

    func account(_ token: String) async throws -> Ragdz_V1_Membership {
        try await call(Ragdz_V1_Members.Methods.getAccount, Ragdz_V1_GetAccountRequest(), as: token)
    }

    /// A member of a role, logged in.
    func join(_ email: String, _ role: Ragdz_V1_Role, _ slug: String, _ tenant: UUID128) async throws
        -> Ragdz_V1_SessionTokens
    {
        _ = try await accept(try await invite(email, role, to: tenant).token)
        return try await login(slug, email)
    }

    func audit(_ tenant: UUID128) async throws -> [String] {
        try await test.asOwner(
            "select actor || ' ' || action as e from ragdz.audit_log where tenant_id = '\(tenant)' order by sequence"
        ).map { try $0.get("e", as: String.self) }
    }
}

/// The reason that a body fails for; nil when it does not fail.
func reason(_ body: () async throws -> Any) async -> String? {
    do {
        _ = try await body()
        return nil
    } catch { return (error as? Status)?.reason ?? "\(error)" }
}
