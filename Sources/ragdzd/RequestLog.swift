internal import Logging
internal import RPC
internal import Synchronization

/// One log line per call: method, outcome, time, who. It is the outermost interceptor, so that refused calls are
/// logged too; who calls is known only further in, where `CallerTap` tells it.
struct RequestLog: ServerInterceptor {
    let logger: Logger

    final class Caller: Sendable {
        let identity = Mutex(CallIdentity.anonymous)
    }
    @TaskLocal static var caller: Caller?

    func intercept(_ context: ServerContext, _ next: (ServerContext) async throws -> Void) async throws {
        let caller = Caller()
        let start = ContinuousClock.now
        do {
            try await Self.$caller.withValue(caller) { try await next(context) }
            record(context, caller, nil, start)
        } catch {
            record(context, caller, error, start)
            throw error
        }
    }

    private func record(
        _ context: ServerContext, _ caller: Caller, _ error: (any Error)?, _ start: ContinuousClock.Instant
    ) {
        let status = error.map(Status.init(wrapping:)) ?? .ok
        let level = level(of: status)
        guard logger.logLevel <= level else { return }
        var metadata: Logger.Metadata = [
            "method": "\(context.method.path)", "code": "\(status.code)", "request_id": "\(context.requestID)",
            "peer": "\(context.peer)", "micros": "\(start.duration(to: .now) / .microseconds(1))",
        ]
        if let reason = status.reason { metadata["reason"] = "\(reason)" }
        switch caller.identity.withLock({ $0 }) {
        case .tenantKey(let tenant, let keyID, _):
            metadata["tenant"] = "\(tenant)"
            metadata["key"] = "\(keyID)"
        case .platformOperator(let name): metadata["operator"] = "\(name)"
        default: break
        }
        // An error that is not a status is our defect: its text is for us alone.
        if let error, !(error is Status), !(error is CancellationError) { metadata["cause"] = "\(error)" }
        logger.log(level: level, "call", metadata: metadata)
    }

    private func level(of status: Status) -> Logger.Level {
        switch status.code {
        case .internalError, .unknown, .dataLoss: .error
        case .unavailable, .resourceExhausted: .warning
        default: .info
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
