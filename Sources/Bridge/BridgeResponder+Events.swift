internal import HTTPTypes
internal import Hummingbird
internal import LoopExecutor
internal import NIOCore
internal import ProtoRuntime
internal import RPC

/// Server streams as server-sent events.
extension BridgeResponder {
    func events(
        _ entry: RouteTable.Entry, _ bindings: [PathTemplate.Binding], _ request: BridgeRequest,
        _ executor: LoopExecutor
    ) async throws -> Response {
        if request.verb == "HEAD" { return Response(status: .ok, headers: Self.eventHeaders) }
        let query = try request.query()
        let (body, http) = try await Self.jsonBody(request, limit: configuration.limits.jsonBody)
        var wire = try RequestTranscoding(entry).wire(bindings: bindings, query: query, body: body)
        wire += Self.resumption(entry, http)
        let call = EventStreamCall(router: router, limits: configuration.limits, executor: executor)
        let context = request.context(entry.method, timeout: configuration.limits.streamTimeout)
        call.start(entry.method, wire, context)
        let first = await call.relay.next()
        if case .failed(let status) = first { return Self.problem(status, request, context) }
        let writer = EventWriter(entry: entry, request: request, call: call)
        var response = Response(
            status: .ok, headers: Self.eventHeaders,
            body: ResponseBody { body in
                try await http.body.consumeWithInboundCloseHandler(
                    { _ in
                        try await writer.write(first, to: &body)
                    }, onInboundClosed: { call.stop() })
                try await body.finish(nil)
            })
        Self.add(context.detachedAnswer.initialMetadata, to: &response)
        return response
    }

    private static let eventHeaders: HTTPFields = [
        .contentType: ServerSentEvents.contentType, .connection: "close",
    ]

    /// `Last-Event-ID` of a stream with numbers of its own is its `after_sequence`; it comes last, so it wins.
    private static func resumption(_ entry: RouteTable.Entry, _ request: Request) -> [UInt8] {
        guard let name = HTTPField.Name("last-event-id"), let text = request.headers[name], let number = Int64(text),
            number >= 0
        else { return [] }
        return (try? MessageCoding.wire(entry.method.requestType, json: "{\"after_sequence\":\"\(number)\"}")) ?? []
    }
}

/// A server-streaming call that runs beside the HTTP response that carries it.
///
/// It ends when the method does, when the reader leaves, or when nobody holds it any more.
final class EventStreamCall: Sendable {
    let relay = EventRelay()
    private let router: RPC.Router
    private let limits: Bridge.Limits
    private let executor: LoopExecutor
    private let cancellation = Cancellation()

    init(router: RPC.Router, limits: Bridge.Limits, executor: LoopExecutor) {
        self.router = router
        self.limits = limits
        self.executor = executor
    }

    deinit {
        relay.close()
        cancellation.cancel()
    }

    func start(_ method: MethodDescriptor, _ request: [UInt8], _ context: ServerContext) {
        let (relay, router, limits) = (relay, router, limits)
        cancellation.add(
            Task(executorPreference: executor) {
                do {
                    try await router.callServerStreaming(method.path, request: request, context: context) { message in
                        try await relay.send(message)
                    }
                    relay.post(.finished)
                } catch {
                    relay.post(.failed(Status(wrapping: error)))
                }
            })
        cancellation.add(
            Task(executorPreference: executor) {
                guard (try? await Task.sleep(for: limits.firstEventGrace)) != nil else { return }
                relay.post(.quiet)
                while (try? await Task.sleep(for: limits.heartbeat)) != nil { relay.post(.heartbeat) }
            })
    }

    func stop() {
        relay.close()
        cancellation.cancel()
    }
}

/// Writes the items of a relay as events.
struct EventWriter: Sendable {
    let entry: RouteTable.Entry
    let request: BridgeRequest
    let call: EventStreamCall

    func write(_ first: EventRelay.Item, to body: inout any ResponseBodyWriter) async throws {
        defer { call.stop() }
        var item = first
        var count: Int64 = 0
        while true {
            switch item {
            case .message(let wire):
                count += 1
                try await body.write(ByteBuffer(bytes: try event(wire, count)))
            case .heartbeat, .quiet:
                try await body.write(ByteBuffer(bytes: ServerSentEvents.heartbeat))
            case .finished:
                return try await body.write(ByteBuffer(bytes: ServerSentEvents.end))
            case .failed(let status):
                let problem = Problem(status, language: request.language, requestID: request.requestID)
                return try await body.write(ByteBuffer(bytes: ServerSentEvents.error(problem)))
            }
            item = await call.relay.next()
        }
    }

    private func event(_ wire: [UInt8], _ count: Int64) throws -> [UInt8] {
        let message = try MessageCoding.message(entry.method.responseType, wire: wire)
        let named = message as? any StreamEvent
        return ServerSentEvents.event(
            id: named?.eventNumber ?? count, name: named?.eventName ?? "message",
            json: try MessageCoding.json(message))
    }
}
