internal import Bytes
public import Logging
public import Postgres
public import RPC

extension Status {
    /// What a caller may know of a failure of the database; the rest is for the log.
    public init(_ error: PostgresError) {
        if let refusal = error.quotaRefusal {
            self = refusal
        } else if error.code == .cancelled {
            self = .cancelled()
        } else if error.holdsNullCharacter {
            self = .invalidArgument("A text holds U+0000, which cannot be stored.", reason: "NULL_CHARACTER")
        } else if error.code == .poolExhausted {
            self = .resourceExhausted(
                "The database is busy with other calls; try again in a moment.", reason: "DATABASE_BUSY",
                retryAfter: .seconds(1))
        } else if error.isTimeout {
            self = .unavailable(
                "The database took too long and the operation was given up; try again in a moment.",
                reason: "DATABASE_SLOW", retryAfter: .seconds(2))
        } else if error.isTransient || error.code == .closed {
            self = .unavailable(
                "The database is away or restarting; try again in a moment.", reason: "DATABASE_UNAVAILABLE",
                retryAfter: .seconds(1))
        } else {
            self = .internalError(
                "The database refused an operation of the server. Report the request id.", reason: "DATABASE_ERROR")
        }
    }
}

/// Runs `body`; a failure of the database is logged with all that is known and leaves as a `Status`.
@inlinable
public func withDatabaseErrors<R>(
    _ logger: Logger, _ context: ServerContext, _ body: () async throws -> R
) async throws -> R {
    do {
        return try await body()
    } catch let error as PostgresError {
        if !error.isCancelled, error.quotaRefusal == nil {
            logger.error(
                "database error",
                metadata: [
                    "error": "\(error)", "request_id": "\(context.requestID)", "method": "\(context.method.path)",
                ])
        }
        throw Status(error)
    }
}

extension Status {
    /// For calls that have no context: a `Status` passes, a failure of the database is logged and translated.
    public init(database error: any Error, _ logger: Logger) {
        switch error {
        case let status as Status: self = status
        case let error as PostgresError where error.quotaRefusal != nil: self.init(error)
        case let error as PostgresError:
            logger.error("database error", metadata: ["error": "\(error)"])
            self.init(error)
        case is CancellationError: self = .cancelled()
        default:
            logger.error("unexpected error", metadata: ["error": "\(error)"])
            self = .internalError("An operation of the server failed. Report the request id.")
        }
    }
}

extension PostgresError {
    /// A text of the caller holds the one character that PostgreSQL's text has not. Rules refuse it where they name the
    /// field; this is what a field without a rule comes to.
    public var holdsNullCharacter: Bool { code == .encoding }

    /// What the caller is told when it is a quota that has no room.
    public var quotaRefusal: Status? {
        guard sqlState?.rawValue == Status.quotaState, let detail else { return nil }
        return Status(quotaDetail: detail, nowMicros: WallClock.nowMicros())
    }
}
