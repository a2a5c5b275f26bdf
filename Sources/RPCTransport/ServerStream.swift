internal import HTTP2
internal import LoopExecutor
internal import NIOCore
internal import ProtoRuntime
internal import RPC

/// Everything about one call on the server: the HTTP/2 stream, what the handler may ask, what it reads and writes.
///
/// Unchecked through its superclass: all state is touched on the connection's event loop only. The few entries that
/// code may call from elsewhere (`send`, `nextRequest`, `writable`, metadata) hop there first.
final class ServerStream: HTTP2Stream, CallScope, ServerCall, @unchecked Sendable {
    let connection: ServerConnection
    let head: RequestHead
    let route: Route
    let deadline: Deadline?

    // MARK: Receiving
    /// Received bytes that no message was made of yet.
    var input = ByteQueue()
    /// A request that arrived in one piece, read straight from the socket's buffer while the handler starts.
    var direct = UnsafeRawBufferPointer(start: nil, count: 0)
    var parser: FrameParser
    /// The place of the one request of a unary or server-streaming call.
    var single: FrameParser.Step?
    var requestsEnded = false
    /// Received bytes for which the peer has not got new window yet.
    var unacknowledged = 0
    /// The handler waits for the next request.
    var reader: UnsafeContinuation<Void, any Error>?

    // MARK: Sending
    var framer: FrameWriter
    var sentHeaders = false
    var initialMetadata = Metadata()
    var trailers = Metadata()
    /// The handler waits for room.
    var writer: UnsafeContinuation<Void, any Error>?

    // MARK: Life
    var task: Task<Void, Never>?
    var timer: Scheduled<Void>?
    var isStarted = false
    private var openedAt = NIODeadline.uptimeNanoseconds(0)
    /// How the call ended, once it did: nothing may be sent any more.
    var outcome: Status?

    init(_ connection: ServerConnection, _ head: RequestHead, _ route: Route, deadline: Deadline?) {
        self.connection = connection
        self.head = head
        self.route = route
        self.deadline = deadline
        parser = FrameParser(head.framing, limit: connection.configuration.maximumMessageSize)
        framer = FrameWriter(head.framing)
    }

    // MARK: - CallScope

    var method: MethodDescriptor { route.method }
    var metadata: Metadata { head.metadata }
    var peer: String { connection.peer }
    var requestID: String { RequestID.from(head.metadata) ?? "\(connection.name)-\(id)" }

    func addInitialMetadata(_ metadata: Metadata) {
        onLoop { $0.initialMetadata.add(contentsOf: metadata) }
    }
    func addTrailers(_ metadata: Metadata) {
        onLoop { $0.trailers.add(contentsOf: metadata) }
    }

    /// Runs at once on the loop, or later from elsewhere; in the order of the calls either way.
    func onLoop(_ body: @escaping @Sendable (ServerStream) -> Void) {
        let loop = connection.loop
        if loop.inEventLoop { body(self) } else { loop.execute { body(self) } }
    }

    // MARK: - The task of the call

    /// Starts the handler. It runs in place up to its first suspension.
    func start() {
        isStarted = true
        let task = Task.immediate(executorPreference: connection.executor) { await self.run() }
        guard outcome == nil else { return }
        self.task = task
        keepDirectBytes()
        guard let deadline else { return }
        let left = TimeAmount.nanoseconds(deadline.remaining.wholeNanoseconds)
        timer = connection.loop.scheduleTask(in: left) { [weak self] in self?.abort(.deadlineExceeded()) }
    }

    private func run() async {
        let status: Status
        do {
            try await connection.router.run(route, self, ServerContext(self))
            status = .ok
        } catch {
            status = connection.describe(error, self)
        }
        onLoop { $0.finish(status) }
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
        if method.callType.streamsRequests {
            start()
        } else if requestsEnded {
            abort(.noRequest(method.path))
        }
    }

    /// nghttp2 has closed the stream: in order after our end, or because the peer reset it.
    func closed() {
        if outcome == nil { peerLeft() }
    }

    /// A request that trickles in for too long is refused.
    func watch(_ now: NIODeadline) {
        guard !isStarted, outcome == nil, now - openedAt > connection.configuration.requestTimeout else { return }
        abort(.deadlineExceeded("The request took too long to arrive.", reason: "REQUEST_TIMEOUT"))
    }

    /// The peer has gone or reset the stream.
    func peerLeft() {
        let reason = Status.cancelled("The client has left.", reason: "CLIENT_GONE")
        if outcome == nil { outcome = reason }
        timer?.cancel()
        cancelWork(reason)
    }

    private func cancelWork(_ status: Status) {
        task?.cancel()
        task = nil
        if let reader { reader.resume(throwing: status) }
        if let writer { writer.resume(throwing: status) }
        (reader, writer) = (nil, nil)
    }
}
