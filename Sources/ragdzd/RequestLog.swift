internal import Bytes
internal import RPC

/// Which calls get a line in the log.
enum CallLogging: String, Sendable, CaseIterable {
    case all, failures, off
}

/// One log line per call: method, outcome, time, who. It is the outermost interceptor, so that refused calls are
/// logged too; who calls is known only further in.
struct RequestLog: ServerInterceptor {
    let logging: CallLogging
    let sink: LogSink

    func concerns(_ method: MethodDescriptor) -> Bool { logging != .off }

    func intercept(_ context: ServerContext, _ next: @concurrent (ServerContext) async throws -> Void) async throws {
        let witness = CallWitness(context.identity)
        let start = ContinuousClock.now
        do {
            try await next(context.witnessed(by: witness))
            if logging == .all { record(context, witness.identity, nil, start) }
        } catch {
            record(context, witness.identity, error, start)
            throw error
        }
    }

    private func record(
        _ context: ServerContext, _ identity: CallIdentity, _ error: (any Error)?, _ start: ContinuousClock.Instant
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
        switch identity {
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
