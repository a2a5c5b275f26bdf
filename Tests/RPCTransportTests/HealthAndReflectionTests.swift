import NIOCore
import NIOPosix
import ProtoRuntime
import RPC
import RPCTransport
import Schema
import Testing

@Suite(.serialized) struct HealthAndReflectionTests {
    private func run(_ body: (RPCClient, HealthService) async throws -> Void) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let health = HealthService()
        var router = Router()
        router.add(health)
        router.add(
            ReflectionService(
                services: ["grpc.health.v1.Health", "ragdz.v1.Tenants"], files: ContractDescriptors.files))
        let server = RPCServer(router: router, group: group)
        let port = try await server.start().port ?? 0
        let client = RPCClient(.host("127.0.0.1", port: port), group: group)
        try await body(client, health)
        await client.close()
        await server.shutdown(grace: .zero)
    }

    @Test func healthFollowsReadiness() async throws {
        try await run { client, health in
            let stub = Grpc_Health_V1_Health.Client(client)
            var request = Grpc_Health_V1_HealthCheckRequest()
            let whole = try await stub.check(request)
            #expect(whole.status == .serving)
            request.service = "ragdz.v1.Tenants"
            let unknown = await status { _ = try await stub.check(request) }
            #expect(unknown?.code == .notFound)
            var changes = try await stub.watch(request).makeAsyncIterator()
            let first = try await changes.next()
            #expect(first?.status == .serviceUnknown)
            health.set("ragdz.v1.Tenants", .serving)
            let second = try await changes.next()
            #expect(second?.status == .serving)
            health.set("ragdz.v1.Tenants", .serving)
            health.setAll(.notServing)
            let third = try await changes.next()
            #expect(third?.status == .notServing, "what does not change is not told")
            let list = try await stub.list(Grpc_Health_V1_HealthListRequest())
            #expect(list.statuses.count == 2)
        }
    }

    @Test func reflectionGivesFilesWithTheirImports() async throws {
        try await run { client, _ in
            let stub = Grpc_Reflection_V1alpha_ServerReflection.Client(client)
            let (requests, source) = AsyncStream.makeStream(
                of: Grpc_Reflection_V1alpha_ServerReflectionRequest.self)
            var answers = try await stub.serverReflectionInfo(requests).makeAsyncIterator()
            var request = Grpc_Reflection_V1alpha_ServerReflectionRequest()
            request.messageRequest = .listServices("")
            source.yield(request)
            guard case .listServicesResponse(let list) = try await answers.next()?.messageResponse else {
                Issue.record("no list")
                return
            }
            #expect(
                list.service.map(\.name) == [
                    "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                    "grpc.reflection.v1alpha.ServerReflection", "ragdz.v1.Tenants",
                ])
            for symbol in ["ragdz.v1.Tenants", "ragdz.v1.Tenants.CreateTenant", "ragdz.v1.Tenant.name"] {
                request.messageRequest = .fileContainingSymbol(symbol)
                source.yield(request)
                guard case .fileDescriptorResponse(let files) = try await answers.next()?.messageResponse else {
                    Issue.record("no file for \(symbol)")
                    return
                }
                #expect(files.fileDescriptorProto.count > 2, "\(symbol)")
            }
            request.messageRequest = .fileByFilename("nothing.proto")
            source.yield(request)
            guard case .errorResponse(let error) = try await answers.next()?.messageResponse else {
                Issue.record("no error")
                return
            }
            #expect(error.errorCode == 5)
            source.finish()
        }
    }
}
