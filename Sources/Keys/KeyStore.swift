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

/// By whose rights a key is measured that somebody makes, changes or rotates.
enum KeyMaker: Sendable {
    /// Whoever may do everything: an operator.
    case free
    /// A member or a service: bound by scopes alone.
    case scopes(ScopeSet)
    /// The key of this id: by all that binds it.
    case key(String)
}

/// A key that is about to be stored.
struct NewKey {
    let tenant: UUID128
    let name: String
    let scopes: [String]
    let lifetimeMicros: Int64?
    let limits: Ragdz_V1_KeyLimits
    let networks: [String]
    let rotationPeriodMicros: Int64?
    let credential: APIKey
}

extension KeyRights {
    init(_ row: Queries.KeyRow) {
        self.init(
            row.scopes, row.expireTime, row.allowedNetworks, row.requestsPerMinute, row.requestsPerHour,
            row.requestBurst, row.concurrentCalls)
    }
    init(_ row: Queries.LockKeyRow) {
        self.init(
            row.scopes, row.expireTime, row.allowedNetworks, row.requestsPerMinute, row.requestsPerHour,
            row.requestBurst, row.concurrentCalls)
    }
    init(_ row: Queries.MakerRightsRow) {
        self.init(
            row.scopes, row.expireTime, row.allowedNetworks, row.requestsPerMinute, row.requestsPerHour,
            row.requestBurst, row.concurrentCalls)
    }

    private init(
        _ scopes: [String], _ expireTime: PostgresTimestamp?, _ networks: [String], _ perMinute: Int64,
        _ perHour: Int64, _ burst: Int64, _ concurrent: Int64
    ) {
        self.init(
            scopes: ScopeSet(scopes), expireMicros: expireTime?.unixMicros,
            networks: networks.map { IPNetwork($0) ?? .nowhere }, perMinute: perMinute, perHour: perHour,
            burst: burst, concurrent: concurrent)
    }
}

/// The queries of keys and credentials.
struct KeyStore: Sendable {
    let database: Database
    let pepper: Pepper

    /// Stores a key. It gets no right that its maker has not.
    func insert(
        _ key: NewKey, maker: KeyMaker, _ origin: ChangeOrigin, as identity: Identity
    ) async throws -> Ragdz_V1_Key? {
        if case .free = maker { return try await insert(key, origin, database.as(identity)).map(Self.key) }
        return try await database.transaction(as: identity, attempts: Database.usualAttempts) { transaction in
            let rights = try await rights(of: maker, transaction)
            guard let row = try await insert(key, origin, transaction) else { return nil }
            if let rights, let excess = KeyRights(row).excess(over: rights) { throw excess.status }
            return Self.key(row)
        }
    }

    private func insert(
        _ key: NewKey, _ origin: ChangeOrigin, _ database: some QueryRunner
    ) async throws -> Queries.KeyRow? {
        let (version, hash) = pepper.hash(key.credential)
        return try await Queries.insertKey(
            database, tenantID: key.tenant, keyID: key.credential.id, name: key.name, scopes: key.scopes,
            lifetimeMicros: key.lifetimeMicros, requestsPerMinute: key.limits.requestsPerMinute,
            requestsPerHour: key.limits.requestsPerHour, requestBurst: key.limits.burst,
            concurrentCalls: key.limits.concurrentCalls, allowedNetworks: key.networks,
            rotationPeriodMicros: key.rotationPeriodMicros, pepperVersion: Int(version), hash: hash,
            actor: origin.actor, requestID: origin.requestID, peer: origin.peer)
    }

    /// What a maker may hand out; nil: everything.
    private func rights(of maker: KeyMaker, _ transaction: Transaction) async throws -> KeyRights? {
        switch maker {
        case .free: return nil
        case .scopes(let scopes): return KeyRights(scopes: scopes)
        case .key(let id):
            guard let row = try await Queries.makerRights(transaction, keyID: id) else {
                throw Status.refused(.unknown)
            }
            return KeyRights(row)
        }
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

    /// Stores another secret of a key, and returns the key with its new credential: the one from before when the same
    /// request (`digest`) has made the newest secret. Nil: there is no such key.
    func rotate(
        _ id: String, tenant: UUID128, maker: KeyMaker, graceMicros: Int64, digest: [UInt8]?, _ origin: ChangeOrigin
    ) async throws -> (key: Ragdz_V1_Key, credential: APIKey)? {
        try await database.transaction(as: .tenant(tenant), attempts: Database.usualAttempts) { transaction in
            guard let row = try await Queries.lockKey(transaction, keyID: id) else { return nil }
            let rights = try await rights(of: maker, transaction)
            if let rights, let excess = KeyRights(row).excess(over: rights) { throw excess.status }
            guard row.revokeTime == nil, !row.disabled,
                row.expireTime.map({ $0.unixMicros > WallClock.nowMicros() }) ?? true,
                let newest = try await Queries.newestSecret(transaction, keyID: id)
            else {
                throw Status.failedPrecondition(
                    "The key is revoked, disabled or expired: create a new one.", reason: "KEY_NOT_USABLE")
            }
            if let digest, newest.requestDigest == digest, newest.isRecent {
                let credential = try again(id, newest, digest)
                return try await Queries.getKey(transaction, keyID: id).map { (Self.key($0), credential) }
            }
            let credential = try next(id, after: newest.generation, digest)
            let (version, hash) = pepper.hash(credential)
            try await Queries.rotateKey(
                transaction, keyID: id, graceMicros: graceMicros, actor: origin.actor,
                requestID: origin.requestID, peer: origin.peer, pepperVersion: Int(version), hash: hash,
                requestDigest: digest)
            return try await Queries.getKey(transaction, keyID: id).map { (Self.key($0), credential) }
        }
    }

    private func next(_ id: String, after generation: Int, _ digest: [UInt8]?) throws -> APIKey {
        guard let digest,
            let secret = pepper.rotationSecret(digest, generation: generation + 1, version: pepper.newestVersion)
        else { return try APIKey.generate(.live, id: id) }
        return APIKey(.live, id: id, secret: secret)
    }

    /// The credential that a rotation made which is asked for again.
    private func again(_ id: String, _ newest: Queries.NewestSecretRow, _ digest: [UInt8]) throws(Status) -> APIKey {
        let version = Int32(clamping: newest.pepperVersion)
        guard let secret = pepper.rotationSecret(digest, generation: newest.generation, version: version),
            pepper.verify(APIKey(.live, id: id, secret: secret), hash: newest.hash, version: version)
        else {
            throw .failedPrecondition(
                "The secret of this rotation cannot be shown again: rotate with another request_id.",
                reason: "ROTATION_NOT_REPEATABLE")
        }
        return APIKey(.live, id: id, secret: secret)
    }

    /// Changes what is given of a key.
    func update(
        _ id: String, tenant: UUID128, maker: KeyMaker, _ change: KeyChange, _ origin: ChangeOrigin
    ) async throws -> Ragdz_V1_Key? {
        try await database.transaction(as: .tenant(tenant), attempts: Database.usualAttempts) { transaction in
            guard let row = try await Queries.lockKey(transaction, keyID: id) else { return nil }
            let rights = try await rights(of: maker, transaction)
            if let rights, !rights.scopes.covers(ScopeSet(row.scopes)) { throw KeyRights.Excess.scopes.status }
            guard row.revokeTime == nil else {
                throw Status.failedPrecondition("The key is revoked: create a new one.", reason: "KEY_NOT_USABLE")
            }
            _ = try await Queries.updateKey(
                transaction, keyID: id, name: change.name, disabled: change.isDisabled,
                requestsPerMinute: change.limits?.requestsPerMinute, requestsPerHour: change.limits?.requestsPerHour,
                requestBurst: change.limits?.burst, concurrentCalls: change.limits?.concurrentCalls,
                allowedNetworks: change.networks, rotationPeriodMicros: change.rotationPeriodMicros,
                actor: origin.actor, requestID: origin.requestID, peer: origin.peer)
            guard let changed = try await Queries.getKey(transaction, keyID: id) else { return nil }
            // What it has become is what counts, so that a key may be narrowed by one that could not have made it.
            if let rights, !change.onlyDisables, let excess = KeyRights(changed).excess(over: rights) {
                throw excess.status
            }
            return Self.key(changed)
        }
    }

    /// The key after the secrets before its newest have ended; nil when the tenant has none of this id.
    func endGrace(_ id: String, tenant: UUID128, _ origin: ChangeOrigin) async throws -> Ragdz_V1_Key? {
        try await Queries.endGrace(
            database.as(.tenant(tenant)), keyID: id, actor: origin.actor, requestID: origin.requestID,
            peer: origin.peer)
        return try await get(id, tenant: tenant)
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
        if row.requestsPerMinute > 0 || row.requestsPerHour > 0 || row.requestBurst > 0 || row.concurrentCalls > 0 {
            var limits = Ragdz_V1_KeyLimits()
            limits.requestsPerMinute = row.requestsPerMinute
            limits.requestsPerHour = row.requestsPerHour
            limits.burst = row.requestBurst
            limits.concurrentCalls = row.concurrentCalls
            key.limits = limits
        }
        key.allowedNetworks = row.allowedNetworks
        key.rotationPeriod = row.rotationPeriodMicros.map {
            Google_Protobuf_Duration(seconds: $0 / 1_000_000, nanos: Int32($0 % 1_000_000) * 1_000)
        }
        key.rotationDueTime = row.rotationPeriodMicros == nil ? nil : row.rotationDueTime.map(timestamp)
        key.lastUsedTime = row.lastUsedTime.map(timestamp)
        if row.revokeTime != nil {
            key.status = .revoked
        } else if row.disabled {
            key.status = .disabled
        } else if let expire = row.expireTime, expire.unixMicros <= WallClock.nowMicros() {
            key.status = .expired
        } else if row.liveSecrets == 0 {
            // Nobody rotated it in time; a rotation brings it back.
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
