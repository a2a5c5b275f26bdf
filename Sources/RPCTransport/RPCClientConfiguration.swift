public import HTTP2
public import NIOCore
public import RPC
public import TLS

extension RPCClient {
    /// Where a server is.
    public enum Target: Sendable, Hashable {
        /// A DNS name or address; resolved again at every connect, addresses tried in turn.
        case host(String, port: Int)
        case unixSocket(path: String)

        /// The host that a certificate must name.
        var hostname: String {
            switch self {
            case .host(let name, _): name
            case .unixSocket: "localhost"
            }
        }

        /// The `:authority` of requests.
        var authority: String {
            switch self {
            case .host(let name, let port): name.contains(":") ? "[\(name)]:\(port)" : "\(name):\(port)"
            case .unixSocket: "localhost"
            }
        }
    }

    /// How messages travel.
    public enum Wire: Sendable, Hashable {
        /// RAG-DZ's own framing with sequence numbers and checksums (docs/framing.md).
        case ragdz
        /// Plain gRPC, for servers of others.
        case grpc
    }

    /// How a client connects, tries again and what it takes. Every limit has a number.
    public struct Configuration: Sendable {
        /// Default: `.ragdz`.
        public var wire: Wire
        /// What the client trusts and shows over TLS; nil speaks plain text. Default: nil.
        public var tls: TLSContext?
        /// The name that the server's certificate must bear. Default: nil, the target's host.
        public var tlsServerName: String?
        /// The largest response message, in bytes, packed or unpacked. Default: 16 MiB.
        public var maximumMessageSize: Int
        /// Request bytes that wait for the server before a writer is suspended, per stream. Default: 64 KiB.
        public var streamBuffer: Int
        /// Requests of at least so many bytes are packed with gzip. Default: never.
        public var compressionThreshold: Int
        public var http2: HTTP2Limits
        /// Default: 10 seconds.
        public var connectTimeout: TimeAmount
        /// Pause after a failed connect and before a retried call; doubles each time, and each is spread by half
        /// in both directions. Default: 100 ms, at most 10 seconds.
        public var backoff: Backoff
        /// How often an idempotent unary call is made in all when the server is unavailable. Default: 4.
        public var maximumAttempts: Int
        /// Goes with every call, e.g. `authorization`; metadata of the call's options comes after it.
        public var metadata: Metadata
        /// `user-agent`. Default: `ragdz-swift`.
        public var userAgent: String
        /// A connection that has calls and is silent for so long is asked for a sign of life. Default: 30 seconds.
        public var keepaliveInterval: TimeAmount
        /// How long that may take before the connection counts as lost. Default: 10 seconds.
        public var keepaliveTimeout: TimeAmount

        public init(wire: Wire = .ragdz) {
            self.wire = wire
            tls = nil
            tlsServerName = nil
            maximumMessageSize = 16 << 20
            streamBuffer = 64 << 10
            compressionThreshold = .max
            http2 = .defaults
            connectTimeout = .seconds(10)
            backoff = .defaults
            maximumAttempts = 4
            metadata = Metadata()
            userAgent = "ragdz-swift"
            keepaliveInterval = .seconds(30)
            keepaliveTimeout = .seconds(10)
        }

        public static var defaults: Configuration { Configuration() }
    }
}

/// Growing pauses, spread so that many clients do not come back together.
public struct Backoff: Sendable, Hashable {
    public var initial: Duration
    public var maximum: Duration

    public init(initial: Duration, maximum: Duration) {
        self.initial = initial
        self.maximum = maximum
    }

    /// 100 ms doubling up to 10 seconds.
    public static var defaults: Backoff { Backoff(initial: .milliseconds(100), maximum: .seconds(10)) }

    /// The pause after this many failures (from 1); `spread` is a random number from 0 to 1.
    public func pause(after failures: Int, spread: Double = .random(in: 0...1)) -> Duration {
        let doubled = initial * (1 << min(max(failures - 1, 0), 20))
        return min(doubled, maximum) * (0.5 + spread)
    }
}

/// Keeps retries from multiplying the load on a server that is down: each failure costs a token, each success gives
/// a tenth back, and below half of the tokens nothing is retried.
struct RetryBudget {
    private static let capacity = 10.0
    private var tokens = capacity

    var allows: Bool { tokens > Self.capacity / 2 }
    mutating func failed() { tokens = max(0, tokens - 1) }
    mutating func succeeded() { tokens = min(Self.capacity, tokens + 0.1) }
}
