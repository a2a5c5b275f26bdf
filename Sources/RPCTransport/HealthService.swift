internal import ProtoRuntime
public import RPC
internal import Synchronization

/// `grpc.health.v1`: whether the server, and each of its services, is ready. The empty name is the server as a whole.
public final class HealthService: Grpc_Health_V1_Health.ServiceProtocol {
    public enum Readiness: Sendable, Hashable {
        case serving, notServing
    }

    private typealias WireStatus = Grpc_Health_V1_HealthCheckResponse.ServingStatus

    private struct State {
        var services: [String: Readiness] = ["": .serving]
        var watchers: [Int: (service: String, changes: AsyncStream<Readiness?>.Continuation)] = [:]
        var nextWatcher = 0
    }

    private let state = Mutex(State())

    public init() {}

    /// Sets the readiness of a service (full name) and tells whoever watches it.
    public func set(_ service: String = "", _ readiness: Readiness) {
        state.withLock { state in
            // Who sets what is true already, as a regular look does, is no news for watchers.
            guard state.services.updateValue(readiness, forKey: service) != readiness else { return }
            for watcher in state.watchers.values where watcher.service == service { watcher.changes.yield(readiness) }
        }
    }

    /// Sets every known service at once: for start and stop.
    public func setAll(_ readiness: Readiness) {
        for service in state.withLock({ Array($0.services.keys) }) { set(service, readiness) }
    }

    private static func wire(_ readiness: Readiness?) -> WireStatus {
        switch readiness {
        case .serving: .serving
        case .notServing: .notServing
        case nil: .serviceUnknown
        }
    }

    private static func answer(_ readiness: Readiness?) -> Grpc_Health_V1_HealthCheckResponse {
        var answer = Grpc_Health_V1_HealthCheckResponse()
        answer.status = wire(readiness)
        return answer
    }

    public func check(
        _ request: Grpc_Health_V1_HealthCheckRequest, context: ServerContext
    ) async throws -> Grpc_Health_V1_HealthCheckResponse {
        guard let readiness = state.withLock({ $0.services[request.service] }) else {
            throw Status.notFound("This server has no service of that name.", reason: "UNKNOWN_SERVICE")
        }
        return Self.answer(readiness)
    }

    public func list(
        _ request: Grpc_Health_V1_HealthListRequest, context: ServerContext
    ) async throws -> Grpc_Health_V1_HealthListResponse {
        var answer = Grpc_Health_V1_HealthListResponse()
        answer.statuses = state.withLock { $0.services }.mapValues { Self.answer($0) }
        return answer
    }

    public func watch(
        _ request: Grpc_Health_V1_HealthCheckRequest,
        responses: ResponseWriter<Grpc_Health_V1_HealthCheckResponse>, context: ServerContext
    ) async throws {
        // Only the newest state counts for a watcher that is behind.
        let (changes, continuation) = AsyncStream.makeStream(of: Readiness?.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.nextWatcher += 1
            state.watchers[state.nextWatcher] = (request.service, continuation)
            continuation.yield(state.services[request.service])
            return state.nextWatcher
        }
        defer { state.withLock { $0.watchers[number] = nil } }
        for await readiness in changes { try await responses.write(Self.answer(readiness)) }
        throw Status.cancelled()
    }
}
