internal import CNGHTTP2

/// What the owner of a session asks of it. Nothing is on the wire before the next `pull`.
extension HTTP2Session {
    /// Ties an object of the owner to a stream that the peer opened; false when it is closed already.
    public func attach(_ stream: HTTP2Stream, to id: Int32) -> Bool {
        let ptr = unsafe Unmanaged.passUnretained(stream).toOpaque()
        guard unsafe nghttp2_session_set_stream_user_data(session, id, ptr) == 0 else { return false }
        stream.id = id
        enlist(stream)
        return true
    }

    /// The object that was attached to this stream, while it is open.
    public func stream(_ id: Int32) -> HTTP2Stream? { unsafe Self.reference(of: session, id)?.takeUnretainedValue() }

    /// Answers a request. With `endStream` the headers are all there is (a trailers-only answer).
    public func submitResponse(_ stream: HTTP2Stream, _ headers: HeaderList, endStream: Bool = false) {
        guard !stream.isClosed else { return }
        if endStream, !stream.peerHasEnded { hasEarlyEnds = true }
        let ptr = unsafe Unmanaged.passUnretained(stream).toOpaque()
        let result: Int32 = unsafe headers.withFields { fields, count in
            if endStream { return unsafe nghttp2_submit_response(session, stream.id, fields, count, nil) }
            var provider = unsafe nghttp2_data_provider(
                source: nghttp2_data_source(ptr: ptr), read_callback: Callbacks.read)
            return unsafe nghttp2_submit_response(session, stream.id, fields, count, &provider)
        }
        // Only a header that HTTP/2 forbids or lack of memory gets here: the peer sees an internal error.
        if result != 0 { reset(stream.id, .internalError) }
    }

    /// Opens a stream with a request. The body is what the owner puts into the stream's output, until `finish`.
    public func submitRequest(_ stream: HTTP2Stream, _ headers: HeaderList) throws(HTTP2Error) {
        guard !hasTerminated, unsafe nghttp2_session_check_request_allowed(session) != 0 else { throw .closed }
        let ptr = unsafe Unmanaged.passUnretained(stream).toOpaque()
        let id: Int32 = unsafe headers.withFields { fields, count in
            var provider = unsafe nghttp2_data_provider(
                source: nghttp2_data_source(ptr: ptr), read_callback: Callbacks.read)
            return unsafe nghttp2_submit_request(session, nil, fields, count, &provider, ptr)
        }
        guard id > 0 else { throw .closed }
        stream.id = id
        enlist(stream)
    }

    /// There is new output on the stream.
    public func resume(_ stream: HTTP2Stream) {
        guard stream.isDeferred, !stream.isClosed else { return }
        stream.isDeferred = false
        unsafe nghttp2_session_resume_data(session, stream.id)
    }

    /// Ends our side after the queued output, with trailers or with the last DATA frame.
    public func finish(_ stream: HTTP2Stream, trailers: HeaderList? = nil) {
        guard stream.ending.isOpen else { return }
        if !stream.peerHasEnded { hasEarlyEnds = true }
        stream.ending = trailers.map { .trailers($0) } ?? .endStream
        resume(stream)
    }

    public func reset(_ streamID: Int32, _ code: HTTP2ErrorCode) {
        unsafe nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), streamID, code.rawValue)
    }

    /// The owner has taken `size` received bytes of this stream: the peer may send as many more.
    public func consume(_ streamID: Int32, _ size: Int) {
        unsafe nghttp2_session_consume_stream(session, streamID, size)
    }

    /// The same for the window of the whole connection.
    public func consumeConnection(_ size: Int) {
        unsafe nghttp2_session_consume_connection(session, size)
    }

    /// Tells the peer to open no more streams here; open ones go on, and the connection ends after the last.
    ///
    /// A notice first, then, after the peer's answer to a PING proves that it has read it, the final GOAWAY: no
    /// request that crossed the notice on the wire is lost.
    public func terminateGracefully() {
        guard !isStopping else { return }
        isStopping = true
        unsafe nghttp2_submit_shutdown_notice(session)
        ping()
    }

    /// Refuses streams beyond those that have arrived: the second half of a graceful stop.
    func refuseNewStreams() {
        unsafe nghttp2_submit_goaway(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nghttp2_session_get_last_proc_stream_id(session), 0, nil, 0)
    }

    public func ping() { unsafe nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil) }

    /// How many streams the peer lets us have at once.
    public var peerStreamLimit: Int {
        Int(unsafe nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS))
    }
    public var liveStreamCount: Int { live.count }
    public var liveStreams: [HTTP2Stream] { live }
}
