internal import RPC
import Synchronization

/// Hands the events of one call to the one writer of its HTTP response.
///
/// The call may be one message ahead of the writer and no more: `send` returns when the writer asks for the next
/// item, that is when it has written the one before. Heartbeats are dropped while anything else is waiting.
final class EventRelay: Sendable {
    enum Item: Sendable {
        case message([UInt8])
        case heartbeat
        /// The call has been quiet for long enough: the response starts without a first message.
        case quiet
        case finished
        case failed(Status)
    }

    private struct State {
        var queue: [Item] = []
        var reader: CheckedContinuation<Item, Never>?
        var sender: CheckedContinuation<Void, any Error>?
        var isClosed = false
    }

    private let state = Mutex(State())

    /// Hands over a message and waits until the writer is ready for the next one.
    ///
    /// Throws `CancellationError` when the writer is gone or the call's task is cancelled.
    func send(_ message: [UInt8]) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (reader, refused) = state.withLock { state -> (CheckedContinuation<Item, Never>?, Bool) in
                    if state.isClosed || Task.isCancelled { return (nil, true) }
                    state.sender = continuation
                    return (Self.deliver(.message(message), &state), false)
                }
                reader?.resume(returning: .message(message))
                if refused { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            takeSender()?.resume(throwing: CancellationError())
        }
    }

    /// Adds an item without waiting.
    func post(_ item: Item) {
        let reader = state.withLock { state -> CheckedContinuation<Item, Never>? in
            if case .heartbeat = item, state.reader == nil { return nil }
            return Self.deliver(item, &state)
        }
        reader?.resume(returning: item)
    }

    /// The reader to resume with the item; nil when it was queued instead.
    private static func deliver(_ item: Item, _ state: inout State) -> CheckedContinuation<Item, Never>? {
        if state.isClosed { return nil }
        guard let reader = state.reader else {
            state.queue.append(item)
            return nil
        }
        state.reader = nil
        return reader
    }

    /// The next item. After `close` it is `.finished`.
    func next() async -> Item {
        takeSenderIfIdle()?.resume()
        return await withCheckedContinuation { continuation in
            let ready = state.withLock { state -> Item? in
                if !state.queue.isEmpty { return state.queue.removeFirst() }
                if state.isClosed { return .finished }
                state.reader = continuation
                return nil
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }

    /// The writer is gone: whoever sends gets a `CancellationError`, whoever reads `.finished`.
    func close() {
        let (reader, sender) = state.withLock { state in
            state.isClosed = true
            state.queue = []
            defer { (state.reader, state.sender) = (nil, nil) }
            return (state.reader, state.sender)
        }
        reader?.resume(returning: .finished)
        sender?.resume(throwing: CancellationError())
    }

    private func takeSender() -> CheckedContinuation<Void, any Error>? {
        state.withLock { state in
            defer { state.sender = nil }
            return state.sender
        }
    }

    /// The sender whose message has been taken out and, as the writer is back, written.
    private func takeSenderIfIdle() -> CheckedContinuation<Void, any Error>? {
        state.withLock { state in
            let isWaiting = state.queue.contains { if case .message = $0 { true } else { false } }
            guard !isWaiting else { return nil }
            defer { state.sender = nil }
            return state.sender
        }
    }
}
