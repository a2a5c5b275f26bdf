internal import HTTP2
internal import LoopExecutor
internal import NIOCore
internal import ProtoRuntime
internal import RPC

/// Everything about one call on the server: the HTTP/2 stream, what the handler may ask, what it reads and writes.
final class ServerStream: MessageStream, CallScope, ServerCall, @unchecked Sendable {
    let head: RequestHead
    let route: Route
    let deadline: Deadline?

    /// A request that arrived in one piece, read straight from the socket's buffer while the handler starts.
    @exclusivity(unchecked) var direct = UnsafeRawBufferPointer(start: nil, count: 0)
    /// The place of the one request of a unary or server-streaming call.
    @exclusivity(unchecked) var single: FrameParser.Step?

    @exclusivity(unchecked) var sentHeaders = false
    @exclusivity(unchecked) var initialMetadata = Metadata()
    @exclusivity(unchecked) var trailers = Metadata()
    /// How responses are packed when the handler has a say in it.
    @exclusivity(unchecked) var compression = MessageCompression.automatic
    /// The answer's headers promise gzip, so that responses may be packed.
    @exclusivity(unchecked) var promisesGzip = false

    /// Runs the handler, from its start to its end.
    @exclusivity(unchecked) var worker: CallWorker?
    @exclusivity(unchecked) var timer: Scheduled<Void>?
    @exclusivity(unchecked) private var isStarted = false
    /// The stream is over and the handler is not.
    @exclusivity(unchecked) private var isOrphan = false
    @exclusivity(unchecked) var room = Room.window
    @exclusivity(unchecked) var wantedRoom = 0
    /// What waited for the peer at the watchdog's last look, and since when nothing of it went.
    @exclusivity(unchecked) private var stalled: (bytes: Int, since: NIODeadline)?
    @exclusivity(unchecked) private var openedAt = NIODeadline.uptimeNanoseconds(0)

    init(_ connection: ServerConnection, _ head: RequestHead, _ route: Route, deadline: Deadline?) {
        self.head = head
        self.route = route
        self.deadline = deadline
        super.init(
            connection, head.framing, messageLimit: connection.configuration.maximumMessageSize,
            bufferLimit: connection.configuration.streamBuffer, sentBefore: head.lastSequence)
    }

    /// The handler of a server's stream is always a server's.
    var connection: ServerConnection { unsafeDowncast(handler, to: ServerConnection.self) }
    override var takesCompressed: Bool { head.encoding == .gzip || head.framing == .ragdz }

    // MARK: - CallScope

    var method: MethodDescriptor { route.method }
    var metadata: Metadata { head.metadata }
    var peer: String { connection.peer }
    var peerNames: [String] { isOnLoop ? connection.peerNames : [] }
    var requestID: String { RequestID.from(head.metadata) ?? "\(connection.name)-\(id)" }

    var resumption: StreamResumption { head.resumption }
    var addedTrailers: Metadata { isOnLoop ? trailers : Metadata() }

    func addInitialMetadata(_ metadata: Metadata) { onLoop { self.initialMetadata.add(contentsOf: metadata) } }
    var requestWasCompressed: Bool { isOnLoop && lastCameCompressed }
    func setCompression(_ compression: MessageCompression) {
        onLoop {
            self.compression = compression
            if compression == .always, self.head.acceptsGzip, !self.sentHeaders { self.promisesGzip = true }
        }
    }
    func addTrailers(_ metadata: Metadata) { onLoop { self.trailers.add(contentsOf: metadata) } }

    // MARK: - The task of the call

    /// The call is ready for its handler: a worker takes it before this read of the socket is done.
    func start() {
        isStarted = true
        connection.workers.add(self)
    }

    /// The handler waits for something, for the first time.
    func suspended() {
        keepDirectBytes()
        guard let deadline else { return }
        let left = TimeAmount.nanoseconds(deadline.remaining.wholeNanoseconds)
        timer = connection.loop.scheduleTask(in: left) { [weak self] in self?.abort(.deadlineExceeded()) }
    }

    nonisolated(nonsending) func run() async {
        let status: Status
        do {
            try await connection.router.run(route, self, ServerContext(self))
            status = .ok
        } catch {
            status = connection.describe(error, self)
        }
        onLoop {
            if self.isOrphan { self.connection.orphans -= 1 }
            self.finish(status)
        }
    }

    /// Ends the call before its handler did: the peer gets `status`, the handler is cancelled.
    func abort(_ status: Status) {
        guard outcome == nil else { return }
        finish(status)
        cancelWork(status)
    }

    /// The headers are in: streams start now, single requests when they are complete.
    func opened() {
        openedAt = .now()
        if route.streamsRequests {
            start()
        } else if peerHasEnded {
            abort(.noRequest(method.path))
        }
    }

    override func received(_ bytes: UnsafeRawBufferPointer, endsStream: Bool) { take(bytes, endsStream: endsStream) }

    /// nghttp2 has closed the stream: in order after our end, or because the peer reset it.
    override func closed(_ code: HTTP2ErrorCode) {
        leaveRoom()
        if outcome == nil { peerLeft() }
    }

    /// A request that trickles in for too long is refused, and a peer that takes nothing of its answer is left.
    func watch(_ now: NIODeadline) {
        watchOutput(now)
        guard !isStarted, outcome == nil, now - openedAt > connection.configuration.requestTimeout else { return }
        abort(.deadlineExceeded("The request took too long to arrive.", reason: "REQUEST_TIMEOUT"))
    }

    private func watchOutput(_ now: NIODeadline) {
        guard queuedBytes > 0, let stalled, stalled.bytes == queuedBytes else {
            return stalled = queuedBytes > 0 ? (queuedBytes, now) : nil
        }
        guard now - stalled.since > connection.configuration.stallTimeout else { return }
        peerLeft()
        connection.session.reset(id, .cancel)
    }

    /// The peer has gone or reset the stream.
    func peerLeft() {
        let reason = Status.cancelled("The client has left.", reason: "CLIENT_GONE")
        if outcome == nil { outcome = reason }
        timer?.cancel()
        cancelWork(reason)
    }

    private func cancelWork(_ status: Status) {
        if let worker {
            worker.cancel()
            if !isOrphan { connection.addOrphan() }
            isOrphan = true
        }
        resumeWaiters(throwing: status)
    }
}
