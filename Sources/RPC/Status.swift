/// The outcome of a call that did not succeed (or, with `.ok`, that did): a gRPC status.
///
/// `code` says which kind of failure, `reason` is the stable machine code (`ErrorInfo.reason`) that clients may
/// switch on, `message` tells a person what to do about it. Neither ever carries an internal message.
public struct Status: Error, Sendable, Hashable {
    public var code: Code
    public var message: String
    /// The `google.rpc` details that travel in `grpc-status-details-bin`.
    public var details: Details

    public init(_ code: Code, _ message: String = "", details: Details = Details()) {
        self.code = code
        self.message = message
        self.details = details
    }

    public static let ok = Status(.ok)

    /// The stable machine code, e.g. `"NAME_TOO_LONG"`.
    public var reason: String? { details.errorInfo?.reason }
    /// How long the caller should wait before it tries again, when the server said so.
    public var retryAfter: Duration? { details.retryAfter }
    public var isOK: Bool { code == .ok }
}

extension Status {
    /// A gRPC status code. Open: a code that a newer peer sends is kept as its number.
    public struct Code: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }

        public static let ok = Code(rawValue: 0)
        public static let cancelled = Code(rawValue: 1)
        public static let unknown = Code(rawValue: 2)
        public static let invalidArgument = Code(rawValue: 3)
        public static let deadlineExceeded = Code(rawValue: 4)
        public static let notFound = Code(rawValue: 5)
        public static let alreadyExists = Code(rawValue: 6)
        public static let permissionDenied = Code(rawValue: 7)
        public static let resourceExhausted = Code(rawValue: 8)
        public static let failedPrecondition = Code(rawValue: 9)
        public static let aborted = Code(rawValue: 10)
        public static let outOfRange = Code(rawValue: 11)
        public static let unimplemented = Code(rawValue: 12)
        public static let internalError = Code(rawValue: 13)
        public static let unavailable = Code(rawValue: 14)
        public static let dataLoss = Code(rawValue: 15)
        public static let unauthenticated = Code(rawValue: 16)

        private static let names = [
            "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
            "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
            "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
        ]

        /// The canonical name, e.g. `"NOT_FOUND"`; `"CODE_42"` for one that this version does not know.
        public var name: String {
            Self.names.indices.contains(rawValue) ? Self.names[rawValue] : "CODE_\(rawValue)"
        }
        public var description: String { name }

        /// The code with this canonical name.
        public init?(name: String) {
            guard let index = Self.names.firstIndex(of: name) else { return nil }
            self.init(rawValue: index)
        }
    }
}

extension Status: CustomStringConvertible {
    public var description: String {
        reason.map { "\(code) [\($0)]: \(message)" } ?? "\(code): \(message)"
    }
}

extension Status {
    /// Turns whatever a handler threw into what the caller may see.
    ///
    /// A `Status` passes as it is; a cancelled task is `CANCELLED`; everything else is our defect, and its text
    /// stays in the log: the caller reads `INTERNAL` with the reason `INTERNAL`.
    public init(wrapping error: any Error) {
        switch error {
        case let status as Status: self = status
        case is CancellationError: self = .cancelled()
        default:
            self = .internalError(
                "The server met an unexpected condition. Try again; if it stays, report the request id.")
        }
    }
}
