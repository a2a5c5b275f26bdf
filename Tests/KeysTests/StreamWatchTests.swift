import Bytes
import Keys
import Logging
import ProtoRuntime
import RPC
import Schema
import Support
import Testing

/// Streams that were open when their key or tenant lost its right.
@Suite(.timeLimit(.minutes(3))) struct StreamWatchTests {
    static let method = MethodDescriptor(
        service: "test.Test", name: "Stream", callType: .serverStreaming, requestType: Google_Protobuf_Empty.self,
        responseType: Google_Protobuf_Empty.self, policy: MethodPolicy(credential: .tenantKey, scope: "test.read"))

    /// A stream that says one thing and then waits for ever.
    private func router(_ world: KeysWorld) -> Router {
        var router = Router(interceptors: [AuthenticationInterceptor(world.authenticator), PolicyInterceptor()])
        router.serverStreaming(Self.method) {
            (_: Google_Protobuf_Empty, responses: ResponseWriter<Google_Protobuf_Empty>, _: ServerContext) in
            try await responses.write(Google_Protobuf_Empty())
            try await Task.sleep(for: .seconds(3_600))
        }
        return router
    }

    /// Opens a stream, does `change` once it runs, and gives the status that it ends with.
    private func end(_ world: KeysWorld, _ key: String, _ change: () async throws -> Void) async throws -> Status? {
        let (opened, open) = AsyncStream.makeStream(of: Void.self)
        let router = router(world)
        let stream = Task {
            await status {
                try await router.callServerStreaming(
                    Self.method.path, request: [],
                    context: ServerContext(method: Self.method, metadata: ["authorization": "Bearer \(key)"]),
                    onMessage: { _ in open.yield() })
            }
        }
        for await _ in opened { break }
        try await change()
        return await stream.value
    }

    private func listening(_ world: KeysWorld, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await world.authenticator.run() }
            try await Task.sleep(for: .milliseconds(100))
            do { try await body() } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
        }
    }

    @Test func revokedSuspendedOrWithoutItsScopeItEnds() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        try await listening(world) {
            func change(_ sql: (String) -> String) async throws -> Status? {
                let made = try await world.makeKey(tenant)
                let statement = sql(made.key.id)
                return try await end(world, made.secret) { try await world.database.asOwner(statement) }
            }
            let revoked = try await change { "update ragdz.keys set revoke_time = now() where key_id = '\($0)'" }
            #expect(revoked?.code == .unauthenticated && revoked?.reason == "KEY_REVOKED")
            let disabled = try await change { "update ragdz.keys set disabled = true where key_id = '\($0)'" }
            #expect(disabled?.reason == "KEY_DISABLED")
            let narrowed = try await change { "update ragdz.keys set scopes = '{keys.read}' where key_id = '\($0)'" }
            #expect(narrowed?.code == .permissionDenied && narrowed?.reason == "SCOPE_MISSING")
            let suspended = try await change { _ in
                "update ragdz.tenants set status = 'suspended' where tenant_id = '\(tenant)'"
            }
            #expect(suspended?.code == .permissionDenied && suspended?.reason == "TENANT_SUSPENDED")
        }
    }

    /// Nothing is announced when a key's time is over, and nothing is heard when nobody listens.
    @Test func anExpiryEndsItWithoutAnAnnouncement() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let made = try await world.makeKey(tenant, ttlMicros: 3_000_000)
        #expect(try await end(world, made.secret) {}?.reason == "KEY_EXPIRED")
    }
}
