public import ProtoRuntime

/// How one call is to be made.
public struct CallOptions: Sendable {
    /// How long the call may take in all, retries included; nil waits for ever. Default: 30 seconds for calls that
    /// answer once, none for streams (see `defaults`).
    public var timeout: Duration?
    /// Whether `timeout` was left at its default, which does not bind streams.
    public var bindsStreams: Bool
    public var metadata: Metadata
    /// Waits for a connection until the deadline instead of failing with `UNAVAILABLE` at the first refusal.
    public var waitForReady: Bool
    /// How long one attempt may take; then an idempotent call is made again while `timeout` lasts. Default: nil, no
    /// limit of its own. Does not bind response streams, whose attempts last as long as they do.
    public var attemptTimeout: Duration?
    /// When the call is made again. Default: nil, as the client's configuration says.
    public var retry: RetryPolicy?
    /// Sends further copies of a slow unary call to a method without side effects. Default: nil, never.
    public var hedging: HedgingPolicy?
    /// Requests of at least so many bytes are packed with gzip. Default: nil, as the client's configuration says.
    public var compressionThreshold: Int?
    /// Says for each request whether it is packed with gzip; nil leaves it to the client's threshold. Default: nil.
    public var compression: (@Sendable (any Message) -> MessageCompression)?

    /// Everything that is not named stays at its default.
    public init(timeout: Duration? = nil, metadata: Metadata = Metadata(), waitForReady: Bool = false) {
        self.timeout = timeout
        self.bindsStreams = true
        self.metadata = metadata
        self.waitForReady = waitForReady
    }

    /// 30 seconds for unary and client-streaming calls, no limit for response streams, no metadata, fail fast,
    /// retries as the client's configuration says, no hedging.
    public static var defaults: CallOptions {
        var options = CallOptions(timeout: .seconds(30))
        options.bindsStreams = false
        return options
    }

    /// The deadline of a call of this type that starts now.
    public func deadline(for type: CallType) -> Deadline? {
        guard let timeout, bindsStreams || !type.streamsResponses else { return nil }
        return .after(timeout)
    }
}

/// Something that carries calls to a server: a network client, or an in-process channel. Every call throws `Status`.
public protocol ClientChannel: Sendable {
    func unary<Request: Message, Response: Message>(
        _ method: MethodDescriptor, _ request: Request, options: CallOptions
    ) async throws -> Response

    func serverStreaming<Request: Message, Response: Message>(
        _ method: MethodDescriptor, _ request: Request, options: CallOptions
    ) async throws -> ResponseStream<Response>

    func clientStreaming<Requests: AsyncSequence & Sendable, Response: Message>(
        _ method: MethodDescriptor, _ requests: Requests, options: CallOptions
    ) async throws -> Response where Requests.Element: Message

    func bidirectional<Requests: AsyncSequence & Sendable, Response: Message>(
        _ method: MethodDescriptor, _ requests: Requests, options: CallOptions
    ) async throws -> ResponseStream<Response> where Requests.Element: Message
}
