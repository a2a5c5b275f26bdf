internal import HTTP2
internal import Logging
internal import LoopExecutor
internal import NIOCore
internal import ProtoRuntime
internal import RPC
internal import TLS

/// One connection of the server and its calls. Unchecked through its superclass: confined to `loop`.
final class ServerConnection: ConnectionHandler, @unchecked Sendable {
    let configuration: RPCServer.Configuration
    let router: Router
    let chain: CallChain
    let workers: CallWorkers
    /// No interceptor runs around the calls.
    let isPlain: Bool

    private let registry: ConnectionRegistry
    private let tls: TLSHandler?
    private var watchdog: RepeatedTask?
    /// Times that the watchdog compares.
    @exclusivity(unchecked) var watch = Watch()
    /// The peer has sent its SETTINGS, so it does speak HTTP/2.
    @exclusivity(unchecked) private(set) var isGreeted = false
    /// Calls that came in a burst and wait for the connection's next turn.
    @exclusivity(unchecked) var backlog: [ServerStream?] = []
    /// Handlers that still run although their streams are over.
    @exclusivity(unchecked) var orphans = 0
    /// Memory for requests that are larger than a stream's window.
    @exclusivity(unchecked) var largeRequests: LargeRequests
    /// The server had enough connections when this one came.
    private let isRefused: Bool

    init(_ server: ServerParts, _ loop: any EventLoop, _ share: LoopShare, number: Int, tls: TLSHandler?) throws {
        isRefused = server.registry.count >= server.configuration.maximumConnections
        largeRequests = LargeRequests(
            capacity: max(
                server.configuration.connectionRequestBuffer,
                LargeRequests.room(for: server.configuration.maximumMessageSize)))
        self.tls = tls
        configuration = server.configuration
        router = server.router
        chain = server.router.chain
        isPlain = server.router.isPlain
        registry = server.registry
        workers = share.workers
        try super.init(
            .server, server.configuration.http2, loop: loop, scratch: share.scratch, name: "\(server.name)-\(number)",
            logger: server.logger)
        session.varyingHeader = "grpc-timeout"
    }

    /// The DNS and URI names of the client's certificate, with mTLS.
    private(set) lazy var peerNames: [String] = tls?.peerNames ?? []

    override func begun() {
        registry.add(self)
        if isRefused { return session.terminate(.noError) }
        watch = Watch(openedAt: heardAt, configuration)
        let period = Watch.period(configuration)
        watchdog = loop.scheduleRepeatedTask(initialDelay: period, delay: period) { [weak self] _ in self?.look() }
    }

    override func ended(_ streams: [HTTP2Stream]) {
        watchdog?.cancel()
        watchdog = nil
        registry.remove(self)
        for stream in streams { (stream as? ServerStream)?.peerLeft() }
    }

    // MARK: - Events

    override func handle(_ event: HTTP2Event) {
        switch event.kind {
        case .headers: opened(event)
        case .data:
            // The connection's window is never held back: one slow call must not stop the others.
            session.consumeConnection(event.bytes.count)
            session.stream(event.streamID)?.received(event.bytes, endsStream: event.endsStream)
        case .trailers:
            session.stream(event.streamID)?.received(UnsafeRawBufferPointer(start: nil, count: 0), endsStream: true)
        case .headersTooLarge:
            refuse(tooLarge: event)
        case .closed:
            event.stream?.closed(HTTP2ErrorCode(rawValue: event.code))
        case .settings: isGreeted = true
        case .goAway, .pingAcknowledged: break
        }
    }

    override func handledRead() { workers.drain(self, at: heardAt) }

    private func opened(_ event: HTTP2Event) {
        let head: RequestHead
        let deadline: Deadline?
        if let known = session.meaning(of: event) {
            // Nothing else is ever remembered here.
            head = unsafeDowncast(known, to: RequestHead.self)
            deadline = session.hasVaryingHeader(event) ? readDeadline(event) : nil
        } else {
            head = readHead(event)
            deadline = readDeadline(event)
        }
        if let refusal = head.refusal { return refuse(event, refusal.status, refusal.text) }
        let stream = ServerStream(self, head, deadline: deadline)
        guard session.attach(stream, to: event.streamID) else { return }
        if event.endsStream { stream.peerHasEnded = true }
        if !head.isKnown { return stream.abort(.unknownMethod(head.path)) }
        if let failure = head.failure { return stream.abort(failure) }
        if head.encoding == .unknown { return stream.abort(.unknownEncoding) }
        stream.opened()
    }

    private func readHead(_ event: HTTP2Event) -> RequestHead {
        var fields = RequestHead.Fields()
        session.forEachHeader(of: event) { fields.add($0, $1, router) }
        let head = RequestHead(fields, router: router)
        session.remember(head, for: event)
        return head
    }

    private func readDeadline(_ event: HTTP2Event) -> Deadline? {
        var timeout: Duration?
        session.forEachHeader(of: event) { name, value in
            if name.equals("grpc-timeout") { timeout = TimeoutCoding.decode(value) ?? .zero }
        }
        return timeout.map { .after($0) }
    }

    /// Whoever sends so many headers is a gRPC client with too much metadata as a rule, and of 431 alone it makes UNKNOWN. A
    /// status of gRPC beside that of HTTP counts more, by gRPC's mapping of statuses.
    private func refuse(tooLarge event: HTTP2Event) {
        let stream = HTTP2Stream()
        stream.peerHasEnded = event.endsStream
        guard session.attach(stream, to: event.streamID) else { return }
        var headers = HeaderList([":status": "431", "content-type": Framing.grpcContentType])
        MetadataCoding.writeStatus(
            .resourceExhausted(
                "The header list is larger than \(configuration.http2.headerListSize) bytes: send less metadata.",
                reason: "HEADERS_TOO_LARGE"),
            to: &headers)
        session.submitResponse(stream, headers, endStream: true)
        scheduleFlush()
    }

    /// Answers in plain HTTP what is no call.
    private func refuse(_ event: HTTP2Event, _ status: Int, _ text: String) {
        let stream = HTTP2Stream()
        stream.peerHasEnded = event.endsStream
        guard session.attach(stream, to: event.streamID) else { return }
        var headers = HeaderList([":status": "\(status)", "content-type": "text/plain"])
        if status == 405 { headers.add("allow", "POST") }
        stream.extendOutput(by: text.utf8.count).copyBytes(from: text.utf8)
        session.submitResponse(stream, headers)
        session.finish(stream)
        scheduleFlush()
    }
}

// MARK: - Errors

extension ServerConnection {
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
