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

// Who starts us from a thread that blocks signals has its mask inherited.
var stopping = sigset_t()
sigemptyset(&stopping)
sigaddset(&stopping, SIGTERM)
pthread_sigmask(SIG_UNBLOCK, &stopping, nil)

@Sendable func serve(_ options: Options) async {
    do {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: options.loops)
        var router = Router()
        router.add(EchoService())
        router.add(HealthService())
        Termination.watch()
        let server = RPCServer(options.configuration, router: router, group: group)
        print("ready on \(try await server.start())")
        // Whoever reads the line through a pipe waits for it.
        fflush(nil)
        while Termination.signals == 0 { try await Task.sleep(for: .milliseconds(20)) }
        await server.shutdown(grace: .seconds(options.graceSeconds))
        exit(0)
    } catch {
        print("cannot serve: \(error)")
        exit(1)
    }
}

_ = Task.detached { [options] in await serve(options) }
// The main thread sleeps in a plain system call: a `main` that awaits would hand it to libdispatch, whose way of
// waiting valgrind cannot follow.
while true { pause() }
