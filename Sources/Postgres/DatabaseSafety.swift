/// Refuses to serve from a database in which tenants are not isolated from each other.
public enum DatabaseSafety {
    /// Throws an `unsafeDatabase` error that says what is wrong and what to do. Call before anything is served.
    ///
    /// Checked: the serving role is no superuser, does not bypass row-level security and cannot become a role that
    /// does; it owns no table of ours; every table with a `tenant_id` has forced row-level security and policies that
    /// bind reading and writing.
    public static func verify(_ database: Database) async throws(PostgresError) {
        for row in try await database.query(Queries.dangerousRoles, as: .none) {
            let role = try row.get("role", as: String.self)
            let why = try row.get("superuser", as: Bool.self) ? "is a superuser" : "has BYPASSRLS"
            throw PostgresError(
                .unsafeDatabase,
                "the server's role is, or may become, \(role), which \(why): row-level security would not bind it. "
                    + "Connect as ragdz_app, or as a role like it (LOGIN NOSUPERUSER NOBYPASSRLS)")
        }
        let owned = try await database.query(Queries.ownedTables, as: .none)
        if !owned.isEmpty {
            var names: [String] = []
            for row in owned { names.append(try row.get("name")) }
            throw PostgresError(
                .unsafeDatabase,
                "the server's role owns \(names.joined(separator: ", ")) in the schema ragdz and could switch its "
                    + "policies off. Connect as ragdz_app; ragdz_owner is for migrations")
        }
        let unprotected = try await database.query(Queries.unprotectedTables, as: .none)
        if !unprotected.isEmpty {
            var problems: [String] = []
            for row in unprotected {
                problems.append(
                    "ragdz.\(try row.get("name", as: String.self)) \(try row.get("problem", as: String.self))")
            }
            throw PostgresError(.unsafeDatabase, problems.joined(separator: "; "))
        }
    }

    /// The newest migration that the database has had, for a server that may not migrate itself.
    public static func appliedVersion(_ database: Database) async throws(PostgresError) -> Int {
        try await database.query(Queries.appliedVersion, as: .none).first?.get("version") ?? 0
    }
}
