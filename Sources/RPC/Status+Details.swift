extension Status {
    /// `google.rpc.ErrorInfo`: the stable machine code of an error and who defines it.
    public struct ErrorInfo: Sendable, Hashable {
        /// Upper snake case, at most 63 characters.
        public var reason: String
        public var domain: String
        public var metadata: [String: String]
        public init(reason: String, domain: String, metadata: [String: String] = [:]) {
            self.reason = reason
            self.domain = domain
            self.metadata = metadata
        }
    }

    /// `google.rpc.BadRequest.FieldViolation`: which field of the request is wrong, and how.
    public struct FieldViolation: Sendable, Hashable {
        public var field: String
        public var description: String
        public init(field: String, description: String) {
            self.field = field
            self.description = description
        }
    }

    /// `google.rpc.QuotaFailure.Violation`: which quota is used up.
    public struct QuotaViolation: Sendable, Hashable {
        public var subject: String
        public var description: String
        public init(subject: String, description: String) {
            self.subject = subject
            self.description = description
        }
    }

    /// A detail of a type that RAG-DZ does not read itself: kept and passed on.
    public struct OpaqueDetail: Sendable, Hashable {
        public var typeURL: String
        public var value: [UInt8]
        public init(typeURL: String, value: [UInt8]) {
            self.typeURL = typeURL
            self.value = value
        }
    }

    /// The standard details of an error, typed; they travel as a `google.rpc.Status`.
    public struct Details: Sendable, Hashable {
        public var errorInfo: ErrorInfo?
        public var retryAfter: Duration?
        public var fieldViolations: [FieldViolation]
        public var quotaViolations: [QuotaViolation]
        public var others: [OpaqueDetail]

        public init(
            errorInfo: ErrorInfo? = nil, retryAfter: Duration? = nil, fieldViolations: [FieldViolation] = [],
            quotaViolations: [QuotaViolation] = [], others: [OpaqueDetail] = []
        ) {
            self.errorInfo = errorInfo
            self.retryAfter = retryAfter
            self.fieldViolations = fieldViolations
            self.quotaViolations = quotaViolations
            self.others = others
        }

        public var isEmpty: Bool {
            errorInfo == nil && retryAfter == nil && fieldViolations.isEmpty && quotaViolations.isEmpty
                && others.isEmpty
        }
    }

    /// The same status with one more pair in `ErrorInfo.metadata`, e.g. the limit that was hit.
    public func with(_ key: String, _ value: String) -> Status {
        var copy = self
        copy.details.errorInfo?.metadata[key] = value
        return copy
    }
}
