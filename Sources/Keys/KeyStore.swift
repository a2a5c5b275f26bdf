internal import Bytes
internal import Postgres
internal import ProtoRuntime
internal import RPC
internal import Schema

/// Who made a change and from where: a part of every audit row.
struct ChangeOrigin {
    let actor: String
    let requestID: String
    let peer: String

    init(_ context: ServerContext) {
        switch context.identity {
        case .tenantKey(_, let keyID, _): actor = "key:\(keyID)"
        case .platformOperator(let name): actor = "operator:\(name)"
        default: actor = "system"
        }
        requestID = context.requestID
        peer = context.peer
    }
}

/// A key that is about to be stored.
struct NewKey {
    let tenant: UUID128
    let name: String
    let scopes: [String]
    let lifetimeMicros: Int64?
    let credential: APIKey
}

/// The queries of keys and credentials.
struct KeyStore: Sendable {
    let database: Database
    let pepper: Pepper

    func insert(_ key: NewKey, _ origin: ChangeOrigin, as identity: Identity) async throws -> Ragdz_V1_Key? {
        let (version, hash) = pepper.hash(key.credential)
        return try await database.query(
            Queries.insertKey,
            [
                key.tenant, key.credential.id, key.name, key.scopes, key.lifetimeMicros, Int64(version), hash,
                origin.actor, origin.requestID, origin.peer,
            ], as: identity
        ).first.map(Self.key)
    }

    func get(_ id: String, tenant: UUID128) async throws -> Ragdz_V1_Key? {
        try await database.query(Queries.getKey, [id], as: .tenant(tenant)).first.map(Self.key)
    }

    /// At most `limit` keys after a position, in order of creation.
    func list(tenant: UUID128, after position: (micros: Int64, id: String), limit: Int) async throws -> [Ragdz_V1_Key] {
        try await database.query(
            Queries.listKeys, [PostgresTimestamp(unixMicros: position.micros), position.id, Int64(limit)],
            as: .tenant(tenant)
        ).map(Self.key)
    }

    /// Stores another secret of a key. `check` sees the key while it is locked, and may refuse by throwing.
    func rotate(
        _ credential: APIKey, tenant: UUID128, graceMicros: Int64, _ origin: ChangeOrigin,
        check: @escaping @Sendable (_ scopes: ScopeSet, _ isUsable: Bool) throws -> Void
    ) async throws -> Ragdz_V1_Key? {
        let (version, hash) = pepper.hash(credential)
        return try await database.transaction(as: .tenant(tenant)) { transaction in
            guard let row = try await transaction.query(Queries.lockKey, [credential.id]).first else { return nil }
            let end = try row.get("expire_time", as: PostgresTimestamp?.self)
            let isUsable =
                try row.get("revoke_time", as: PostgresTimestamp?.self) == nil
                && !row.get("disabled", as: Bool.self) && (end.map { $0.unixMicros > WallClock.nowMicros() } ?? true)
            try check(ScopeSet(row.get("scopes", as: [String].self)), isUsable)
            try await transaction.execute(
                Queries.rotateKey,
                [credential.id, Int64(version), hash, graceMicros, origin.actor, origin.requestID, origin.peer])
            return try await transaction.query(Queries.getKey, [credential.id]).first.map(Self.key)
        }
    }

    /// The key after it was revoked, now or before; nil when the tenant has none of this id.
    func revoke(_ id: String, tenant: UUID128, _ origin: ChangeOrigin) async throws -> Ragdz_V1_Key? {
        try await database.execute(
            Queries.revokeKey, [id, origin.actor, origin.requestID, origin.peer], as: .tenant(tenant))
        return try await get(id, tenant: tenant)
    }

    private static func key(_ row: Row) throws -> Ragdz_V1_Key {
        let expire = try row.get("expire_time", as: PostgresTimestamp?.self)
        var key = Ragdz_V1_Key()
        key.id = try row.get("key_id")
        key.tenantID = try row.get("tenant_id", as: UUID128.self).description
        key.name = try row.get("name")
        key.scopes = try row.get("scopes")
        key.expireTime = expire.map(timestamp)
        key.createTime = timestamp(try row.get("create_time"))
        key.lastUsedTime = try row.get("last_used_time", as: PostgresTimestamp?.self).map(timestamp)
        if try row.get("revoke_time", as: PostgresTimestamp?.self) != nil {
            key.status = .revoked
        } else if try row.get("disabled", as: Bool.self) {
            key.status = .disabled
        } else if let expire, expire.unixMicros <= WallClock.nowMicros() {
            key.status = .expired
        } else {
            key.status = .active
        }
        // The secrets of a revoked key are kept to recognise it, but none of them opens anything.
        if key.status == .active {
            key.liveSecrets = Int32(clamping: try row.get("live_secrets", as: Int64.self))
            key.graceEndTime = try row.get("grace_end_time", as: PostgresTimestamp?.self).map(timestamp)
        }
        return key
    }

    private static func timestamp(_ moment: PostgresTimestamp) -> Google_Protobuf_Timestamp {
        Google_Protobuf_Timestamp(unixMicros: moment.unixMicros)
    }
}
