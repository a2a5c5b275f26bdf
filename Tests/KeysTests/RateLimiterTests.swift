import Bytes
import Logging
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support
import Synchronization
import Testing

@testable import Keys

/// The limiter on the real database, under callers that all come at once.
@Suite(.timeLimit(.minutes(2))) struct RateLimiterTests {
    private static let logger = Logger(label: "limits") { _ in SwiftLogNoOpLogHandler() }

    private func admitted(
        _ limiters: [RateLimiter], _ limits: RateLimits, tenant: UUID128, callers: Int
    ) async -> (admitted: Int, refused: [Status]) {
        await withTaskGroup(of: Status?.self) { group in
            for caller in 0..<callers {
                group.addTask {
                    do {
                        try await limiters[caller % limiters.count].admit(
                            tenant: tenant, keyID: "key", limits: limits)
                        return nil
                    } catch { return error as? Status ?? .internalError("\(error)") }
                }
            }
            var result = (admitted: 0, refused: [Status]())
            for await status in group {
                if let status { result.refused.append(status) } else { result.admitted += 1 }
            }
            return result
        }
    }

    @Test(arguments: [1, 4]) func aThousandCallersGetExactlyTheBurst(_ nodes: Int) async throws {
        let test = try await TestDatabase.fresh()
        let limiters = (0..<nodes).map { _ in RateLimiter(database: test.database, logger: Self.logger) }
        // An hour's limit hands out nothing more while the test runs.
        let limits = RateLimits(plan: "enterprise", perHour: 300)
        let tenant = UUID128.v4()
        let first = await admitted(limiters, limits, tenant: tenant, callers: 1_000)
        #expect(first.admitted == 300)
        #expect(first.refused.count == 700)
        for status in first.refused {
            #expect(status.code == .resourceExhausted && status.reason == "RATE_LIMITED")
            let retry = try #require(status.retryAfter)
            #expect(retry > .seconds(1) && retry <= .seconds(12), "a token comes each 12 s")
        }
        // Another tenant is not touched, though its key has the same name.
        let other = await admitted(limiters, limits, tenant: .v4(), callers: 10)
        #expect(other.admitted == 10)
        await test.close()
    }

    @Test func whatANodeDoesNotSpendGoesBack() async throws {
        let test = try await TestDatabase.fresh()
        let limits = RateLimits(plan: "enterprise", perHour: 1_000_000)
        let tenant = UUID128.v4()
        let limiter = RateLimiter(database: test.database, logger: Self.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await limiter.run() }
            try await limiter.admit(tenant: tenant, keyID: "key", limits: limits)
            // The share is 2,000 calls of 3.6 ms each: 7 s are owed until it is given back.
            let owed = """
                select max(arrival_nanos)::bigint as n from ragdz.rate_limits where rule = 'hour' and subject = 'key'
                """
            let before = try await test.asOwner(owed)[0].get("n", as: Int64.self)
            var after = before
            for _ in 0..<9_000 where after >= before {
                try await Task.sleep(for: .milliseconds(20))
                after = try await test.asOwner(owed)[0].get("n", as: Int64.self)
            }
            #expect(after < before)
            group.cancelAll()
        }
        await test.close()
    }

    @Test func theDatabaseAwayIsSaidAndOverWhenItIsBack() async throws {
        let test = try await TestDatabase.fresh()
        let limiter = RateLimiter(database: test.database, logger: Self.logger)
        let limits = RateLimits(plan: "enterprise", perHour: 50)
        try await test.asOwner("alter table ragdz.rate_limits rename to rate_limits_gone")
        let away = await admitted([limiter], limits, tenant: .v4(), callers: 20)
        #expect(away.admitted == 0 && away.refused.count == 20)
        try await test.asOwner("alter table ragdz.rate_limits_gone rename to rate_limits")
        #expect(await admitted([limiter], limits, tenant: .v4(), callers: 20).admitted == 20)
        await test.close()
    }

    /// The whole way of a call: limits of a key, told in the answer, and refused with the time to come back.
    @Test func aKeysLimitsHoldItsCalls() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let admin = try await world.makeKey(tenant)
        let made = try await world.makeKey(tenant)
        var change = Ragdz_V1_UpdateKeyRequest()
        change.key = made.key
        change.key?.limits = Ragdz_V1_KeyLimits()
        change.key?.limits?.requestsPerHour = 3
        change.updateMask = .init(paths: ["limits"])
        let changed: Ragdz_V1_Key = try await world.call(
            Ragdz_V1_Keys.Methods.updateKey, change, key: admin.secret)
        #expect(changed.limits?.requestsPerHour == 3)

        let limiter = RateLimiter(database: world.database.database, logger: Self.logger)
        var router = Router(interceptors: [AuthenticationInterceptor(world.authenticator, limiter: limiter)])
        let method = MethodDescriptor(
            service: "test.Test", name: "Unary", callType: .unary, requestType: Google_Protobuf_Empty.self,
            responseType: Google_Protobuf_Empty.self, policy: MethodPolicy(credential: .tenantKey, scope: "test.read"))
        router.unary(method) { (_: Google_Protobuf_Empty, _: ServerContext) in Google_Protobuf_Empty() }
        func call(_ key: String) async throws -> Metadata {
            let context = ServerContext(method: method, metadata: ["authorization": "Bearer \(key)"])
            _ = try await router.callUnary(method.path, request: [], context: context)
            return context.detachedAnswer.initialMetadata
        }
        for left in [2, 1, 0] {
            let headers = try await call(made.secret)
            #expect(headers["x-ratelimit-limit"] == "3")
            #expect(headers["x-ratelimit-remaining"] == String(left))
        }
        let refused = await status { try await call(made.secret) }
        #expect(refused?.reason == "RATE_LIMITED")
        #expect(try #require(refused?.retryAfter) > .seconds(1_000))
        // The tenant's other key goes on.
        _ = try await call(admin.secret)
        // A wider limit holds from the next call on.
        change.key?.limits?.requestsPerHour = 5_000
        _ = try await world.call(
            Ragdz_V1_Keys.Methods.updateKey, change, key: admin.secret, returning: Ragdz_V1_Key.self)
        _ = try await call(made.secret)
    }
}

@Suite struct KeyUpdateTests {
    private func update(
        _ world: KeysWorld, _ id: String, _ paths: [String], key: String, _ fill: (inout Ragdz_V1_Key) -> Void
    ) async throws -> Ragdz_V1_Key {
        var request = Ragdz_V1_UpdateKeyRequest()
        var wanted = Ragdz_V1_Key()
        wanted.id = id
        fill(&wanted)
        request.key = wanted
        request.updateMask = .init(paths: paths)
        return try await world.call(Ragdz_V1_Keys.Methods.updateKey, request, key: key)
    }

    @Test func namesStatusLimitsAndNetworksChange() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let admin = try await world.makeKey(tenant)
        let made = try await world.makeKey(tenant, scopes: ["keys.read"])
        let changed = try await update(
            world, made.key.id, ["name", "limits", "allowed_networks", "status"], key: admin.secret
        ) {
            $0.name = "reader"
            $0.status = .disabled
            $0.limits = Ragdz_V1_KeyLimits()
            $0.limits?.requestsPerMinute = 90
            $0.allowedNetworks = ["10.0.0.0/8", "2001:db8::/32"]
        }
        #expect(changed.name == "reader" && changed.status == .disabled)
        #expect(changed.limits?.requestsPerMinute == 90)
        #expect(changed.allowedNetworks == ["10.0.0.0/8", "2001:db8::/32"])
        #expect(await status { try await world.get(made.key.id, key: made.secret) }?.reason == "KEY_DISABLED")
        _ = try await update(world, made.key.id, ["status"], key: admin.secret) { $0.status = .active }
        #expect(await status { try await world.get(made.key.id, key: made.secret) }?.reason == "ADDRESS_NOT_ALLOWED")
        _ = try await update(world, made.key.id, ["allowed_networks"], key: admin.secret) { _ in }
        _ = try await world.get(made.key.id, key: made.secret)
    }

    @Test func whatAKeyMayNotChange() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let admin = try await world.makeKey(tenant)
        let writer = try await world.makeKey(tenant, scopes: ["keys.write"])
        func reason(_ id: String, _ paths: [String], key: String, _ fill: (inout Ragdz_V1_Key) -> Void = { _ in }) async
            -> String?
        {
            await status { try await update(world, id, paths, key: key, fill) }?.reason
        }
        #expect(await reason(writer.key.id, ["name"], key: writer.secret) { $0.name = "x" } == "OWN_KEY")
        #expect(await reason(admin.key.id, ["name"], key: writer.secret) { $0.name = "x" } == "SCOPE_NOT_HELD")
        #expect(await reason(writer.key.id, ["scopes"], key: admin.secret) == "INVALID_UPDATE_MASK")
        #expect(await reason(writer.key.id, [], key: admin.secret) == "EMPTY_UPDATE_MASK")
        #expect(await reason(writer.key.id, ["status"], key: admin.secret) { $0.status = .revoked } == "INVALID_STATUS")
        for network in ["10.0.0.1/8", "10.0.0.0/33", "::/129", "nowhere", "", "10.0.0.0/8/8", "10.0.0.0/+8", "1.2.3"] {
            #expect(
                await reason(writer.key.id, ["allowed_networks"], key: admin.secret) {
                    $0.allowedNetworks = [network]
                } == "INVALID_NETWORK", "\(network)")
        }
        #expect(
            await reason(writer.key.id, ["limits"], key: admin.secret) {
                $0.limits = Ragdz_V1_KeyLimits()
                $0.limits?.requestsPerMinute = -1
            } == "INVALID_LIMITS")
        let stranger = try await world.makeKey(try await world.makeTenant())
        #expect(await reason(writer.key.id, ["name"], key: stranger.secret) { $0.name = "x" } == "KEY_NOT_FOUND")
    }
}

@Suite struct IPNetworkTests {
    @Test func addressesAreInsideOrOutside() throws {
        let ten = try #require(IPNetwork("10.0.0.0/8"))
        #expect(ten.contains("10.255.1.2") && !ten.contains("11.0.0.0") && !ten.contains("::1"))
        #expect(ten.contains("::ffff:10.1.2.3"), "the same address in its other spelling")
        let one = try #require(IPNetwork("192.0.2.7"))
        #expect(one.contains("192.0.2.7") && !one.contains("192.0.2.8"))
        let six = try #require(IPNetwork("2001:db8::/33"))
        #expect(six.contains("2001:db8:7fff::1") && !six.contains("2001:db8:8000::1"))
        #expect(try #require(IPNetwork("0.0.0.0/0")).contains("8.8.8.8"))
        #expect(try #require(IPNetwork("::/0")).contains("8.8.8.8"))
        for text in ["", "nobody", "10.1.2", "10.1.2.3.4", "999.1.1.1"] { #expect(!ten.contains(text)) }
    }

    @Test func peersHaveAddresses() {
        #expect(IPNetwork.address(ofPeer: "127.0.0.1:51234") == "127.0.0.1")
        #expect(IPNetwork.address(ofPeer: "[2001:db8::1]:443") == "2001:db8::1")
        #expect(IPNetwork.address(ofPeer: "2001:db8::1") == "2001:db8::1")
        #expect(IPNetwork.address(ofPeer: "in-process") == "in-process")
        #expect(IPNetwork.address(ofPeer: "") == "")
    }
}
