import ProtoRuntime
import RPC

/// One server of the interoperability tests, seen through a channel.
struct InteropPeer<Channel: ClientChannel> {
    typealias OutputRequest = Grpc_Testing_StreamingOutputCallRequest
    typealias Output = Grpc_Testing_StreamingOutputCallResponse
    typealias InputRequest = Grpc_Testing_StreamingInputCallRequest

    let channel: Channel
    let service: Grpc_Testing_TestService.Client<Channel>

    init(_ channel: Channel) {
        self.channel = channel
        service = Grpc_Testing_TestService.Client(channel)
    }

    func emptyUnary() async throws {
        try expect(try await service.emptyCall(Grpc_Testing_Empty()), Grpc_Testing_Empty(), "the answer")
    }

    func largeRequest() -> Grpc_Testing_SimpleRequest {
        var request = Grpc_Testing_SimpleRequest()
        request.responseSize = InteropSizes.largeResponse
        request.payload = InteropService.zeros(InteropSizes.largeRequest)
        return request
    }

    func largeUnary() async throws {
        try check(try await service.unaryCall(largeRequest()).payload, InteropSizes.largeResponse)
    }

    func clientStreaming() async throws {
        let requests = Pipe(InteropSizes.requests.map(Self.input)).ended
        let response = try await service.streamingInputCall(requests)
        try expect(response.aggregatedPayloadSize, 74922, "the sum of the payloads")
    }

    func serverStreaming() async throws {
        var request = OutputRequest()
        request.responseParameters = InteropSizes.responses.map(Self.parameters)
        let responses = try await service.streamingOutputCall(request)
        var expected = InteropSizes.responses[...]
        for try await response in responses { try check(response.payload, expected.popFirst()) }
        try expect(expected.isEmpty, true, "the stream is complete")
    }

    func pingPong() async throws {
        let pipe = Pipe<OutputRequest>()
        var responses = try await service.fullDuplexCall(pipe.stream).makeAsyncIterator()
        for (size, answer) in zip(InteropSizes.requests, InteropSizes.responses) {
            pipe.send(Self.output(size, [answer]))
            try check(try await responses.next()?.payload, answer)
        }
        pipe.finish()
        try expect(try await responses.next(), nil, "the end")
    }

    func emptyStream() async throws {
        var responses = try await service.fullDuplexCall(Pipe<OutputRequest>([]).ended).makeAsyncIterator()
        try expect(try await responses.next(), nil, "the end")
    }

    // MARK: - Metadata and status

    func customMetadata() async throws {
        let (text, bytes): (String, [UInt8]) = ("test_initial_metadata_value", [10, 11, 10, 11, 10, 11])
        var options = CallOptions.defaults
        options.metadata.add(InteropService.echoedHeader, text)
        options.metadata.add(InteropService.echoedTrailer, bytes: bytes)
        var request = Grpc_Testing_SimpleRequest()
        request.responseSize = 1
        request.payload = InteropService.zeros(1)
        // The streaming form of the same call shows its metadata.
        let unary: ResponseStream<Grpc_Testing_SimpleResponse> = try await channel.serverStreaming(
            Grpc_Testing_TestService.Methods.unaryCall, request, options: options)
        for try await response in unary { try check(response.payload, 1) }
        try expect(try await unary.initialMetadata[InteropService.echoedHeader], text, "the header of a unary call")
        try expect(unary.trailingMetadata.bytes(InteropService.echoedTrailer), bytes, "the trailer of a unary call")

        let duplex = try await service.fullDuplexCall(Pipe([Self.output(1, [1])]).ended, options: options)
        for try await response in duplex { try check(response.payload, 1) }
        try expect(try await duplex.initialMetadata[InteropService.echoedHeader], text, "the header of a stream")
        try expect(duplex.trailingMetadata.bytes(InteropService.echoedTrailer), bytes, "the trailer of a stream")
    }

    func status(message: String, alsoStreaming: Bool) async throws {
        var wanted = Grpc_Testing_EchoStatus()
        wanted.code = 2
        wanted.message = message
        var request = Grpc_Testing_SimpleRequest()
        request.responseStatus = wanted
        let unary = try await statusOf("the unary call") { [request] in _ = try await service.unaryCall(request) }
        try expect(unary.code, .unknown, "the code of the unary call")
        try expect(unary.message, message, "the message of the unary call")
        guard alsoStreaming else { return }
        var output = OutputRequest()
        output.responseStatus = wanted
        let stream = try await statusOf("the stream") { [output] in
            for try await _ in try await service.fullDuplexCall(Pipe([output]).ended) {}
        }
        try expect(stream.code, .unknown, "the code of the stream")
        try expect(stream.message, message, "the message of the stream")
    }

    func unimplementedMethod() async throws {
        let status = try await statusOf("the call") { _ = try await service.unimplementedCall(Grpc_Testing_Empty()) }
        try expect(status.code, .unimplemented, "the code")
    }

    func unimplementedService() async throws {
        let absent = Grpc_Testing_UnimplementedService.Client(channel)
        let status = try await statusOf("the call") { _ = try await absent.unimplementedCall(Grpc_Testing_Empty()) }
        try expect(status.code, .unimplemented, "the code")
    }

    // MARK: - Ends before the end

    func cancelAfterBegin() async throws {
        let pipe = Pipe<InputRequest>()
        let status = try await statusOf("the call") {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { [service] in _ = try await service.streamingInputCall(pipe.stream) }
                group.cancelAll()
                try await group.next()
            }
        }
        try expect(status.code, .cancelled, "the code")
    }

    func cancelAfterFirstResponse() async throws {
        let pipe = Pipe([Self.output(InteropSizes.requests[0], [InteropSizes.responses[0]])])
        let responses = try await service.fullDuplexCall(pipe.stream)
        var iterator = responses.makeAsyncIterator()
        try check(try await iterator.next()?.payload, InteropSizes.responses[0])
        responses.cancel()
        let status = try await statusOf("the rest of the stream") { while try await iterator.next() != nil {} }
        try expect(status.code, .cancelled, "the code")
    }

    func timeoutOnSleepingServer() async throws {
        let pipe = Pipe([Self.output(27182, [])])
        let status = try await statusOf("the call") {
            let options = CallOptions(timeout: .milliseconds(1))
            for try await _ in try await service.fullDuplexCall(pipe.stream, options: options) {}
        }
        try expect(status.code, .deadlineExceeded, "the code")
    }

    // MARK: - Pieces

    static func parameters(_ size: Int32) -> Grpc_Testing_ResponseParameters {
        var parameters = Grpc_Testing_ResponseParameters()
        parameters.size = size
        return parameters
    }

    static func output(_ size: Int, _ answers: [Int32]) -> OutputRequest {
        var request = OutputRequest()
        request.payload = InteropService.zeros(size)
        request.responseParameters = answers.map(parameters)
        return request
    }

    static func input(_ size: Int) -> InputRequest {
        var request = InputRequest()
        request.payload = InteropService.zeros(size)
        return request
    }

    func check(_ payload: Grpc_Testing_Payload?, _ size: Int32?) throws {
        try expect(payload?.body.count, size.map { Int($0) }, "the size of a payload")
        try expect(payload?.body.allSatisfy { $0 == 0 }, true, "a payload of zeros")
    }
}

/// Requests that are sent one by one; open until `finish`.
struct Pipe<Request: Message> {
    let stream: AsyncStream<Request>
    private let continuation: AsyncStream<Request>.Continuation

    init(_ requests: [Request] = []) {
        (stream, continuation) = AsyncStream.makeStream()
        for request in requests { continuation.yield(request) }
    }

    func send(_ request: Request) { continuation.yield(request) }
    func finish() { continuation.finish() }

    /// The stream with nothing more to come.
    var ended: AsyncStream<Request> {
        finish()
        return stream
    }
}
