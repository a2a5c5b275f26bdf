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
        actor = context.identity.actor
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
    let limits: Ragdz_V1_KeyLimits
    let networks: [String]
    let credential: APIKey
}

/// The queries of keys and credentials.
struct KeyStore: Sendable {
    let database: Database
    let pepper: Pepper

    func insert(_ key: NewKey, _ origin: ChangeOrigin, as identity: Identity) async throws -> Ragdz_V1_Key? {
        let (version, hash) = pepper.hash(key.credential)
        return try await Queries.insertKey(
            database.as(identity), tenantID: key.tenant, keyID: key.credential.id, name: key.name, scopes: key.scopes,
            lifetimeMicros: key.lifetimeMicros, requestsPerMinute: key.limits.requestsPerMinute,
            requestsPerHour: key.limits.requestsPerHour, requestBurst: key.limits.burst,
            allowedNetworks: key.networks, pepperVersion: Int(version), hash: hash, actor: origin.actor,
            requestID: origin.requestID, peer: origin.peer
        ).map(Self.key)
    }

    func get(_ id: String, tenant: UUID128) async throws -> Ragdz_V1_Key? {
        try await Queries.getKey(database.as(.tenant(tenant)), keyID: id).map(Self.key)
    }

    /// At most `limit` keys after a position, in order of creation.
    func list(tenant: UUID128, after position: (micros: Int64, id: String), limit: Int) async throws -> [Ragdz_V1_Key] {
        try await Queries.listKeys(
            database.as(.tenant(tenant)), afterTime: PostgresTimestamp(unixMicros: position.micros),
            afterID: position.id, pageSize: Int64(limit)
        ).map(Self.key)
    }

    /// Stores another secret of a key. `check` sees the key while it is locked, and may refuse by throwing.
    func rotate(
        _ credential: APIKey, tenant: UUID128, graceMicros: Int64, _ origin: ChangeOrigin,
        check: @escaping @Sendable (_ scopes: ScopeSet, _ isUsable: Bool) throws -> Void
    ) async throws -> Ragdz_V1_Key? {
        let (version, hash) = pepper.hash(credential)
        return try await database.transaction(as: .tenant(tenant)) { transaction in
            guard let row = try await Queries.lockKey(transaction, keyID: credential.id) else { return nil }
            let isUsable =
                row.revokeTime == nil && !row.disabled
                && (row.expireTime.map { $0.unixMicros > WallClock.nowMicros() } ?? true)
            try check(ScopeSet(row.scopes), isUsable)
            try await Queries.rotateKey(
                transaction, keyID: credential.id, graceMicros: graceMicros, actor: origin.actor,
                requestID: origin.requestID, peer: origin.peer, pepperVersion: Int(version), hash: hash)
            return try await Queries.getKey(transaction, keyID: credential.id).map(Self.key)
        }
    }

    /// Changes what is given of a key. `check` sees its scopes while it is locked, and may refuse by throwing.
    func update(
        _ id: String, tenant: UUID128, _ change: KeyChange, _ origin: ChangeOrigin,
        check: @escaping @Sendable (_ scopes: ScopeSet, _ isRevoked: Bool) throws -> Void
    ) async throws -> Ragdz_V1_Key? {
        try await database.transaction(as: .tenant(tenant)) { transaction in
            guard let row = try await Queries.lockKey(transaction, keyID: id) else { return nil }
            try check(ScopeSet(row.scopes), row.revokeTime != nil)
            _ = try await Queries.updateKey(
                transaction, keyID: id, name: change.name, disabled: change.isDisabled,
                requestsPerMinute: change.limits?.requestsPerMinute, requestsPerHour: change.limits?.requestsPerHour,
                requestBurst: change.limits?.burst, allowedNetworks: change.networks, actor: origin.actor,
                requestID: origin.requestID, peer: origin.peer)
            return try await Queries.getKey(transaction, keyID: id).map(Self.key)
        }
    }

    /// The key after it was revoked, now or before; nil when the tenant has none of this id.
    func revoke(_ id: String, tenant: UUID128, _ origin: ChangeOrigin) async throws -> Ragdz_V1_Key? {
        try await Queries.revokeKey(
            database.as(.tenant(tenant)), keyID: id, actor: origin.actor, requestID: origin.requestID,
            peer: origin.peer)
        return try await get(id, tenant: tenant)
    }

    private static func key(_ row: Queries.KeyRow) -> Ragdz_V1_Key {
        var key = Ragdz_V1_Key()
        key.id = row.keyID
        key.tenantID = row.tenantID.description
        key.name = row.name
        key.scopes = row.scopes
        key.expireTime = row.expireTime.map(timestamp)
        key.createTime = timestamp(row.createTime)
        if row.requestsPerMinute > 0 || row.requestsPerHour > 0 || row.requestBurst > 0 {
            var limits = Ragdz_V1_KeyLimits()
            limits.requestsPerMinute = row.requestsPerMinute
            limits.requestsPerHour = row.requestsPerHour
            limits.burst = row.requestBurst
            key.limits = limits
        }
        key.allowedNetworks = row.allowedNetworks
        key.lastUsedTime = row.lastUsedTime.map(timestamp)
        if row.revokeTime != nil {
            key.status = .revoked
        } else if row.disabled {
            key.status = .disabled
        } else if let expire = row.expireTime, expire.unixMicros <= WallClock.nowMicros() {
            key.status = .expired
        } else {
            key.status = .active
        }
        // The secrets of a revoked key are kept to recognise it, but none of them opens anything.
        if key.status == .active {
            key.liveSecrets = Int32(clamping: row.liveSecrets)
            key.graceEndTime = row.graceEndTime.map(timestamp)
        }
        return key
    }

    private static func timestamp(_ moment: PostgresTimestamp) -> Google_Protobuf_Timestamp {
        Google_Protobuf_Timestamp(unixMicros: moment.unixMicros)
    }
}
