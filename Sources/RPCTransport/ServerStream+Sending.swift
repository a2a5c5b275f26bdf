internal import HTTP2
internal import NIOCore
internal import ProtoRuntime
internal import RPC

/// The response side of a call.
extension ServerStream {
    /// The answer's headers when a handler adds none.
    private static let plainHeaders: (grpc: HeaderList, ragdz: HeaderList) = (
        HeaderList([":status": "200", "content-type": Framing.grpcContentType]).kept(),
        HeaderList([":status": "200", "content-type": Framing.ragdzContentType]).kept()
    )
    private static let okTrailers = HeaderList(["grpc-status": "0"]).kept()

    func send<M: Message>(_ message: M) throws {
        guard isOnLoop else { return sendFromElsewhere(message) }
        if let outcome { throw outcome.isOK ? .cancelled() : outcome }
        if head.acceptsGzip, packs(message) {
            append(packing: message.wireBytes())
        } else {
            append(message)
        }
        flowOut()
    }

    private func packs<M: Message>(_ message: M) -> Bool {
        switch compression {
        case .automatic: message.encodedSize() >= connection.configuration.compressionThreshold
        case .always: promisesGzip || head.framing == .ragdz
        case .never: false
        }
    }

    /// From another thread the message is encoded there and queued in order.
    private func sendFromElsewhere<M: Message>(_ message: M) {
        let bytes = message.wireBytes()
        onLoop {
            guard self.outcome == nil else { return }
            self.append(bytes)
            self.flowOut()
        }
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
        if head.framing == .grpc, head.acceptsGzip,
            promisesGzip || connection.configuration.compressionThreshold != .max
        {
            list.add("grpc-encoding", "gzip")
        }
        if !initialMetadata.isEmpty { MetadataCoding.write(initialMetadata, to: &list) }
        return list
    }

    func writable() async throws {
        if isOnLoop { return try await waitForRoom() }
        try await withTaskExecutorPreference(connection.executor) { try await self.waitForRoom() }
    }

    // MARK: - The end

    /// Sends what is left and the status. Only the first call counts.
    func finish(_ status: Status) {
        guard outcome == nil else { return }
        outcome = status
        timer?.cancel()
        direct = UnsafeRawBufferPointer(start: nil, count: 0)
        guard !isClosed else { return }
        let status = status.isOK ? status : status.localized(for: head.metadata)
        let session = connection.session
        switch head.framing {
        case .grpc:
            if sentHeaders {
                session.finish(
                    self,
                    trailers: status.isOK && trailers.isEmpty
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
