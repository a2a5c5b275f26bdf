public import Logging
public import NIOCore
public import NIOPosix
public import ProtoRuntime
public import RPC

/// A client of one service, over h2c or TLS, wherever its servers are; see `Configuration` for how it connects and
/// tries again.
///
/// It keeps a connection to each address of its target and gives each call to the next one; calls that no connection
/// has room for open further ones. All of it lives on one event loop of the group. Make one client and share it: it is
/// cheap to call from many tasks. Close it before the group ends.
public final class RPCClient: ClientChannel {
    public let target: Target
    public let configuration: Configuration
    private let maker: CallMaker

    /// Connects at the first call. The default group is the process's own, with a loop for each core.
    public init(
        _ target: Target, configuration: Configuration = .defaults,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger = Logger(label: "ragdz.rpc.client")
    ) {
        self.target = target
        self.configuration = configuration
        maker = CallMaker(pool: ConnectionPool(target, configuration, group.next(), logger))
    }

    /// Ends the connections; running calls fail with `UNAVAILABLE`, later ones with `CANCELLED`.
    public func close() async {
        let pool = maker.pool
        try? await pool.loop.submit { pool.close() }.get()
    }

    private var intercepted: InterceptedChannel<CallMaker> {
        InterceptedChannel(maker, interceptors: configuration.interceptors)
    }

    // MARK: - Calls

    public func unary<Request: Message, Response: Message>(
        _ method: MethodDescriptor, _ request: Request, options: CallOptions
    ) async throws -> Response {
        if configuration.interceptors.isEmpty { return try await maker.unary(method, request, options: options) }
        return try await intercepted.unary(method, request, options: options)
    }

    public func serverStreaming<Request: Message, Response: Message>(
        _ method: MethodDescriptor, _ request: Request, options: CallOptions
    ) async throws -> ResponseStream<Response> {
        if configuration.interceptors.isEmpty {
            return try await maker.serverStreaming(method, request, options: options)
        }
        return try await intercepted.serverStreaming(method, request, options: options)
    }

    public func clientStreaming<Requests: AsyncSequence & Sendable, Response: Message>(
        _ method: MethodDescriptor, _ requests: Requests, options: CallOptions
    ) async throws -> Response where Requests.Element: Message {
        if configuration.interceptors.isEmpty {
            return try await maker.clientStreaming(method, requests, options: options)
        }
        return try await intercepted.clientStreaming(method, requests, options: options)
    }

    public func bidirectional<Requests: AsyncSequence & Sendable, Response: Message>(
        _ method: MethodDescriptor, _ requests: Requests, options: CallOptions
    ) async throws -> ResponseStream<Response> where Requests.Element: Message {
        if configuration.interceptors.isEmpty {
            return try await maker.bidirectional(method, requests, options: options)
        }
        return try await intercepted.bidirectional(method, requests, options: options)
    }
}
