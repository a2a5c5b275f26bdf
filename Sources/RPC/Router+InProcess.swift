import ProtoRuntime
import Synchronization

/// Calls that come from inside the process (the bridge, tests): the same routes behind the same interceptors.
///
/// Messages are wire bytes. A deadline in the context cancels the handler. What fails throws a `Status`.
extension Router {
    public func callUnary(_ path: String, request: [UInt8], context: ServerContext) async throws -> [UInt8] {
        let call = InProcessCall(single: request)
        try await perform(path, call, context)
        return try call.onlyResponse()
    }

    /// `onMessage` is awaited before the handler goes on: a slow reader stops the producer.
    public func callServerStreaming(
        _ path: String, request: [UInt8], context: ServerContext,
        onMessage: @escaping @Sendable ([UInt8]) async throws -> Void
    ) async throws {
        let call = InProcessCall(single: request, onMessage: onMessage)
        try await perform(path, call, context)
        try await call.writable()
    }

    public func callClientStreaming<S: AsyncSequence & Sendable>(
        _ path: String, requests: S, context: ServerContext
    ) async throws -> [UInt8] where S.Element == [UInt8] {
        let call = InProcessCall(stream: requests)
        try await perform(path, call, context)
        return try call.onlyResponse()
    }

    public func callBidirectional<S: AsyncSequence & Sendable>(
        _ path: String, requests: S, context: ServerContext,
        onMessage: @escaping @Sendable ([UInt8]) async throws -> Void
    ) async throws where S.Element == [UInt8] {
        let call = InProcessCall(stream: requests, onMessage: onMessage)
        try await perform(path, call, context)
        try await call.writable()
    }

    private func perform(_ path: String, _ call: InProcessCall, _ context: ServerContext) async throws {
        guard let route = route(path) else { throw Status.unknownMethod(path) }
        do {
            try await withDeadline(context.deadline) { try await run(route, call, context) }
        } catch {
            throw Status(wrapping: error)
        }
    }
}

extension Status {
    public static func unknownMethod(_ path: String) -> Status {
        .unimplemented("This server has no method \(path.prefix(200)).", reason: "UNKNOWN_METHOD")
    }
}

/// The message side of a call inside the process.
final class InProcessCall: ServerCall {
    private let single: [UInt8]?
    private let nextMessage: @Sendable () async throws -> [UInt8]?
    private let onMessage: (@Sendable ([UInt8]) async throws -> Void)?
    private let queued = Mutex<[[UInt8]]>([])

    init(single: [UInt8], onMessage: (@Sendable ([UInt8]) async throws -> Void)? = nil) {
        self.single = single
        self.onMessage = onMessage
        nextMessage = { nil }
    }

    init<S: AsyncSequence & Sendable>(
        stream: S, onMessage: (@Sendable ([UInt8]) async throws -> Void)? = nil
    ) where S.Element == [UInt8] {
        single = nil
        self.onMessage = onMessage
        let box = IteratorBox(stream)
        nextMessage = { try await box.next() }
    }

    func request<M: Message>(as type: M.Type) throws -> M { try decode(single ?? []) }
    func requestBytes() throws -> [UInt8] { single ?? [] }

    func nextRequest<M: Message>(as type: M.Type) async throws -> M? {
        try Task.checkCancellation()
        return try await nextMessage().map(decode)
    }

    private func decode<M: Message>(_ bytes: [UInt8]) throws -> M {
        do { return try M(wire: bytes) } catch { throw Status.malformed(M.self) }
    }

    func send<M: Message>(_ message: M) throws {
        let bytes = message.wireBytes()
        queued.withLock { $0.append(bytes) }
    }

    var isWritable: Bool { onMessage == nil }

    func writable() async throws {
        guard let onMessage else { return }
        let ready = queued.withLock { queue in
            defer { queue.removeAll(keepingCapacity: true) }
            return queue
        }
        for message in ready { try await onMessage(message) }
    }

    func onlyResponse() throws -> [UInt8] {
        try queued.withLock { queue in
            guard let first = queue.first, queue.count == 1 else {
                throw Status.internalError("The method did not answer with exactly one message.")
            }
            return first
        }
    }
}
