/// Why a call to the database failed.
///
/// The set of codes is open: new ones may appear, so a `switch` over them needs a default.
public struct PostgresError: Error, Sendable {
    /// The kind of a failure.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String, Sendable {
            case server, connectFailed, connectionLost, poolExhausted, deadlinePassed, cancelled, closed
            case decoding, encoding, transactionAborted, migration, unsafeDatabase, misuse
        }
        private let kind: Kind
        /// The server refused the statement; `sqlState` says why.
        public static let server = Code(kind: .server)
        /// No connection could be made.
        public static let connectFailed = Code(kind: .connectFailed)
        /// The connection broke while the statement was on its way; `outcomeUnknown` tells whether it may have run.
        public static let connectionLost = Code(kind: .connectionLost)
        /// No connection became free within the wait limit, or too many callers wait already.
        public static let poolExhausted = Code(kind: .poolExhausted)
        /// The server had not answered by the caller's deadline; `outcomeUnknown` is true for what had been sent.
        public static let deadlinePassed = Code(kind: .deadlinePassed)
        /// The calling task was cancelled.
        public static let cancelled = Code(kind: .cancelled)
        /// The database was closed by `close()`.
        public static let closed = Code(kind: .closed)
        /// A value of a row has another type than the one asked for, or is NULL, or the column does not exist.
        public static let decoding = Code(kind: .decoding)
        /// A parameter cannot be sent, such as text with a zero byte.
        public static let encoding = Code(kind: .encoding)
        /// The transaction could not be committed, because a statement in it had failed.
        public static let transactionAborted = Code(kind: .transactionAborted)
        /// The migrations on disk and those in the database do not fit together.
        public static let migration = Code(kind: .migration)
        /// The database is set up so that tenants are not isolated from each other.
        public static let unsafeDatabase = Code(kind: .unsafeDatabase)
        /// The library was used wrongly, such as a transaction after its end.
        public static let misuse = Code(kind: .misuse)
        public var description: String { kind.rawValue }
    }

    /// What the server reported, field by field.
    public struct ServerReport: Sendable, Hashable {
        public var sqlState: SQLState
        public var message = ""
        public var detail: String?
        public var hint: String?
        public var schema: String?
        public var table: String?
        public var column: String?
        public var constraint: String?
    }

    // One reference keeps the error small on the typed-throws path.
    private final class Storage: Sendable {
        let code: Code
        let message: String
        let report: ServerReport?
        let statement: String?
        let outcomeUnknown: Bool
        init(code: Code, message: String, report: ServerReport?, statement: String?, outcomeUnknown: Bool) {
            self.code = code
            self.message = message
            self.report = report
            self.statement = statement
            self.outcomeUnknown = outcomeUnknown
        }
    }
    private let storage: Storage

    public init(
        _ code: Code, _ message: String, report: ServerReport? = nil, statement: String? = nil,
        outcomeUnknown: Bool = false
    ) {
        storage = Storage(
            code: code, message: message, report: report, statement: statement, outcomeUnknown: outcomeUnknown)
    }

    public var code: Code { storage.code }
    /// For the log. It may name tables and values: it is not for a tenant's eyes.
    public var message: String { storage.message }
    /// What the server said, when it was the server that refused.
    public var report: ServerReport? { storage.report }
    /// The name of the statement that failed.
    public var statement: String? { storage.statement }
    /// True when the statement or the commit may have taken effect although the call failed.
    public var outcomeUnknown: Bool { storage.outcomeUnknown }
    public var sqlState: SQLState? { storage.report?.sqlState }
    public var constraint: String? { storage.report?.constraint }
    public var detail: String? { storage.report?.detail }

    func naming(_ statement: String) -> PostgresError {
        PostgresError(code, message, report: report, statement: statement, outcomeUnknown: outcomeUnknown)
    }
}

/// The five characters by which PostgreSQL names an error.
public struct SQLState: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }
    /// The first two characters: the class, such as "23" for violated constraints and "53" for what has run out.
    public var errorClass: Substring { rawValue.prefix(2) }

    public static let uniqueViolation = SQLState(rawValue: "23505")
    public static let foreignKeyViolation = SQLState(rawValue: "23503")
    public static let checkViolation = SQLState(rawValue: "23514")
    public static let notNullViolation = SQLState(rawValue: "23502")
    public static let exclusionViolation = SQLState(rawValue: "23P01")
    public static let serializationFailure = SQLState(rawValue: "40001")
    public static let deadlockDetected = SQLState(rawValue: "40P01")
    public static let queryCanceled = SQLState(rawValue: "57014")
    public static let insufficientPrivilege = SQLState(rawValue: "42501")
    public static let lockNotAvailable = SQLState(rawValue: "55P03")
    public static let adminShutdown = SQLState(rawValue: "57P01")
    public static let cannotConnectNow = SQLState(rawValue: "57P03")
    public static let invalidStatementName = SQLState(rawValue: "26000")
    public static let featureNotSupported = SQLState(rawValue: "0A000")
    public static let readOnlyTransaction = SQLState(rawValue: "25006")
    public static let diskFull = SQLState(rawValue: "53100")
    public static let tooManyConnections = SQLState(rawValue: "53300")
    public static let undefinedTable = SQLState(rawValue: "42P01")
}

extension PostgresError {
    public var isUniqueViolation: Bool { sqlState == .uniqueViolation }
    public var isForeignKeyViolation: Bool { sqlState == .foreignKeyViolation }
    public var isCheckViolation: Bool { sqlState == .checkViolation }
    public var isNotNullViolation: Bool { sqlState == .notNullViolation }
    public var isInsufficientPrivilege: Bool { sqlState == .insufficientPrivilege }
    /// Two transactions got into each other's way: nothing happened, and the same work may simply be tried again.
    public var isSerializationFailure: Bool { sqlState == .serializationFailure || sqlState == .deadlockDetected }
    /// The caller gave up, or a time limit of the server did it for him.
    public var isCancelled: Bool { code == .cancelled || sqlState == .queryCanceled }
    /// The server gave the statement up, because it or its wait for a lock took longer than the limit; or we gave up on
    /// the server at the caller's deadline.
    public var isTimeout: Bool {
        code == .deadlinePassed || code == .server && (sqlState == .queryCanceled || sqlState == .lockNotAvailable)
    }
    /// The server takes no changes: it is a standby, or was set read-only.
    public var isReadOnly: Bool { sqlState == .readOnlyTransaction || isOfStandby }
    /// A standby has another name for its refusal where a table is unlogged: it does not have that table's content.
    private var isOfStandby: Bool { sqlState == .featureNotSupported && message.contains("during recovery") }
    /// The database is away, restarting or overloaded: the same call may succeed in a moment.
    public var isTransient: Bool {
        switch code {
        case .connectFailed, .connectionLost, .poolExhausted, .deadlinePassed: true
        case .server:
            isSerializationFailure || isReadOnly || (sqlState?.rawValue.hasPrefix("53") ?? false) || isShutdown
        default: false
        }
    }
    /// The server refused to commit and rolled back instead, so that the transaction is over for certain.
    var endsTransaction: Bool {
        code == .server && sqlState != .queryCanceled && sqlState != nil || code == .transactionAborted
    }
    /// Nothing happened, and the same transaction may go well the next time.
    var mayTryAgain: Bool { isSerializationFailure || isStalePlan }
    /// A prepared statement does not fit its tables any more, or the server does not know it.
    var isStalePlan: Bool {
        (sqlState == .featureNotSupported && !isOfStandby) || sqlState == .invalidStatementName
    }
    var isShutdown: Bool { sqlState?.rawValue.hasPrefix("57P") ?? false }
}

extension PostgresError: CustomStringConvertible {
    public var description: String {
        var text = "\(code)"
        if let sqlState { text += " \(sqlState)" }
        if let statement { text += " in \(statement)" }
        text += ": \(message)"
        if let detail { text += " (\(detail))" }
        return text
    }
}
