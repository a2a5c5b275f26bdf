internal import HTTP2
internal import LoopExecutor
internal import Logging
internal import NIOCore
internal import ProtoRuntime
internal import RPC

/// One connection of the server: the channel's last handler, the HTTP/2 session and its calls.
///
/// One tick: read → feed the session → run the handlers → flush once. Unchecked: everything happens on `loop`.
final class ServerConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let configuration: RPCServer.Configuration
    let router: Router
    let loop: any EventLoop
    let executor: LoopExecutor
    let logger: Logger
    /// Names the connection in logs and request ids.
    let name: String
    let session: HTTP2Session
    private(set) var peer = ""

    private let scratch: OutputScratch
    private let registry: ConnectionRegistry
    private var context: ChannelHandlerContext?
    private var isReading = false
    private var flushIsScheduled = false
    private var isClosing = false
    /// The last request head and the header list that it was read from.
    private var lastHead: (key: HeaderKey, head: RequestHead)?
    private var watchdog: RepeatedTask?
    private var openedAt = NIODeadline.now()
    private var heardAt = NIODeadline.now()
    private var pingedAt: NIODeadline?

    init(_ server: ServerParts, _ loop: any EventLoop, _ scratch: OutputScratch, number: Int) throws {
        configuration = server.configuration
        router = server.router
        logger = server.logger
        registry = server.registry
        name = "\(server.name)-\(number)"
        self.loop = loop
        self.scratch = scratch
        executor = LoopExecutor.on(loop)
        session = try HTTP2Session(.server, limits: server.configuration.http2) {
            NIODeadline.now().uptimeNanoseconds
        }
    }

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
        guard watchdog == nil else { return }
        peer = context.remoteAddress.map(Self.describe) ?? "unknown"
        registry.add(self)
        (openedAt, heardAt) = (.now(), .now())
        let period = TimeAmount.nanoseconds(min(configuration.handshakeTimeout.nanoseconds, 5_000_000_000) / 2 + 1)
        watchdog = loop.scheduleRepeatedTask(initialDelay: period, delay: period) { [weak self] _ in self?.watch() }
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
        watchdog?.cancel()
        watchdog = nil
        registry.remove(self)
        for stream in session.abandonStreams() { (stream as? ServerStream)?.peerLeft() }
    }

    // MARK: - Out

    /// Asks for a flush at the end of this tick, whoever runs it.
    func scheduleFlush() {
        guard !isReading, !flushIsScheduled else { return }
        flushIsScheduled = true
        loop.execute {
            self.flushIsScheduled = false
            self.flush()
        }
    }

    private func flush() {
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
        for stream in session.takeDrained() { (stream as? ServerStream)?.drained() }
        if isClosing || session.isOver { context.close(promise: nil) }
    }

    // MARK: - Events

    private func handleEvents() {
        // Handlers that run in here may add events only by `pull`, which nobody calls before the loop is done.
        var index = 0
        while index < session.events.count {
            handle(session.events[index])
            index += 1
        }
        session.clearEvents()
    }

    private func handle(_ event: HTTP2Event) {
        switch event.kind {
        case .headers: opened(event)
        case .data:
            session.consumeConnection(event.bytes.count)
            guard let stream = session.stream(event.streamID) else { return }
            unsafeDowncast(stream, to: ServerStream.self).received(event.bytes, endsStream: event.endsStream)
        case .trailers:
            guard let stream = session.stream(event.streamID) as? ServerStream else { return }
            stream.received(UnsafeRawBufferPointer(start: nil, count: 0), endsStream: true)
        case .headersTooLarge:
            refuse(event.streamID, 431, "The header list is larger than \(configuration.http2.headerListSize) bytes.")
        case .closed:
            if let stream = event.stream { unsafeDowncast(stream, to: ServerStream.self).closed() }
        case .goAway, .settings, .pingAcknowledged: break
        }
    }

    private func opened(_ event: HTTP2Event) {
        let head: RequestHead
        if let lastHead, session.headers(of: event, match: lastHead.key, without: "grpc-timeout") {
            head = lastHead.head
        } else {
            head = readHead(event)
        }
        if let refusal = head.refusal { return refuse(event.streamID, refusal.status, refusal.text) }
        let deadline = lastHead?.key.count == event.headers.count ? nil : readDeadline(event)
        let route = head.route ?? Route.unknown(head.path)
        let stream = ServerStream(self, head, route, deadline: deadline)
        guard session.attach(stream, to: event.streamID) else { return }
        if event.endsStream { stream.requestsEnded = true }
        if head.route == nil { return stream.abort(.unknownMethod(head.path)) }
        if head.encoding == .unknown { return stream.abort(.unknownEncoding) }
        stream.opened()
    }

    private func readHead(_ event: HTTP2Event) -> RequestHead {
        var fields = RequestHead.Fields()
        session.forEachHeader(of: event) { fields.add($0, $1, router) }
        let head = RequestHead(fields, router: router)
        lastHead = (session.headerKey(of: event, without: "grpc-timeout"), head)
        return head
    }

    private func readDeadline(_ event: HTTP2Event) -> Deadline? {
        var timeout: Duration?
        session.forEachHeader(of: event) { name, value in
            if name.equals("grpc-timeout") { timeout = TimeoutCoding.decode(value) ?? .zero }
        }
        return timeout.map { .after($0) }
    }

    /// Answers in plain HTTP what is no call.
    private func refuse(_ streamID: Int32, _ status: Int, _ text: String) {
        let stream = HTTP2Stream()
        guard session.attach(stream, to: streamID) else { return }
        var headers = HeaderList([":status": "\(status)", "content-type": "text/plain"])
        if status == 405 { headers.add("allow", "POST") }
        stream.extendOutput(by: text.utf8.count).copyBytes(from: text.utf8)
        session.submitResponse(stream, headers)
        session.finish(stream)
        scheduleFlush()
    }
}

// MARK: - Time and the end

extension ServerConnection {
    /// Looks after what nobody else notices: a peer that never speaks, never asks, or has vanished.
    private func watch() {
        let now = NIODeadline.now()
        for stream in session.liveStreams { (stream as? ServerStream)?.watch(now) }
        if let pingedAt {
            if now - pingedAt > configuration.keepaliveTimeout { return closeNow() }
        } else if session.liveStreamCount == 0 {
            if now - heardAt > (hasHeard ? configuration.idleTimeout : configuration.handshakeTimeout) { stop() }
        } else if now - heardAt > configuration.keepaliveInterval {
            pingedAt = now
            session.ping()
        }
        if let age = configuration.maximumConnectionAge, now - openedAt > age { stop() }
        flush()
    }

    private var hasHeard: Bool { heardAt > openedAt }

    /// Ends the connection when its calls are done.
    func stop() { session.terminateGracefully() }

    func beginShutdown() {
        stop()
        flush()
    }

    func closeNow() {
        for stream in session.liveStreams {
            (stream as? ServerStream)?.abort(.unavailable("The server is stopping: call again.", reason: "SHUTDOWN"))
        }
        session.terminate(.noError)
        flush()
        context?.close(promise: nil)
    }

    /// What the caller may read of an error, and what the log keeps.
    func describe(_ error: any Error, _ stream: ServerStream) -> Status {
        let status = Status(wrapping: error)
        if status.code == .internalError, !(error is Status) {
            logger.error(
                "call failed",
                metadata: ["method": "\(stream.method.path)", "request": "\(stream.requestID)", "error": "\(error)"])
        }
        return status
    }
}

extension Route {
    /// Stands in for a method that does not exist.
    static func unknown(_ path: String) -> Route {
        let parts = path.split(separator: "/", maxSplits: 1)
        return Route(
            MethodDescriptor(
                service: parts.first.map(String.init) ?? "", name: parts.last.map(String.init) ?? "",
                callType: .unary, requestType: Google_Protobuf_Empty.self, responseType: Google_Protobuf_Empty.self)
        ) { _, _ in throw Status.unknownMethod(path) }
    }
}

extension Status {
    static let unknownEncoding = Status.unimplemented(
        "The request's grpc-encoding is not known: use gzip or identity.", reason: "UNKNOWN_ENCODING")
}
