import ProtoRuntime
import RPC

/// The service of gRPC's interoperability tests, as its specification describes it.
struct InteropService: Grpc_Testing_TestService.ServiceProtocol {
    /// Metadata that the server sends back, in the headers and in the trailers.
    static let echoedHeader = "x-grpc-test-echo-initial"
    static let echoedTrailer = "x-grpc-test-echo-trailing-bin"
    /// The largest payload that is made to order, in bytes.
    static let largestPayload: Int32 = 16 << 20

    func emptyCall(_ request: Grpc_Testing_Empty, context: ServerContext) async throws -> Grpc_Testing_Empty {
        echoMetadata(context)
        return Grpc_Testing_Empty()
    }

    func unaryCall(
        _ request: Grpc_Testing_SimpleRequest, context: ServerContext
    ) async throws -> Grpc_Testing_SimpleResponse {
        echoMetadata(context)
        try expect(request.expectCompressed, context)
        try echo(request.responseStatus)
        if let compressed = request.responseCompressed { context.setCompression(compressed.value ? .always : .never) }
        var response = Grpc_Testing_SimpleResponse()
        response.payload = try Self.payload(request.responseSize)
        return response
    }

    func cacheableUnaryCall(
        _ request: Grpc_Testing_SimpleRequest, context: ServerContext
    ) async throws -> Grpc_Testing_SimpleResponse {
        context.setInitialMetadata("cache-control", "max-age=60, public")
        return Grpc_Testing_SimpleResponse()
    }

    func streamingOutputCall(
        _ request: Grpc_Testing_StreamingOutputCallRequest,
        responses: ResponseWriter<Grpc_Testing_StreamingOutputCallResponse>, context: ServerContext
    ) async throws {
        try echo(request.responseStatus)
        // A call that packs some of its answers has to promise it with the first one.
        if request.responseParameters.contains(where: { $0.compressed?.value == true }) {
            context.setCompression(.always)
        }
        for parameters in request.responseParameters { try await answer(parameters, responses, context) }
    }

    func streamingInputCall(
        _ requests: RequestStream<Grpc_Testing_StreamingInputCallRequest>, context: ServerContext
    ) async throws -> Grpc_Testing_StreamingInputCallResponse {
        var response = Grpc_Testing_StreamingInputCallResponse()
        for try await request in requests {
            try expect(request.expectCompressed, context)
            let size = Int32(clamping: request.payload?.body.count ?? 0)
            let (sum, overflows) = response.aggregatedPayloadSize.addingReportingOverflow(size)
            guard !overflows else { throw Status.outOfRange("The payloads add up to more than 2 GiB.") }
            response.aggregatedPayloadSize = sum
        }
        return response
    }

    func fullDuplexCall(
        _ requests: RequestStream<Grpc_Testing_StreamingOutputCallRequest>,
        responses: ResponseWriter<Grpc_Testing_StreamingOutputCallResponse>, context: ServerContext
    ) async throws {
        echoMetadata(context)
        for try await request in requests {
            try echo(request.responseStatus)
            for parameters in request.responseParameters { try await answer(parameters, responses, context) }
        }
    }

    func halfDuplexCall(
        _ requests: RequestStream<Grpc_Testing_StreamingOutputCallRequest>,
        responses: ResponseWriter<Grpc_Testing_StreamingOutputCallResponse>, context: ServerContext
    ) async throws {
        var all: [Grpc_Testing_ResponseParameters] = []
        for try await request in requests { all += request.responseParameters }
        for parameters in all { try await answer(parameters, responses, context) }
    }

    func unimplementedCall(_ request: Grpc_Testing_Empty, context: ServerContext) async throws -> Grpc_Testing_Empty {
        throw Status.unknownMethod(context.method.path)
    }

    // MARK: - Pieces

    private func answer(
        _ parameters: Grpc_Testing_ResponseParameters,
        _ responses: ResponseWriter<Grpc_Testing_StreamingOutputCallResponse>, _ context: ServerContext
    ) async throws {
        if parameters.intervalUs > 0 { try await Task.sleep(for: .microseconds(Int64(parameters.intervalUs))) }
        if let compressed = parameters.compressed { context.setCompression(compressed.value ? .always : .never) }
        var response = Grpc_Testing_StreamingOutputCallResponse()
        response.payload = try Self.payload(parameters.size)
        try await responses.write(response)
    }

    private func echoMetadata(_ context: ServerContext) {
        if let value = context.metadata[Self.echoedHeader] { context.setInitialMetadata(Self.echoedHeader, value) }
        if let bytes = context.metadata.bytes(Self.echoedTrailer) {
            context.setTrailer(Self.echoedTrailer, bytes: bytes)
        }
    }

    private func echo(_ status: Grpc_Testing_EchoStatus?) throws {
        guard let status, status.code != 0 else { return }
        throw Status(Status.Code(rawValue: Int(status.code)), status.message)
    }

    private func expect(_ compressed: Grpc_Testing_BoolValue?, _ context: ServerContext) throws {
        guard let compressed, compressed.value != context.requestWasCompressed else { return }
        throw Status.invalidArgument(
            "The request should \(compressed.value ? "" : "not ")be compressed.", reason: "UNEXPECTED_COMPRESSION")
    }

    static func payload(_ size: Int32) throws -> Grpc_Testing_Payload {
        guard (0...largestPayload).contains(size) else {
            throw Status.invalidArgument("A payload has 0 to \(largestPayload) bytes.", reason: "PAYLOAD_SIZE")
        }
        return zeros(Int(size))
    }

    static func zeros(_ size: Int) -> Grpc_Testing_Payload {
        var payload = Grpc_Testing_Payload()
        payload.body = [UInt8](repeating: 0, count: size)
        return payload
    }
}
