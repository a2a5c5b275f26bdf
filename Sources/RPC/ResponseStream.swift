public import ProtoRuntime

/// Where the responses of a call come from; transports implement it.
public protocol ResponseSource: AnyObject, Sendable {
    /// The headers of the answer; waits for them.
    func initialMetadata() async throws -> Metadata
    /// The next response; nil after a stream that ended with `OK`. Throws the call's `Status` otherwise.
    func next<M: Message>(as type: M.Type) async throws -> M?
    /// The trailers, once `next` has returned nil or thrown; empty before.
    var trailingMetadata: Metadata { get }
    /// Whether the response that `next` returned last came packed.
    var lastWasCompressed: Bool { get }
    /// Tells the server that nobody reads any more. Without effect on a call that is over.
    func cancel()
}

extension ResponseSource {
    public var lastWasCompressed: Bool { false }
}

/// The response messages of a server-streaming or bidirectional call.
///
/// It can be iterated once. Dropping it, or leaving the loop early, cancels the call. An unread stream stops the
/// server by flow control.
public struct ResponseStream<Element: Message>: AsyncSequence, Sendable {
    public typealias Failure = any Error

    /// Cancels the call when the last copy of the stream and its iterator is gone.
    final class Owner: Sendable {
        let source: any ResponseSource
        init(_ source: any ResponseSource) { self.source = source }
        deinit { source.cancel() }
    }

    let owner: Owner

    public init(_ source: any ResponseSource) { owner = Owner(source) }

    public var initialMetadata: Metadata {
        get async throws { try await owner.source.initialMetadata() }
    }
    /// The trailers, once the stream is over; empty before.
    public var trailingMetadata: Metadata { owner.source.trailingMetadata }
    /// Whether the response that was read last came packed.
    public var lastWasCompressed: Bool { owner.source.lastWasCompressed }
    /// Ends the call early; the iteration then throws `CANCELLED`.
    public func cancel() { owner.source.cancel() }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(owner: owner) }

    public struct AsyncIterator: AsyncIteratorProtocol {
        let owner: Owner

        public mutating func next() async throws -> Element? { try await owner.source.next(as: Element.self) }
    }
}
