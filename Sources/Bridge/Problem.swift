internal import RPC

/// An error as `application/problem+json` (RFC 9457).
struct Problem: Sendable, Hashable {
    /// In the reader's language.
    let status: Status
    /// In English, with the values that the text in the reader's language leaves out.
    let developerMessage: String
    let httpStatus: Int
    let language: String
    let requestID: String

    init(_ status: Status, language: String, requestID: String) {
        self.status = status.localized(language)
        developerMessage = status.message
        self.language = language
        self.requestID = requestID
        httpStatus = Self.httpStatus(status)
    }

    /// Whole seconds for the `retry-after` header.
    var retryAfterSeconds: Int64? {
        status.retryAfter.map { max(1, ($0.wholeNanoseconds + 999_999_999) / 1_000_000_000) }
    }

    var json: String {
        let reason = status.reason ?? status.code.name
        var members = [
            ("type", JSONText.quote("urn:ragdz:problem:\(reason)")),
            ("title", JSONText.quote(ProblemCatalogue.title(status.code, language: language))),
            ("status", String(httpStatus)),
            ("detail", JSONText.quote(status.message)),
            ("developerMessage", JSONText.quote(developerMessage)),
            ("instance", JSONText.quote("urn:ragdz:request:\(requestID)")),
            ("code", JSONText.quote(status.code.name)),
            ("reason", JSONText.quote(reason)),
        ]
        if !status.details.fieldViolations.isEmpty {
            let violations = status.details.fieldViolations.map {
                "{\"field\":\(JSONText.quote($0.field)),\"description\":\(JSONText.quote($0.description))}"
            }
            members.append(("violations", "[\(violations.joined(separator: ","))]"))
        }
        if let values = status.details.errorInfo?.metadata, !values.isEmpty {
            let named = values.sorted { $0.key < $1.key }.map {
                "\(JSONText.quote($0.key)):\(JSONText.quote($0.value))"
            }
            members.append(("parameters", "{\(named.joined(separator: ","))}"))
        }
        if let seconds = retryAfterSeconds { members.append(("retryAfterSeconds", String(seconds))) }
        return "{" + members.map { "\(JSONText.quote($0.0)):\($0.1)" }.joined(separator: ",") + "}"
    }

    /// Reasons for which HTTP has a better number than the one of the code.
    private static let byReason: [String: Int] = [
        BridgeReason.noSuchRoute: 404, BridgeReason.methodNotAllowed: 405, BridgeReason.bodyTooLarge: 413,
        "DOCUMENT_TOO_LARGE": 413, "UPLOAD_TOO_LARGE": 413, "MESSAGE_TOO_LARGE": 413,
        BridgeReason.unsupportedMediaType: 415,
    ]

    /// The mapping that `google/rpc/code.proto` states.
    static func httpStatus(_ status: Status) -> Int {
        if let reason = status.reason, let number = byReason[reason] { return number }
        return switch status.code {
        case .ok: 200
        case .cancelled: 499
        case .invalidArgument, .failedPrecondition, .outOfRange: 400
        case .deadlineExceeded: 504
        case .notFound: 404
        case .alreadyExists, .aborted: 409
        case .permissionDenied: 403
        case .unauthenticated: 401
        case .resourceExhausted: 429
        case .unimplemented: 501
        case .unavailable: 503
        default: 500
        }
    }
}

/// The reasons that only the bridge raises.
enum BridgeReason {
    static let badFrame = "BAD_FRAME"
    static let noSuchRoute = "NO_SUCH_ROUTE"
    static let methodNotAllowed = "METHOD_NOT_ALLOWED"
    static let bodyTooLarge = "BODY_TOO_LARGE"
    static let unsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE"
}
