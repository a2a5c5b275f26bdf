import ProtoRuntime
import RPC

/// The cases in which one side packs its messages and the other proves that it noticed.
extension InteropPeer {
    private func flag(_ value: Bool) -> Grpc_Testing_BoolValue {
        var flag = Grpc_Testing_BoolValue()
        flag.value = value
        return flag
    }

    private func options(_ compression: @escaping @Sendable (any Message) -> MessageCompression) -> CallOptions {
        var options = CallOptions.defaults
        options.compression = compression
        return options
    }

    func clientCompressedUnary() async throws {
        var request = largeRequest()
        // A server that does not look would pass the rest: it has to notice a broken promise first.
        request.expectCompressed = flag(true)
        let probe = try await statusOf("a request that is not packed as promised") { [request] in
            _ = try await service.unaryCall(request, options: options { _ in .never })
        }
        try expect(probe.code, .invalidArgument, "the code of the probe")
        let packed = try await service.unaryCall(request, options: options { _ in .always })
        try check(packed.payload, InteropSizes.largeResponse)
        request.expectCompressed = flag(false)
        let plain = try await service.unaryCall(request, options: options { _ in .never })
        try check(plain.payload, InteropSizes.largeResponse)
    }

    func serverCompressedUnary() async throws {
        for isPacked in [true, false] {
            var request = largeRequest()
            request.responseCompressed = flag(isPacked)
            // The streaming form of the same call shows how its answer came.
            let responses: ResponseStream<Grpc_Testing_SimpleResponse> = try await channel.serverStreaming(
                Grpc_Testing_TestService.Methods.unaryCall, request, options: .defaults)
            var count = 0
            for try await response in responses {
                count += 1
                try check(response.payload, InteropSizes.largeResponse)
                try expect(responses.lastWasCompressed, isPacked, "the answer is packed")
            }
            try expect(count, 1, "the number of answers")
        }
    }

    func clientCompressedStreaming() async throws {
        let byExpectation = options { message in
            (message as? InputRequest)?.expectCompressed?.value == true ? .always : .never
        }
        var first = Self.input(27182)
        first.expectCompressed = flag(true)
        let probe = try await statusOf("a message that is not packed as promised") { [first] in
            _ = try await service.streamingInputCall(Pipe([first]).ended, options: options { _ in .never })
        }
        try expect(probe.code, .invalidArgument, "the code of the probe")
        var second = Self.input(45904)
        second.expectCompressed = flag(false)
        let response = try await service.streamingInputCall(Pipe([first, second]).ended, options: byExpectation)
        try expect(response.aggregatedPayloadSize, 73086, "the sum of the payloads")
    }

    func serverCompressedStreaming() async throws {
        let wanted: [(size: Int32, isPacked: Bool)] = [(31415, true), (92653, false)]
        var request = OutputRequest()
        request.responseParameters = wanted.map { size, isPacked in
            var parameters = Self.parameters(size)
            parameters.compressed = flag(isPacked)
            return parameters
        }
        let responses = try await service.streamingOutputCall(request)
        var iterator = responses.makeAsyncIterator()
        for (size, isPacked) in wanted {
            try check(try await iterator.next()?.payload, size)
            try expect(responses.lastWasCompressed, isPacked, "the answer of \(size) bytes is packed")
        }
        try expect(try await iterator.next(), nil, "the end")
    }
}
