internal import LoopExecutor
internal import ProtoRuntime
internal import RPC

/// Sends the requests of one call, to one attempt after the other; keeps what was sent while a further attempt may
/// need it.
///
/// Unchecked: everything but `stop` happens on the pool's loop.
final class RequestPump<Requests: AsyncSequence & Sendable>: @unchecked Sendable where Requests.Element: Message {
    /// Bytes of requests that are kept for a further attempt; with more, there is none.
    static var keptLimit: Int { 256 << 10 }

    private let requests: Requests
    private let executor: LoopExecutor
    private var kept: [Requests.Element] = []
    private var keptBytes = 0
    /// What was sent is not kept any more.
    private var isCommitted = false
    private var hasEnded = false
    private var stream: ClientStream?
    private var task: Task<Void, Never>?
    /// Tells the call that its requests failed.
    var onFailure: ((Status) -> Void)?

    init(_ requests: Requests, _ executor: LoopExecutor) {
        self.requests = requests
        self.executor = executor
    }

    var canRelaunch: Bool { !isCommitted }

    /// A new attempt: it gets what earlier ones got, then what follows.
    func launch(_ stream: ClientStream) throws {
        self.stream = stream
        for request in kept { try stream.send(request) }
        if hasEnded { return stream.endRequests() }
        guard task == nil else { return }
        // Weak, so that a call that nobody reads any more ends its requests.
        task = Task.immediate(executorPreference: executor) { [weak self, requests] in
            do {
                for try await request in requests {
                    guard let self, try await self.pass(request) else { return }
                }
                self?.ended()
            } catch {
                self?.failed(Status(wrapping: error))
            }
        }
    }

    func stop() {
        task?.cancel()
    }

    /// False when nobody takes requests any more.
    private func pass(_ request: Requests.Element) async throws -> Bool {
        keep(request)
        guard let stream else { return false }
        do {
            try stream.send(request)
            if !stream.isWritable { try await stream.waitForRoom() }
            return true
        } catch {
            // A further attempt may still come, and gets what is kept.
            return !isCommitted && !(stream.outcome?.isOK ?? false) && !Task.isCancelled
        }
    }

    private func keep(_ request: Requests.Element) {
        guard !isCommitted else { return }
        keptBytes += request.encodedSize()
        if stream?.gotHeaders == true || keptBytes > Self.keptLimit {
            isCommitted = true
            kept = []
        } else {
            kept.append(request)
        }
    }

    private func ended() {
        hasEnded = true
        stream?.endRequests()
    }

    private func failed(_ status: Status) {
        guard !Task.isCancelled else { return }
        isCommitted = true
        onFailure?(status)
    }
}
