internal import Bytes
internal import HTTP2
internal import NIOCore
internal import ProtoRuntime
internal import RPC
internal import Synchronization

/// One call over as many attempts as it takes: opens streams, makes the call again when that is safe, and takes a
/// resumable stream up where it broke.
///
/// Unchecked: everything but `cancel` and the metadata, which hop or lock, happens on the pool's loop.
final class ClientCall: ResponseSource, @unchecked Sendable {
    private let pool: ConnectionPool
    private let method: MethodDescriptor
    private let options: CallOptions
    private let deadline: Deadline?
    /// Sends the request, or what is to be sent again of a stream of them.
    private let launch: (ClientStream) throws -> Void
    /// Whether the requests can still be sent again.
    private let canRelaunch: () -> Bool
    private let release: () -> Void

    private var retries: RetryState
    private var stream: ClientStream?
    private var failure: Status?
    /// Messages that were handed on.
    private var received: UInt64 = 0
    /// The present attempt ends before the call does.
    private var attemptIsLimited = false
    /// How many streams were opened for the call.
    private var attempts = 0
    /// The same for all attempts: what the first one did under it is not done again.
    private lazy var callID = UUID128.v4().description
    /// Over the messages that were handed on, while the stream can be taken up.
    private var check = StreamCheck()
    private var streamID: String?
    /// The newest attempt, for who asks from elsewhere.
    private let current = Mutex<ClientStream?>(nil)
    private let isCancelled = Atomic<Bool>(false)

    init(
        _ pool: ConnectionPool, _ method: MethodDescriptor, _ options: CallOptions,
        launch: @escaping (ClientStream) throws -> Void, canRelaunch: @escaping () -> Bool = { true },
        release: @escaping () -> Void = {}
    ) {
        self.pool = pool
        self.method = method
        self.options = options
        self.launch = launch
        self.canRelaunch = canRelaunch
        self.release = release
        deadline = options.deadline(for: method.callType)
        retries = RetryState(options.retry ?? pool.configuration.retry, method.idempotency)
    }

    deinit { release() }

    private var configuration: RPCClient.Configuration { pool.configuration }

    // MARK: - Attempts

    /// Opens the first attempt, on the loop; fails when that is hopeless.
    func begin() async throws { _ = try await attempt() }

    /// The running attempt, or a new one that has begun.
    private func attempt() async throws -> ClientStream {
        while true {
            if let failure { throw failure }
            if let stream { return stream }
            do {
                let opened = try await open()
                if let failure {
                    // The requests failed while they were being sent.
                    opened.abandon(failure)
                    throw failure
                }
                stream = opened
                current.withLock { $0 = opened }
                return opened
            } catch {
                if let failure { throw failure }
                try await recover(from: Status(wrapping: error), isOpening: true)
            }
        }
    }

    private func open() async throws -> ClientStream {
        attemptIsLimited = false
        try checkAlive()
        let connection = try await pool.connection(waitsForReady: options.waitForReady, deadline: deadline)
        try checkAlive()
        let (end, status) = attemptDeadline()
        attemptIsLimited = status.reason == Status.attemptTimeoutReason
        let stream = ClientStream(
            connection, deadline: end, deadlineStatus: status, options: options,
            received: resumes ? received : 0)
        var headers = connection.headers(method, options, deadline: end)
        if retries.previousAttempts > 0 { headers.add("grpc-previous-rpc-attempts", "\(retries.previousAttempts)") }
        if method.idempotency == .idempotent, configuration.wire == .ragdz { headers.add(CallName.header, callID) }
        if resumes, let streamID {
            headers.add("ragdz-resume", "\(streamID);\(received)")
            headers.add("ragdz-resume-check", Self.hex(check.value))
        }
        if mayResume { stream.check = check }
        try connection.open(stream, headers)
        attempts += 1
        try launch(stream)
        return stream
    }

    private func checkAlive() throws {
        if isCancelled.load(ordering: .acquiring) || Task.isCancelled { throw Status.cancelled() }
        if let deadline, deadline.hasPassed { throw Status.deadlineExceeded() }
    }

    /// When this attempt ends, and what its end means.
    private func attemptDeadline() -> (Deadline?, Status) {
        guard let limit = options.attemptTimeout, !method.callType.streamsResponses else {
            return (deadline, .deadlineExceeded())
        }
        let own = Deadline.after(limit)
        if let deadline, deadline <= own { return (deadline, .deadlineExceeded()) }
        return (own, .attemptTimedOut)
    }

    private static func hex(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    // MARK: - Taking a stream up

    /// Whether the stream of this call is one that servers let clients take up.
    private var mayResume: Bool {
        method.policy.resumable && method.callType == .serverStreaming && configuration.wire == .ragdz
    }
    /// Whether a further attempt takes up what there is rather than beginning anew.
    private var resumes: Bool { mayResume && streamID != nil }

    /// Whether this failure broke the stream, rather than ended it.
    private static func breaks(_ status: Status) -> Bool {
        switch status.code {
        case .unavailable: true
        case .dataLoss: status.reason == "STREAM_END" || status.reason?.hasPrefix("FRAME_") == true
        case .internalError: status.reason == "STREAM_RESET"
        default: false
        }
    }

    /// Returns when there may be another attempt; else the call is over and `status` is thrown.
    private func recover(from told: Status, isOpening: Bool = false) async throws {
        let status = endedAttempt(told) ? .attemptTimedOut : told
        let failed = stream
        stream = nil
        let isUnprocessed =
            status.code == .unavailable
            && (status.reason == Status.notProcessedReason
                || isOpening && (status.reason == Status.notConnectedReason || status.reason == "NAME_NOT_RESOLVED"))
        let verdict = retries.failed(
            .init(
                status, isUnprocessed: isUnprocessed,
                isCommitted: method.callType.streamsResponses && received > 0 && !resumes
                    || method.callType.streamsRequests && failed?.gotHeaders == true || !canRelaunch(),
                canResume: resumes && (Self.breaks(status) || isUnprocessed), isFinal: failed?.forbidsRetry == true),
            &pool.budget)
        let pause: Duration
        switch verdict {
        case .giveUp: throw end(status)
        case .atOnce: return
        case .again(let failures, let pushback), .resume(let failures, let pushback):
            let policy = options.retry ?? configuration.retry
            // The first time a stream is taken up there is nothing to wait for: other servers may be there.
            let own = resumes && failures == 1 && !isOpening ? .zero : policy.backoff.pause(after: failures)
            pause = pushback ?? own
        }
        if let deadline, deadline.remaining <= pause { throw end(status) }
        guard pause > .zero else { return }
        do { try await Task.sleep(for: pause) } catch { throw end(.cancelled()) }
    }

    /// Whether it is the attempt that took too long, and not the call.
    ///
    /// The server was told no other deadline than the attempt's. It may find it passed before our own timer does: its
    /// clock is another one, and the header is in whole units. What a handler says of deadlines of its own has
    /// reasons of its own.
    private func endedAttempt(_ told: Status) -> Bool {
        attemptIsLimited && told.code == .deadlineExceeded
            && (told.reason ?? Status.deadlineReason) == Status.deadlineReason
    }

    private func end(_ status: Status) -> Status {
        failure = status
        release()
        return status
    }

    // MARK: - ResponseSource

    var trailingMetadata: Metadata { current.withLock { $0 }?.trailingMetadata ?? Metadata() }

    var lastWasCompressed: Bool { current.withLock { $0 }?.lastWasCompressed ?? false }

    func initialMetadata() async throws -> Metadata {
        try await withTaskExecutorPreference(pool.executor) {
            while true {
                let stream = try await self.attempt()
                try await stream.waitForHeaders()
                if stream.gotHeaders || stream.outcome?.isOK == true { return stream.initialMetadata }
                try await self.recover(from: stream.outcome ?? .cancelled())
            }
        }
    }

    func next<M: Message>(as type: M.Type) async throws -> M? {
        if pool.loop.inEventLoop { return try await nextOnLoop() }
        return try await withTaskExecutorPreference(pool.executor) { try await self.nextOnLoop() }
    }

    func nextOnLoop<M: Message>() async throws -> M? {
        while true {
            let stream = try await attempt()
            do {
                guard let message: M = try await stream.nextSettled() else {
                    pool.budget.succeeded()
                    release()
                    return nil
                }
                received += 1
                if let check = stream.check { self.check = check }
                if mayResume, let id = stream.streamID { streamID = id }
                retries.progressed()
                return message
            } catch {
                if streamID == nil, mayResume { streamID = stream.streamID }
                try await recover(from: Status(wrapping: error))
            }
        }
    }

    /// The answer of a call that has one.
    func only<M: Message>() async throws -> M {
        var answer: (message: M, attempt: Int)?
        while let message: M = try await nextOnLoop() {
            // An attempt that broke between its message and its end was made again, and answers again.
            if let answer, answer.attempt == attempts {
                stream?.abandon(.cancelled())
                throw Status.internalError(
                    "The server answered \(method.path) with several messages.", reason: "TOO_MANY_RESPONSES")
            }
            answer = (message, attempts)
        }
        guard let answer else {
            throw Status.internalError("The server answered \(method.path) without a message.", reason: "NO_RESPONSE")
        }
        return answer.message
    }

    func cancel() {
        isCancelled.store(true, ordering: .releasing)
        if pool.loop.inEventLoop { return cancelOnLoop() }
        pool.loop.execute { self.cancelOnLoop() }
    }

    private func cancelOnLoop() {
        release()
        stream?.abandon(.cancelled())
    }

    /// The requests cannot be had: no further attempt would help.
    func fail(_ status: Status) {
        guard failure == nil else { return }
        failure = status
        stream?.abandon(status)
    }
}

extension Status {
    /// The reason of a deadline that passed, in the words of a server of ours.
    static let deadlineReason = "DEADLINE_EXCEEDED"
    /// The time of one attempt is over, that of the call is not.
    static let attemptTimedOut = Status.deadlineExceeded(
        "The server did not answer within the time of one attempt.", reason: attemptTimeoutReason)
}
