public import HTTP2
public import NIOCore
public import TLS

extension RPCServer {
    /// How a server listens and what it takes. Every limit has a number.
    public struct Configuration: Sendable {
        /// Host name or address to listen on. Default: `127.0.0.1`.
        public var host: String
        /// Default: 0, which takes any free port.
        public var port: Int
        /// What the server shows over TLS; nil speaks plain text. Default: nil.
        public var tls: TLSCredentials?
        /// Plain text on an address that other machines reach. Default: false, so that `start` refuses it.
        public var allowsPlaintextBeyondLoopback: Bool
        /// The largest request message, in bytes, packed or unpacked. Default: 4 MiB. Uploads stream.
        public var maximumMessageSize: Int
        /// Response bytes that wait for a slow reader before its handler is suspended, per stream. Default: 64 KiB.
        public var streamBuffer: Int
        /// Responses of at least so many bytes are packed for callers that accept gzip. Default: never,
        /// because inside a data centre the processor is dearer than the network; 4 KiB suits slow networks.
        public var compressionThreshold: Int
        public var http2: HTTP2Limits
        /// Connections at once; one more is told to go elsewhere (GOAWAY, then closed). Default: 20,000.
        public var maximumConnections: Int
        /// Bytes of one connection's requests that are larger than half a stream's window and wait for their handlers;
        /// beyond them such requests wait for window. Default: 32 MiB, and never less than one message.
        public var connectionRequestBuffer: Int
        /// How long a new connection may take to say its first words, TLS included. Default: 10 seconds.
        public var handshakeTimeout: TimeAmount
        /// A connection without calls is closed after this time. Default: 5 minutes.
        public var idleTimeout: TimeAmount
        /// A silent connection with calls is asked for a sign of life after this time. Default: 60 seconds.
        public var keepaliveInterval: TimeAmount
        /// How long a sign of life may take. Default: 20 seconds.
        public var keepaliveTimeout: TimeAmount
        /// A connection is closed gracefully at about this age (a tenth shorter or longer), so that load spreads.
        /// Default: nil, never.
        public var maximumConnectionAge: TimeAmount?
        /// How long the calls of a connection that is too old may go on. Default: 60 seconds.
        public var connectionGrace: TimeAmount
        /// A call whose peer takes nothing of what waits for it is given up after this time. Default: 2 minutes.
        public var stallTimeout: TimeAmount
        /// The request of a call that takes one, and any header list, must be complete within this time.
        /// Default: 30 seconds.
        public var requestTimeout: TimeAmount

        public init(host: String = "127.0.0.1", port: Int = 0) {
            self.host = host
            self.port = port
            tls = nil
            allowsPlaintextBeyondLoopback = false
            maximumMessageSize = 4 << 20
            streamBuffer = 64 << 10
            compressionThreshold = .max
            http2 = .defaults
            maximumConnections = 20_000
            connectionRequestBuffer = 32 << 20
            handshakeTimeout = .seconds(10)
            idleTimeout = .minutes(5)
            keepaliveInterval = .seconds(60)
            keepaliveTimeout = .seconds(20)
            maximumConnectionAge = nil
            connectionGrace = .seconds(60)
            stallTimeout = .minutes(2)
            requestTimeout = .seconds(30)
        }

        public static var defaults: Configuration { Configuration() }
    }
}
