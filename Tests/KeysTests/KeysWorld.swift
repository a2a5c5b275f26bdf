import Bytes
import Keys
import Logging
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support

/// A small platform: the keys service behind its interceptors on a database of its own, and tenants with keys.
final class KeysWorld: Sendable {
    let database: TestDatabase
    /// The connections of this server.
    let server: Database
    let pepper: Pepper
    let authenticator: Authenticator
    let router: Router

    convenience init() async throws { try await self.init(on: try await TestDatabase.fresh()) }

    /// Another server of a database.
    init(
        on shared: TestDatabase, pepper text: String = PepperTests.one, ownConnections: Bool = false
    ) async throws {
        database = shared
        server =
            ownConnections
            ? Database(
                configuration: .init(url: shared.appURL), group: TestDatabase.group, logger: Logger(label: "test"))
            : shared.database
        pepper = try Pepper(parsing: text)
        let logger = Logger(label: "test")
        authenticator = Authenticator(database: server, pepper: pepper, logger: logger)
        var router = Router(interceptors: [AuthenticationInterceptor(authenticator), PolicyInterceptor()])
        router.add(
            KeysService(database: server, pepper: pepper, logger: logger) { [authenticator] keyID in
                authenticator.forget(.credential(.init(kind: .live, id: keyID)))
            })
        self.router = router
    }

    func makeTenant() async throws -> UUID128 {
        let id = UUID128.v4()
        let slug = "t" + String(id.description.filter { $0 != "-" }.prefix(20))
        try await database.asOwner(
            """
            insert into ragdz.tenants (tenant_id, slug, name, region, timezone, default_language, plan, status, provisioned)
            values ('\(id)', '\(slug)', 'T', 'DZ', 'Africa/Algiers', 'fr', 'free', 'active', '{}')
            """)
        return id
    }

    /// Calls a method over the router with a credential, as a transport would.
    func call<Request: Message, Response: Message>(
        _ method: MethodDescriptor, _ request: Request, key: String?, returning: Response.Type = Response.self
    ) async throws -> Response {
        var metadata = Metadata()
        if let key { metadata.add("authorization", "Bearer \(key)") }
        let bytes = try await router.callUnary(
            method.path, request: request.wireBytes(), context: ServerContext(method: method, metadata: metadata))
        return try Response(wire: bytes)
    }

    /// Makes a key in an operator's name.
    func makeKey(_ tenant: UUID128, scopes: [String] = ["*"], ttlMicros: Int64? = nil) async throws
        -> MadeKey
    {
        var request = Ragdz_V1_CreateKeyRequest()
        request.name = "test"
        request.scopes = scopes
        request.tenantID = tenant.description
        request.ttl = ttlMicros.map { .init(seconds: $0 / 1_000_000, nanos: Int32($0 % 1_000_000) * 1000) }
        let method = Ragdz_V1_Keys.Methods.createKey
        let context = ServerContext(method: method, identity: .platformOperator(name: "root"))
        let bytes = try await router.callUnary(method.path, request: request.wireBytes(), context: context)
        return try MadeKey(Ragdz_V1_KeyWithSecret(wire: bytes))
    }

    /// Calls a method as an operator would.
    func asOperator<Request: Message, Response: Message>(
        _ method: MethodDescriptor, _ request: Request, returning: Response.Type = Response.self
    ) async throws -> Response {
        let context = ServerContext(method: method, identity: .platformOperator(name: "root"))
        return try Response(
            wire: try await router.callUnary(method.path, request: request.wireBytes(), context: context))
    }

    /// Calls a method over the router with a credential and from an address.
    func callRaw(
        _ method: MethodDescriptor, _ request: some Message, key: String, peer: String = "in-process"
    ) async throws -> [UInt8] {
        let context = ServerContext(method: method, metadata: ["authorization": "Bearer \(key)"], peer: peer)
        return try await router.callUnary(method.path, request: request.wireBytes(), context: context)
    }

    func keyCount(_ tenant: UUID128) async throws -> Int {
        try await database.ownerRows("select key_id from ragdz.keys where tenant_id = '\(tenant)'").count
    }

    func get(_ id: String, key: String?) async throws -> Ragdz_V1_Key {
        var request = Ragdz_V1_GetKeyRequest()
        request.id = id
        return try await call(Ragdz_V1_Keys.Methods.getKey, request, key: key)
    }

    func rotate(
        _ id: String, graceSeconds: Int64?, key: String, requestID: String = ""
    ) async throws -> MadeKey {
        var request = Ragdz_V1_RotateKeyRequest()
        request.id = id
        request.requestID = requestID
        request.grace = graceSeconds.map { .init(seconds: $0, nanos: 0) }
        return try MadeKey(
            try await call(Ragdz_V1_Keys.Methods.rotateKey, request, key: key, returning: Ragdz_V1_KeyWithSecret.self))
    }

    func revoke(_ id: String, key: String) async throws -> Ragdz_V1_Key {
        var request = Ragdz_V1_RevokeKeyRequest()
        request.id = id
        return try await call(Ragdz_V1_Keys.Methods.revokeKey, request, key: key)
    }
}

/// A key as its maker sees it.
struct MadeKey {
    let key: Ragdz_V1_Key
    let secret: String

    struct Incomplete: Error {}

    init(_ answer: Ragdz_V1_KeyWithSecret) throws {
        guard let key = answer.key else { throw Incomplete() }
        self.key = key
        secret = answer.secret
    }
}

/// The status that a body fails with; nil when it does not fail.
func status(_ body: () async throws -> Any) async -> Status? {
    do {
        _ = try await body()
        return nil
    } catch { return error as? Status ?? Status(.unknown, "\(error)") }
}
