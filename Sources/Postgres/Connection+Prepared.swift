extension Connection {
    /// A statement that the server knows on this connection, or is about to.
    final class Prepared {
        let name: String
        var columns: [Column]?
        var failure: PostgresError?
        /// Grows with each use: the smallest one was not used for longest.
        var lastUse = 0
        init(name: String) { self.name = name }
    }

    /// A statement for one of the two roles. What row-level security adds to it differs, so the server would throw its plan
    /// away at each change of the role.
    struct PreparedKey: Hashable {
        let statement: Statement
        let isOperators: Bool
    }

    /// What was sent before one sync.
    struct Span {
        /// Nil for a preparation on its own.
        let unit: Unit?
        let prepared: Prepared?
        /// The last one is the statement; those before it are `begin` and the identity.
        let commands: Int
        /// In a transaction that has failed the server refuses everything; this does no harm if it is refused.
        var mayFail = false
        var answered = 0
        var replied = false
        var failure: PostgresError?
        var rows: ResultRows?
    }
}
