public import Postgres

/// The credential of the operator that a new platform begins with.
public enum FirstOperator {
    /// What the first operator is called in audit rows.
    public static let name = "root"

    /// Makes and stores the first operator's credential; nil when the platform has an operator already.
    ///
    /// The text is not stored anywhere: whoever calls this shows it, once.
    public static func create(database: Database, pepper: Pepper) async throws -> String? {
        let credential = try APIKey.generate(.platformOperator)
        let store = CredentialStore(database: database, pepper: pepper)
        return try await store.insertFirstOperator(credential, name: name) ? credential.revealed : nil
    }
}
