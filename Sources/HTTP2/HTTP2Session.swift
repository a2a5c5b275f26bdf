internal import CNGHTTP2

/// One end of an HTTP/2 connection, without a socket: bytes in, events and bytes out.
///
/// nghttp2 does the protocol. Its callbacks only queue events; whoever owns the session reads them after `receive`,
/// acts by the `submit…` functions, and then takes what is to be sent with `pull`. The session must be used on one
/// thread at a time.
///
/// What can go wrong: the peer breaks the protocol (nghttp2 queues a GOAWAY, `receive` goes on or throws; the owner
/// flushes and closes when `isOver`), the peer floods (`receive` queues GOAWAY ENHANCE_YOUR_CALM), or we use a stream
/// that has closed in the meantime (ignored: that is an ordinary race).
@safe public final class HTTP2Session {
    public enum Role: Sendable { case server, client }

    public let role: Role
    public let limits: HTTP2Limits
    @exclusivity(unchecked) var session: OpaquePointer?
    /// What `receive` and `pull` brought and nobody has handled yet: read them, then call `clearEvents`.
    @exclusivity(unchecked) public private(set) var events: [HTTP2Event] = []
    /// The streams that nghttp2 knows, each at its `liveIndex`; this is what keeps them alive.
    @exclusivity(unchecked) private(set) var live: [HTTP2Stream] = []
    @exclusivity(unchecked) var arena = HeaderArena()
    /// Streams whose output fell to their `wakeBelow`, since the owner last took them.
    @exclusivity(unchecked) var drainedStreams: [HTTP2Stream] = []
    /// Set while `pull` runs: where the bytes go.
    @exclusivity(unchecked) var sink = unsafe OutputSink()

    /// Header lists that came before, so that they need not be read again.
    @exclusivity(unchecked) var memory = HeaderMemory()
    /// Some answer was complete before its request was.
    @exclusivity(unchecked) var hasEarlyEnds = false
    /// Streams that are over, kept until the events that tell so are handled.
    @exclusivity(unchecked) private var retired: [HTTP2Stream] = []

    @exclusivity(unchecked) var inspector: FrameInspector
    @exclusivity(unchecked) private var isInBlock = false
    private(set) var hasTerminated = false
    /// A graceful stop has begun.
    var isStopping = false
    private var hasRefused = false
    /// The stream that we have just reset; nghttp2 closes it next.
    @exclusivity(unchecked) var resetting: Int32 = 0
    /// Where the bytes that nghttp2 handed out but did not fit wait for the next `pull`.
    @exclusivity(unchecked) private var leftover: UnsafeRawBufferPointer = unsafe UnsafeRawBufferPointer(
        start: nil, count: 0)

    /// `clock` gives monotonic nanoseconds; it is asked only for frames that are counted against floods.
    public init(_ role: Role, limits: HTTP2Limits = .defaults, clock: @escaping () -> UInt64) throws(HTTP2Error) {
        self.role = role
        self.limits = limits
        inspector = FrameInspector(isServer: role == .server, limits: limits, clock: clock)
        unsafe session = nil
        try open()
    }

    deinit {
        unsafe nghttp2_session_del(session)
    }

    private func open() throws(HTTP2Error) {
        var option: OpaquePointer?
        guard unsafe nghttp2_option_new(&option) == 0 else { throw .outOfMemory }
        defer { unsafe nghttp2_option_del(option) }
        unsafe nghttp2_option_set_no_auto_window_update(option, 1)
        unsafe nghttp2_option_set_no_closed_streams(option, 1)
        unsafe nghttp2_option_set_max_reserved_remote_streams(option, 0)
        unsafe nghttp2_option_set_max_outbound_ack(option, 256)
        unsafe nghttp2_option_set_peer_max_concurrent_streams(option, 100)
        // The session does not own us, and dies in our deinit: no reference is taken.
        let me = unsafe Unmanaged.passUnretained(self).toOpaque()
        let made =
            role == .server
            ? unsafe nghttp2_session_server_new2(&session, Callbacks.table, me, option)
            : unsafe nghttp2_session_client_new2(&session, Callbacks.table, me, option)
        guard made == 0 else { throw .outOfMemory }
        var entries = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: UInt32(limits.streamWindow)),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue), value: UInt32(limits.headerListSize)
            ),
        ]
        if role == .server {
            entries.append(
                nghttp2_settings_entry(
                    settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
                    value: limits.concurrentStreams))
        } else {
            entries.append(
                nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0))
        }
        let flags = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        guard unsafe nghttp2_submit_settings(session, flags, entries, entries.count) == 0,
            unsafe nghttp2_session_set_local_window_size(session, flags, 0, limits.connectionWindow) == 0
        else { throw .outOfMemory }
    }

    // MARK: - In

    /// Feeds what the socket gave and adds to `events`. The bytes must stay in place until the events are handled.
    ///
    /// Throws when the connection is beyond repair: flush what `pull` still gives (a GOAWAY), then close.
    public func receive(_ bytes: UnsafeRawBufferPointer) throws(HTTP2Error) {
        guard !hasTerminated else { return }
        if inspector.isLeaving { return try unsafe receiveByFrame(bytes) }
        if !inspector.partial.isEmpty { return try unsafe receiveRest(bytes) }
        guard let refusal = unsafe inspector.inspect(bytes) else {
            return try unsafe feed(UnsafeRawBufferPointer(rebasing: bytes.dropLast(inspector.partial.count)))
        }
        try unsafe feed(UnsafeRawBufferPointer(rebasing: bytes[..<refusal.offset]))
        try unsafe stop(refusal.code, UnsafeRawBufferPointer(rebasing: bytes[refusal.offset...]))
    }

    /// Ends the connection, or goes on by frame where the peer's GOAWAY is the first of `rest`.
    @inline(never)
    private func stop(_ code: HTTP2ErrorCode, _ rest: UnsafeRawBufferPointer) throws(HTTP2Error) {
        if code == .noError { try unsafe receiveByFrame(rest) } else { terminate(code) }
    }

    /// Once the peer is leaving, the end of any stream may be the session's. nghttp2 passes over what comes in later
    /// calls then, but reads to the end what it has got in one: so it gets frame after frame, and what happens does
    /// not depend on how the bytes were cut into reads.
    @inline(never)
    private func receiveByFrame(_ bytes: UnsafeRawBufferPointer) throws(HTTP2Error) {
        var at = 0
        while at < bytes.count, !hasTerminated {
            let end = min(bytes.count, at + inspector.missing)
            let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[at..<end])
            at = end
            if !inspector.partial.isEmpty {
                try unsafe receiveRest(piece)
            } else if let refusal = unsafe inspector.inspect(piece) {
                terminate(refusal.code)
            } else if inspector.partial.isEmpty {
                try unsafe feed(piece)
            }
        }
    }

    /// An earlier read ended inside a frame's header. nghttp2 gets headers whole only: it counts each part of a
    /// CONTINUATION's header as one more CONTINUATION.
    @inline(never)
    private func receiveRest(_ bytes: UnsafeRawBufferPointer) throws(HTTP2Error) {
        let held = inspector.partial
        let missing = FrameInspector.headerSize - held.count
        guard bytes.count >= missing else {
            _ = unsafe inspector.inspect(bytes)
            return
        }
        let header = unsafe held + bytes[..<missing]
        let refusal = unsafe inspector.inspect(UnsafeRawBufferPointer(rebasing: bytes[..<missing]))
        var failure: HTTP2Error?
        unsafe header.withUnsafeBytes { whole in
            do throws(HTTP2Error) {
                if let refusal { try unsafe stop(refusal.code, whole) } else { try unsafe feed(whole) }
            } catch { failure = error }
        }
        if let failure { throw failure }
        if bytes.count > missing { try unsafe receive(UnsafeRawBufferPointer(rebasing: bytes[missing...])) }
    }

    private func feed(_ bytes: UnsafeRawBufferPointer) throws(HTTP2Error) {
        let base = unsafe bytes.bindMemory(to: UInt8.self).baseAddress
        let taken = unsafe nghttp2_session_mem_recv(session, base, bytes.count)
        guard taken < 0 else { return }
        switch Int32(truncatingIfNeeded: taken) {
        // Who does not speak HTTP/2 would not understand a GOAWAY.
        case NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue: break
        // The frames that it takes to get here (ACKs that we owe, a header bomb) are the peer's.
        case NGHTTP2_ERR_NOMEM.rawValue: terminate(.internalError)
        default: terminate(.enhanceYourCalm)
        }
        throw .protocolViolation(unsafe String(cString: nghttp2_strerror(Int32(truncatingIfNeeded: taken))))
    }

    /// Everything in `events` is handled: their headers and bytes go.
    public func clearEvents() {
        events.removeAll(keepingCapacity: true)
        if !retired.isEmpty { retired.removeAll(keepingCapacity: true) }
        arena.reset(keepingBlock: isInBlock)
        if !isInBlock { memory.settle() }
    }

    /// Neither side has anything left to say: close the socket once everything pulled is written.
    public var isOver: Bool {
        unsafe nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
    }
    /// The highest number of a stream that the peer has opened.
    public var lastPeerStream: Int32 { inspector.highest }
    /// A header list has begun and is not complete.
    public var isInHeaderBlock: Bool { isInBlock }
    public var wantsWrite: Bool { unsafe nghttp2_session_want_write(session) != 0 || !leftover.isEmpty }

    // MARK: - Out

    /// Bytes that any single frame fits into, its header included.
    static let frameRoom = 20_000

    /// Writes frames into `space` (at least 20,000 bytes) until it is full or nothing is left; returns how many bytes.
    public func pull(into space: UnsafeMutableRawBufferPointer) throws(HTTP2Error) -> Int {
        unsafe sink = OutputSink(base: space.baseAddress, capacity: space.count)
        defer { sink = unsafe OutputSink() }
        if unsafe !leftover.isEmpty {
            let size = unsafe min(leftover.count, space.count)
            unsafe sink.append(UnsafeRawBufferPointer(rebasing: leftover[..<size]))
            unsafe leftover = UnsafeRawBufferPointer(rebasing: leftover[size...])
        }
        while unsafe leftover.isEmpty, sink.room >= Self.frameRoom {
            var data: UnsafePointer<UInt8>?
            let size = unsafe nghttp2_session_mem_send(session, &data)
            if size < 0 { throw .protocolViolation(unsafe String(cString: nghttp2_strerror(Int32(size)))) }
            guard size > 0, let data = unsafe data else { break }
            let chunk = unsafe UnsafeRawBufferPointer(start: data, count: size)
            let fitting = min(size, sink.room)
            unsafe sink.append(UnsafeRawBufferPointer(rebasing: chunk[..<fitting]))
            // A header block of several frames may be larger than the room; nghttp2 keeps it until it is asked again.
            unsafe leftover = UnsafeRawBufferPointer(rebasing: chunk[fitting...])
        }
        return sink.count
    }

    /// The streams whose writers may go on, since the last call.
    public func takeDrained() -> [HTTP2Stream] {
        guard !drainedStreams.isEmpty else { return [] }
        defer { drainedStreams.removeAll(keepingCapacity: true) }
        return drainedStreams
    }

    // MARK: - What the callbacks report

    func beganHeaders() {
        isInBlock = true
        arena.beginBlock()
        memory.begin()
    }

    /// False when there are so many that reading on is the attack.
    func gotHeader(_ field: HeaderField) -> Bool {
        // A field that a list before had too needs no counting: that list was within the limit.
        memory.takesIdentical(field) || gotOtherHeader(field)
    }

    @inline(never)
    private func gotOtherHeader(_ field: HeaderField) -> Bool {
        guard arena.blockSize <= limits.headerListSize else {
            arena.count(field.size)
            return arena.blockSize <= limits.headerListBomb
        }
        switch memory.take(field) {
        case .matched: break
        case .varying: keep(field)
        case .unknown:
            forgetMatch()
            keep(field)
        }
        return arena.blockSize <= limits.headerListBomb
    }

    private func keep(_ field: HeaderField) {
        arena.count(field.size)
        if arena.blockSize <= limits.headerListSize { arena.add(field) }
    }

    /// The block is none that came before: what was not kept of it is kept now.
    private func forgetMatch() { for field in unsafe memory.giveUp() { keep(field) } }

    func gotHeaders(_ streamID: Int32, isTrailers: Bool, endsStream: Bool) {
        isInBlock = false
        let known = memory.end()
        if known == nil { forgetMatch() }
        let tooLarge = arena.blockSize + (known.map { memory[$0].size } ?? 0) > limits.headerListSize
        let kind: HTTP2Event.Kind = tooLarge ? .headersTooLarge : isTrailers ? .trailers : .headers
        unsafe events.append(
            HTTP2Event(
                kind, streamID, endsStream: endsStream, headers: arena.block, known: known, stream: ours(streamID)))
    }

    func gotData(_ streamID: Int32, _ bytes: UnsafeRawBufferPointer) {
        unsafe events.append(HTTP2Event(.data, streamID, bytes: bytes, stream: ours(streamID)))
    }

    /// The DATA frame is complete. An empty one that ends nothing is only good for making us work.
    func gotDataFrame(_ streamID: Int32, content: Int, endsStream: Bool) {
        if endsStream {
            // One event for the last bytes and the end: a whole request can then be read where it lies.
            if let last = events.last, last.kind == .data, last.streamID == streamID {
                unsafe events[events.count - 1] = HTTP2Event(
                    .data, streamID, endsStream: true, bytes: last.bytes, stream: last.reference)
            } else {
                unsafe events.append(HTTP2Event(.data, streamID, endsStream: true, stream: ours(streamID)))
            }
        } else if content == 0, !inspector.admitsEmptyFrame() {
            terminate(.enhanceYourCalm)
        }
    }

    /// A stream that we opened may be closed before its last events are read: they carry it along. A server's streams
    /// are attached while the events are read, so there is nothing to look up yet.
    private func ours(_ streamID: Int32) -> Unmanaged<HTTP2Stream>? {
        role == .client ? unsafe Self.reference(of: session, streamID) : nil
    }

    func gotSettings() { unsafe events.append(HTTP2Event(.settings, 0)) }
    func gotPingAcknowledgement() {
        unsafe events.append(HTTP2Event(.pingAcknowledged, 0))
        if isStopping, !hasRefused {
            hasRefused = true
            refuseNewStreams()
        }
    }
    func gotGoAway(lastStream: Int32, code: UInt32) {
        unsafe events.append(HTTP2Event(.goAway, lastStream, code: code))
    }
    func gotClose(_ streamID: Int32, _ stream: Unmanaged<HTTP2Stream>?, code: UInt32) {
        if let stream = unsafe stream?.takeUnretainedValue() { retire(stream) }
        // What the peer sent before it saw our reset may still arrive.
        if role == .server, streamID != resetting { inspector.close(streamID) }
        unsafe events.append(HTTP2Event(.closed, streamID, endsStream: true, code: code, stream: stream))
    }

    func enlist(_ stream: HTTP2Stream) {
        stream.liveIndex = live.count
        live.append(stream)
    }

    private func retire(_ stream: HTTP2Stream) {
        stream.isClosed = true
        retired.append(stream)
        guard stream.liveIndex < live.count, live[stream.liveIndex] === stream else { return }
        let index = stream.liveIndex
        live[live.count - 1].liveIndex = index
        live.swapAt(index, live.count - 1)
        live.removeLast()
    }

    /// The connection is gone: every stream is closed, and the owner gets them to tell their calls.
    public func abandonStreams() -> [HTTP2Stream] {
        let orphans = live
        live = []
        if !events.isEmpty { retired.append(contentsOf: orphans) }
        for stream in orphans {
            stream.isClosed = true
            unsafe nghttp2_session_set_stream_user_data(session, stream.id, nil)
        }
        return orphans
    }

    /// Sends GOAWAY with this code and ends the connection after it. Does nothing the second time.
    public func terminate(_ code: HTTP2ErrorCode) {
        guard !hasTerminated else { return }
        hasTerminated = true
        unsafe nghttp2_session_terminate_session(session, code.rawValue)
    }
}

/// Where `pull` writes.
@safe struct OutputSink {
    private let base: UnsafeMutableRawPointer?
    private let capacity: Int
    private(set) var count = 0

    init(base: UnsafeMutableRawPointer? = nil, capacity: Int = 0) {
        unsafe self.base = base
        self.capacity = capacity
    }

    var room: Int { capacity - count }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let base = unsafe base, let from = bytes.baseAddress else { return }
        unsafe (base + count).copyMemory(from: from, byteCount: bytes.count)
        count += bytes.count
    }
}
