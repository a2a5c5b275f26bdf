public import NIOCore
public import NIOPosix
import Synchronization

/// A TCP proxy that spoils what the server says: cuts the connection after some bytes, or flips bits on the way.
///
/// Each connection that it accepts asks `faults` what to do with it; connections are counted from 0.
public final class FaultyProxy: Sendable {
    public struct Fault: Sendable {
        /// Bytes from the server after which both sides are cut off.
        public var cutsAfter: Int?
        /// A byte from the server that is changed: its place, and which bits.
        public var flips: (offset: Int, mask: UInt8)?
        /// Bytes from the client after which nothing of it is passed on; the connection stays open.
        public var stopsAfterSent: Int?

        public init(
            cutsAfter: Int? = nil, flips: (offset: Int, mask: UInt8)? = nil, stopsAfterSent: Int? = nil
        ) {
            self.cutsAfter = cutsAfter
            self.flips = flips
            self.stopsAfterSent = stopsAfterSent
        }
    }

    public let port: Int
    private let channel: any Channel
    private let counter: Counter

    final class Counter: Sendable {
        let connections = Atomic<Int>(0)
        let bytes = Atomic<Int>(0)
        let sent = Atomic<Int>(0)
        let stopped = Atomic(false)
        let open = Mutex<[ObjectIdentifier: any Channel]>([:])
    }

    /// Connections that were accepted so far.
    public var connectionCount: Int { counter.connections.load(ordering: .relaxed) }
    /// Bytes from the server that were passed on.
    public var bytesPassed: Int { counter.bytes.load(ordering: .relaxed) }

    /// Bytes from clients that were passed on.
    public var bytesSent: Int { counter.sent.load(ordering: .relaxed) }
    /// Whether a connection came to its `stopsAfterSent`.
    public var hasStopped: Bool { counter.stopped.load(ordering: .relaxed) }

    public convenience init(
        to upstream: Int, faults: @escaping @Sendable (_ connection: Int) -> Fault = { _ in Fault() }
    ) async throws { try await self.init(upstream: { upstream }, faults: faults) }

    /// `upstream` is the server's port, asked for each connection: a server that is restarted may have another one.
    public init(
        upstream: @escaping @Sendable () -> Int, group: MultiThreadedEventLoopGroup = .singleton,
        faults: @escaping @Sendable (_ connection: Int) -> Fault = { _ in Fault() }
    ) async throws {
        let counter = Counter()
        self.counter = counter
        channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { client in
                let number = counter.connections.add(1, ordering: .relaxed).oldValue
                counter.open.withLock { $0[ObjectIdentifier(client)] = client }
                client.closeFuture.whenComplete { _ in
                    _ = counter.open.withLock { $0.removeValue(forKey: ObjectIdentifier(client)) }
                }
                let fault = faults(number)
                return ClientBootstrap(group: client.eventLoop)
                    .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .channelInitializer { server in
                        server.eventLoop.makeCompletedFuture {
                            try server.pipeline.syncOperations.addHandler(Passage(client, fault, counter))
                            try client.pipeline.syncOperations.addHandler(
                                Outward(server, stopsAfter: fault.stopsAfterSent ?? .max, counter))
                        }
                    }
                    .connect(host: "127.0.0.1", port: upstream())
                    .flatMap { _ in client.setOption(.autoRead, value: true) }
                    .flatMapError { _ in client.close() }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    /// Cuts every connection that is open now.
    public func cutAll() async {
        for open in counter.open.withLock({ Array($0.values) }) { try? await open.close().get() }
    }

    public func stop() async {
        try? await channel.close().get()
        await cutAll()
    }
}

/// Passes what one side says to the other. Unchecked: used on its channel's loop only, which both sides share.
private final class Passage: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    private let other: any Channel
    private let fault: FaultyProxy.Fault
    private let counter: FaultyProxy.Counter?
    private var passed = 0

    init(_ other: any Channel, _ fault: FaultyProxy.Fault, _ counter: FaultyProxy.Counter?) {
        self.other = other
        self.fault = fault
        self.counter = counter
    }

    func channelActive(context: ChannelHandlerContext) {
        if fault.cutsAfter == 0 { cut(context) }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = Self.unwrapInboundIn(data)
        let cuts = fault.cutsAfter.map { passed + buffer.readableBytes >= $0 } ?? false
        if let limit = fault.cutsAfter, cuts {
            buffer = buffer.getSlice(at: buffer.readerIndex, length: limit - passed) ?? buffer
        }
        if let flip = fault.flips, flip.offset >= passed, flip.offset < passed + buffer.readableBytes {
            let place = buffer.readerIndex + flip.offset - passed
            if let byte: UInt8 = buffer.getInteger(at: place) { buffer.setInteger(byte ^ flip.mask, at: place) }
        }
        passed += buffer.readableBytes
        counter?.bytes.add(buffer.readableBytes, ordering: .relaxed)
        let written = other.writeAndFlush(buffer)
        if cuts { written.whenComplete { _ in self.cut(context.channel) } }
    }

    func channelInactive(context: ChannelHandlerContext) {
        other.close(promise: nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { cut(context) }

    private func cut(_ context: ChannelHandlerContext) { cut(context.channel) }

    private func cut(_ channel: any Channel) {
        other.close(promise: nil)
        channel.close(promise: nil)
    }
}

/// Passes on what the client says, up to some bytes. Unchecked: used on its channel's loop only, which both sides share.
private final class Outward: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    private let server: any Channel
    private let limit: Int
    private let counter: FaultyProxy.Counter
    private var passed = 0

    init(_ server: any Channel, stopsAfter limit: Int, _ counter: FaultyProxy.Counter) {
        self.server = server
        self.limit = limit
        self.counter = counter
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = Self.unwrapInboundIn(data)
        if passed + buffer.readableBytes > limit {
            counter.stopped.store(true, ordering: .relaxed)
            buffer = buffer.readSlice(length: limit - passed) ?? buffer
        }
        guard buffer.readableBytes > 0 else { return }
        passed += buffer.readableBytes
        counter.sent.add(buffer.readableBytes, ordering: .relaxed)
        server.writeAndFlush(buffer, promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        server.close(promise: nil)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        server.close(promise: nil)
        context.close(promise: nil)
    }
}
