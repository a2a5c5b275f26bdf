public import ProtoRuntime

/// A service that can be served: generated code gives every `ServiceProtocol` its `register(in:)`.
public protocol RPCService: Sendable {
    func register(in router: inout Router)
}

/// Code that runs around every call: authentication, limits, metering, tracing.
///
/// It may refuse by throwing, hand `next` a changed context, and see how the call ended.
public protocol ServerInterceptor: Sendable {
    /// Whether calls of the method go through this one: all do unless it says otherwise. Asked at every call.
    func concerns(_ method: MethodDescriptor) -> Bool
    func intercept(_ context: ServerContext, _ next: @concurrent (ServerContext) async throws -> Void) async throws
}

extension ServerInterceptor {
    public func concerns(_ method: MethodDescriptor) -> Bool { true }
}

/// An interceptor that lets calls through or refuses them, without waiting for anything and without seeing how they end: that
/// costs a call no more than a function.
public protocol ServerCheck: ServerInterceptor {
    func check(_ context: ServerContext) throws
}

extension ServerCheck {
    public func intercept(
        _ context: ServerContext, _ next: @concurrent (ServerContext) async throws -> Void
    ) async throws {
        try check(context)
        try await next(context)
    }
}

/// A method and the code that answers it.
public final class Route: Sendable {
    /// Runs where its caller runs: a call that never waits crosses no executor.
    public typealias Handler = nonisolated(nonsending) @Sendable (any ServerCall, ServerContext) async throws -> Void
    public let method: MethodDescriptor
    /// The method's, at hand: the descriptor is too large to be copied for every call.
    public let streamsRequests: Bool
    /// Whether a client that lost the connection may take the stream up again: `resumable` in the proto file, and a
    /// request that is one message.
    public let isResumable: Bool
    public let handler: Handler

    public init(_ method: MethodDescriptor, _ handler: @escaping Handler) {
        self.method = method
        streamsRequests = method.callType.streamsRequests
        isResumable = method.policy.resumable && method.callType == .serverStreaming
        self.handler = handler
    }
}

/// Finds the handler of a path and runs it behind the interceptors. Built once, then only read.
public struct Router: Sendable {
    /// In order of registration.
    public private(set) var methods: [MethodDescriptor] = []
    /// What runs around every handler.
    package private(set) var chain: CallChain
    /// Nothing runs around the handlers: a transport may call them itself, unless the route is resumable.
    public var isPlain: Bool { chain.interceptors.isEmpty }
    private var routes: [String: Route] = [:]
    private var table = PathTable()
    /// Keeps what resumable streams have said. Without one, a resumable method promises to say the same again for
    /// the same request: a stream is taken up by running it again and leaving out what its client has.
    public var journal: (any StreamJournal)? {
        get { chain.journal }
        set { chain = CallChain(chain.interceptors, newValue) }
    }

    public init(interceptors: [any ServerInterceptor] = [], journal: (any StreamJournal)? = nil) {
        chain = CallChain(interceptors, journal)
    }

    public mutating func add(_ service: any RPCService) { service.register(in: &self) }
    /// Adds an interceptor that runs inside the ones that are there already.
    public mutating func add(interceptor: any ServerInterceptor) {
        chain = CallChain(chain.interceptors + [interceptor], chain.journal)
    }

    /// The names of the services that have at least one method here, in order of registration.
    public var services: [String] {
        var seen: Set<String> = []
        return methods.compactMap { seen.insert($0.service).inserted ? $0.service : nil }
    }

    public func method(_ path: String) -> MethodDescriptor? { routes[path]?.method }
    public func route(_ path: String) -> Route? { routes[path] }
    /// The route of the bytes of a `:path` header, without building a string.
    public func route(path: UnsafeRawBufferPointer) -> Route? { table.find(path) }

    /// Registers the raw handler of a method; a second registration of a path replaces the first.
    public mutating func add(_ method: MethodDescriptor, _ handler: @escaping Route.Handler) {
        let route = Route(method, handler)
        if routes.updateValue(route, forKey: method.path) == nil {
            methods.append(method)
        } else {
            methods.removeAll { $0.path == method.path }
            methods.append(method)
        }
        table = PathTable(routes.values)
    }

    /// Runs a call through the interceptors and its handler.
    nonisolated(nonsending)
        public func run(_ route: Route, _ call: any ServerCall, _ context: ServerContext) async throws
    {
        try await chain.run(route, call, context)
    }
}

// MARK: - What generated code calls

extension Router {
    @inlinable
    public mutating func unary<Request: Message, Response: Message>(
        _ method: MethodDescriptor,
        _ body: nonisolated(nonsending) @escaping @Sendable (Request, ServerContext) async throws -> Response
    ) {
        add(method) { call, context in
            let response = try await body(call.request(as: Request.self), context)
            try call.send(response)
        }
    }

    @inlinable
    public mutating func serverStreaming<Request: Message, Response: Message>(
        _ method: MethodDescriptor,
        _ body:
            nonisolated(nonsending) @escaping @Sendable (Request, ResponseWriter<Response>, ServerContext) async throws
            -> Void
    ) {
        add(method) { call, context in
            try await body(call.request(as: Request.self), ResponseWriter(call), context)
        }
    }

    @inlinable
    public mutating func clientStreaming<Request: Message, Response: Message>(
        _ method: MethodDescriptor,
        _ body:
            nonisolated(nonsending) @escaping @Sendable (RequestStream<Request>, ServerContext) async throws -> Response
    ) {
        add(method) { call, context in
            let response = try await body(RequestStream(call), context)
            try call.send(response)
        }
    }

    @inlinable
    public mutating func bidirectional<Request: Message, Response: Message>(
        _ method: MethodDescriptor,
        _ body:
            nonisolated(nonsending) @escaping @Sendable (
                RequestStream<Request>, ResponseWriter<Response>, ServerContext
            ) async throws ->
            Void
    ) {
        add(method) { call, context in
            try await body(RequestStream(call), ResponseWriter(call), context)
        }
    }
}
