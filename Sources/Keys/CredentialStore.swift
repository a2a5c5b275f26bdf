internal import Bytes
internal import Postgres
internal import RPC

/// Where credentials are looked up, and where their use is noted.
protocol CredentialSource: Sendable {
    /// What is stored under the id of a credential; nil: nothing.
    func find(_ key: KeyReference) async throws -> KeyRecord?
    func touch(_ id: String, tenant: UUID128) async throws
    func rehash(_ secret: RehashedSecret) async throws
    /// Live secrets of tenants' keys by the version of the pepper that they were hashed with.
    func secretsByPepper() async throws -> [(version: Int32, count: Int64)]
}

/// A platform of one key.
struct OneCredential: CredentialSource {
    let reference: KeyReference
    let record: KeyRecord

    func find(_ key: KeyReference) -> KeyRecord? { key == reference ? record : nil }
    func touch(_ id: String, tenant: UUID128) {}
    func rehash(_ secret: RehashedSecret) {}
    func secretsByPepper() -> [(version: Int32, count: Int64)] { [] }
}

/// The queries of credentials: those that run before a caller is known, and what is noted about its use.
struct CredentialStore: CredentialSource {
    let database: Database
    let pepper: Pepper

    /// Runs before the caller is known.
    func find(_ key: KeyReference) async throws -> KeyRecord? {
        switch key.kind {
        case .live:
            let rows = try await Queries.findKey(database.as(.none), keyID: key.id)
            guard let first = rows.first else { return nil }
            return KeyRecord(
                owner: .tenant(first.tenantID, status: first.tenantStatus, scopes: ScopeSet(first.scopes)),
                expireMicros: first.expireTime?.unixMicros, isDisabled: first.disabled,
                isRevoked: first.revokeTime != nil,
                secrets: rows.map { row in
                    KeyRecord.Secret(
                        pepperVersion: Int32(clamping: row.pepperVersion), hash: row.hash,
                        expireMicros: row.secretExpireTime?.unixMicros, generation: row.generation)
                },
                limits: RateLimits(
                    plan: first.tenantPlan, perMinute: first.requestsPerMinute, perHour: first.requestsPerHour,
                    burst: first.requestBurst, concurrent: first.concurrentCalls),
                // A network that this version cannot read still bounds the key: to nothing.
                networks: first.allowedNetworks.map { IPNetwork($0) ?? .nowhere })
        case .session: return nil
        case .platformOperator:
            guard
                let row = try await Queries.findOperatorCredential(database.as(.none), credentialID: key.id)
            else { return nil }
            return KeyRecord(
                owner: .platformOperator(name: row.name), expireMicros: row.expireTime?.unixMicros,
                isRevoked: row.revokeTime != nil,
                secrets: [.init(pepperVersion: Int32(clamping: row.pepperVersion), hash: row.hash)])
        }
    }

    /// Writes down the hash of a secret under another pepper.
    func rehash(_ secret: RehashedSecret) async throws {
        try await Queries.rehashSecret(
            database.as(.tenant(secret.tenant)), pepperVersion: Int(secret.pepperVersion), hash: secret.hash,
            keyID: secret.keyID, generation: secret.generation, oldHash: secret.oldHash)
    }

    func secretsByPepper() async throws -> [(version: Int32, count: Int64)] {
        try await Queries.countSecretsByPepper(database.as(.platformOperator)).map {
            (Int32(clamping: $0.pepperVersion), $0.secrets)
        }
    }

    func touch(_ id: String, tenant: UUID128) async throws {
        try await Queries.touchKey(database.as(.tenant(tenant)), keyID: id)
    }

    /// Whether the credential was stored: false when there is an operator already.
    func insertFirstOperator(_ credential: APIKey, name: String) async throws -> Bool {
        let (version, hash) = pepper.hash(credential)
        return try await Queries.insertFirstOperatorCredential(
            database.as(.platformOperator), credentialID: credential.id, name: name, pepperVersion: Int(version),
            hash: hash) != nil
    }
}
