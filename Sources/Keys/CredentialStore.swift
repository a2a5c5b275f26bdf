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
            let rows = try await database.query(Queries.findKey, [key.id], as: .none)
            guard let first = rows.first else { return nil }
            return try KeyRecord(
                owner: .tenant(
                    first.get("tenant_id"), status: first.get("tenant_status"),
                    scopes: ScopeSet(first.get("scopes", as: [String].self))),
                expireMicros: first.get("expire_time", as: PostgresTimestamp?.self)?.unixMicros,
                isDisabled: first.get("disabled"),
                isRevoked: first.get("revoke_time", as: PostgresTimestamp?.self) != nil,
                secrets: rows.map { row in
                    try KeyRecord.Secret(
                        pepperVersion: row.get("pepper_version"), hash: row.get("hash"),
                        expireMicros: row.get("secret_expire_time", as: PostgresTimestamp?.self)?.unixMicros)
                })
        case .platformOperator:
            let rows = try await database.query(Queries.findOperatorCredential, [key.id], as: .none)
            guard let row = rows.first else { return nil }
            return try KeyRecord(
                owner: .platformOperator(name: row.get("name")),
                expireMicros: row.get("expire_time", as: PostgresTimestamp?.self)?.unixMicros,
                isRevoked: row.get("revoke_time", as: PostgresTimestamp?.self) != nil,
                secrets: [.init(pepperVersion: row.get("pepper_version"), hash: row.get("hash"))])
        }
    }

    func touch(_ id: String, tenant: UUID128) async throws {
        try await database.execute(Queries.touchKey, [id], as: .tenant(tenant))
    }

    /// Whether the credential was stored: false when there is an operator already.
    func insertFirstOperator(_ credential: APIKey, name: String) async throws -> Bool {
        let (version, hash) = pepper.hash(credential)
        return try await !database.query(
            Queries.insertFirstOperatorCredential, [credential.id, name, Int64(version), hash], as: .platformOperator
        ).isEmpty
    }
}
