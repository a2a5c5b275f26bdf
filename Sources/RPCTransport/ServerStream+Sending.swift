internal import HTTP2
internal import NIOCore
internal import ProtoRuntime
internal import RPC

/// The response side of a call.
extension ServerStream {
    /// The answer's headers when a handler adds none.
    private static let plainHeaders: (grpc: HeaderList, ragdz: HeaderList) = (
        HeaderList([":status": "200", "content-type": Framing.grpcContentType]),
        HeaderList([":status": "200", "content-type": Framing.ragdzContentType])
    )
    private static let okTrailers = HeaderList(["grpc-status": "0"])

    func send<M: Message>(_ message: M) throws {
        guard connection.loop.inEventLoop else { return try sendFromElsewhere(message) }
        if let outcome { throw outcome.isOK ? .cancelled() : outcome }
        let plan = message.wirePlan()
        if compresses(plan.size) {
            try append(packing: message.wireBytes())
        } else {
            let frame = extendOutput(by: framer.headerSize + plan.size)
            message.encode(plan, into: UnsafeMutableRawBufferPointer(rebasing: frame[framer.headerSize...]))
            framer.seal(frame)
        }
        flowOut()
    }

    /// From another thread the message is encoded there and queued in order.
    private func sendFromElsewhere<M: Message>(_ message: M) throws {
        let bytes = message.wireBytes()
        onLoop { stream in
            guard stream.outcome == nil else { return }
            stream.append(bytes)
            stream.flowOut()
        }
    }

    private func compresses(_ size: Int) -> Bool {
        head.acceptsGzip && size >= connection.configuration.compressionThreshold
    }

    private func append(packing bytes: [UInt8]) throws {
        guard let packed = bytes.withUnsafeBytes({ Gzip.compress($0) }), packed.count < bytes.count else {
            return append(bytes)
        }
        append(packed, isCompressed: true)
    }

    private func append(_ payload: [UInt8], isCompressed: Bool = false, isEnd: Bool = false) {
        let frame = extendOutput(by: framer.headerSize + payload.count)
        payload.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(rebasing: frame[framer.headerSize...]).copyMemory(from: $0)
        }
        framer.seal(frame, isCompressed: isCompressed, isEnd: isEnd)
    }

    private func flowOut() {
        if sentHeaders { connection.session.resume(self) } else { sendHeaders() }
        connection.scheduleFlush()
    }

    private func sendHeaders() {
        sentHeaders = true
        connection.session.submitResponse(self, answerHeaders())
    }

    private func answerHeaders() -> HeaderList {
        var list = head.framing == .grpc ? Self.plainHeaders.grpc : Self.plainHeaders.ragdz
        if head.acceptsGzip, connection.configuration.compressionThreshold != .max {
            list.add("grpc-encoding", "gzip")
        }
        if !initialMetadata.isEmpty { MetadataCoding.write(initialMetadata, to: &list) }
        return list
    }

    // MARK: - Back-pressure

    var isWritable: Bool {
        connection.loop.inEventLoop && queuedBytes < connection.configuration.streamBuffer
    }

    func writable() async throws {
        if connection.loop.inEventLoop { return try await writableOnLoop() }
        try await withTaskExecutorPreference(connection.executor) { try await self.writableOnLoop() }
    }

    private func writableOnLoop() async throws {
        try Task.checkCancellation()
        if let outcome { throw outcome.isOK ? .cancelled() : outcome }
        if queuedBytes < connection.configuration.streamBuffer { return }
        wakeBelow = connection.configuration.streamBuffer / 2
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                writer = continuation
            }
        } onCancel: {
            onLoop { stream in
                stream.writer?.resume(throwing: CancellationError())
                stream.writer = nil
            }
        }
    }

    /// The peer has taken enough for the writer to go on.
    func drained() {
        writer?.resume()
        writer = nil
    }

    // MARK: - The end

    /// Sends what is left and the status. Only the first call counts.
    func finish(_ status: Status) {
        guard outcome == nil else { return }
        outcome = status
        timer?.cancel()
        task = nil
        direct = UnsafeRawBufferPointer(start: nil, count: 0)
        guard !isClosed else { return }
        let session = connection.session
        switch head.framing {
        case .grpc:
            if sentHeaders {
                session.finish(self, trailers: status.isOK && trailers.isEmpty
                    ? Self.okTrailers : MetadataCoding.trailers(status, trailers))
            } else {
                finishWithoutMessages(status)
            }
        case .ragdz:
            append(StreamEnd(status: status, metadata: trailers).wireBytes(), isEnd: true)
            if !sentHeaders { sendHeaders() }
            session.finish(self)
            session.resume(self)
        }
        connection.scheduleFlush()
    }

    /// A trailers-only answer: one header block that also carries the status.
    private func finishWithoutMessages(_ status: Status) {
        sentHeaders = true
        var list = answerHeaders()
        MetadataCoding.writeStatus(status, to: &list)
        if status.code == .unimplemented { list.add("grpc-accept-encoding", "identity,gzip") }
        MetadataCoding.write(trailers, to: &list)
        connection.session.submitResponse(self, list, endStream: true)
    }
}
