internal import Bytes
internal import Postgres
internal import RPC

/// The queries of credentials: those that run before a caller is known, and what is noted about its use.
struct CredentialStore: Sendable {
    let database: Database
    let pepper: Pepper

    /// What is stored under the id of a credential; nil: nothing. Runs before the caller is known.
    func find(_ key: APIKey) async throws -> KeyRecord? {
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
                        expireMicros: row.secretExpireTime?.unixMicros)
                },
                limits: RateLimits(
                    plan: first.tenantPlan, perMinute: first.requestsPerMinute, perHour: first.requestsPerHour,
                    burst: first.requestBurst),
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
