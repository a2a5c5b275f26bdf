internal import HTTPTypes
internal import Hummingbird
internal import LoopExecutor
internal import NIOCore
internal import RPC

/// gRPC-Web over HTTP/1.1: `POST /ragdz.v1.Retrieval/Ask` with `application/grpc-web+proto`, for browsers with stock
/// gRPC-Web clients. Methods that answer once, and server streams.
///
/// Every answer is 200 with the call's status in a last frame (0x80), as the protocol wants it.
extension BridgeResponder {
    func grpcWeb(_ form: GRPCWebFraming.Form, _ request: BridgeRequest, _ executor: LoopExecutor) async -> Response {
        guard request.verb == "POST" else { return Self.methodNotAllowed(["POST", "OPTIONS"], request) }
        do {
            guard let method = router.method(request.path) else { throw Status.unknownMethod(request.path) }
            guard !method.callType.streamsRequests else {
                throw Status.unimplemented("This method needs an RPC client: it takes a stream of requests.")
            }
            if let encoding = request.header("grpc-encoding"), encoding != "identity" {
                throw Status.unimplemented(
                    "The request's grpc-encoding is not known: the bridge takes identity.", reason: "UNKNOWN_ENCODING")
            }
            let (body, http) = try await Self.bytes(request, limit: configuration.limits.message)
            let message = try GRPCWebFraming.request(body, form)
            let timeout = try grpcTimeout(method, request)
            if method.callType == .unary {
                return try await unaryFrames(form, method, message, request.context(method, timeout: timeout))
            }
            let call = EventStreamCall(router: router, limits: configuration.limits, executor: executor)
            let context = request.context(method, timeout: timeout)
            call.start(method, message, context)
            let writer = FrameStreamWriter(form: form, request: request, call: call, context: context)
            return Response(
                status: .ok, headers: [.contentType: form.contentType, .connection: "close"],
                body: ResponseBody { body in
                    try await http.body.consumeWithInboundCloseHandler(
                        { _ in try await writer.write(to: &body) }, onInboundClosed: { call.stop() })
                    try await body.finish(nil)
                })
        } catch {
            let status = Status(wrapping: error).localized(for: request.metadata)
            return Self.frames(form, GRPCWebFraming.trailers(status, Metadata()))
        }
    }

    private func unaryFrames(
        _ form: GRPCWebFraming.Form, _ method: MethodDescriptor, _ message: [UInt8], _ context: ServerContext
    ) async throws -> Response {
        let answer: [UInt8]
        do {
            answer = try await router.callUnary(method.path, request: message, context: context)
        } catch {
            let status = Status(wrapping: error).localized(for: context.metadata)
            var response = Self.frames(form, GRPCWebFraming.trailers(status, context.detachedAnswer.trailers))
            Self.add(context.detachedAnswer.initialMetadata, to: &response)
            return response
        }
        let end = GRPCWebFraming.trailers(.ok, context.detachedAnswer.trailers)
        var response = Self.frames(form, GRPCWebFraming.message(answer) + end)
        Self.add(context.detachedAnswer.initialMetadata, to: &response)
        return response
    }

    private static func frames(_ form: GRPCWebFraming.Form, _ bytes: [UInt8]) -> Response {
        json(.ok, form.encoded(bytes), type: form.contentType)
    }

    /// Headers that a handler has set.
    static func add(_ metadata: Metadata, to response: inout Response) {
        for header in metadata.entries {
            guard case .text(let value) = header.value, let name = HTTPField.Name(header.name) else { continue }
            response.headers[name] = value
        }
    }

    /// `grpc-timeout`, at most what the bridge allows this kind of call.
    private func grpcTimeout(_ method: MethodDescriptor, _ request: BridgeRequest) throws(Status) -> Duration {
        let limits = configuration.limits
        let limit = method.callType == .unary ? limits.unaryTimeout : limits.streamTimeout
        guard let text = request.header("grpc-timeout") else { return limit }
        let units: [Character: Duration] = [
            "H": .seconds(3600), "M": .seconds(60), "S": .seconds(1), "m": .milliseconds(1), "u": .microseconds(1),
            "n": .nanoseconds(1),
        ]
        guard let unit = text.last.flatMap({ units[$0] }), (2...9).contains(text.utf8.count),
            text.utf8.dropLast().allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let amount = Int(text.dropLast())
        else {
            throw .invalidArgument(
                "grpc-timeout is a number of at most eight digits and a unit of H M S m u n.", reason: "INVALID_TIMEOUT"
            )
        }
        return min(limit, unit * amount)
    }
}

/// Writes the messages of a server stream as frames, and its status as the last one.
struct FrameStreamWriter: Sendable {
    let form: GRPCWebFraming.Form
    let request: BridgeRequest
    let call: EventStreamCall
    let context: ServerContext

    func write(to body: inout any ResponseBodyWriter) async throws {
        defer { call.stop() }
        while true {
            switch await call.relay.next() {
            case .message(let wire): try await write(GRPCWebFraming.message(wire), to: &body)
            case .heartbeat, .quiet: continue
            case .finished: return try await end(.ok, &body)
            case .failed(let status): return try await end(status.localized(for: request.metadata), &body)
            }
        }
    }

    private func end(_ status: Status, _ body: inout any ResponseBodyWriter) async throws {
        try await write(GRPCWebFraming.trailers(status, context.detachedAnswer.trailers), to: &body)
    }

    private func write(_ frame: [UInt8], to body: inout any ResponseBodyWriter) async throws {
        try await body.write(ByteBuffer(bytes: form.encoded(frame)))
    }
}
