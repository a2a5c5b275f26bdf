internal import Bytes
internal import RPC

/// Cuts the bytes of one direction of a stream into messages.
///
/// Feed it whatever is there; it says what stands at the front and how many bytes that takes. It keeps only the
/// state that order needs, so it can be tested as a transcript. What goes wrong is always the peer's (or the
/// network's) fault: with RAG-DZ framing `DATA_LOSS`, with gRPC what other gRPC servers answer.
struct FrameParser {
    enum Step: Equatable {
        /// Not a whole frame yet; with nothing at the front, the stream may end here.
        case needsMore
        /// A message: its payload lies at `payload` (offsets into the bytes that were given).
        case message(payload: Range<Int>, isCompressed: Bool)
        /// RAG-DZ framing: the end of the stream.
        case end(payload: Range<Int>)
        indirect case failure(Status)
    }

    private let framing: Framing
    /// The largest payload that is taken, in bytes.
    private let limit: Int
    private var nextSequence: UInt64
    /// RAG-DZ framing: the end envelope was read.
    private(set) var hasEnded = false
    /// Whether the envelopes of this stream are checked; the first one tells.
    private var isChecked: Bool?

    /// With `requiresChecks`, unchecked envelopes of RAG-DZ framing are refused from the first. A stream that is taken
    /// up goes on after the envelope `last`.
    init(_ framing: Framing, limit: Int, requiresChecks: Bool = false, after last: UInt64 = 0) {
        nextSequence = last &+ 1
        self.framing = framing
        self.limit = limit
        isChecked = requiresChecks ? true : nil
    }

    /// What stands at the front, told from the header alone: nothing is checked or counted yet.
    func front(_ bytes: UnsafeRawBufferPointer) -> Step {
        guard bytes.count >= frameHeaderSize else { return .needsMore }
        let length = Int(bytes.bigEndian(at: 1, as: UInt32.self))
        guard length <= limit else { return .failure(.messageTooLarge(length, limit: limit)) }
        let isChecked = framing == .ragdz && bytes[0] & FrameFlags.checked != 0
        let header = isChecked ? checkedHeaderSize : frameHeaderSize
        guard bytes.count >= header + length else { return .needsMore }
        return .message(payload: header..<header + length, isCompressed: false)
    }

    /// The size of the frame at the front, header and payload, once its header is there.
    func frontSize(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count >= frameHeaderSize else { return nil }
        let isChecked = framing == .ragdz && bytes[0] & FrameFlags.checked != 0
        return (isChecked ? checkedHeaderSize : frameHeaderSize) + Int(bytes.bigEndian(at: 1, as: UInt32.self))
    }

    mutating func next(_ bytes: UnsafeRawBufferPointer) -> Step {
        guard bytes.count >= frameHeaderSize else {
            if hasEnded, !bytes.isEmpty { return .failure(.frameAfterEnd) }
            return .needsMore
        }
        let flags = bytes[0]
        let length = Int(bytes.bigEndian(at: 1, as: UInt32.self))
        switch framing {
        case .grpc:
            guard flags & ~FrameFlags.compressed == 0 else { return .failure(.unknownFlags) }
            guard length <= limit else { return .failure(.messageTooLarge(length, limit: limit)) }
            guard bytes.count >= frameHeaderSize + length else { return .needsMore }
            let payload = frameHeaderSize..<frameHeaderSize + length
            return .message(payload: payload, isCompressed: flags & FrameFlags.compressed != 0)
        case .ragdz:
            return nextEnvelope(bytes, flags: flags, length: length)
        }
    }

    private mutating func nextEnvelope(_ bytes: UnsafeRawBufferPointer, flags: UInt8, length: Int) -> Step {
        if hasEnded { return .failure(.frameAfterEnd) }
        let isChecked = flags & FrameFlags.checked != 0
        let known = FrameFlags.compressed | FrameFlags.checked | FrameFlags.end
        // A lost `checked` bit would turn the header's rest into payload: the stream keeps to its first envelope.
        guard flags & ~known == 0, self.isChecked ?? isChecked == isChecked else {
            return .failure(.corrupted("an envelope has unknown flags", reason: "FRAME_FLAGS"))
        }
        guard length <= limit else { return .failure(.messageTooLarge(length, limit: limit)) }
        let header = isChecked ? checkedHeaderSize : frameHeaderSize
        guard bytes.count >= header + length else { return .needsMore }
        self.isChecked = isChecked
        let payload = header..<header + length
        if isChecked {
            guard bytes.bigEndian(at: 5, as: UInt64.self) == nextSequence else {
                return .failure(.corrupted("an envelope is out of order", reason: "FRAME_SEQUENCE"))
            }
            let checksum = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[payload]))
            guard bytes.bigEndian(at: 13, as: UInt32.self) == checksum else {
                return .failure(.corrupted("an envelope's checksum is wrong", reason: "FRAME_CHECKSUM"))
            }
            nextSequence &+= 1
        }
        if flags & FrameFlags.end != 0 {
            hasEnded = true
            return .end(payload: payload)
        }
        return .message(payload: payload, isCompressed: flags & FrameFlags.compressed != 0)
    }

    /// The peer has ended its side with `rest` bytes that make no whole frame; nil when that is in order.
    func finish(rest: Int) -> Status? {
        guard rest > 0 else { return nil }
        switch framing {
        case .grpc:
            return .internalError(
                "The stream ended in the middle of a message: send it again.", reason: "TRUNCATED_MESSAGE")
        case .ragdz: return .corrupted("the stream ended inside an envelope", reason: "FRAME_TRUNCATED")
        }
    }
}

extension Status {
    static func corrupted(_ what: String, reason: String) -> Status {
        .dataLoss("The stream was damaged on its way (\(what)): send it again.", reason: reason)
    }
    static let frameAfterEnd = corrupted("something follows its end", reason: "FRAME_AFTER_END")
    static let unknownFlags = Status.internalError(
        "A gRPC frame has flags that are not defined: check the client.", reason: "FRAME_FLAGS")

    static func messageTooLarge(_ size: Int, limit: Int) -> Status {
        .resourceExhausted(
            "The message has \(size) bytes, more than the \(limit) that are taken: send less, or use a stream.",
            reason: "MESSAGE_TOO_LARGE"
        ).with("limit_bytes", "\(limit)")
    }
}

/// Writes the header of one envelope after its payload is in place, and counts.
struct FrameWriter {
    let framing: Framing
    private var nextSequence: UInt64

    /// A stream that is taken up goes on after the envelope `last`.
    init(_ framing: Framing, after last: UInt64 = 0) {
        self.framing = framing
        nextSequence = last &+ 1
    }

    /// Bytes to leave before the payload.
    var headerSize: Int { framing == .grpc ? frameHeaderSize : checkedHeaderSize }

    /// Fills in the header at the front of `frame`, whose payload follows it already.
    mutating func seal(_ frame: UnsafeMutableRawBufferPointer, isCompressed: Bool = false, isEnd: Bool = false) {
        var flags: UInt8 = isCompressed ? FrameFlags.compressed : 0
        frame.storeBigEndian(UInt32(truncatingIfNeeded: frame.count - headerSize), at: 1)
        if framing == .ragdz {
            flags |= FrameFlags.checked | (isEnd ? FrameFlags.end : 0)
            frame.storeBigEndian(nextSequence, at: 5)
            let payload = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(frame)[checkedHeaderSize...])
            frame.storeBigEndian(CRC32C.checksum(payload), at: 13)
            nextSequence &+= 1
        }
        frame[0] = flags
    }
}
