internal import Foundation
internal import RPC

/// The exit codes; scripts rely on them.
enum ExitStatus: Int32 {
    case done = 0
    case other = 1
    case usage = 2
    /// The key is missing, refused or may not do this.
    case denied = 3
    case notFound = 4
    /// The request is invalid, in conflict with what exists, or over a limit.
    case refused = 5
    /// The server is away or took too long: trying again may help.
    case unavailable = 6

    init(_ code: Status.Code) {
        self =
            switch code {
            case .ok: .done
            case .unauthenticated, .permissionDenied: .denied
            case .notFound: .notFound
            case .invalidArgument, .outOfRange, .failedPrecondition, .alreadyExists, .aborted, .resourceExhausted:
                .refused
            case .unavailable, .deadlineExceeded: .unavailable
            default: .other
            }
    }
}

/// What ends a command, told so that the reader knows what to do.
struct Failure: Error {
    let exitCode: ExitStatus
    let status: Status
    let hint: String?
    let asJSON: Bool

    init(_ status: Status, address: String, asJSON: Bool) {
        exitCode = ExitStatus(status.code)
        self.status = status
        self.asJSON = asJSON
        hint = Self.hint(status, address)
    }

    /// A mistake in the arguments that only shows after parsing.
    static func usage(_ message: String) -> Failure {
        Failure(exitCode: .usage, status: Status(.invalidArgument, message), hint: nil, asJSON: false)
    }

    static func local(_ message: String, hint: String? = nil) -> Failure {
        Failure(exitCode: .other, status: Status(.unknown, message), hint: hint, asJSON: false)
    }

    private init(exitCode: ExitStatus, status: Status, hint: String?, asJSON: Bool) {
        self.exitCode = exitCode
        self.status = status
        self.hint = hint
        self.asJSON = asJSON
    }

    private static func hint(_ status: Status, _ address: String) -> String? {
        switch status.code {
        case .unauthenticated: "Give a key: `ragdz login`, --key or RAGDZ_KEY."
        case .permissionDenied: "Use a key that carries the scope, or an operator's credential."
        case .unavailable: "Is ragdzd running, and is \(address) its RPC address? See `ragdz health`."
        case .deadlineExceeded: "Try again, or allow more time with --timeout."
        case .resourceExhausted:
            status.retryAfter.map { "Try again in \(max(1, $0.components.seconds)) s." }
        default: nil
        }
    }

    func report() {
        if asJSON {
            Terminal.complain(json)
            return
        }
        let reason = status.reason.map { " [\($0)]" } ?? ""
        Terminal.complain("ragdz: \(status.message)\(reason)")
        for violation in status.details.fieldViolations where violation.description != status.message {
            Terminal.complain("  \(violation.field): \(violation.description)")
        }
        if let hint { Terminal.complain(hint) }
    }

    private struct Report: Encodable {
        var code: String
        var reason: String?
        var message: String
        var hint: String?
        var exitCode: Int32
    }

    private var json: String {
        let report = Report(
            code: status.code.name, reason: status.reason, message: status.message, hint: hint,
            exitCode: exitCode.rawValue)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(["error": report])).map { String(decoding: $0, as: UTF8.self) } ?? status.message
    }
}
