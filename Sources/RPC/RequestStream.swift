public import ProtoRuntime

/// The request messages of a client-streaming or bidirectional call, in the order they were sent.
///
/// It can be iterated once. Messages that the handler has not asked for yet stay in the flow-control window, so a
/// slow handler stops the client. Ends after the half-close; throws when the call is cancelled.
public struct RequestStream<Element: Message>: AsyncSequence, Sendable {
    public typealias Failure = any Error
    let source: Source

    enum Source: Sendable {
        case call(any ServerCall)
        case closure(@Sendable () async throws -> Element?)
    }

    public init(_ call: any ServerCall) { source = .call(call) }

    /// A stream out of any source: for calls inside the process and tests.
    public init(next: @escaping @Sendable () async throws -> Element?) { source = .closure(next) }

    public init<S: AsyncSequence & Sendable>(_ elements: S) where S.Element == Element {
        let box = IteratorBox(elements)
        source = .closure { try await box.next() }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(source: source) }

    public struct AsyncIterator: AsyncIteratorProtocol {
        let source: Source

        public mutating func next() async throws -> Element? {
            switch source {
            case .call(let call): try await call.nextRequest(as: Element.self)
            case .closure(let next): try await next()
            }
        }
    }
}

/// Carries an iterator across calls of a `@Sendable` closure.
///
/// Unchecked because a message stream has one reader that asks for one element at a time.
final class IteratorBox<S: AsyncSequence & Sendable>: @unchecked Sendable where S.Element: Sendable {
    private var iterator: S.AsyncIterator

    init(_ sequence: S) { iterator = sequence.makeAsyncIterator() }

    func next() async throws -> S.Element? { try await iterator.next() }
}
