public import ProtoRuntime

/// A call on its way out, as interceptors see and change it.
public struct ClientRequest<Message: ProtoRuntime.Message>: Sendable {
    public enum Body: Sendable {
        /// The request of a unary or server-streaming call.
        case message(Message)
        /// The requests of a client-streaming or bidirectional call.
        case stream(RequestStream<Message>)
    }

    public let method: MethodDescriptor
    /// Metadata, deadline and how often to try.
    public var options: CallOptions
    public var body: Body

    public init(method: MethodDescriptor, options: CallOptions, body: Body) {
        self.method = method
        self.options = options
        self.body = body
    }

    /// The same request with `change` applied to each message.
    public func map(_ change: @escaping @Sendable (Message) throws -> Message) rethrows -> ClientRequest {
        var copy = self
        switch body {
        case .message(let message): copy.body = .message(try change(message))
        case .stream(let stream):
            let box = IteratorBox(stream)
            copy.body = .stream(RequestStream { try await box.next().map(change) })
        }
        return copy
    }
}

/// Code that runs around every call of a client: credentials, logging, metrics, tests.
///
/// It sees and may change the metadata, the requests, the responses and the final status. It may call `next` several
/// times (to try again) or not at all (to answer by itself). A unary answer is a stream of one message.
public protocol ClientInterceptor: Sendable {
    func intercept<Request: Message, Response: Message>(
        _ request: ClientRequest<Request>, response: Response.Type,
        _ next: @concurrent @Sendable (ClientRequest<Request>) async throws -> ResponseStream<Response>
    ) async throws -> ResponseStream<Response>
}

extension ResponseStream {
    /// The same stream, seen or changed on its way.
    ///
    /// `message` runs for each response. `end` runs once, with the call's status (`.ok` included) and its trailers; a
    /// stream that nobody reads to its end has none.
    public func observed(
        message: @escaping @Sendable (Element) throws -> Element = { $0 },
        end: @escaping @Sendable (Status, Metadata) -> Void = { _, _ in }
    ) -> ResponseStream {
        ResponseStream(ObservedSource(owner, message, end))
    }

    /// An answer that no server gave: for tests, caches and interceptors that answer by themselves.
    public init(
        _ messages: some AsyncSequence<Element, any Error> & Sendable, initialMetadata: Metadata = Metadata(),
        trailingMetadata: Metadata = Metadata()
    ) { self.init(LocalSource(messages, initialMetadata, trailingMetadata)) }

    /// An answer of these messages.
    public init(
        messages: [Element], initialMetadata: Metadata = Metadata(), trailingMetadata: Metadata = Metadata()
    ) {
        let (stream, source) = AsyncThrowingStream.makeStream(of: Element.self)
        for message in messages { source.yield(message) }
        source.finish()
        self.init(stream, initialMetadata: initialMetadata, trailingMetadata: trailingMetadata)
    }
}

/// Passes a stream on and tells what it sees.
private final class ObservedSource<Element: Message>: ResponseSource {
    private let owner: ResponseStream<Element>.Owner
    private let message: @Sendable (Element) throws -> Element
    private let end: @Sendable (Status, Metadata) -> Void

    init(
        _ owner: ResponseStream<Element>.Owner, _ message: @escaping @Sendable (Element) throws -> Element,
        _ end: @escaping @Sendable (Status, Metadata) -> Void
    ) {
        self.owner = owner
        self.message = message
        self.end = end
    }

    var trailingMetadata: Metadata { owner.source.trailingMetadata }
    var lastWasCompressed: Bool { owner.source.lastWasCompressed }
    func initialMetadata() async throws -> Metadata { try await owner.source.initialMetadata() }
    func cancel() { owner.source.cancel() }

    func next<M: Message>(as type: M.Type) async throws -> M? {
        do {
            guard let received = try await owner.source.next(as: Element.self) else {
                end(.ok, trailingMetadata)
                return nil
            }
            return try message(received) as? M
        } catch {
            let status = Status(wrapping: error)
            end(status, trailingMetadata)
            throw status
        }
    }
}

/// A stream out of messages that are here already.
private final class LocalSource<S: AsyncSequence & Sendable>: ResponseSource where S.Element: Message {
    private let box: IteratorBox<S>
    private let initial: Metadata
    let trailingMetadata: Metadata

    init(_ messages: S, _ initial: Metadata, _ trailing: Metadata) {
        box = IteratorBox(messages)
        self.initial = initial
        trailingMetadata = trailing
    }

    func initialMetadata() async throws -> Metadata { initial }
    func cancel() {}

    func next<M: Message>(as type: M.Type) async throws -> M? {
        do { return try await box.next() as? M } catch { throw Status(wrapping: error) }
    }
}
