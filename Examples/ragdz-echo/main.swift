import Glibc
import NIOCore
import NIOPosix
import RPC
import RPCTransport

/// The example server: `echo.proto` and health, on one event loop unless `--loops` says otherwise. SIGTERM stops it
/// gracefully, a second one at once.
let options: Options
do {
    options = try Options(Array(CommandLine.arguments.dropFirst()))
} catch {
    print((error as? Options.Misuse)?.text ?? "\(error)")
    exit(2)
}
let group = MultiThreadedEventLoopGroup(numberOfThreads: options.loops)
var router = Router()
router.add(EchoService())
router.add(HealthService())
let server = RPCServer(options.configuration, router: router, group: group)
let address = try await server.start()
print("ready on \(address)")
// Whoever reads the line through a pipe waits for it.
fflush(nil)

Termination.watch()
while Termination.signals == 0 { try await Task.sleep(for: .milliseconds(20)) }
await server.shutdown(grace: .seconds(options.graceSeconds))
