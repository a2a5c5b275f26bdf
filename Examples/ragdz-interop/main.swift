import Glibc
import NIOCore
import NIOPosix
import RPC
import RPCTransport
import TLS

/// gRPC's interoperability tests, from both sides.
///
/// Usage: ragdz-interop serve [--port N] [--cert FILE --key FILE]
///        ragdz-interop client --port N [--case NAME] [--ca FILE --name HOST] [--wire grpc|ragdz]
/// The client prints one line for each case and exits with 1 when one has failed.
func option(_ name: String) -> String? {
    guard let index = CommandLine.arguments.firstIndex(of: name), index + 1 < CommandLine.arguments.count else {
        return nil
    }
    return CommandLine.arguments[index + 1]
}

func serve(_ group: MultiThreadedEventLoopGroup) async throws {
    var router = Router()
    router.add(InteropService())
    router.add(HealthService())
    var configuration = RPCServer.Configuration(port: option("--port").flatMap { Int($0) } ?? 0)
    if let certificate = option("--cert") {
        configuration.tls = try TLSCredentials(
            .server, TLSConfiguration(certificateFile: certificate, keyFile: option("--key")))
    }
    let address = try await RPCServer(configuration, router: router, group: group).start()
    print("ready on \(address.port ?? 0)")
    fflush(nil)
    while true { try await Task.sleep(for: .seconds(3600)) }
}

func runClient(_ group: MultiThreadedEventLoopGroup) async throws -> Bool {
    var configuration = RPCClient.Configuration(wire: option("--wire") == "ragdz" ? .ragdz : .grpc)
    if let authority = option("--ca") {
        configuration.tls = try TLSContext(.client, TLSConfiguration(authorityFile: authority))
        configuration.tlsServerName = option("--name")
    }
    let port = option("--port").flatMap { Int($0) } ?? 0
    let client = RPCClient(.host("127.0.0.1", port: port), configuration: configuration, group: group)
    let wanted = option("--case")
    let cases = InteropCase.allCases.filter { wanted == nil || $0.rawValue == wanted }
    var failed = cases.isEmpty
    for test in cases {
        do {
            try await test.run(client)
            print("\(test.rawValue) pass")
        } catch {
            failed = true
            print("\(test.rawValue) FAIL \(error)")
        }
    }
    await client.close()
    return !failed
}

let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
switch CommandLine.arguments.dropFirst().first {
case "serve": try await serve(group)
case "client": exit(try await runClient(group) ? 0 : 1)
default:
    print("usage: ragdz-interop serve|client …")
    exit(2)
}
