internal import HTTP2
internal import NIOCore
internal import ProtoRuntime
internal import RPC

/// The request side of a call.
extension ServerStream {
    func take(_ bytes: UnsafeRawBufferPointer, endsStream: Bool) {
        unacknowledged += bytes.count
        if endsStream { peerHasEnded = true }
        guard !isOver else { return acknowledge() }
        guard route.streamsRequests else { return receivedSingle(bytes) }
        input.append(bytes)
        if hasReader {
            offerInput()
        } else if input.count >= frameHeaderSize, case .failure(let status) = parser.front(input.bytes) {
            // An oversized message is refused as soon as its length is known, not when the handler gets to it.
            abort(status)
        }
    }

    // MARK: - One request

    private func receivedSingle(_ bytes: UnsafeRawBufferPointer) {
        if peerHasEnded, input.isEmpty {
            direct = bytes
        } else {
            input.append(bytes)
        }
        if !peerHasEnded {
            switch parser.front(input.bytes) {
            case .failure(let status): abort(status)
            // Nothing but RAG-DZ's small end envelope may follow the one request; more would be kept without a bound.
            case .message(let payload, _) where input.count > payload.upperBound + LargeRequests.tail:
                abort(.invalidArgument("The method takes exactly one request.", reason: "TOO_MANY_REQUESTS"))
            default: makeRoom()
            }
            return
        }
        let step = parser.next(frontBytes)
        switch step {
        case .message(let payload, let isCompressed):
            if let status = checkTail(after: payload.upperBound) { return abort(status) }
            single = payload
            singleIsCompressed = isCompressed
            start()
        case .needsMore:
            abort(parser.finish(rest: frontBytes.count) ?? .noRequest(method.path))
        case .end: abort(.noRequest(method.path))
        case .failure(let status): abort(status)
        }
    }

    /// Whatever follows the one request: nothing, or RAG-DZ's end envelope.
    private func checkTail(after size: Int) -> Status? {
        let bytes = frontBytes
        if bytes.count == size { return nil }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[size...])
        if case .end(let payload) = parser.next(rest), payload.upperBound == rest.count { return nil }
        return .invalidArgument("The method takes exactly one request.", reason: "TOO_MANY_REQUESTS")
    }

    var frontBytes: UnsafeRawBufferPointer { direct.isEmpty ? input.bytes : direct }

    /// The handler has suspended before it read its request: the socket's buffer will not wait for it.
    func keepDirectBytes() {
        guard !direct.isEmpty else { return }
        if single != nil { input.append(direct) }
        direct = UnsafeRawBufferPointer(start: nil, count: 0)
    }

    func request<M: Message>(as type: M.Type) throws -> M {
        guard isOnLoop else {
            throw Status.internalError("An interceptor has left the event loop of its call.", reason: "OFF_LOOP")
        }
        guard let single else { throw Status.noRequest(method.path) }
        return try decode(UnsafeRawBufferPointer(rebasing: frontBytes[single]), isCompressed: singleIsCompressed)
    }

    func requestBytes() throws -> [UInt8] {
        guard isOnLoop else {
            throw Status.internalError("An interceptor has left the event loop of its call.", reason: "OFF_LOOP")
        }
        guard let single else { throw Status.noRequest(method.path) }
        let bytes = UnsafeRawBufferPointer(rebasing: frontBytes[single])
        return singleIsCompressed ? try unpack(bytes) : Array(bytes)
    }

    // MARK: - A stream of requests

    func nextRequest<M: Message>(as type: M.Type) async throws -> M? {
        try checkOpen()
        if isOnLoop { return try await nextOnLoop() }
        return try await withTaskExecutorPreference(connection.executor) { try await self.nextOnLoop() }
    }
}

extension Status {
    static func noRequest(_ path: String) -> Status {
        .invalidArgument("The call to \(path) carries no request message.", reason: "NO_REQUEST")
    }
}
