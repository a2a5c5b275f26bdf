import NIOCore
import NIOPosix
import ProtoRuntime
import RPC
import RPCTransport

/// The example server: `echo.proto` and health, on one event loop unless `--loops` says otherwise.
///
/// Usage: ragdz-echo [--port N] [--loops N]
struct EchoService: Echo_Echo.ServiceProtocol {
    func unary(_ request: Echo_EchoRequest, context: ServerContext) async throws -> Echo_EchoReply {
        reply(to: request)
    }

    func serverStream(
        _ request: Echo_StreamRequest, responses: ResponseWriter<Echo_EchoReply>, context: ServerContext
    ) async throws {
        guard request.count >= 0 else {
            throw Status.invalidArgument("count must not be negative.", reason: "NEGATIVE_COUNT", field: "count")
        }
        let reply = reply(to: request.sample ?? Echo_EchoRequest())
        for _ in 0..<request.count { try await responses.write(reply) }
    }

    private func reply(to request: Echo_EchoRequest) -> Echo_EchoReply {
        var reply = Echo_EchoReply()
        reply.text = request.text
        reply.id = request.id
        reply.values = request.values
        return reply
    }
}

/// The number after `name` on the command line.
func argument(_ name: String, default value: Int) -> Int {
    guard let index = CommandLine.arguments.firstIndex(of: name), index + 1 < CommandLine.arguments.count else {
        return value
    }
    return Int(CommandLine.arguments[index + 1]) ?? value
}

let group = MultiThreadedEventLoopGroup(numberOfThreads: argument("--loops", default: 1))
var router = Router()
router.add(EchoService())
router.add(HealthService())
let configuration = RPCServer.Configuration(port: argument("--port", default: 50051))
let server = RPCServer(configuration, router: router, group: group)
let address = try await server.start()
print("ready on \(address)")
while true { try await Task.sleep(for: .seconds(3600)) }
