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
        try checkOpen()
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
            guard !self.isOver else { return }
            self.append(bytes)
            self.flowOut()
        }
    }

    private func flowOut() {
        if sentHeaders { handler.session.resume(self) } else { sendHeaders() }
        handler.scheduleFlush()
    }

    private func sendHeaders() {
        sentHeaders = true
        handler.session.submitResponse(self, answerHeaders())
    }

    private func answerHeaders() -> HeaderList {
        var list = head.framing == .grpc ? Self.plainHeaders.grpc : Self.plainHeaders.ragdz
        if head.framing == .grpc, head.acceptsGzip,
            promisesGzip || connection.configuration.compressionThreshold != .max
        {
            list.add("grpc-encoding", "gzip")
        }
        if let added { MetadataCoding.write(added.initial, to: &list) }
        return list
    }

    func writable() async throws {
        if isOnLoop { return try await waitForRoom() }
        try await withTaskExecutorPreference(connection.executor) { try await self.waitForRoom() }
    }

    // MARK: - The end

    /// Sends what is left and the status. Only the first call counts.
    func finish(_ end: End) {
        guard !isOver else { return }
        self.end = end
        timer?.cancel()
        direct = UnsafeRawBufferPointer(start: nil, count: 0)
        guard !isClosed else { return }
        let session = handler.session
        switch head.framing {
        case .grpc:
            if !sentHeaders {
                finishWithoutMessages(said)
            } else if case .ok = end, added == nil {
                session.finish(self, trailers: Self.okTrailers)
            } else {
                session.finish(self, trailers: MetadataCoding.trailers(said, added?.trailing ?? Metadata()))
            }
        case .ragdz:
            let last = StreamEnd(status: said, metadata: added?.trailing ?? Metadata())
            append(last.wireBytes(), isEnd: true)
            if !sentHeaders { sendHeaders() }
            session.finish(self)
            session.resume(self)
        }
        handler.scheduleFlush()
    }

    /// What the caller reads about the end, in its language.
    private var said: Status {
        if case .failed(let status) = end { status.localized(for: head.metadata) } else { .ok }
    }

    /// A trailers-only answer: one header block that also carries the status.
    private func finishWithoutMessages(_ status: Status) {
        sentHeaders = true
        var list = answerHeaders()
        MetadataCoding.writeStatus(status, to: &list)
        if status.code == .unimplemented { list.add("grpc-accept-encoding", "identity,gzip") }
        if let added { MetadataCoding.write(added.trailing, to: &list) }
        connection.session.submitResponse(self, list, endStream: true)
    }
}
