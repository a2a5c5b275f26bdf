import ProtoRuntime
import RPC

/// The client's side of gRPC's interoperability tests: what the specification asks of each case.
///
/// A case passes by returning; it throws `Mismatch` (or the call's `Status`) with what was wrong.
enum InteropCase: String, CaseIterable {
    case emptyUnary = "empty_unary"
    case largeUnary = "large_unary"
    case clientStreaming = "client_streaming"
    case serverStreaming = "server_streaming"
    case pingPong = "ping_pong"
    case emptyStream = "empty_stream"
    case customMetadata = "custom_metadata"
    case statusCodeAndMessage = "status_code_and_message"
    case specialStatusMessage = "special_status_message"
    case unimplementedMethod = "unimplemented_method"
    case unimplementedService = "unimplemented_service"
    case cancelAfterBegin = "cancel_after_begin"
    case cancelAfterFirstResponse = "cancel_after_first_response"
    case timeoutOnSleepingServer = "timeout_on_sleeping_server"
    case clientCompressedUnary = "client_compressed_unary"
    case serverCompressedUnary = "server_compressed_unary"
    case clientCompressedStreaming = "client_compressed_streaming"
    case serverCompressedStreaming = "server_compressed_streaming"

    struct Mismatch: Error, CustomStringConvertible {
        let description: String
    }

    func run<Channel: ClientChannel>(_ channel: Channel) async throws {
        let peer = InteropPeer(channel)
        switch self {
        case .emptyUnary: try await peer.emptyUnary()
        case .largeUnary: try await peer.largeUnary()
        case .clientStreaming: try await peer.clientStreaming()
        case .serverStreaming: try await peer.serverStreaming()
        case .pingPong: try await peer.pingPong()
        case .emptyStream: try await peer.emptyStream()
        case .customMetadata: try await peer.customMetadata()
        case .statusCodeAndMessage: try await peer.status(message: "test status message", alsoStreaming: true)
        case .specialStatusMessage:
            try await peer.status(
                message: "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n", alsoStreaming: false)
        case .unimplementedMethod: try await peer.unimplementedMethod()
        case .unimplementedService: try await peer.unimplementedService()
        case .cancelAfterBegin: try await peer.cancelAfterBegin()
        case .cancelAfterFirstResponse: try await peer.cancelAfterFirstResponse()
        case .timeoutOnSleepingServer: try await peer.timeoutOnSleepingServer()
        case .clientCompressedUnary: try await peer.clientCompressedUnary()
        case .serverCompressedUnary: try await peer.serverCompressedUnary()
        case .clientCompressedStreaming: try await peer.clientCompressedStreaming()
        case .serverCompressedStreaming: try await peer.serverCompressedStreaming()
        }
    }
}

/// Sizes that the specification fixes.
enum InteropSizes {
    static let largeRequest = 271_828
    static let largeResponse: Int32 = 314_159
    static let requests = [27182, 8, 1828, 45904]
    static let responses: [Int32] = [31415, 9, 2653, 58979]
}

/// Compares, and says what was expected.
func expect<T: Equatable>(_ got: T, _ wanted: T, _ what: String) throws {
    guard got == wanted else { throw InteropCase.Mismatch(description: "\(what): expected \(wanted), got \(got)") }
}

/// The status that `body` ends with; a mismatch when it ends without one.
func statusOf(_ what: String, _ body: () async throws -> Void) async throws -> Status {
    do { try await body() } catch let status as Status { return status }
    throw InteropCase.Mismatch(description: "\(what) succeeded, but should have failed")
}
