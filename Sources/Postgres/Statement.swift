internal import Bytes

/// One named SQL statement. `sqlgen` prints these from `sql/queries/*.sql`; nothing else in the server makes them.
///
/// A connection prepares a statement the first time that it meets it and keeps it for its lifetime, so the number of
/// different statements is meant to be small and fixed. Values travel as parameters (`$1`…), never inside the text.
public struct Statement: Sendable, Hashable {
    /// The name in the `.sql` file, for errors and traces. Two rooms may use the same name.
    public let name: String
    /// The text that the server parses.
    public let sql: String

    public init(name: String, sql: String) {
        self.name = name
        self.sql = sql
    }

    public func hash(into hasher: inout Hasher) {
        // The text follows from the name within a room, so that hashing the short one is enough.
        hasher.combine(name)
    }
}
