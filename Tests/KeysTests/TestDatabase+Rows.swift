import Postgres
import Support

extension TestDatabase {
    /// The first column of a query's rows as text, as the superuser sees them.
    func ownerRows(_ sql: String) async throws -> [String] {
        try await asOwner(sql).map { try $0.get(0, as: String.self) }
    }
}
