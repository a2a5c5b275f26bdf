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

    /// What was sent before one sync. An object, since it is looked at for every reply and its parts would be counted each time.
    final class Span {
        /// Nil for a preparation on its own.
        let unit: Unit?
        let prepared: Prepared?
        /// The last one is the statement; those before it are `begin` and the identity.
        let commands: Int
        /// In a transaction that has failed the server refuses everything; this does no harm if it is refused.
        let mayFail: Bool
        @exclusivity(unchecked) var answered = 0
        @exclusivity(unchecked) var replied = false
        @exclusivity(unchecked) var failure: PostgresError?
        @exclusivity(unchecked) var rows: ResultRows?

        init(unit: Unit?, prepared: Prepared?, commands: Int, mayFail: Bool = false) {
            self.unit = unit
            self.prepared = prepared
            self.commands = commands
            self.mayFail = mayFail
        }
    }
}
