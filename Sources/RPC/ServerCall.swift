public import ProtoRuntime

/// What a handler may ask about the call that it serves; transports implement it.
public protocol CallScope: AnyObject, Sendable {
    var method: MethodDescriptor { get }
    var metadata: Metadata { get }
    var deadline: Deadline? { get }
    /// The other end, e.g. `"127.0.0.1:51234"` or `"in-process"`.
    var peer: String { get }
    /// The DNS and URI names of the caller's verified certificate; empty without mTLS. Asked on the call's loop.
    var peerNames: [String] { get }
    /// Names this call in logs and to the caller; from `x-request-id` when the caller sent a decent one.
    var requestID: String { get }
    /// Adds to the headers of the answer; without effect once the first message is on its way.
    func addInitialMetadata(_ metadata: Metadata)
    /// Adds to the trailers of the answer.
    func addTrailers(_ metadata: Metadata)
    /// The trailers that were added so far.
    var addedTrailers: Metadata { get }
    /// Whether the caller can take the stream up again if it breaks, or does so with this call.
    var resumption: StreamResumption { get }
    /// Whether the request message that was read last came packed. Asked on the call's loop.
    var requestWasCompressed: Bool { get }
    /// How the responses from now on are packed; the first response decides whether any may be.
    func setCompression(_ compression: MessageCompression)
}

extension CallScope {
    public var peerNames: [String] { [] }
    public var addedTrailers: Metadata { Metadata() }
    public var resumption: StreamResumption { .unsupported }
    public var requestWasCompressed: Bool { false }
    public func setCompression(_ compression: MessageCompression) {}
}

/// The message side of a call: where requests come from and responses go to; transports implement it.
///
/// Sending is split in two so that the fast path never suspends: `send` queues, and only when `isWritable` says no
/// does a writer wait in `writable()` until the peer has taken enough.
public protocol ServerCall: AnyObject, Sendable {
    /// The one request of a unary or server-streaming call, which is complete before its handler starts.
    func request<M: Message>(as type: M.Type) throws -> M
    /// The next request of a stream; nil after the client's half-close.
    func nextRequest<M: Message>(as type: M.Type) async throws -> M?
    /// Queues one response. Throws `CANCELLED` when nobody is there to read it.
    func send<M: Message>(_ message: M) throws
    var isWritable: Bool { get }
    /// Returns when there is room for more; throws `CANCELLED` when the peer is gone.
    func writable() async throws
    /// The one request in its wire form, unpacked.
    func requestBytes() throws -> [UInt8]
    /// Whether messages that are sent one right after the other had better be waited for together.
    var gathers: Bool { get }
}

extension ServerCall {
    public func requestBytes() throws -> [UInt8] {
        throw Status.internalError("This transport does not keep the request.", reason: "NO_REQUEST")
    }
    public var gathers: Bool { false }
}

extension Status {
    /// A message that is not what its method declares.
    public static func malformed(_ type: any Message.Type) -> Status {
        .invalidArgument(
            "The request is not a valid \(type.protoMessageName): check that client and server use the same .proto.",
            reason: "MALFORMED_MESSAGE")
    }
}
