public import ProtoRuntime

/// Where a streaming handler puts its responses.
public struct ResponseWriter<Element: Message>: Sendable {
    let sink: Sink

    enum Sink: Sendable {
        case call(any ServerCall)
        case closure(@Sendable (Element) async throws -> Void)
    }

    public init(_ call: any ServerCall) { sink = .call(call) }

    /// A writer into any sink: for calls inside the process and tests.
    public init(_ write: @escaping @Sendable (Element) async throws -> Void) { sink = .closure(write) }

    /// Sends one message.
    ///
    /// Suspends while the peer reads too slowly (the transport's buffer per stream is full) and throws `CANCELLED`
    /// when nobody is there to read any more.
    public func write(_ message: Element) async throws {
        switch sink {
        case .call(let call):
            try call.send(message)
            if !call.isWritable { try await call.writable() }
        case .closure(let write): try await write(message)
        }
    }

    public func write(contentsOf messages: some Sequence<Element>) async throws {
        for message in messages { try await write(message) }
    }
}
