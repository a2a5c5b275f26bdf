internal import Bytes
internal import Cryptography
public import Logging
public import Postgres
internal import ProtoRuntime
public import RPC
public import Schema
internal import Stores

/// The service `ragdz.v1.Keys`.
///
/// The interceptors have checked the credential and its scope before a method runs. What is checked here is that no
/// key gives away more than it holds (`KeyRights`): neither by making or changing a key nor by rotating a stronger one.
public struct KeysService: Ragdz_V1_Keys.ServiceProtocol {
    private let store: KeyStore
    private let logger: Logger
    private let keyChanged: @Sendable (_ keyID: String) -> Void

    /// `keyChanged` is called after a key has been rotated or revoked and before the answer goes out.
    public init(
        database: Database, pepper: Pepper, logger: Logger,
        keyChanged: @escaping @Sendable (_ keyID: String) -> Void = { _ in }
    ) {
        store = KeyStore(database: database, pepper: pepper)
        self.logger = logger
        self.keyChanged = keyChanged
    }

    public func createKey(
        _ request: Ragdz_V1_CreateKeyRequest, context: ServerContext
    ) async throws -> Ragdz_V1_KeyWithSecret {
        let (tenant, identity) = try owner(of: request, context)
        let scopes = try KeyRules.scopes(request.scopes, known: KeyRules.knownScopes)
        try checkGrant(ScopeSet(scopes), context)
        let key = NewKey(
            tenant: tenant, name: try KeyRules.name(request.name), scopes: scopes,
            lifetimeMicros: try KeyRules.lifetime(request.ttl), limits: try KeyRules.limits(request.limits),
            networks: try KeyRules.networks(request.allowedNetworks),
            rotationPeriodMicros: try KeyRules.rotationPeriod(request.rotationPeriod),
            credential: try APIKey.generate(.live))
        return try await withDatabaseErrors(logger, context) {
            do {
                let made = try await store.insert(key, maker: maker(context), ChangeOrigin(context), as: identity)
                guard let made else { throw Status.internalError("The key was not stored.") }
                return answer(made, key.credential)
            } catch let error as PostgresError where error.isForeignKeyViolation {
                throw Status.notFound("There is no such tenant.", reason: "TENANT_NOT_FOUND")
            }
        }
    }

    public func getKey(_ request: Ragdz_V1_GetKeyRequest, context: ServerContext) async throws -> Ragdz_V1_Key {
        let tenant = try context.requireTenant()
        let id = try KeyRules.id(request.id)
        return try await withDatabaseErrors(logger, context) {
            guard let key = try await store.get(id, tenant: tenant) else { throw notFound }
            return key
        }
    }

    public func listKeys(
        _ request: Ragdz_V1_ListKeysRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListKeysResponse {
        let tenant = try context.requireTenant()
        let size = try PageSize.resolve(request.pageSize)
        let position = try position(request.pageToken)
        return try await withDatabaseErrors(logger, context) {
            // One more than the page tells whether there is another page.
            let keys = try await store.list(tenant: tenant, after: position, limit: size + 1)
            var response = Ragdz_V1_ListKeysResponse()
            response.keys = Array(keys.prefix(size))
            if keys.count > size, let last = response.keys.last {
                response.nextPageToken = PageToken.make("keys", ["\(last.createTime?.unixMicros ?? 0)", last.id])
            }
            return response
        }
    }

    public func rotateKey(
        _ request: Ragdz_V1_RotateKeyRequest, context: ServerContext
    ) async throws -> Ragdz_V1_KeyWithSecret {
        let tenant = try context.requireTenant()
        let id = try KeyRules.id(request.id)
        let grace = try KeyRules.grace(request.grace)
        let origin = ChangeOrigin(context)
        // Who asks is a part of the digest: nobody gets another caller's answer.
        let digest = try KeyRules.rotationRequest(request.requestID).map {
            SHA256.hash("ragdz rotation request\n\(tenant)\n\(id)\n\(origin.actor)\n\($0)")
        }
        return try await withDatabaseErrors(logger, context) {
            let rotated = try await store.rotate(
                id, tenant: tenant, maker: maker(context), graceMicros: grace, digest: digest, origin)
            guard let rotated else { throw notFound }
            keyChanged(id)
            return answer(rotated.key, rotated.credential)
        }
    }

    public func endGrace(_ request: Ragdz_V1_EndGraceRequest, context: ServerContext) async throws -> Ragdz_V1_Key {
        let tenant = try context.requireTenant()
        let id = try KeyRules.id(request.id)
        return try await withDatabaseErrors(logger, context) {
            guard let key = try await store.endGrace(id, tenant: tenant, ChangeOrigin(context)) else { throw notFound }
            keyChanged(id)
            return key
        }
    }

    public func updateKey(_ request: Ragdz_V1_UpdateKeyRequest, context: ServerContext) async throws -> Ragdz_V1_Key {
        let tenant = try context.requireTenant()
        let id = try KeyRules.id(request.key?.id ?? "")
        let change = try KeyChange(request)
        if case .tenantKey(_, id, _) = context.identity {
            throw Status.permissionDenied(
                "A key does not change itself: its limits and networks would bind nobody.", reason: "OWN_KEY")
        }
        return try await withDatabaseErrors(logger, context) {
            let key = try await store.update(
                id, tenant: tenant, maker: maker(context), change, ChangeOrigin(context))
            guard let key else { throw notFound }
            keyChanged(id)
            return key
        }
    }

    public func revokeKey(_ request: Ragdz_V1_RevokeKeyRequest, context: ServerContext) async throws -> Ragdz_V1_Key {
        let tenant = try context.requireTenant()
        let id = try KeyRules.id(request.id)
        return try await withDatabaseErrors(logger, context) {
            guard let key = try await store.revoke(id, tenant: tenant, ChangeOrigin(context)) else { throw notFound }
            keyChanged(id)
            return key
        }
    }
}

extension KeysService {
    /// For whom a key is made, and as whom it is stored.
    private func owner(
        of request: Ragdz_V1_CreateKeyRequest, _ context: ServerContext
    ) throws(Status) -> (UUID128, Identity) {
        if context.identity.isOperator {
            guard !request.tenantID.isEmpty else {
                throw .invalidArgument(
                    "An operator names the tenant of the key in tenant_id.", reason: "TENANT_ID_REQUIRED",
                    field: "tenant_id")
            }
            return (try KeyRules.tenant(request.tenantID), .platformOperator)
        }
        let own = try context.requireTenant()
        if !request.tenantID.isEmpty, try KeyRules.tenant(request.tenantID) != own {
            throw .permissionDenied("A key makes keys of its own tenant only.", reason: "FOREIGN_TENANT")
        }
        return (own, .tenant(own))
    }

    /// By whose rights what the caller makes is measured.
    private func maker(_ context: ServerContext) -> KeyMaker {
        switch context.identity {
        case .anonymous, .platformOperator: .free
        case .service(_, let scopes): .scopes(scopes)
        case .member(let member): .scopes(member.scopes)
        case .tenantKey(_, let keyID, _): .key(keyID)
        }
    }

    private func checkGrant(_ wanted: ScopeSet, _ context: ServerContext) throws(Status) {
        let held: ScopeSet
        switch context.identity {
        case .anonymous, .platformOperator: return
        case .tenantKey(_, _, let scopes), .service(_, let scopes): held = scopes
        case .member(let member): held = member.scopes
        }
        guard held.covers(wanted) else { throw KeyRights.Excess.scopes.status }
    }

    private func answer(_ key: Ragdz_V1_Key, _ credential: APIKey) -> Ragdz_V1_KeyWithSecret {
        var answer = Ragdz_V1_KeyWithSecret()
        answer.key = key
        answer.secret = credential.revealed
        return answer
    }

    private func position(_ token: String) throws(Status) -> (Int64, String) {
        guard let parts = try PageToken.read(token, list: "keys", parts: 2) else { return (0, "") }
        guard APIKey.isID(parts[1]) else { throw PageToken.invalid }
        return (try PageToken.time(parts[0]), parts[1])
    }

    private var notFound: Status { .notFound("There is no such key.", reason: "KEY_NOT_FOUND") }
}
