internal import HTTP2
public import Logging
public import NIOCore
public import NIOPosix
public import RPC
internal import Synchronization
internal import TLS

/// A gRPC server over h2c or TLS, which also speaks RAG-DZ's own framing.
///
/// Every connection lives on one event loop of the group, and its handlers run there.
public final class RPCServer: Sendable {
    private let parts: ServerParts
    private let group: MultiThreadedEventLoopGroup
    private let listener = Mutex<(any Channel)?>(nil)
    /// Where calls run, one for each loop, once the server has started.
    let workers = Mutex<[CallWorkers]>([])

    public init(
        _ configuration: Configuration = .defaults, router: Router,
        group: MultiThreadedEventLoopGroup = .singleton,
        logger: Logger = Logger(label: "ragdz.rpc")
    ) {
        parts = ServerParts(configuration, router, logger)
        self.group = group
    }

    /// Listens; returns the address, with the port that the system chose when the configuration says 0.
    @discardableResult
    public func start() async throws -> SocketAddress {
        let parts = self.parts
        try parts.configuration.checkPlaintext()
        let shares = Dictionary(
            uniqueKeysWithValues: group.makeIterator().map { (ObjectIdentifier($0), LoopShare($0)) })
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 512)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // One read, then the others': what is left makes the socket ready again.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let share = shares[ObjectIdentifier(channel.eventLoop)] ?? LoopShare(channel.eventLoop)
                    try parts.open(channel, share)
                }
            }
            .bind(host: parts.configuration.host, port: parts.configuration.port).get()
        listener.withLock { $0 = channel }
        workers.withLock { $0 = shares.values.map(\.workers) }
        guard let address = channel.localAddress else { throw ChannelError.unknownLocalAddress }
        return address
    }

    /// Stops listening, tells every client, and lets running calls finish for at most `grace`. Then the rest is
    /// cancelled with `UNAVAILABLE`.
    public func shutdown(grace: Duration = .seconds(10)) async {
        let channel = listener.withLock { listener in
            defer { listener = nil }
            return listener
        }
        try? await channel?.close().get()
        parts.registry.forEach { $0.beginShutdown() }
        let end = ContinuousClock.now.advanced(by: grace)
        while !parts.registry.isEmpty, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(5)) }
        parts.registry.forEach { $0.closeNow() }
        let patience = ContinuousClock.now.advanced(by: .seconds(2))
        while !parts.registry.isEmpty, ContinuousClock.now < patience { try? await Task.sleep(for: .milliseconds(5)) }
        let idle = workers.withLock { workers in
            defer { workers = [] }
            return workers
        }
        for workers in idle { workers.stop() }
    }
}

extension RPCServer.Configuration {
    /// Credentials and documents must not cross a network in the clear by accident.
    fileprivate func checkPlaintext() throws {
        let isLoopback = host == "localhost" || host == "::1" || host.hasPrefix("127.")
        guard tls == nil, !isLoopback, !allowsPlaintextBeyondLoopback else { return }
        throw Status.failedPrecondition(
            "Listening on \(host) without TLS: set a certificate and key, or allow plain text beyond loopback.",
            reason: "PLAINTEXT_BEYOND_LOOPBACK")
    }
}

/// What all connections of a server share.
final class ServerParts: Sendable {
    let configuration: RPCServer.Configuration
    let router: Router
    let logger: Logger
    let registry = ConnectionRegistry()
    /// Distinguishes the request ids of server processes.
    let name: String
    private let opened = Atomic<Int>(0)

    init(_ configuration: RPCServer.Configuration, _ router: Router, _ logger: Logger) {
        self.configuration = configuration
        self.router = router
        self.logger = logger
        name = String(UInt32.random(in: .min ... .max), radix: 36)
    }

    func open(_ channel: any Channel, _ share: LoopShare) throws {
        let number = opened.add(1, ordering: .relaxed).newValue
        let tls = try configuration.tls.map { try TLSHandler($0.context) }
        let connection = try ServerConnection(self, channel.eventLoop, share, number: number, tls: tls)
        if let tls { try channel.pipeline.syncOperations.addHandler(tls) }
        try channel.pipeline.syncOperations.addHandler(connection)
    }
}

/// The open connections of a server.
final class ConnectionRegistry: Sendable {
    private let connections = Mutex<[ObjectIdentifier: ServerConnection]>([:])

    func add(_ connection: ServerConnection) {
        connections.withLock { $0[ObjectIdentifier(connection)] = connection }
    }
    func remove(_ connection: ServerConnection) {
        connections.withLock { $0[ObjectIdentifier(connection)] = nil }
    }
    var count: Int { connections.withLock { $0.count } }
    var isEmpty: Bool { connections.withLock { $0.isEmpty } }

    /// Runs `body` for each connection on its loop.
    func forEach(_ body: @escaping @Sendable (ServerConnection) -> Void) {
        for connection in connections.withLock({ Array($0.values) }) {
            connection.loop.execute { body(connection) }
        }
    }
}
