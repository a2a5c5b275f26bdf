public import ProtoRuntime

/// A channel whose calls go through interceptors, the first one outermost. Works over any channel.
public struct InterceptedChannel<Base: ClientChannel>: ClientChannel {
    private let base: Base
    private let interceptors: [any ClientInterceptor]

    public init(_ base: Base, interceptors: [any ClientInterceptor]) {
        self.base = base
        self.interceptors = interceptors
    }

    public func unary<Request: Message, Response: Message>(
        _ method: MethodDescriptor, _ request: Request, options: CallOptions
    ) async throws -> Response {
        let request = ClientRequest(method: method, options: options, body: .message(request))
        let responses: ResponseStream<Response> = try await run(request)
        return try await responses.only(method)
    }

    public func serverStreaming<Request: Message, Response: Message>(
        _ method: MethodDescriptor, _ request: Request, options: CallOptions
    ) async throws -> ResponseStream<Response> {
        try await run(ClientRequest(method: method, options: options, body: .message(request)))
    }

    public func clientStreaming<Requests: AsyncSequence & Sendable, Response: Message>(
        _ method: MethodDescriptor, _ requests: Requests, options: CallOptions
    ) async throws -> Response where Requests.Element: Message {
        let body = ClientRequest.Body.stream(RequestStream(requests))
        let responses: ResponseStream<Response> = try await run(
            ClientRequest(method: method, options: options, body: body))
        return try await responses.only(method)
    }

    public func bidirectional<Requests: AsyncSequence & Sendable, Response: Message>(
        _ method: MethodDescriptor, _ requests: Requests, options: CallOptions
    ) async throws -> ResponseStream<Response> where Requests.Element: Message {
        let body = ClientRequest.Body.stream(RequestStream(requests))
        return try await run(ClientRequest(method: method, options: options, body: body))
    }

    private func run<Request: Message, Response: Message>(
        _ request: ClientRequest<Request>
    ) async throws -> ResponseStream<Response> {
        do { return try await run(request, from: 0) } catch { throw Status(wrapping: error) }
    }

    private func run<Request: Message, Response: Message>(
        _ request: ClientRequest<Request>, from index: Int
    ) async throws -> ResponseStream<Response> {
        guard index < interceptors.count else { return try await call(request) }
        return try await interceptors[index].intercept(request, response: Response.self) { request in
            try await run(request, from: index + 1)
        }
    }

    /// The call itself. Every kind of answer is read as a stream; a unary one has one message.
    private func call<Request: Message, Response: Message>(
        _ request: ClientRequest<Request>
    ) async throws -> ResponseStream<Response> {
        switch request.body {
        case .message(let message):
            try await base.serverStreaming(request.method, message, options: request.options)
        case .stream(let stream): try await base.bidirectional(request.method, stream, options: request.options)
        }
    }
}

extension ClientChannel {
    /// This channel with interceptors around its calls, the first one outermost.
    public func intercepted(by interceptors: any ClientInterceptor...) -> InterceptedChannel<Self> {
        InterceptedChannel(self, interceptors: interceptors)
    }
}

extension ResponseStream {
    /// The one message of a stream that has exactly one.
    package func only(_ method: MethodDescriptor) async throws -> Element {
        var iterator = makeAsyncIterator()
        guard let message = try await iterator.next() else {
            throw Status.internalError("The server answered \(method.path) without a message.", reason: "NO_RESPONSE")
        }
        guard try await iterator.next() == nil else {
            throw Status.internalError(
                "The server answered \(method.path) with several messages.", reason: "TOO_MANY_RESPONSES")
        }
        return message
    }
}
