internal import Glibc

/// Walks over the headers of the frames that a peer sends, before nghttp2 reads them, and stops what must not be read.
///
/// nghttp2 judges most of the protocol. What it lets pass without a word is judged here: frames that only make us work
/// (each kind against its own leaky bucket), header blocks that do not end, and frames on streams that are closed. All
/// of it is the peer's fault and ends the connection. The path of an honest call costs a few integer comparisons.
@safe struct FrameInspector {
    /// Where reading must stop, and the code of the GOAWAY.
    struct Refusal: Equatable {
        /// Offset of the first byte of the frame; 0 when its header began in an earlier read.
        let offset: Int
        /// `.noError` where nothing is wrong: there stands the peer's first GOAWAY. From it on (and it is to be
        /// looked at again) nghttp2 reads frame by frame.
        let code: HTTP2ErrorCode
    }

    private let isServer: Bool
    private let limits: HTTP2Limits
    private let clock: () -> UInt64
    private var floods: Floods
    /// Bytes to pass over: the rest of the preface, or of a frame's payload.
    private var skip: Int
    /// The part of a frame's header that an earlier read brought.
    private(set) var partial: [UInt8] = []
    /// The peer has said GOAWAY: any frame may be the last that matters.
    private(set) var isLeaving = false

    /// The highest stream that the peer has opened.
    private(set) var highest: Int32 = 0
    /// Stream numbers that the peer has passed over, last time it did: they can never be opened.
    private var gap: Range<Int32> = 0..<0
    /// The stream of the last DATA or HEADERS that was found in order.
    private var current: Int32 = 0
    /// Streams that were closed lately, each at the place that its number gives it.
    private var closed = [Int32](repeating: 0, count: Self.closedSlots)
    private static let closedSlots = 64

    /// The block that goes on in CONTINUATION frames: how many, and how many bytes.
    private var continuations = 0
    private var blockBytes = 0
    /// WINDOW_UPDATEs that the peer has earned by the DATA that we sent it.
    private var updateCredit = 0

    private struct Floods {
        var resets: FloodGuard
        var provoked: FloodGuard
        var settings: FloodGuard
        var pings: FloodGuard
        var emptyFrames: FloodGuard
        var windowUpdates: FloodGuard
        var priorities: FloodGuard
        var goAways: FloodGuard
    }

    static let prefaceSize = 24
    static let headerSize = 9

    init(isServer: Bool, limits: HTTP2Limits, clock: @escaping () -> UInt64) {
        self.isServer = isServer
        self.limits = limits
        self.clock = clock
        skip = isServer ? Self.prefaceSize : 0
        floods = Floods(
            resets: FloodGuard(limits.resets), provoked: FloodGuard(limits.resets),
            settings: FloodGuard(limits.settings), pings: FloodGuard(limits.pings),
            emptyFrames: FloodGuard(limits.emptyFrames), windowUpdates: FloodGuard(limits.windowUpdates),
            priorities: FloodGuard(limits.priorities), goAways: FloodGuard(limits.goAways))
    }

    /// Looks at what the socket gave; nil when nghttp2 may read all of it.
    mutating func inspect(_ bytes: UnsafeRawBufferPointer) -> Refusal? {
        var at = 0
        let size = bytes.count
        while at < size {
            if skip > 0 {
                let step = min(skip, size - at)
                skip -= step
                at += step
                continue
            }
            let start = at
            if partial.isEmpty, size - at >= Self.headerSize {
                if let code = unsafe judge(bytes, at) { return Refusal(offset: start, code: code) }
                at += Self.headerSize
                continue
            }
            let step = min(Self.headerSize - partial.count, size - at)
            unsafe partial.append(contentsOf: bytes[at..<at + step])
            at += step
            guard partial.count == Self.headerSize else { break }
            let header = partial
            partial.removeAll(keepingCapacity: true)
            if let code = unsafe header.withUnsafeBytes({ unsafe judge($0, 0) }) {
                return Refusal(offset: start, code: code)
            }
        }
        return nil
    }

    /// One frame's header at `at`.
    private mutating func judge(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> HTTP2ErrorCode? {
        let first = unsafe UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
        let flags = unsafe bytes[at + 4]
        let id = unsafe Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: at + 5, as: Int32.self)) & 0x7FFF_FFFF
        let length = Int(first >> 8)
        skip = length
        switch first & 0xFF {
        case 0:
            return isServer && id != current ? judgeKnown(id) : nil
        case 1:
            continuations = 0
            blockBytes = length
            return isServer ? judgeOpening(id) : nil
        default: return judgeControl(UInt8(truncatingIfNeeded: first), flags, id, length)
        }
    }

    private mutating func judgeOpening(_ id: Int32) -> HTTP2ErrorCode? {
        guard id > highest else { return id == current ? nil : judgeKnown(id) }
        // Not `highest + 2`: the peer may be near the end of the numbers.
        if id - highest > 2 { gap = highest + 1..<id }
        highest = id
        current = id
        return nil
    }

    /// A frame on a stream that is not the current one: fine unless the stream is closed or can never be opened.
    private mutating func judgeKnown(_ id: Int32) -> HTTP2ErrorCode? {
        if isClosed(id) { return .streamClosed }
        if gap.contains(id) { return .protocolError }
        current = id
        return nil
    }

    private mutating func judgeControl(_ type: UInt8, _ flags: UInt8, _ id: Int32, _ length: Int) -> HTTP2ErrorCode? {
        switch type {
        case 3:
            if isServer { close(id) }
            return admit(\.resets)
        // Answers to what we hardly ever ask cost as little as a PING.
        case 4: return flags & 1 == 0 ? admit(\.settings) : admit(\.pings)
        case 6: return admit(\.pings)
        case 7:
            if isLeaving { return admit(\.goAways) }
            isLeaving = true
            skip = 0
            return .noError
        case 8:
            if updateCredit > 0 {
                updateCredit -= 1
                return nil
            }
            return admit(\.windowUpdates)
        case 9:
            continuations += 1
            blockBytes += length
            let isTooLong = continuations > limits.continuations || blockBytes > limits.headerBlockSize
            return isTooLong ? .enhanceYourCalm : nil
        // PRIORITY, and extensions that mean nothing here.
        default: return admit(\.priorities)
        }
    }

    private mutating func admit(_ flood: WritableKeyPath<Floods, FloodGuard>) -> HTTP2ErrorCode? {
        floods[keyPath: flood].admits(at: clock()) ? nil : .enhanceYourCalm
    }

    /// How many bytes are missing to the end of a frame's header or of its payload, whichever is next.
    var missing: Int { skip > 0 ? skip : Self.headerSize - partial.count }

    // MARK: - What the session reports

    /// One more frame without content.
    mutating func admitsEmptyFrame() -> Bool { admit(\.emptyFrames) == nil }

    /// We had to reset a stream because of what the peer did on it.
    mutating func admitsProvokedReset() -> Bool { admit(\.provoked) == nil }

    /// DATA went out: the peer may return the window for it.
    mutating func sentData(_ size: Int) { updateCredit = min(updateCredit + 2 + size >> 9, Self.mostCredit) }
    private static let mostCredit = 1 << 16

    /// The peer has ended or reset this stream and so have we: nothing may come on it any more.
    mutating func close(_ id: Int32) {
        closed[Self.slot(id)] = id
        if current == id { current = 0 }
    }

    private func isClosed(_ id: Int32) -> Bool { closed[Self.slot(id)] == id }

    /// A peer numbers its streams one after the other, so the last 64 have different places.
    private static func slot(_ id: Int32) -> Int { Int(id >> 1) & (closedSlots - 1) }
}
