/// What a connection grants its peer, and when it has had enough.
public struct HTTP2Limits: Sendable {
    /// Streams that the peer may have open at once.
    public var concurrentStreams: UInt32
    /// Bytes that the peer may send on one stream before we have taken them.
    public var streamWindow: Int32
    /// The same for all streams of the connection together.
    public var connectionWindow: Int32
    /// Size of a header list as HTTP/2 counts it: names, values and 32 bytes a field.
    public var headerListSize: Int
    /// Header fields beyond this, by the same count, end the connection instead of being answered: an HPACK bomb.
    public var headerListBomb: Int
    /// CONTINUATION frames of one header block.
    public var continuations: Int
    /// Bytes of one header block as it is sent, over all its frames.
    public var headerBlockSize: Int
    /// Streams that the peer may reset in a burst, and per second after it (rapid reset). The same again for streams
    /// that we have to reset because of what the peer sends on them ("MadeYouReset").
    public var resets: Flood
    /// SETTINGS frames likewise.
    public var settings: Flood
    /// PING frames likewise.
    public var pings: Flood
    /// DATA frames that carry nothing and end nothing likewise.
    public var emptyFrames: Flood
    /// WINDOW_UPDATE frames beyond those that return the window of what we sent (2 a DATA frame and 1 per 512 bytes).
    public var windowUpdates: Flood
    /// PRIORITY frames and frames of unknown types likewise.
    public var priorities: Flood
    /// GOAWAY frames likewise.
    public var goAways: Flood

    /// How many frames of a kind pass at once, and how many more every second.
    public struct Flood: Sendable {
        public var burst: Int
        public var perSecond: Int
        public init(burst: Int, perSecond: Int) {
            self.burst = burst
            self.perSecond = perSecond
        }
    }

    /// 128 streams, windows of 256 KiB a stream and 1 MiB a connection; header lists of 16 KiB, 64 KiB are a bomb, in 7
    /// CONTINUATION frames and 64 KiB at most; 200 resets and 33 a second, 32 SETTINGS and 1 a second, 64 PINGs and 10 a
    /// second, 256 empty frames and 10 a second, 10,000 WINDOW_UPDATEs and as many a second, 256 PRIORITY frames and 100
    /// a second, 8 GOAWAYs and 1 a second.
    public static var defaults: HTTP2Limits {
        HTTP2Limits(
            concurrentStreams: 128, streamWindow: 256 << 10, connectionWindow: 1 << 20, headerListSize: 16 << 10,
            headerListBomb: 64 << 10, continuations: 7, headerBlockSize: 64 << 10,
            resets: Flood(burst: 200, perSecond: 33), settings: Flood(burst: 32, perSecond: 1),
            pings: Flood(burst: 64, perSecond: 10), emptyFrames: Flood(burst: 256, perSecond: 10),
            windowUpdates: Flood(burst: 10_000, perSecond: 10_000), priorities: Flood(burst: 256, perSecond: 100),
            goAways: Flood(burst: 8, perSecond: 1))
    }
}

/// Counts one kind of frame with a leaky bucket.
struct FloodGuard {
    private let limit: HTTP2Limits.Flood
    private var level = 0
    private var emptiedAt: UInt64 = 0

    init(_ limit: HTTP2Limits.Flood) { self.limit = limit }

    /// Whether one more frame at this time (monotonic nanoseconds) is still acceptable.
    mutating func admits(at now: UInt64) -> Bool {
        let elapsed = now &- emptiedAt
        let leaked = Int(clamping: elapsed / 1_000_000_000 &* UInt64(limit.perSecond))
        if leaked > 0 {
            level = max(0, level - leaked)
            emptiedAt = now
        } else if level == 0 {
            emptiedAt = now
        }
        level += 1
        return level <= limit.burst
    }
}
