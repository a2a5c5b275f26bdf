internal import CNGHTTP2

/// nghttp2's callbacks: each unwraps its session and forwards in one line.
///
/// None of them may feed, pull or free the session; submitting is allowed.
enum Callbacks {
    /// Built once and read by every session; nghttp2 copies what it needs.
    nonisolated(unsafe) static let table: OpaquePointer? = {
        var table: OpaquePointer?
        guard unsafe nghttp2_session_callbacks_new(&table) == 0 else { return nil }
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(table) { _, _, me in
            unsafe session(me)._withUnsafeGuaranteedRef { $0.beganHeaders() }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_header_callback2(table) { _, _, name, value, _, me in
            guard let name = unsafe name, let value = unsafe value else { return 0 }
            let field = unsafe HeaderField(name: name, value: value)
            let goesOn = unsafe session(me)._withUnsafeGuaranteedRef { $0.gotHeader(field) }
            return goesOn ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
        }
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table) { _, _, stream, data, size, me in
            let bytes = unsafe UnsafeRawBufferPointer(start: data, count: size)
            unsafe session(me)._withUnsafeGuaranteedRef { unsafe $0.gotData(stream, bytes) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(table) { _, frame, me in
            guard let frame = unsafe frame else { return 0 }
            unsafe session(me)._withUnsafeGuaranteedRef { unsafe $0.got(frame) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(table) { _, frame, me in
            guard let frame = unsafe frame else { return 0 }
            unsafe session(me)._withUnsafeGuaranteedRef { unsafe $0.sent(frame) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(table) { raw, stream, code, me in
            let reference = unsafe HTTP2Session.reference(of: raw, stream)
            unsafe session(me)._withUnsafeGuaranteedRef { unsafe $0.gotClose(stream, reference, code: code) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_send_data_callback(table) { _, frame, header, size, source, me in
            guard unsafe frame != nil, let header = unsafe header, let ptr = unsafe source?.pointee.ptr else {
                return NGHTTP2_ERR_CALLBACK_FAILURE.rawValue
            }
            return unsafe session(me)._withUnsafeGuaranteedRef { session in
                unsafe Unmanaged<HTTP2Stream>.fromOpaque(ptr)._withUnsafeGuaranteedRef {
                    unsafe session.sendData(of: $0, header, size)
                }
            }
        }
        return unsafe table
    }()

    @inline(__always)
    private static func session(_ me: UnsafeMutableRawPointer?) -> Unmanaged<HTTP2Session> {
        // The session passed itself unretained and outlives its nghttp2 session, so it is there; counting references
        // in every callback would cost more than what most of them do.
        unsafe Unmanaged.fromOpaque(me.unsafelyUnwrapped)
    }

    /// How nghttp2 asks for body bytes: the stream says how many it has, `send_data` moves them.
    static let read: nghttp2_data_source_read_callback = { raw, id, _, limit, flags, source, me in
        guard let flags = unsafe flags, let ptr = unsafe source?.pointee.ptr else {
            return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
        }
        return unsafe session(me)._withUnsafeGuaranteedRef { session in
            unsafe Unmanaged<HTTP2Stream>.fromOpaque(ptr)._withUnsafeGuaranteedRef {
                unsafe session.offerData(of: $0, limit, flags)
            }
        }
    }
}

extension HTTP2Session {
    /// `live` keeps what this refers to until `retire`.
    static func reference(of session: OpaquePointer?, _ id: Int32) -> Unmanaged<HTTP2Stream>? {
        guard let ptr = unsafe nghttp2_session_get_stream_user_data(session, id) else { return nil }
        return unsafe Unmanaged<HTTP2Stream>.fromOpaque(ptr)
    }

    func got(_ frame: UnsafePointer<nghttp2_frame>) {
        let header = unsafe frame.pointee.hd
        let ends = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch UInt32(header.type) {
        case NGHTTP2_DATA.rawValue:
            let content = unsafe header.length - frame.pointee.data.padlen
            gotDataFrame(header.stream_id, content: content, endsStream: ends)
        case NGHTTP2_HEADERS.rawValue:
            let category = unsafe frame.pointee.headers.cat
            // A client sees interim and final headers; whatever ends the stream after the first list is trailers.
            let isTrailers = category == NGHTTP2_HCAT_HEADERS && ends
            gotHeaders(header.stream_id, isTrailers: isTrailers, endsStream: ends)
        case NGHTTP2_SETTINGS.rawValue:
            if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0 { gotSettings() }
        case NGHTTP2_PING.rawValue:
            if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 { gotPingAcknowledgement() }
        case NGHTTP2_GOAWAY.rawValue:
            gotGoAway(
                lastStream: unsafe frame.pointee.goaway.last_stream_id, code: unsafe frame.pointee.goaway.error_code)
        default: break
        }
    }

    /// An answer that is complete before its request is: the client may stop sending (RFC 9113, 8.1).
    func sent(_ frame: UnsafePointer<nghttp2_frame>) {
        let header = unsafe frame.pointee.hd
        if header.type == UInt8(NGHTTP2_RST_STREAM.rawValue) {
            return sentReset(header.stream_id, HTTP2ErrorCode(rawValue: unsafe frame.pointee.rst_stream.error_code))
        }
        // Nearly always the request is complete before its answer, and nobody has to ask.
        guard hasEarlyEnds else { return }
        guard role == .server, header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0,
            header.type == UInt8(NGHTTP2_HEADERS.rawValue) || header.type == UInt8(NGHTTP2_DATA.rawValue),
            unsafe nghttp2_session_get_stream_remote_close(session, header.stream_id) == 0
        else { return }
        reset(header.stream_id, .noError)
    }

    /// A reset that the peer's own frames forced on us costs it, or it could open and lose streams without end.
    private func sentReset(_ id: Int32, _ code: HTTP2ErrorCode) {
        resetting = id
        guard role == .server else { return }
        switch code {
        case .noError, .cancel: break
        // Where the stream's window overflows, the RFC lets the connection end, and for SETTINGS demands it (6.9.2).
        case .flowControl: terminate(.flowControl)
        default: if !inspector.admitsProvokedReset() { terminate(.enhanceYourCalm) }
        }
    }

    /// Says how many bytes of the stream go into the next DATA frame, and whether it is the last.
    func offerData(of stream: HTTP2Stream, _ limit: Int, _ flags: UnsafeMutablePointer<UInt32>) -> Int {
        let size = min(stream.output.count, limit)
        if size == 0, stream.ending.isOpen {
            stream.isDeferred = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        unsafe flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_NO_COPY.rawValue)
        guard size == stream.output.count else { return size }
        switch stream.ending {
        case .open: break
        case .endStream: unsafe flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue)
        case .trailers(let trailers):
            unsafe flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue)
            let submitted = unsafe trailers.withFields { unsafe nghttp2_submit_trailer(session, stream.id, $0, $1) }
            if submitted != 0 { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
        }
        return size
    }

    /// Moves one DATA frame, header and payload, from the stream to where `pull` collects.
    func sendData(of stream: HTTP2Stream, _ header: UnsafePointer<UInt8>, _ size: Int) -> Int32 {
        guard sink.room >= 9 + size else { return NGHTTP2_ERR_WOULDBLOCK.rawValue }
        unsafe sink.append(UnsafeRawBufferPointer(start: header, count: 9))
        unsafe sink.append(UnsafeRawBufferPointer(rebasing: stream.output.bytes[..<size]))
        stream.output.drop(size)
        inspector.sentData(size)
        if let level = stream.wakeBelow, stream.output.count <= level {
            stream.wakeBelow = nil
            drainedStreams.append(stream)
        }
        return 0
    }
}
