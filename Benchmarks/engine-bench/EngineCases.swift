import MallocCount
import NIOCore
import NIOPosix
import ProtoRuntime
import RPC
import RPCTransport

typealias Text = Google_Protobuf_StringValue

/// Echoes a text, or streams it as often as it says.
private struct TextService: RPCService {
    static func method(_ name: String, _ type: CallType) -> MethodDescriptor {
        MethodDescriptor(
            service: "bench.Text", name: name, callType: type, requestType: Text.self, responseType: Text.self,
            policy: .open)
    }

    func register(in router: inout Router) {
        router.unary(Self.method("Echo", .unary)) { (request: Text, _) in request }
        router.serverStreaming(Self.method("Repeat", .serverStreaming)) {
            (request: Text, responses: ResponseWriter<Text>, _) in
            for _ in 0..<(Int(request.value) ?? 0) { try await responses.write(request) }
        }
    }
}

/// Calls over one real socket: the server on its loop, the peer on this thread, 32 calls in flight.
func engineCases() throws -> [BenchCase] {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    var router = Router()
    router.add(TextService())
    let server = RPCServer(router: router, group: group)
    let port = try loop.makeFutureWithTask { try await server.start().port ?? 0 }.wait()
    let peer = try BlockingPeer(port: port)
    let onLoop = { try loop.submit { Int(malloc_count()) }.wait() }
    var echo = BenchCase(name: "unary", operations: 6400) { count in
        let body = grpcFrame(Text(String(repeating: "a", count: 97)))
        for _ in 0..<count / 32 { try peer.call("/bench.Text/Echo", body, times: 32) }
    }
    echo.allocations = onLoop
    var stream = BenchCase(name: "stream-message", operations: 20_000) { count in
        try peer.call("/bench.Text/Repeat", grpcFrame(Text("\(count)")), times: 1)
    }
    stream.allocations = onLoop
    return [echo, stream]
}

private func grpcFrame(_ message: Text) -> [UInt8] {
    let bytes = message.wireBytes()
    return [0] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: bytes.count >> $0) } + bytes
}
