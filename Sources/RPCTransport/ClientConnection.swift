internal import HTTP2
internal import Logging
internal import NIOCore
internal import RPC

/// One connection of the client and its calls. Unchecked through its superclass: confined to `loop`.
final class ClientConnection: ConnectionHandler, @unchecked Sendable {
    /// What the pool hears of its connection.
    enum News {
        /// The server has sent its SETTINGS: calls may start.
        case ready
        /// The connection could not be made.
        case failed(Status)
        /// No new call may start here; running ones go on.
        case retired
        /// A call has ended, or the server allows more of them.
        case roomForMore
        case gone
    }

    private enum Phase {
        case connecting, ready, retired, gone
    }

    let configuration: RPCClient.Configuration
    let address: ServerAddress
    private let onNews: (News) -> Void
    private var phase = Phase.connecting
    private var watchdog: RepeatedTask?
    private var connectTimer: Scheduled<Void>?
    private var failure: String?
    /// Calls that belong to the connection itself.
    var ownStreams = 0

    init(
        _ configuration: RPCClient.Configuration, _ loop: any EventLoop, _ scratch: OutputScratch,
        _ address: ServerAddress, logger: Logger, onNews: @escaping (News) -> Void
    ) throws {
        self.configuration = configuration
        self.address = address
        self.onNews = onNews
        try super.init(
            .client, configuration.http2, loop: loop, scratch: scratch, name: address.authority, logger: logger)
    }

    /// How many more calls the server takes here.
    var room: Int {
        guard phase == .ready, !isClosing else { return 0 }
        return min(session.peerStreamLimit, configuration.maximumStreamsPerConnection) - session.liveStreamCount
    }

    override func begun() {
        let period = TimeAmount.nanoseconds(max(1, configuration.keepaliveTimeout.nanoseconds / 2))
        watchdog = loop.scheduleRepeatedTask(initialDelay: period, delay: period) { [weak self] _ in self?.watch() }
        connectTimer = loop.scheduleTask(in: configuration.connectTimeout) { [weak self] in
            guard let self, self.phase == .connecting else { return }
            self.failure = "the server did not answer in time"
            self.context?.close(promise: nil)
        }
    }

    override func ended(_ streams: [HTTP2Stream]) {
        watchdog?.cancel()
        watchdog = nil
        connectTimer?.cancel()
        let before = phase
        phase = .gone
        let status = Status.unavailable("The connection to the server was lost. Try again.", reason: "CONNECTION_LOST")
        if before == .connecting {
            onNews(
                .failed(
                    .unavailable(
                        "Cannot connect to \(address.authority): \(failure ?? "the connection was closed")",
                        reason: Status.notConnectedReason)))
        } else if before != .gone {
            onNews(.gone)
        }
        for stream in streams { (stream as? ClientStream)?.fail(status) }
    }

    override func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failure = "\(error)"
        super.errorCaught(context: context, error: error)
    }

    /// No new calls here; running ones go on.
    private func retire() {
        guard phase == .ready else { return }
        phase = .retired
        onNews(.retired)
    }

    /// No new calls here; the connection ends after the last one.
    func retireGracefully() {
        retire()
        if session.liveStreamCount <= ownStreams { close() }
    }

    private func watch() {
        let now = NIODeadline.now()
        if let pingedAt {
            if now - pingedAt > configuration.keepaliveTimeout { context?.close(promise: nil) }
        } else if session.liveStreamCount > 0 || configuration.keepaliveWithoutCalls,
            now - heardAt > configuration.keepaliveInterval
        {
            pingedAt = now
            session.ping()
            flush()
        }
    }

    func close() {
        retire()
        session.terminate(.noError)
        flush()
        context?.close(promise: nil)
    }

    func open(_ stream: ClientStream, _ headers: HeaderList) throws {
        guard !isClosing, phase == .ready else { throw Status.connectionClosing }
        do { try session.submitRequest(stream, headers) } catch { throw Status.connectionClosing }
        scheduleFlush()
    }

    /// The header list of a call on this connection.
    func headers(_ method: MethodDescriptor, _ options: CallOptions, deadline: Deadline?) -> HeaderList {
        var list = HeaderList([
            ":method": "POST", ":scheme": configuration.tls == nil ? "http" : "https", ":path": method.path,
            ":authority": address.authority, "te": "trailers",
            "content-type": configuration.wire == .ragdz ? Framing.ragdzContentType : Framing.grpcContentType,
            "user-agent": configuration.userAgent, "grpc-accept-encoding": "identity,gzip",
        ])
        if options.compressionThreshold ?? configuration.compressionThreshold != .max || options.compression != nil {
            list.add("grpc-encoding", "gzip")
        }
        if let deadline { list.add("grpc-timeout", TimeoutCoding.encode(deadline.remaining)) }
        MetadataCoding.write(configuration.metadata, to: &list)
        MetadataCoding.write(options.metadata, to: &list)
        return list
    }

    override func handle(_ event: HTTP2Event) {
        switch event.kind {
        case .settings:
            connectTimer?.cancel()
            if phase == .connecting {
                phase = .ready
                onNews(.ready)
            } else if phase == .ready {
                onNews(.roomForMore)
            }
        case .headers, .trailers:
            guard let stream = event.stream as? ClientStream else { return }
            var fields = ResponseFields()
            session.forEachHeader(of: event) { fields.add($0, $1) }
            stream.received(fields, endsStream: event.endsStream)
        case .headersTooLarge:
            (event.stream as? ClientStream)?.fail(
                .resourceExhausted("The answer's headers are too large.", reason: "HEADERS_TOO_LARGE"))
        case .data:
            session.consumeConnection(event.bytes.count)
            event.stream?.received(event.bytes, endsStream: event.endsStream)
        case .closed:
            event.stream?.closed(HTTP2ErrorCode(rawValue: event.code))
            if phase == .ready { onNews(.roomForMore) }
            if phase == .retired, session.liveStreamCount <= ownStreams { close() }
        case .goAway:
            retire()
            // Calls that the server says it never saw are safe to make again elsewhere.
            for stream in session.liveStreams where stream.id > event.streamID {
                (stream as? ClientStream)?.fail(.connectionClosing)
            }
        case .pingAcknowledged: break
        }
    }
}

extension Status {
    /// The server has not seen the call: it may be made again whatever the method does.
    static let connectionClosing = Status.unavailable(
        "The connection is closing. Try again.", reason: notProcessedReason)
}

/// What a response's header list or trailers say.
struct ResponseFields {
    var httpStatus: Int?
    var framing: Framing?
    var isGzip = false
    var metadata = Metadata()
    private var code: Status.Code?
    private var message = ""
    private var details: [UInt8]?
    /// `ragdz-stream-id`: the stream can be taken up under it.
    var streamID: String?
    /// `grpc-retry-pushback-ms` of gRPC's proposal A6: the pause, or nil in `some` for "not again".
    private var pushback: Duration??

    mutating func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        if name.equals(":status") {
            httpStatus = Int(String(decoding: value, as: UTF8.self))
        } else if name.equals("content-type") {
            framing = Framing(contentType: value)
        } else if name.equals("grpc-encoding") {
            isGzip = value.equals("gzip")
        } else if name.equals("grpc-status") {
            code = Status.Code(rawValue: Int(String(decoding: value, as: UTF8.self)) ?? 2)
        } else if name.equals("grpc-message") {
            message = PercentCoding.decode(value)
        } else if name.equals("grpc-status-details-bin") {
            var carrier = Metadata()
            MetadataCoding.add(name, value, to: &carrier)
            details = carrier.bytes("grpc-status-details-bin")
        } else if name.equals("ragdz-stream-id") {
            streamID = String(decoding: value, as: UTF8.self)
        } else if name.equals("grpc-retry-pushback-ms") {
            let millis = Int64(String(decoding: value, as: UTF8.self)).flatMap { $0 >= 0 ? $0 : nil }
            pushback = .some(millis.map { .milliseconds($0) })
        } else if !MetadataCoding.isReserved(name) {
            MetadataCoding.add(name, value, to: &metadata)
        }
    }

    /// The server says that the call must not be made again.
    var forbidsRetry: Bool {
        if case .some(.none) = pushback { true } else { false }
    }

    /// The call's status, when these fields carry one.
    var status: Status? {
        guard let code else { return nil }
        var status = Status(code, message)
        if let details, let full = Status(wire: details) { status.details = full.details }
        if case .some(.some(let pause)) = pushback { status.details.retryAfter = pause }
        return status
    }

    /// The status that an answer without gRPC status stands for (gRPC's own table).
    var statusOfHTTP: Status {
        let code: Status.Code =
            switch httpStatus ?? 0 {
            case 400, 431: .internalError
            case 401: .unauthenticated
            case 403: .permissionDenied
            case 404: .unimplemented
            case 429, 502, 503, 504: .unavailable
            default: .unknown
            }
        return Status(code, "The server answered with HTTP status \(httpStatus ?? 0) and no call status.")
    }
}
