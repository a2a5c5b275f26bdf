internal import Bytes
internal import RPC
internal import Synchronization

/// Which calls get a line in the log.
enum CallLogging: String, Sendable, CaseIterable {
    case all, failures, off
}

/// One log line per call: method, outcome, time, who. It is the outermost interceptor, so that refused calls are
/// logged too; who calls is known only further in, where `CallerTap` tells it.
struct RequestLog: ServerInterceptor {
    let logging: CallLogging
    let sink: LogSink

    final class Caller: Sendable {
        let identity = Mutex(CallIdentity.anonymous)
    }
    @TaskLocal static var caller: Caller?

    func intercept(_ context: ServerContext, _ next: (ServerContext) async throws -> Void) async throws {
        guard logging != .off else { return try await next(context) }
        let caller = Caller()
        let start = ContinuousClock.now
        do {
            try await Self.$caller.withValue(caller) { try await next(context) }
            if logging == .all { record(context, caller, nil, start) }
        } catch {
            record(context, caller, error, start)
            throw error
        }
    }

    private func record(
        _ context: ServerContext, _ caller: Caller, _ error: (any Error)?, _ start: ContinuousClock.Instant
    ) {
        let status = error.map(Status.init(wrapping:)) ?? .ok
        var line = JSONLine()
        line.begin(level: Self.level(of: status), now: WallClock.nowMicros())
        line.add("message", "call")
        line.add("method", context.method.path)
        line.add("code", status.code.name)
        if let reason = status.reason { line.add("reason", reason) }
        let (seconds, attoseconds) = start.duration(to: .now).components
        line.add("micros", seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
        switch caller.identity.withLock({ $0 }) {
        case .tenantKey(let tenant, let keyID, _):
            line.add("tenant", tenant.description)
            line.add("key", keyID)
        case .member(let member):
            line.add("tenant", member.tenant.description)
            line.add("member", member.id.description)
        case .platformOperator(let name): line.add("operator", name)
        case .service(let name, _): line.add("service", name)
        case .anonymous: break
        }
        line.add("peer", context.peer)
        line.add("request_id", context.requestID)
        // An error that is not a status is our defect: its text is for us alone.
        if let error, !(error is Status), !(error is CancellationError) { line.add("cause", "\(error)") }
        sink.append(line.finish())
    }

    private static func level(of status: Status) -> StaticString {
        switch status.code {
        case .internalError, .unknown, .dataLoss: "error"
        case .unavailable, .resourceExhausted: "warning"
        default: "info"
        }
    }
}

/// Tells the request log who calls. It stands right after the authentication.
struct CallerTap: ServerInterceptor {
    func intercept(_ context: ServerContext, _ next: (ServerContext) async throws -> Void) async throws {
        RequestLog.caller?.identity.withLock { $0 = context.identity }
        try await next(context)
    }
}
