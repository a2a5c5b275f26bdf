/// Something that the peer did, in the order in which it did it.
@safe public struct HTTP2Event {
    public enum Kind: Sendable, Hashable {
        /// A request's or response's header list; `headers` names its fields.
        case headers
        /// The header list was larger than the limit; its fields are not kept.
        case headersTooLarge
        /// The trailers of a message.
        case trailers
        /// Body bytes; `withBytes` gives them.
        case data
        /// The stream is over; `code` is the reset's code or 0.
        case closed
        /// The peer accepts no new streams; `code` says why and `streamID` which stream was the last that it took.
        case goAway
        /// The peer's SETTINGS arrived.
        case settings
        /// The peer answered our PING.
        case pingAcknowledged
    }

    public let kind: Kind
    public let streamID: Int32
    /// Nothing follows on this stream from the peer.
    public let endsStream: Bool
    public let code: UInt32
    /// Which fields of the session's arena belong to this event.
    let headers: Range<Int>
    /// Which of the session's known header lists this event's is, apart from `headers`.
    let known: Int?
    /// The body bytes of `.data`, inside the buffer that `receive` was given: valid as long as that is.
    public let bytes: UnsafeRawBufferPointer
    /// The stream that `.closed` is about, when it was ever attached; on the client, the stream of every event.
    public var stream: HTTP2Stream? { unsafe reference?.takeUnretainedValue() }
    /// Not counted: the session keeps the stream at least as long as the event.
    let reference: Unmanaged<HTTP2Stream>?

    init(
        _ kind: Kind, _ streamID: Int32, endsStream: Bool = false, code: UInt32 = 0, headers: Range<Int> = 0..<0,
        known: Int? = nil,
        bytes: UnsafeRawBufferPointer = unsafe UnsafeRawBufferPointer(start: nil, count: 0),
        stream: Unmanaged<HTTP2Stream>? = nil
    ) {
        self.kind = kind
        self.streamID = streamID
        self.endsStream = endsStream
        self.code = code
        self.headers = headers
        unsafe self.bytes = unsafe bytes
        self.known = known
        unsafe reference = unsafe stream
    }
}
