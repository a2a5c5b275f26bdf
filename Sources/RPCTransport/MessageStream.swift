internal import HTTP2
internal import NIOCore
internal import ProtoRuntime
internal import RPC

/// What both ends of a call share: messages cut out of the received bytes, messages put on the way, and who waits.
///
/// Unchecked through its superclass: all state is touched on the connection's event loop only. Entries that code may
/// call from elsewhere hop there first.
class MessageStream: HTTP2Stream, @unchecked Sendable {
    final let handler: ConnectionHandler
    final let messageLimit: Int
    /// Queued bytes from which on a writer waits.
    final let bufferLimit: Int

    // MARK: Receiving
    /// Received bytes that no message was made of yet.
    @exclusivity(unchecked) final var input = ByteQueue()
    @exclusivity(unchecked) final var parser: FrameParser
    /// Received bytes for which the peer has not got new window yet.
    @exclusivity(unchecked) final var unacknowledged = 0
    /// Over the messages that were received, where somebody wants to know.
    @exclusivity(unchecked) final var check: StreamCheck?
    /// The message that was read last came packed.
    @exclusivity(unchecked) final private(set) var lastCameCompressed = false
    @exclusivity(unchecked) private var reader: UnsafeContinuation<Void, any Error>?

    // MARK: Sending
    @exclusivity(unchecked) final var framer: FrameWriter
    @exclusivity(unchecked) private var writer: UnsafeContinuation<Void, any Error>?

    @exclusivity(unchecked) final var end = End.open

    /// How a call stands. Small and, unless it failed, free to copy and to drop: every step of a call looks at it.
    enum End {
        case open
        case ok
        indirect case failed(Status)
    }

    init(
        _ handler: ConnectionHandler, _ framing: Framing, messageLimit: Int, bufferLimit: Int,
        requiresChecks: Bool = false, sentBefore: UInt64 = 0, receivedBefore: UInt64 = 0
    ) {
        self.handler = handler
        self.messageLimit = messageLimit
        self.bufferLimit = bufferLimit
        parser = FrameParser(framing, limit: messageLimit, requiresChecks: requiresChecks, after: receivedBefore)
        framer = FrameWriter(framing, after: sentBefore)
    }

    /// How the call ended, once it did.
    final var outcome: Status? {
        get {
            switch end {
            case .open: nil
            case .ok: .ok
            case .failed(let status): status
            }
        }
        set { end = newValue.map { $0.isOK ? .ok : .failed($0) } ?? .open }
    }

    @inline(__always)
    final var isOver: Bool { if case .open = end { false } else { true } }

    /// Throws what a call that is over tells whoever still wants something of it.
    @inline(__always)
    final func checkOpen() throws {
        if isOver { throw refusal }
    }
    private var refusal: Status { outcome.flatMap { $0.isOK ? nil : $0 } ?? .cancelled() }

    /// Whether a compressed message may be unpacked.
    var takesCompressed: Bool { true }
    /// The end of the peer's messages in RAG-DZ framing; throws what is wrong with it.
    func reached(end payload: UnsafeRawBufferPointer) throws {}
    /// `lastCameCompressed` is another than before.
    func compressionChanged() {}
    /// Called before the stream waits for the peer: whatever is queued must be on its way.
    final var isOnLoop: Bool { handler.loop.inEventLoop }

    /// Runs at once on the loop, or later from elsewhere; in the order of the calls either way.
    final func onLoop(_ body: @escaping @Sendable () -> Void) {
        if isOnLoop { body() } else { handler.loop.execute(body) }
    }

    // MARK: - Receiving

    /// The next message, on the loop; nil when the peer has ended in order.
    final func nextOnLoop<M: Message>() async throws -> M? {
        while true {
            switch parser.next(input.bytes) {
            case .message(let payload, let isCompressed):
                let bytes = UnsafeRawBufferPointer(rebasing: input.bytes[payload])
                defer {
                    input.drop(payload.upperBound)
                    acknowledge(keeping: input.count)
                }
                return try decode(bytes, isCompressed: isCompressed)
            case .end(let payload):
                let bytes = UnsafeRawBufferPointer(rebasing: input.bytes[payload])
                try reached(end: bytes)
                input.drop(payload.upperBound)
            case .failure(let status):
                throw status
            case .needsMore:
                if case .failed(let status) = end { throw status }
                if peerHasEnded || isOver {
                    if let status = parser.finish(rest: input.count) { throw status }
                    return nil
                }
                input.shrink(keeping: 16 << 10)
                acknowledge()
                handler.scheduleFlush()
                try await waitForInput()
            }
        }
    }

    final func decode<M: Message>(_ bytes: UnsafeRawBufferPointer, isCompressed: Bool) throws -> M {
        if isCompressed != lastCameCompressed {
            lastCameCompressed = isCompressed
            compressionChanged()
        }
        do {
            guard isCompressed else {
                check?.add(bytes)
                return try M(wire: bytes)
            }
            let unpacked = try unpack(bytes)
            check?.add(unpacked)
            return try M(wire: unpacked)
        } catch let status as Status {
            throw status
        } catch {
            throw Status.malformed(M.self)
        }
    }

    final func unpack(_ bytes: UnsafeRawBufferPointer) throws -> [UInt8] {
        guard takesCompressed else { throw Status.unexpectedCompression }
        do { return try Gzip.decompress(bytes, limit: messageLimit) } catch {
            if framer.framing == .ragdz, error == .corrupted {
                throw Status.corrupted("a packed envelope cannot be unpacked", reason: "FRAME_PAYLOAD")
            }
            throw Status.undecodable(error, limit: messageLimit)
        }
    }

    final func waitForInput() async throws {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                reader = continuation
            }
        } onCancel: {
            onLoop { self.resumeReader(throwing: CancellationError()) }
        }
    }

    final var hasReader: Bool { reader != nil }

    /// Lets the reader look again; with an error it gives up.
    final func resumeReader(throwing error: (any Error)? = nil) {
        guard let reader else { return }
        self.reader = nil
        if let error { reader.resume(throwing: error) } else { reader.resume() }
    }

    /// New input for a reader that may be waiting: wakes it when there is a whole message, else asks for more.
    final func offerInput() {
        if case .needsMore = parser.front(input.bytes), !peerHasEnded { acknowledge() } else { resumeReader() }
    }

    /// Gives the peer window for what was taken; `keeping` bytes stay charged.
    final func acknowledge(keeping: Int = 0) {
        let size = unacknowledged - keeping
        guard size > 0 else { return }
        unacknowledged = keeping
        if !isClosed, !peerHasEnded { handler.session.consume(id, size) }
    }

    // MARK: - Sending

    /// Queues one framed message in place.
    final func append<M: Message>(_ message: M) {
        let plan = message.wirePlan()
        let frame = extendOutput(by: framer.headerSize + plan.size)
        message.encode(plan, into: UnsafeMutableRawBufferPointer(rebasing: frame[framer.headerSize...]))
        framer.seal(frame)
    }

    final func append(_ payload: [UInt8], isCompressed: Bool = false, isEnd: Bool = false) {
        let frame = extendOutput(by: framer.headerSize + payload.count)
        payload.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(rebasing: frame[framer.headerSize...]).copyMemory(from: $0)
        }
        framer.seal(frame, isCompressed: isCompressed, isEnd: isEnd)
    }

    /// Queues a message packed with gzip, or as it is when that does not help.
    final func append(packing bytes: [UInt8]) {
        guard let packed = bytes.withUnsafeBytes({ Gzip.compress($0) }), packed.count < bytes.count else {
            return append(bytes)
        }
        append(packed, isCompressed: true)
    }

    final var isWritable: Bool { isOnLoop && queuedBytes < bufferLimit }

    /// Waits, on the loop, until the peer has taken enough.
    final func waitForRoom() async throws {
        try Task.checkCancellation()
        try checkOpen()
        if queuedBytes < bufferLimit { return }
        wakeBelow = bufferLimit / 2
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                writer = continuation
            }
        } onCancel: {
            onLoop { self.resumeWriter(throwing: CancellationError()) }
        }
    }

    private func resumeWriter(throwing error: (any Error)? = nil) {
        guard let writer else { return }
        self.writer = nil
        if let error { writer.resume(throwing: error) } else { writer.resume() }
    }

    override func drained() { resumeWriter() }

    /// Nothing comes and nothing goes any more: whoever waits is told.
    final func resumeWaiters(throwing status: Status) {
        resumeReader(throwing: status)
        resumeWriter(throwing: status)
    }
}

extension Status {
    static let unexpectedCompression = Status.internalError(
        "A message is compressed, but grpc-encoding does not say how.", reason: "UNEXPECTED_COMPRESSION")
}
