internal import CCurl
internal import Glibc
internal import Synchronization

/// An HTTP client over libcurl. All transfers run on one thread of its own, which sleeps in `poll` when idle;
/// answers come back to the caller's executor.
///
/// Connections are kept and shared between transfers. TLS is verified against the system's certificates. A proxy is
/// taken from the environment, except for Unix sockets and the loopback.
public final class HTTPClient: Sendable {
    private let engine: CurlEngine

    public init() {
        engine = CurlEngine()
        CurlEngine.spawn(engine)
    }

    deinit { engine.stop() }

    /// Ends all transfers with `closed` and the thread with them. Later requests fail.
    public func close() { engine.stop() }

    /// Sends a request and waits for the whole answer, whatever its status.
    public func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        var status = 0
        var headers: [(name: String, value: String)] = []
        var body: [UInt8] = []
        do {
            for try await event in stream(request) {
                switch event {
                case .head(let code, let fields): (status, headers) = (code, fields)
                case .body(let bytes): body.append(contentsOf: bytes)
                }
            }
        } catch let error as HTTPError {
            throw error
        } catch {
            throw HTTPError(.transfer, "\(error)")
        }
        if Task.isCancelled { throw HTTPError(.cancelled, "the request was cancelled") }
        guard status > 0 else { throw HTTPError(.transfer, "the transfer ended without a response") }
        return HTTPResponse(status: status, headers: headers, body: body)
    }

    /// Sends a request and gives the answer as it arrives: the head, then pieces of the body.
    ///
    /// Ends early without an error when the consuming task is cancelled; dropping the stream ends the transfer.
    public func stream(_ request: HTTPRequest) -> AsyncThrowingStream<HTTPEvent, any Error> {
        AsyncThrowingStream { continuation in
            let id = engine.start(request, continuation)
            let engine = self.engine
            continuation.onTermination = { reason in
                if case .cancelled = reason { engine.cancel(id) }
            }
        }
    }
}

/// What other threads ask of the transfer thread.
private enum Command: Sendable {
    case start(UInt64, HTTPRequest, AsyncThrowingStream<HTTPEvent, any Error>.Continuation)
    case cancel(UInt64)
}

/// The multi handle and its thread.
///
/// `@unchecked Sendable`: `multi` is set once in `init` and used by the thread alone, but for `curl_multi_wakeup`,
/// which libcurl allows from anywhere and which the lock keeps from running after the handle is freed.
@safe private final class CurlEngine: @unchecked Sendable {
    private struct Shared {
        var commands: [Command] = []
        var nextID: UInt64 = 1
        var stopping = false
        /// The handle is freed: nobody may wake it any more.
        var ended = false
    }

    private let shared = Mutex(Shared())
    private let multi: UnsafeMutableRawPointer?

    private static let ready: Bool = ragdz_curl_start() == CURLE_OK

    init() {
        unsafe multi = Self.ready ? curl_multi_init() : nil
    }

    /// The thread holds its own reference; the client's `deinit` tells it to end.
    static func spawn(_ engine: CurlEngine) {
        let reference = unsafe Unmanaged.passRetained(engine)
        var thread = pthread_t()
        let failed = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                unsafe Unmanaged<CurlEngine>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, reference.toOpaque())
        if failed != 0 {
            unsafe reference.release()
            engine.shared.withLock { $0.ended = true }
        } else {
            pthread_detach(thread)
        }
    }

    func start(
        _ request: HTTPRequest, _ continuation: AsyncThrowingStream<HTTPEvent, any Error>.Continuation
    ) -> UInt64 {
        let id: UInt64? = shared.withLock { state in
            guard !state.stopping, !state.ended, unsafe multi != nil else { return nil }
            let id = state.nextID
            state.nextID += 1
            state.commands.append(.start(id, request, continuation))
            unsafe curl_multi_wakeup(multi)
            return id
        }
        guard let id else {
            continuation.finish(throwing: HTTPError(.closed, "the HTTP client is closed"))
            return 0
        }
        return id
    }

    func cancel(_ id: UInt64) {
        shared.withLock { state in
            guard !state.ended else { return }
            state.commands.append(.cancel(id))
            unsafe curl_multi_wakeup(multi)
        }
    }

    func stop() {
        shared.withLock { state in
            guard !state.ended else { return }
            state.stopping = true
            unsafe curl_multi_wakeup(multi)
        }
    }

    /// The thread's body.
    private func run() {
        guard let multi = unsafe multi else { return }
        var transfers: [UInt64: CurlTransfer] = [:]
        // By the address of the easy handle.
        var handles: [UInt: UInt64] = [:]
        while true {
            let (commands, stopping) = shared.withLock { state in
                let commands = state.commands
                state.commands = []
                return (commands, state.stopping)
            }
            for command in commands {
                switch command {
                case .start(let id, let request, let continuation):
                    guard let transfer = CurlTransfer(request, continuation) else { continue }
                    transfers[id] = transfer
                    handles[transfer.address] = id
                    unsafe curl_multi_add_handle(multi, transfer.easy)
                case .cancel(let id):
                    guard let transfer = transfers.removeValue(forKey: id) else { continue }
                    handles[transfer.address] = nil
                    unsafe curl_multi_remove_handle(multi, transfer.easy)
                    transfer.finish(throwing: HTTPError(.cancelled, "the request was cancelled"))
                }
            }
            if stopping { break }
            var running: Int32 = 0
            unsafe curl_multi_perform(multi, &running)
            var result = CURLE_OK
            while let easy = unsafe ragdz_curl_next_done(multi, &result) {
                unsafe curl_multi_remove_handle(multi, easy)
                guard let id = handles.removeValue(forKey: UInt(bitPattern: easy)),
                    let transfer = transfers.removeValue(forKey: id)
                else { continue }
                transfer.finish(result)
            }
            unsafe curl_multi_poll(multi, nil, 0, Self.idleMilliseconds, nil)
        }
        for transfer in transfers.values {
            unsafe curl_multi_remove_handle(multi, transfer.easy)
            transfer.finish(throwing: HTTPError(.closed, "the HTTP client was closed"))
        }
        shared.withLock { $0.ended = true }
        unsafe curl_multi_cleanup(multi)
    }

    /// A wake-up comes by itself; this only bounds how long a lost one could hurt.
    private static let idleMilliseconds: Int32 = 1_000
}
