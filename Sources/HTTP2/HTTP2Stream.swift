/// One stream's sending side, and the identity that both sides share. Transports subclass it to keep everything that
/// belongs to a call in one object.
///
/// Unchecked: a stream is confined to the event loop of its connection; subclasses hop there before they touch it.
open class HTTP2Stream: @unchecked Sendable {
    /// 0 until the stream is attached or submitted.
    @exclusivity(unchecked) public internal(set) final var id: Int32 = 0
    /// Bytes that wait for the flow-control window.
    @exclusivity(unchecked) final var output = ByteQueue()
    @exclusivity(unchecked) final var ending = Ending.open
    /// Where the session's list of live streams holds this one.
    @exclusivity(unchecked) final var liveIndex = 0
    /// nghttp2 has asked for data, found none and waits for `resume`.
    @exclusivity(unchecked) final var isDeferred = false
    /// The peer reset the stream, or both sides are done: nothing can be sent any more.
    @exclusivity(unchecked) public internal(set) final var isClosed = false
    /// The peer has ended its side: set by the owner, so that the session need not look when ours ends.
    public final var peerHasEnded: Bool {
        get { remoteEnded }
        set { remoteEnded = newValue }
    }
    // Stored apart: other modules would check a public stored property for overlapping accesses each time.
    @exclusivity(unchecked) private final var remoteEnded = false
    /// Asks the session to report this stream in `drained` once the output falls to this many bytes.
    @exclusivity(unchecked) public final var wakeBelow: Int?

    enum Ending {
        case open
        case endStream
        case trailers(HeaderList)

        var isOpen: Bool { if case .open = self { true } else { false } }
    }

    public init() {}

    /// Bytes that are queued and not yet sent.
    public final var queuedBytes: Int { output.count }

    /// Room for `size` bytes of body, to be filled at once. Call `HTTP2Session.resume` afterwards.
    public final func extendOutput(by size: Int) -> UnsafeMutableRawBufferPointer { unsafe output.extend(by: size) }

    // MARK: - What the owner's subclass does with the peer's side

    /// Body bytes, valid only during the call.
    open func received(_ bytes: UnsafeRawBufferPointer, endsStream: Bool) {}
    /// The stream is over: in order, or reset with this code.
    open func closed(_ code: HTTP2ErrorCode) {}
    /// The output fell to `wakeBelow`.
    open func drained() {}
}
