extension Status {
    /// The `ErrorInfo.domain` of every reason that RAG-DZ itself raises.
    public static let domain = "ragdz"

    private static func make(
        _ code: Code, _ message: String, _ reason: String, fields: [FieldViolation] = [], retryAfter: Duration? = nil
    ) -> Status {
        let info = ErrorInfo(reason: reason, domain: domain)
        return Status(
            code, message, details: Details(errorInfo: info, retryAfter: retryAfter, fieldViolations: fields))
    }

    /// The request itself is wrong. `field` names the path of the wrong field, e.g. `"tenant.name"`.
    public static func invalidArgument(
        _ message: String, reason: String = "INVALID_ARGUMENT", field: String? = nil
    ) -> Status {
        let fields = field.map { [FieldViolation(field: $0, description: message)] } ?? []
        return make(.invalidArgument, message, reason, fields: fields)
    }
    public static func outOfRange(_ message: String, reason: String = "OUT_OF_RANGE", field: String? = nil) -> Status {
        let fields = field.map { [FieldViolation(field: $0, description: message)] } ?? []
        return make(.outOfRange, message, reason, fields: fields)
    }
    public static func notFound(_ message: String, reason: String = "NOT_FOUND") -> Status {
        make(.notFound, message, reason)
    }
    public static func alreadyExists(_ message: String, reason: String = "ALREADY_EXISTS") -> Status {
        make(.alreadyExists, message, reason)
    }
    public static func permissionDenied(_ message: String, reason: String = "PERMISSION_DENIED") -> Status {
        make(.permissionDenied, message, reason)
    }
    public static func unauthenticated(_ message: String, reason: String = "UNAUTHENTICATED") -> Status {
        make(.unauthenticated, message, reason)
    }
    /// A limit or quota is used up; `retryAfter` tells when it is worth trying again.
    public static func resourceExhausted(
        _ message: String, reason: String = "RESOURCE_EXHAUSTED", retryAfter: Duration? = nil
    ) -> Status {
        make(.resourceExhausted, message, reason, retryAfter: retryAfter)
    }
    public static func failedPrecondition(_ message: String, reason: String = "FAILED_PRECONDITION") -> Status {
        make(.failedPrecondition, message, reason)
    }
    public static func aborted(_ message: String, reason: String = "ABORTED") -> Status {
        make(.aborted, message, reason)
    }
    /// The service or something that it needs is away for the moment: safe to try again later.
    public static func unavailable(
        _ message: String, reason: String = "UNAVAILABLE", retryAfter: Duration? = nil
    ) -> Status {
        make(.unavailable, message, reason, retryAfter: retryAfter)
    }
    public static func deadlineExceeded(
        _ message: String = "The deadline of the call passed before it was done.", reason: String = "DEADLINE_EXCEEDED"
    ) -> Status { make(.deadlineExceeded, message, reason) }
    public static func cancelled(
        _ message: String = "The call was cancelled.", reason: String = "CANCELLED"
    ) -> Status { make(.cancelled, message, reason) }
    public static func internalError(_ message: String, reason: String = "INTERNAL") -> Status {
        make(.internalError, message, reason)
    }
    public static func unimplemented(_ message: String, reason: String = "UNIMPLEMENTED") -> Status {
        make(.unimplemented, message, reason)
    }
    public static func dataLoss(_ message: String, reason: String = "DATA_LOSS") -> Status {
        make(.dataLoss, message, reason)
    }
    public static func unknown(_ message: String, reason: String = "UNKNOWN") -> Status {
        make(.unknown, message, reason)
    }
}
