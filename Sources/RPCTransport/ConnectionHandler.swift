internal import HTTP2
internal import Logging
internal import LoopExecutor
internal import NIOCore

/// The last handler of a connection's channel: carries bytes between the socket and the HTTP/2 session.
///
/// One tick: read → feed the session → run the handlers → flush once. Server and client subclass it for what the
/// events mean. Unchecked: everything happens on `loop`.
class ConnectionHandler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    final let loop: any EventLoop
    final let executor: LoopExecutor
    final let session: HTTP2Session
    final let logger: Logger
    /// Names the connection in logs and request ids.
    final let name: String
    /// The other end as text, once connected.
    private(set) final var peer = ""
    /// When something last came from the peer.
    @exclusivity(unchecked) final var heardAt = NIODeadline.now()
    /// When a PING went out that nothing has followed yet.
    @exclusivity(unchecked) final var pingedAt: NIODeadline?
    @exclusivity(unchecked) final var isClosing = false

    private let scratch: OutputScratch
    @exclusivity(unchecked) private(set) final var context: ChannelHandlerContext?
    private var hasBegun = false
    @exclusivity(unchecked) private var isReading = false
    @exclusivity(unchecked) private var isHandling = false
    @exclusivity(unchecked) private var flushIsScheduled = false

    init(
        _ role: HTTP2Session.Role, _ limits: HTTP2Limits, loop: any EventLoop, scratch: OutputScratch, name: String,
        logger: Logger
    ) throws {
        self.loop = loop
        self.scratch = scratch
        self.name = name
        self.logger = logger
        executor = LoopExecutor.on(loop)
        session = try HTTP2Session(role, limits: limits) { NIODeadline.now().uptimeNanoseconds }
    }

    // MARK: - What subclasses say

    /// The channel is connected.
    func begun() {}
    func handle(_ event: HTTP2Event) {}
    /// Everything that one read brought is handled; the bytes are still there.
    func handledRead() {}
    /// The channel is gone; `streams` were open.
    func ended(_ streams: [HTTP2Stream]) {}

    // MARK: - The channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard !hasBegun else { return }
        hasBegun = true
        peer = context.remoteAddress.map(Self.describe) ?? "unknown"
        heardAt = .now()
        begun()
        flush()
    }

    private static func describe(_ address: SocketAddress) -> String {
        if let ip = address.ipAddress, let port = address.port { return "\(ip):\(port)" }
        return address.pathname.map { "unix:\($0)" } ?? "\(address)"
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isReading = true
        heardAt = .now()
        pingedAt = nil
        let buffer = Self.unwrapInboundIn(data)
        buffer.withUnsafeReadableBytes { bytes in
            do {
                try session.receive(bytes)
                handleEvents()
            } catch {
                logger.debug("connection broken", metadata: ["connection": "\(name)", "error": "\(error)"])
                handleEvents()
                isClosing = true
            }
            handledRead()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        flush()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { flush() }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.debug("connection failed", metadata: ["connection": "\(name)", "error": "\(error)"])
        context.close(promise: nil)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
        self.context = nil
    }

    private func end() {
        isClosing = true
        ended(session.abandonStreams())
    }

    // MARK: - Out

    /// Asks for a flush at the end of this tick, whoever runs it.
    final func scheduleFlush() {
        guard !isReading, !flushIsScheduled else { return }
        flushIsScheduled = true
        loop.execute {
            self.flushIsScheduled = false
            self.flush()
        }
    }

    final func flush() {
        guard let context else { return }
        var hasWritten = false
        do {
            while context.channel.isWritable, session.wantsWrite {
                guard let buffer = try scratch.fill(from: session) else { break }
                context.write(Self.wrapOutboundOut(buffer), promise: nil)
                hasWritten = true
                if !session.events.isEmpty { handleEvents() }
            }
        } catch {
            isClosing = true
        }
        if hasWritten { context.flush() }
        for stream in session.takeDrained() { stream.drained() }
        if isClosing || session.isOver { context.close(promise: nil) }
    }

    private func handleEvents() {
        // An event may end the connection, which flushes: what the flush adds is read by the loop that runs already,
        // and what that loop has read is not read again.
        guard !isHandling else { return }
        isHandling = true
        defer { isHandling = false }
        var index = 0
        while index < session.events.count {
            handle(session.events[index])
            index += 1
        }
        session.clearEvents()
    }
}
