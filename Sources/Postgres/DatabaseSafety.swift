/// Refuses to serve from a database in which tenants are not isolated from each other.
public enum DatabaseSafety {
    /// Throws an `unsafeDatabase` error that says what is wrong and what to do. Call before anything is served.
    ///
    /// Checked: the serving role is no superuser, does not bypass row-level security and cannot become a role that
    /// does; it owns no table of ours; every table with a `tenant_id` has forced row-level security and policies that
    /// bind reading and writing.
    public static func verify(_ database: Database) async throws(PostgresError) {
        let database = database.as(.none)
        for row in try await Queries.dangerousRoles(database) {
            let why = row.superuser ? "is a superuser" : "has BYPASSRLS"
            throw PostgresError(
                .unsafeDatabase,
                "the server's role is, or may become, \(row.role), which \(why): row-level security would not bind it. "
                    + "Connect as ragdz_app, or as a role like it (LOGIN NOSUPERUSER NOBYPASSRLS)")
        }
        let owned = try await Queries.ownedTables(database)
        if !owned.isEmpty {
            throw PostgresError(
                .unsafeDatabase,
                "the server's role owns \(owned.joined(separator: ", ")) in the schema ragdz and could switch its "
                    + "policies off. Connect as ragdz_app; ragdz_owner is for migrations")
        }
        let unprotected = try await Queries.unprotectedTables(database)
        if !unprotected.isEmpty {
            let problems = unprotected.map { "ragdz.\($0.name) \($0.problem)" }
            throw PostgresError(.unsafeDatabase, problems.joined(separator: "; "))
        }
    }

    /// The newest migration that the database has had, for a server that may not migrate itself.
    public static func appliedVersion(_ database: Database) async throws(PostgresError) -> Int {
        try await Queries.appliedVersion(database.as(.none)) ?? 0
    }
}
