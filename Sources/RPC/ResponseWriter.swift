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

    /// Sends several messages, in order, with as few pauses as the transport allows.
    ///
    /// On a resumable stream they are kept in one step: after a crash the stream goes on after all of them or before
    /// the first (as long as they are at most 64 messages of 256 KiB together).
    public func write(contentsOf messages: some Sequence<Element>) async throws {
        guard case .call(let call) = sink else {
            for message in messages { try await write(message) }
            return
        }
        for message in messages {
            try call.send(message)
            if !call.gathers, !call.isWritable { try await call.writable() }
        }
        if !call.isWritable { try await call.writable() }
    }
}
