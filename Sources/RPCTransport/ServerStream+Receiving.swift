internal import HTTP2
internal import NIOCore
internal import ProtoRuntime
internal import RPC

/// The request side of a call.
extension ServerStream {
    /// Body bytes, valid only during this call.
    func received(_ bytes: UnsafeRawBufferPointer, endsStream: Bool) {
        unacknowledged += bytes.count
        if endsStream { requestsEnded = true }
        guard outcome == nil else { return acknowledge() }
        if method.callType.streamsRequests {
            input.append(bytes)
            if reader != nil { continueReader() } else if input.count >= frameHeaderSize { checkFront() }
        } else {
            receivedSingle(bytes)
        }
    }

    // MARK: - One request

    private func receivedSingle(_ bytes: UnsafeRawBufferPointer) {
        if requestsEnded, input.isEmpty {
            direct = bytes
        } else {
            input.append(bytes)
            // A request that the handler has not seen yet must fit the limit, so it may have all the window it needs.
            acknowledge()
        }
        if !requestsEnded {
            if case .failure(let status) = FrameParser(head.framing, limit: connection.configuration.maximumMessageSize)
                .peek(input.bytes)
            {
                abort(status)
            }
            return
        }
        let step = parser.next(frontBytes)
        switch step {
        case .message(let payload, _):
            if let status = checkTail(after: payload.upperBound) { return abort(status) }
            single = step
            start()
        case .needsMore:
            abort(parser.finish(rest: frontBytes.count) ?? .noRequest(method.path))
        case .end: abort(.noRequest(method.path))
        case .failure(let status): abort(status)
        }
    }

    /// Whatever follows the one request: nothing, or RAG-DZ's end envelope.
    private func checkTail(after size: Int) -> Status? {
        let rest = UnsafeRawBufferPointer(rebasing: frontBytes[size...])
        if rest.isEmpty { return nil }
        if case .end(let payload) = parser.next(rest), payload.upperBound == rest.count { return nil }
        return .invalidArgument("The method takes exactly one request.", reason: "TOO_MANY_REQUESTS")
    }

    private var frontBytes: UnsafeRawBufferPointer { direct.isEmpty ? input.bytes : direct }

    /// The handler has suspended before it read its request: the socket's buffer will not wait for it.
    func keepDirectBytes() {
        guard !direct.isEmpty else { return }
        if single != nil { input.append(direct) }
        direct = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    func request<M: Message>(as type: M.Type) throws -> M {
        guard connection.loop.inEventLoop else {
            throw Status.internalError("An interceptor has left the event loop of its call.", reason: "OFF_LOOP")
        }
        guard case .message(let payload, let isCompressed) = single else { throw Status.noRequest(method.path) }
        let bytes = UnsafeRawBufferPointer(rebasing: frontBytes[payload])
        return try decode(bytes, isCompressed: isCompressed)
    }

    private func decode<M: Message>(_ bytes: UnsafeRawBufferPointer, isCompressed: Bool) throws -> M {
        do {
            guard isCompressed else { return try M(wire: bytes) }
            return try M(wire: try unpack(bytes))
        } catch let status as Status {
            throw status
        } catch {
            throw Status.malformed(M.self)
        }
    }

    private func unpack(_ bytes: UnsafeRawBufferPointer) throws -> [UInt8] {
        guard head.encoding == .gzip || head.framing == .ragdz else {
            throw Status.internalError(
                "A message is compressed, but grpc-encoding does not say how.", reason: "UNEXPECTED_COMPRESSION")
        }
        let limit = connection.configuration.maximumMessageSize
        do { return try Gzip.decompress(bytes, limit: limit) } catch { throw Status.undecodable(error, limit: limit) }
    }

    // MARK: - A stream of requests

    func nextRequest<M: Message>(as type: M.Type) async throws -> M? {
        if connection.loop.inEventLoop { return try await nextOnLoop() }
        return try await withTaskExecutorPreference(connection.executor) { try await self.nextOnLoop() }
    }

    private func nextOnLoop<M: Message>() async throws -> M? {
        while true {
            if let outcome { throw outcome.isOK ? .cancelled() : outcome }
            switch parser.next(input.bytes) {
            case .message(let payload, let isCompressed):
                let bytes = UnsafeRawBufferPointer(rebasing: input.bytes[payload])
                let message: M = try decode(bytes, isCompressed: isCompressed)
                input.drop(payload.upperBound)
                acknowledge(keeping: input.count)
                return message
            case .end(let payload):
                input.drop(payload.upperBound)
            case .failure(let status):
                throw status
            case .needsMore:
                if requestsEnded {
                    if let status = parser.finish(rest: input.count) { throw status }
                    return nil
                }
                input.shrink(keeping: 16 << 10)
                acknowledge()
                connection.scheduleFlush()
                try await waitForInput()
            }
        }
    }

    private func waitForInput() async throws {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                reader = continuation
            }
        } onCancel: {
            onLoop { stream in
                stream.reader?.resume(throwing: CancellationError())
                stream.reader = nil
            }
        }
    }

    private func continueReader() {
        let isComplete: Bool
        switch parser.peek(input.bytes) {
        case .needsMore: isComplete = requestsEnded
        default: isComplete = true
        }
        guard isComplete else { return acknowledge() }
        reader?.resume()
        reader = nil
    }

    /// Refuses an oversized message as soon as its length is known, not when the handler gets to it.
    private func checkFront() {
        if case .failure(let status) = parser.peek(input.bytes) { abort(status) }
    }

    /// Gives the peer window for what was taken; `keeping` bytes stay charged.
    func acknowledge(keeping: Int = 0) {
        let size = unacknowledged - keeping
        guard size > 0 else { return }
        unacknowledged = keeping
        if !isClosed, !requestsEnded { connection.session.consume(id, size) }
    }
}

extension FrameParser {
    /// What `next` would say, without moving on.
    func peek(_ bytes: UnsafeRawBufferPointer) -> Step {
        var copy = self
        return copy.next(bytes)
    }
}

extension Status {
    static func noRequest(_ path: String) -> Status {
        .invalidArgument("The call to \(path) carries no request message.", reason: "NO_REQUEST")
    }
}
