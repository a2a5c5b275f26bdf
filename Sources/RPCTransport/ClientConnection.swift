internal import HTTP2
internal import Logging
internal import NIOCore
internal import RPC

/// One connection of the client and its calls. Unchecked through its superclass: confined to `loop`.
final class ClientConnection: ConnectionHandler, @unchecked Sendable {
    let configuration: RPCClient.Configuration
    /// Told once when no new call may start here.
    private var onRetire: ((ClientConnection) -> Void)?
    /// Told when the connection is up or has failed before it was.
    private var onReady: ((Result<Void, any Error>) -> Void)?
    private var watchdog: RepeatedTask?
    private var failure: String?

    init(
        _ configuration: RPCClient.Configuration, _ loop: any EventLoop, _ scratch: OutputScratch, name: String,
        logger: Logger, onReady: @escaping (Result<Void, any Error>) -> Void,
        onRetire: @escaping (ClientConnection) -> Void
    ) throws {
        self.configuration = configuration
        self.onReady = onReady
        self.onRetire = onRetire
        try super.init(.client, configuration.http2, loop: loop, scratch: scratch, name: name, logger: logger)
    }

    override func begun() {
        let period = TimeAmount.nanoseconds(max(1, configuration.keepaliveTimeout.nanoseconds / 2))
        watchdog = loop.scheduleRepeatedTask(initialDelay: period, delay: period) { [weak self] _ in self?.watch() }
    }

    override func ended(_ streams: [HTTP2Stream]) {
        watchdog?.cancel()
        watchdog = nil
        retire()
        let status = Status.unavailable("The connection to the server was lost. Try again.", reason: "CONNECTION_LOST")
        onReady?(
            .failure(failure.map { Status.unavailable("Cannot connect: \($0)", reason: "CONNECT_FAILED") } ?? status))
        onReady = nil
        for stream in streams { (stream as? ClientStream)?.fail(status) }
    }

    override func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failure = "\(error)"
        super.errorCaught(context: context, error: error)
    }

    /// No new calls here; running ones go on.
    private func retire() {
        onRetire?(self)
        onRetire = nil
    }

    private func watch() {
        let now = NIODeadline.now()
        if let pingedAt {
            if now - pingedAt > configuration.keepaliveTimeout { context?.close(promise: nil) }
        } else if session.liveStreamCount > 0, now - heardAt > configuration.keepaliveInterval {
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
        guard !isClosing else { throw Status.connectionClosing }
        do { try session.submitRequest(stream, headers) } catch { throw Status.connectionClosing }
        scheduleFlush()
    }

    override func handle(_ event: HTTP2Event) {
        switch event.kind {
        case .settings:
            onReady?(.success(()))
            onReady = nil
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
        case .closed: event.stream?.closed(HTTP2ErrorCode(rawValue: event.code))
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
    static let notProcessedReason = "NOT_PROCESSED"
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
        } else if !MetadataCoding.isReserved(name) {
            MetadataCoding.add(name, value, to: &metadata)
        }
    }

    /// The call's status, when these fields carry one.
    var status: Status? {
        guard let code else { return nil }
        var status = Status(code, message)
        if let details, let full = Status(wire: details) { status.details = full.details }
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
