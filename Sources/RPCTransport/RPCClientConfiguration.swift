public import HTTP2
public import NIOCore
public import RPC
public import TLS

extension RPCClient {
    /// Where the servers are.
    public indirect enum Target: Sendable, Hashable {
        /// A DNS name or address. All addresses of a name are used, in turn; it is resolved again every
        /// `resolveInterval` and after a failed connect.
        case host(String, port: Int)
        case unixSocket(path: String)
        /// Several servers of the same service, used in turn.
        case anyOf([Target])

        /// The host that a certificate must name.
        var hostname: String {
            switch self {
            case .host(let name, _): name
            case .unixSocket: "localhost"
            case .anyOf(let targets): targets.first?.hostname ?? "localhost"
            }
        }

        /// The `:authority` of requests.
        var authority: String {
            switch self {
            case .host(let name, let port): name.contains(":") ? "[\(name)]:\(port)" : "\(name):\(port)"
            case .unixSocket: "localhost"
            case .anyOf(let targets): targets.map(\.authority).joined(separator: ",")
            }
        }

        /// Whether the addresses may change while the client lives.
        var needsLookUp: Bool {
            switch self {
            case .host(let name, let port): (try? SocketAddress(ipAddress: name, port: port)) == nil
            case .unixSocket: false
            case .anyOf(let targets): targets.contains(where: \.needsLookUp)
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
        /// Windows and limits of HTTP/2. Default: `HTTP2Limits.defaults`.
        public var http2: HTTP2Limits
        /// How long a connection may take until the server's first SETTINGS. Default: 10 seconds.
        public var connectTimeout: TimeAmount
        /// Pause after a failed connect; doubles each time, and each is spread by half in both directions.
        /// Default: 100 ms, at most 10 seconds.
        public var backoff: Backoff
        /// When calls are made again, and broken streams taken up; `CallOptions.retry` says it for one call.
        /// Default: `RetryPolicy.defaults`, four attempts of idempotent calls.
        public var retry: RetryPolicy
        /// Holds retries back while servers are down. Default: `RetryBudget.defaults`.
        public var retryBudget: RetryBudget
        /// Run around every call, the first one outermost. Default: none.
        public var interceptors: [any ClientInterceptor]
        /// Connections to one address; further ones are opened when all are full. Default: 4.
        public var maximumConnectionsPerAddress: Int
        /// Calls at once on one connection, if the server allows as many (ours: 128). Default: 1,000.
        public var maximumStreamsPerConnection: Int
        /// Addresses that are used of a name that has many. Default: 16.
        public var maximumAddresses: Int
        /// How long the addresses of a name are believed. Default: 30 seconds.
        public var resolveInterval: TimeAmount
        /// The service whose `grpc.health.v1` status decides whether a server gets calls; `""` is the server as a
        /// whole. Default: nil, every connected server gets calls.
        public var healthCheckedService: String?
        /// Goes with every call, e.g. `authorization`; metadata of the call's options comes after it.
        public var metadata: Metadata
        /// `user-agent`. Default: `ragdz-swift`.
        public var userAgent: String
        /// A connection that has calls and is silent for so long is asked for a sign of life (PING).
        /// Default: 30 seconds.
        public var keepaliveInterval: TimeAmount
        /// Asks connections without calls too. Default: false; servers may take offence.
        public var keepaliveWithoutCalls: Bool
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
            retry = .defaults
            retryBudget = .defaults
            interceptors = []
            maximumConnectionsPerAddress = 4
            maximumStreamsPerConnection = 1_000
            maximumAddresses = 16
            resolveInterval = .seconds(30)
            healthCheckedService = nil
            metadata = Metadata()
            userAgent = "ragdz-swift"
            keepaliveInterval = .seconds(30)
            keepaliveWithoutCalls = false
            keepaliveTimeout = .seconds(10)
        }

        /// RAG-DZ framing in plain text; the numbers stand at each property.
        public static var defaults: Configuration { Configuration() }
    }
}
