internal import HTTP2
internal import NIOCore
internal import ProtoRuntime
internal import RPC
internal import Synchronization

/// One attempt of a call of the client. Unchecked through its superclass; what readers elsewhere may ask is behind a
/// lock.
final class ClientStream: MessageStream, @unchecked Sendable {
    private let framing: Framing
    private let compressionThreshold: Int
    private(set) var gotHeaders = false
    private var isGzip = false
    private var timer: Scheduled<Void>?
    /// The id under which the stream can be taken up.
    private(set) var streamID: String?
    /// The server says that the call must not be made again.
    private(set) var forbidsRetry = false
    /// Told once, when the attempt is over.
    var onOutcome: ((Status) -> Void)?
    /// Which requests are packed, when the call says so itself.
    private let compression: (@Sendable (any Message) -> MessageCompression)?
    private let answer = Mutex((initial: Metadata(), trailing: Metadata(), wasCompressed: false))

    /// `received` is the number of the last message that earlier attempts brought; `isWatch` marks a call that
    /// belongs to the connection itself.
    init(
        _ connection: ClientConnection, deadline: Deadline?, deadlineStatus: Status = .deadlineExceeded(),
        options: CallOptions = .defaults, received: UInt64 = 0, isWatch: Bool = false
    ) {
        let configuration = connection.configuration
        compression = options.compression
        framing = configuration.wire == .ragdz ? .ragdz : .grpc
        compressionThreshold = options.compressionThreshold ?? configuration.compressionThreshold
        super.init(
            connection, framing, messageLimit: configuration.maximumMessageSize,
            bufferLimit: configuration.streamBuffer, requiresChecks: true, receivedBefore: received)
        if isWatch { connection.ownStreams += 1 }
        guard let deadline else { return }
        let left = TimeAmount.nanoseconds(deadline.remaining.wholeNanoseconds)
        timer = connection.loop.scheduleTask(in: left) { [weak self] in self?.abandon(deadlineStatus) }
    }

    override var takesCompressed: Bool { isGzip || framing == .ragdz }

    // MARK: - Sending

    /// Queues a request; `isLast` ends our side after it.
    func send<M: Message>(_ message: M, isLast: Bool = false) throws {
        try checkOpen()
        if packs(message) {
            append(packing: message.wireBytes())
        } else {
            append(message)
        }
        if isLast { handler.session.finish(self) }
        handler.session.resume(self)
        handler.scheduleFlush()
    }

    private func packs<M: Message>(_ message: M) -> Bool {
        switch compression?(message) ?? .automatic {
        case .automatic: message.encodedSize() >= compressionThreshold
        case .always: true
        case .never: false
        }
    }

    /// Ends our side.
    func endRequests() {
        guard outcome == nil, !isClosed else { return }
        handler.session.finish(self)
        handler.scheduleFlush()
    }

    // MARK: - What the server says

    func received(_ fields: ResponseFields, endsStream: Bool) {
        if !gotHeaders {
            gotHeaders = true
            isGzip = fields.isGzip
            streamID = fields.streamID
            answer.withLock { $0.initial = fields.metadata }
            if fields.status == nil, fields.httpStatus != 200 || fields.framing != framing {
                return abandon(
                    fields.httpStatus == 200
                        ? Status(.unknown, "The server answered in a content-type that is no call's.")
                        : fields.statusOfHTTP)
            }
        }
        if fields.forbidsRetry { forbidsRetry = true }
        if let status = fields.status {
            answer.withLock { $0.trailing = fields.metadata }
            settle(status)
        } else if endsStream {
            endedWithoutStatus()
        }
        resumeReader()
    }

    override func received(_ bytes: UnsafeRawBufferPointer, endsStream: Bool) {
        unacknowledged += bytes.count
        input.append(bytes)
        if endsStream {
            peerHasEnded = true
            if framing == .grpc { endedWithoutStatus() }
        }
        if case .failure(let status) = parser.front(input.bytes) { return abandon(status) }
        if hasReader { offerInput() }
    }

    override func reached(end payload: UnsafeRawBufferPointer) throws {
        guard let end = StreamEnd(wire: payload) else {
            throw Status.corrupted("its end cannot be read", reason: "STREAM_END")
        }
        answer.withLock { $0.trailing = end.metadata }
        settle(end.status)
    }

    override func closed(_ code: HTTP2ErrorCode) {
        peerHasEnded = true
        guard outcome == nil else { return }
        // RAG-DZ's end may still lie unread in the input; the reader finds it, or finds that it is missing.
        if code == .noError { return framing == .ragdz ? resumeReader() : endedWithoutStatus() }
        fail(Self.status(ofReset: code))
    }

    private func endedWithoutStatus() {
        guard outcome == nil else { return }
        if framing == .grpc {
            settle(.internalError("The server ended the call without a status.", reason: "NO_STATUS"))
        }
    }

    private static func status(ofReset code: HTTP2ErrorCode) -> Status {
        switch code {
        case .refusedStream: .connectionClosing
        case .cancel: .cancelled("The server cancelled the call.")
        case .enhanceYourCalm: .resourceExhausted("The server asks for fewer calls.", reason: "ENHANCE_YOUR_CALM")
        case .inadequateSecurity: .permissionDenied("The server demands a safer connection.", reason: "INSECURE")
        default: .internalError("The server broke off the call (HTTP/2 code \(code.rawValue)).", reason: "STREAM_RESET")
        }
    }

    // MARK: - The end

    private func settle(_ status: Status) {
        guard outcome == nil else { return }
        outcome = status
        timer?.cancel()
        onOutcome?(status)
        onOutcome = nil
    }

    /// The call has failed from outside: unread messages still come first.
    func fail(_ status: Status) {
        settle(status)
        resumeWaiters(throwing: outcome ?? status)
    }

    /// We give the call up and tell the server.
    func abandon(_ status: Status) {
        guard outcome == nil else { return }
        fail(status)
        // What arrived is not worth reading any more: the caller gets the reason.
        input.drop(input.count)
        guard !isClosed else { return }
        handler.session.reset(id, .cancel)
        handler.scheduleFlush()
    }

    // MARK: - Reading

    /// The headers of the answer as far as they are known.
    var initialMetadata: Metadata { answer.withLock { $0.initial } }
    var trailingMetadata: Metadata { answer.withLock { $0.trailing } }
    var lastWasCompressed: Bool { answer.withLock { $0.wasCompressed } }

    override func compressionChanged() { answer.withLock { $0.wasCompressed = lastCameCompressed } }

    /// Waits, on the loop, until the answer has begun or the attempt is over.
    func waitForHeaders() async throws {
        while !gotHeaders, outcome == nil { try await waitForInput() }
    }

    /// The next message; whatever stops it becomes the call's status.
    func nextSettled<M: Message>() async throws -> M? {
        do {
            if let message: M = try await nextOnLoop() { return message }
            guard outcome == nil else { return nil }
            throw Status.corrupted("it has no end", reason: "STREAM_END")
        } catch let status as Status {
            abandon(status)
            throw status
        } catch {
            let status = Status(wrapping: error)
            abandon(status)
            throw status
        }
    }
}
