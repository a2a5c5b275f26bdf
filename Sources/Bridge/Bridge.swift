internal import Hummingbird
public import Logging
public import NIOCore
public import RPC

/// The JSON face of the server: HTTP/1.1 in front of the same `Router` that answers RPCs.
///
/// Unary methods follow their `google.api.http` rule, server streams are server-sent events, uploads are raw bytes.
/// Every request runs through the router's interceptors like any RPC: there is no second business path.
public struct Bridge: Sendable {
    public struct Configuration: Sendable {
        public var host: String
        /// 0 lets the system choose.
        public var port: Int
        public var limits: Limits
        /// Origins that browsers may call from; empty: same origin only. `"*"` is not understood on purpose.
        public var allowedOrigins: [String]

        public init(
            host: String = "127.0.0.1", port: Int = 8080, limits: Limits = .defaults, allowedOrigins: [String] = []
        ) {
            self.host = host
            self.port = port
            self.limits = limits
            self.allowedOrigins = allowedOrigins
        }
    }

    public struct Limits: Sendable {
        /// Bytes of a JSON body.
        public var jsonBody: Int
        /// Bytes of a message in protobuf, over gRPC-Web or Connect.
        public var message: Int
        /// Bytes of an uploaded document.
        public var upload: Int
        /// Bytes of all header fields of a request together.
        public var headerList: Int
        /// How long a call that answers once may take.
        public var unaryTimeout: Duration
        /// How long an upload may take, reading included.
        public var uploadTimeout: Duration
        /// How long an event stream may last; a reader comes back with `Last-Event-ID`.
        public var streamTimeout: Duration
        /// Between two heartbeat comments of a quiet event stream.
        public var heartbeat: Duration
        /// How long an event stream waits for its first event or its failure before it answers 200.
        public var firstEventGrace: Duration
        /// After which a connection without traffic is closed.
        public var idleTimeout: Duration

        /// 1 MiB of JSON, 4 MiB of message, 32 MiB of document, 16 KiB of headers; 60 seconds a call, 10 minutes an upload, 1 hour a
        /// stream with a heartbeat every 15 seconds and a grace of 1 second; 2 minutes idle.
        public static var defaults: Limits {
            Limits(
                jsonBody: 1 << 20, message: 4 << 20, upload: 32 << 20, headerList: 16 << 10, unaryTimeout: .seconds(60),
                uploadTimeout: .seconds(600), streamTimeout: .seconds(3600), heartbeat: .seconds(15),
                firstEventGrace: .seconds(1), idleTimeout: .seconds(120))
        }
    }

    /// Whether one part of the process is ready to serve.
    public struct Readiness: Sendable {
        public let part: String
        public let isReady: Bool
        public init(part: String, isReady: Bool) {
            self.part = part
            self.isReady = isReady
        }
    }

    private let configuration: Configuration
    private let router: RPC.Router
    private let group: any EventLoopGroup
    private let readiness: @Sendable () async -> [Readiness]
    private let logger: Logger

    /// - Parameter group: The loops whose database pools the handlers use; requests run on them.
    public init(
        configuration: Configuration, router: RPC.Router, group: any EventLoopGroup, logger: Logger,
        readiness: @escaping @Sendable () async -> [Readiness] = { [] }
    ) {
        self.configuration = configuration
        self.router = router
        self.group = group
        self.readiness = readiness
        self.logger = logger
    }

    /// Serves until the task is cancelled or the surrounding service group shuts down gracefully.
    ///
    /// - Parameter onListening: Called once with the bound address. Throws when the address cannot be bound.
    public func run(onListening: @escaping @Sendable (SocketAddress?) async -> Void = { _ in }) async throws {
        let limits = configuration.limits
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .notice)
        let application = Application(
            responder: BridgeResponder(configuration: configuration, router: router, readiness: readiness),
            server: .http1(
                configuration: .init(
                    idleTimeout: .nanoseconds(limits.idleTimeout.wholeNanoseconds),
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: limits.headerList, maxHeaderListSize: limits.headerList,
                        maxHeaderFieldCount: 100))),
            configuration: .init(address: .hostname(configuration.host, port: configuration.port)),
            onServerRunning: { channel in await onListening(channel.localAddress) },
            eventLoopGroupProvider: .shared(group),
            logger: quiet)
        try await application.run()
    }
}
