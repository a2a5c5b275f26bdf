internal import RPC
internal import Synchronization

/// Lets a few bodies run at a time, in the order in which they came. The others wait without a thread, as long as
/// their own deadlines allow; when too many wait already, the next one is told to come back.
final class ExtractionGate: Sendable {
    enum Limits {
        /// Documents that are read and cut at the same time.
        static let running = 2
        /// Documents that wait for it.
        static let waiting = 32
        /// When to come back, once too many wait.
        static let retryAfter: Duration = .seconds(5)
    }

    private struct State {
        var running = 0
        var nextTicket = 0
        var waiting: [(ticket: Int, continuation: CheckedContinuation<Void, any Error>)] = []
    }

    private let running: Int
    private let waiting: Int
    private let state = Mutex(State())

    init(running: Int = Limits.running, waiting: Int = Limits.waiting) {
        self.running = running
        self.waiting = waiting
    }

    /// Runs the body when its turn comes. Throws `RESOURCE_EXHAUSTED` when the queue is full, and `CancellationError`
    /// when the task is cancelled, as a call is at its deadline, before its turn.
    func pass<R>(_ body: () async throws -> R) async throws -> R {
        try await enter()
        defer { leave() }
        return try await body()
    }

    /// How many wait.
    var waitingNow: Int { state.withLock { $0.waiting.count } }

    private enum Entry { case open, full, wait }

    private func enter() async throws {
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let entry = state.withLock { state -> Entry? in
                    if Task.isCancelled { return nil }
                    if state.running < running {
                        state.running += 1
                        return .open
                    }
                    guard state.waiting.count < waiting else { return .full }
                    state.waiting.append((ticket, continuation))
                    return .wait
                }
                switch entry {
                case .open?: continuation.resume()
                case .wait?: break
                case .full?:
                    continuation.resume(
                        throwing: Status.resourceExhausted(
                            "The server reads as many documents as it can. Send the document again later.",
                            reason: "INGEST_BUSY", retryAfter: Limits.retryAfter))
                case nil: continuation.resume(throwing: CancellationError())
                }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Void, any Error>? in
                guard let place = state.waiting.firstIndex(where: { $0.ticket == ticket }) else { return nil }
                return state.waiting.remove(at: place).continuation
            }
            waiter?.resume(throwing: CancellationError())
        }
    }

    private func leave() {
        let next = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            // The place goes straight to the next one.
            if !state.waiting.isEmpty { return state.waiting.removeFirst().continuation }
            state.running -= 1
            return nil
        }
        next?.resume()
    }
}

/// How many bytes of uploads are in memory: one bound for all calls of a process.
final class UploadMemory: Sendable {
    /// 256 MiB: eight uploads of the largest size.
    static let defaultLimit = 8 * RetrievalLimits.uploadBytes

    private let limit: Int
    private let used = Mutex(0)

    init(limit: Int = UploadMemory.defaultLimit) { self.limit = limit }

    /// Counts bytes of an upload until its share is given back.
    func take(_ bytes: Int, for share: inout Int) throws(Status) {
        let fits = used.withLock { used in
            guard used + bytes <= limit else { return false }
            used += bytes
            return true
        }
        guard fits else {
            throw .resourceExhausted(
                "The server receives as many bytes as it can keep. Send the document again later.",
                reason: "UPLOADS_BUSY", retryAfter: ExtractionGate.Limits.retryAfter)
        }
        share += bytes
    }

    func giveBack(_ share: Int) { used.withLock { $0 -= share } }
}
