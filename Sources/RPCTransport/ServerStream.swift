internal import HTTP2
internal import LoopExecutor
internal import NIOCore
internal import ProtoRuntime
internal import RPC

/// Everything about one call on the server: the HTTP/2 stream, what the handler may ask, what it reads and writes.
final class ServerStream: MessageStream, CallScope, ServerCall, @unchecked Sendable {
    let head: RequestHead
    let deadline: Deadline?

    /// A request that arrived in one piece, read straight from the socket's buffer while the handler starts.
    @exclusivity(unchecked) var direct = UnsafeRawBufferPointer(start: nil, count: 0)
    /// The place of the one request of a unary or server-streaming call, once it is complete.
    @exclusivity(unchecked) var single: Range<Int>?
    @exclusivity(unchecked) var singleIsCompressed = false

    @exclusivity(unchecked) var sentHeaders = false
    /// What the handler adds to the answer's headers and trailers; most add nothing.
    @exclusivity(unchecked) var added: AddedMetadata?
    /// How responses are packed when the handler has a say in it.
    @exclusivity(unchecked) var compression = MessageCompression.automatic
    /// The answer's headers promise gzip, so that responses may be packed.
    @exclusivity(unchecked) var promisesGzip = false

    /// Runs the handler, from its start to its end; it outlives the time in which it is named here.
    @exclusivity(unchecked) unowned(unsafe) var worker: CallWorker?
    @exclusivity(unchecked) var timer: Scheduled<Void>?
    @exclusivity(unchecked) private var isStarted = false
    /// The stream is over and the handler is not.
    @exclusivity(unchecked) private var isOrphan = false
    @exclusivity(unchecked) var room = Room.window
    @exclusivity(unchecked) var wantedRoom = 0
    /// What waited for the peer at the watchdog's last look, and since when nothing of it went.
    @exclusivity(unchecked) private var stalled: (bytes: Int, since: NIODeadline)?
    @exclusivity(unchecked) private var openedAt = NIODeadline.uptimeNanoseconds(0)

    final class AddedMetadata {
        var initial = Metadata()
        var trailing = Metadata()
    }

    init(_ connection: ServerConnection, _ head: RequestHead, deadline: Deadline?) {
        self.head = head
        self.deadline = deadline
        super.init(
            connection, head.framing, messageLimit: connection.configuration.maximumMessageSize,
            bufferLimit: connection.configuration.streamBuffer, sentBefore: head.lastSequence)
    }

    /// The handler of a server's stream is always a server's.
    var connection: ServerConnection { unsafeDowncast(handler, to: ServerConnection.self) }
    override var takesCompressed: Bool { head.encoding == .gzip || head.framing == .ragdz }

    // MARK: - CallScope

    var route: Route { head.route }
    var method: MethodDescriptor { route.method }
    var metadata: Metadata { head.metadata }
    var peer: String { connection.peer }
    var peerNames: [String] { isOnLoop ? connection.peerNames : [] }
    var requestID: String { RequestID.from(head.metadata) ?? "\(connection.name)-\(id)" }

    var resumption: StreamResumption { head.resumption }
    var addedTrailers: Metadata { isOnLoop ? added?.trailing ?? Metadata() : Metadata() }

    var requestWasCompressed: Bool { isOnLoop && lastCameCompressed }
    func setCompression(_ compression: MessageCompression) {
        onLoop {
            self.compression = compression
            if compression == .always, self.head.acceptsGzip, !self.sentHeaders { self.promisesGzip = true }
        }
    }
    func addInitialMetadata(_ metadata: Metadata) { onLoop { self.adding.initial.add(contentsOf: metadata) } }
    func addTrailers(_ metadata: Metadata) { onLoop { self.adding.trailing.add(contentsOf: metadata) } }

    private var adding: AddedMetadata {
        if let added { return added }
        let fresh = AddedMetadata()
        added = fresh
        return fresh
    }

    // MARK: - The task of the call

    /// The call is ready for its handler: a worker takes it before this read of the socket is done.
    func start() {
        isStarted = true
        connection.workers.add(self)
    }

    /// The handler waits for something for the first time, or has to wait for its turn to begin.
    func suspended() {
        keepDirectBytes()
        guard let deadline, timer == nil else { return }
        let left = TimeAmount.nanoseconds(deadline.remaining.wholeNanoseconds)
        timer = connection.loop.scheduleTask(in: left) { [weak self] in self?.abort(.deadlineExceeded()) }
    }

    nonisolated(nonsending) func run() async {
        do {
            if connection.isPlain, !route.isResumable {
                try await head.route.handler(self, ServerContext(self))
            } else {
                try await connection.chain.run(route, self, ServerContext(self))
            }
            if isOnLoop { handlerEnded(.ok) } else { onLoop { self.handlerEnded(.ok) } }
        } catch {
            let status = connection.describe(error, self)
            onLoop { self.handlerEnded(.failed(status)) }
        }
    }

    private func handlerEnded(_ end: End) {
        if isOrphan { connection.orphans -= 1 }
        finish(end)
    }

    /// Ends the call before its handler did: the peer gets `status`, the handler is cancelled.
    func abort(_ status: Status) {
        guard !isOver else { return }
        finish(.failed(status))
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
        if !isOver { peerLeft() }
    }

    /// A request that trickles in for too long is refused, and a peer that takes nothing of its answer is left.
    func watch(_ now: NIODeadline) {
        watchOutput(now)
        guard !isStarted, !isOver, now - openedAt > connection.configuration.requestTimeout else { return }
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
        if !isOver { end = .failed(reason) }
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
