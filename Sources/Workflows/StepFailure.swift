internal import RPC

/// Why an attempt of a step did not succeed, and whether trying again can help.
///
/// An action throws this, or a `Status` whose code tells the class; any other error counts as retryable.
public struct StepFailure: Error, Sendable, Hashable {
    public enum Class: Sendable, Hashable {
        /// The cause may go away: a service that is down, a limit that was hit, a time-out.
        case retryable
        /// The same attempt would fail in the same way: wrong parameters, something that does not exist.
        case permanent
    }

    public var kind: Class
    /// The stable machine code, e.g. `"TIMEOUT"`.
    public var reason: String
    /// For people; at most 2,000 characters are kept.
    public var message: String
    /// The least time to wait before the next attempt, when the failing service named one.
    public var retryAfter: Duration?

    public init(_ kind: Class, reason: String, _ message: String, retryAfter: Duration? = nil) {
        self.kind = kind
        self.reason = reason
        self.message = message.keepingStorable(Limits.commentLength)
        self.retryAfter = retryAfter
    }

    public static func permanent(reason: String, _ message: String) -> StepFailure {
        StepFailure(.permanent, reason: reason, message)
    }
    public static func retryable(reason: String, _ message: String) -> StepFailure {
        StepFailure(.retryable, reason: reason, message)
    }
}

extension StepFailure {
    /// The failure that an error thrown by an action stands for.
    public init(_ error: any Error) {
        switch error {
        case let failure as StepFailure:
            self = failure
        case let status as Status:
            self.init(
                status.code.isWorthRetrying ? .retryable : .permanent,
                reason: status.reason ?? status.code.name, status.message, retryAfter: status.retryAfter)
        case is CancellationError:
            self.init(.retryable, reason: "INTERRUPTED", "The attempt was interrupted before it was done.")
        default:
            // An unknown error may show internals (a host, a path): what is shown is its type only.
            self.init(.retryable, reason: "INTERNAL", "The action met an unexpected \(type(of: error)).")
        }
    }
}

extension Status.Code {
    /// Whether the same call may succeed later without a change to it.
    var isWorthRetrying: Bool {
        switch self {
        case .invalidArgument, .notFound, .alreadyExists, .permissionDenied, .failedPrecondition, .outOfRange,
            .unimplemented, .dataLoss, .unauthenticated:
            false
        default: true
        }
    }
}

extension String {
    /// At most `limit` characters, and without U+0000, which PostgreSQL cannot hold.
    func keepingStorable(_ limit: Int) -> String {
        let clean = utf8.contains(0) ? String(unicodeScalars.filter { $0.value != 0 }.map(Character.init)) : self
        return clean.utf8.count <= limit ? clean : String(clean.prefix(limit))
    }
}
