import NIOCore
import NIOPosix
import ProtoRuntime
import RPC
import RPCTransport
import Schema

/// A server and a client over a real socket, both stopped at the end.
struct TestServer {
    let server: RPCServer
    let client: RPCClient
    let journal: Journal
    let port: Int
    let group: MultiThreadedEventLoopGroup

    static func run(
        _ wire: RPCClient.Wire = .ragdz,
        configure: (inout RPCServer.Configuration) -> Void = { _ in },
        client configureClient: (inout RPCClient.Configuration) -> Void = { _ in },
        interceptors: [any ServerInterceptor] = [],
        _ body: (TestServer) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        var configuration = RPCServer.Configuration.defaults
        configure(&configuration)
        let journal = Journal()
        var router = Router(interceptors: interceptors)
        router.add(EchoService(journal: journal))
        router.add(HealthService())
        router.add(ReflectionService(services: router.services, files: ContractDescriptors.files))
        let server = RPCServer(configuration, router: router, group: group)
        let address = try await server.start()
        var clientConfiguration = RPCClient.Configuration(wire: wire)
        configureClient(&clientConfiguration)
        let port = address.port ?? 0
        let client = RPCClient(.host("127.0.0.1", port: port), configuration: clientConfiguration, group: group)
        let test = TestServer(server: server, client: client, journal: journal, port: port, group: group)
        do {
            try await body(test)
        } catch {
            await client.close()
            await server.shutdown(grace: .zero)
            throw error
        }
        await client.close()
        await server.shutdown(grace: .milliseconds(200))
    }

    /// A server with this router, for suites that bring their own services; `stop` it.
    static func start(_ router: Router) async throws -> TestServer {
        let group = MultiThreadedEventLoopGroup.singleton
        let server = RPCServer(router: router, group: group)
        let port = try await server.start().port ?? 0
        let client = RPCClient(.host("127.0.0.1", port: port), group: group)
        return TestServer(server: server, client: client, journal: Journal(), port: port, group: group)
    }

    func stop() async {
        await client.close()
        await server.shutdown(grace: .milliseconds(200))
    }

    func unary(_ text: String, options: CallOptions = .defaults) async throws -> String {
        let answer: Text = try await client.unary(EchoService.unary, Text(text), options: options)
        return answer.value
    }

    func call(_ method: MethodDescriptor, _ text: String, options: CallOptions = .defaults) async throws -> String {
        let answer: Text = try await client.unary(method, Text(text), options: options)
        return answer.value
    }
}

/// The status that `body` throws.
func status(_ body: () async throws -> Void) async -> Status? {
    do {
        try await body()
        return nil
    } catch let status as Status {
        return status
    } catch {
        return Status(.unknown, "not a status: \(error)")
    }
}
