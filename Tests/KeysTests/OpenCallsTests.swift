import Bytes
import Logging
import NIOCore
import NIOPosix
import ProtoRuntime
import RPC
import RPCTransport
import Synchronization
import Testing

@testable import Keys

/// Calls at once: taken and given back, however a call ends.
@Suite(.timeLimit(.minutes(3))) struct OpenCallsTests {
    @Test func aKeyAndItsTenantHaveSoManyPlaces() throws {
        let calls = OpenCalls()
        let tenant = UUID128.v4()
        let two = RateLimits(plan: "free", concurrent: 2)
        let first = try calls.enter(tenant: tenant, keyID: "a", limits: two).get()
        let second = try calls.enter(tenant: tenant, keyID: "a", limits: two).get()
        #expect(throws: OpenCalls.LimitReached(limit: 2)) {
            try calls.enter(tenant: tenant, keyID: "a", limits: two).get()
        }
        // Another key of the tenant is bound by the tenant alone.
        let free = RateLimits(plan: "free")
        var others: [OpenCalls.Place] = []
        for _ in 0..<198 { others.append(try calls.enter(tenant: tenant, keyID: "b", limits: free).get()) }
        #expect(throws: OpenCalls.LimitReached(limit: 200)) {
            try calls.enter(tenant: tenant, keyID: "b", limits: free).get()
        }
        _ = try calls.enter(tenant: .v4(), keyID: "c", limits: two).get()
        calls.leave(first)
        #expect(calls.count(of: tenant) == 199)
        let third = try calls.enter(tenant: tenant, keyID: "a", limits: two).get()
        for place in others + [second, third] { calls.leave(place) }
        #expect(calls.count(of: tenant) == 0)
    }

    /// What has no key of its own in the database: a server on a real socket that knows one key.
    private final class World: Sendable {
        let key: APIKey
        let tenant = UUID128.v4()
        let limiter: RateLimiter
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let server: RPCServer
        let opened: AsyncStream<Void>

        static func method(_ name: String, _ type: CallType) -> MethodDescriptor {
            MethodDescriptor(
                service: "test.Test", name: name, callType: type, requestType: Google_Protobuf_StringValue.self,
                responseType: Google_Protobuf_Empty.self,
                policy: MethodPolicy(credential: .tenantKey, scope: "test.read"))
        }
        static let unary = method("Unary", .unary)
        static let stream = method("Stream", .serverStreaming)

        init(limiter: RateLimiter = .generous(), perHour: Int64 = 0) throws {
            self.limiter = limiter
            let pepper = try Pepper(parsing: PepperTests.one)
            key = try APIKey.generate(.live)
            let (version, hash) = pepper.hash(key)
            let record = KeyRecord(
                owner: .tenant(tenant, status: "active", scopes: ["*"]),
                secrets: [.init(pepperVersion: version, hash: hash)],
                limits: RateLimits(plan: "enterprise", perHour: perHour, concurrent: 2))
            let authenticator = Authenticator(pepper: pepper, knowing: key, record)
            var router = Router(interceptors: [AuthenticationInterceptor(authenticator, limiter: limiter)])
            let (opened, open) = AsyncStream.makeStream(of: Void.self)
            self.opened = opened
            router.unary(Self.unary) { (request: Google_Protobuf_StringValue, _: ServerContext) in
                switch request.value {
                case "throw": throw Status.internalError("on purpose")
                case "wait":
                    open.yield()
                    try await Task.sleep(for: .seconds(3_600))
                default: break
                }
                return Google_Protobuf_Empty()
            }
            router.serverStreaming(Self.stream) {
                (_: Google_Protobuf_StringValue, responses: ResponseWriter<Google_Protobuf_Empty>, _: ServerContext) in
                try await responses.write(Google_Protobuf_Empty())
                open.yield()
                try await Task.sleep(for: .seconds(3_600))
            }
            server = RPCServer(router: router, group: group)
        }

        func client(_ port: Int, wire: RPCClient.Wire = .ragdz) -> RPCClient {
            var configuration = RPCClient.Configuration.defaults
            configuration.wire = wire
            configuration.retry = .never
            configuration.metadata.add("authorization", "Bearer \(key.revealed)")
            return RPCClient(.host("127.0.0.1", port: port), configuration: configuration, group: group)
        }

        /// Waits until no call of the tenant is under way: for ever, when a place was lost.
        func untilIdle() async throws {
            while limiter.openCalls(of: tenant) > 0 { try await Task.sleep(for: .milliseconds(2)) }
        }
    }

    enum End: CaseIterable {
        case done, thrown, cancelled, deadline, connectionCut, streamCancelled, streamCut, streamDeadline
    }

    @Test(arguments: End.allCases) func aPlaceComesBackHoweverTheCallEnds(_ end: End) async throws {
        let world = try World()
        let port = try #require(try await world.server.start().port)
        let client = world.client(port)
        for _ in 0..<3 {
            try await run(end, world, end == .connectionCut || end == .streamCut ? world.client(port) : client)
            try await world.untilIdle()
        }
        // Both places are there.
        let holders = (0..<2).map { _ in
            Task { try await call(world, client, "wait") }
        }
        while world.limiter.openCalls(of: world.tenant) < 2 { try await Task.sleep(for: .milliseconds(2)) }
        let refused = await status { try await call(world, client, "") }
        #expect(refused?.code == .resourceExhausted && refused?.reason == "CONCURRENCY_LIMITED")
        #expect(refused?.retryAfter != nil)
        for holder in holders { holder.cancel() }
        try await world.untilIdle()
        _ = try await call(world, client, "")
        await client.close()
        await world.server.shutdown(grace: .zero)
        try await world.group.shutdownGracefully()
    }

    @discardableResult
    private func call(
        _ world: World, _ client: RPCClient, _ text: String, timeout: Duration = .seconds(60)
    ) async throws -> Google_Protobuf_Empty {
        try await client.unary(World.unary, Google_Protobuf_StringValue(text), options: CallOptions(timeout: timeout))
    }

    private func run(_ end: End, _ world: World, _ client: RPCClient) async throws {
        var open = world.opened.makeAsyncIterator()
        func stream(timeout: Duration? = nil) -> Task<Void, any Error> {
            Task {
                let responses: ResponseStream<Google_Protobuf_Empty> = try await client.serverStreaming(
                    World.stream, Google_Protobuf_StringValue(""), options: CallOptions(timeout: timeout))
                for try await _ in responses {}
            }
        }
        switch end {
        case .done: try await call(world, client, "")
        case .thrown: #expect(await status { try await call(world, client, "throw") }?.code == .internalError)
        case .deadline:
            let ended = await status { try await call(world, client, "wait", timeout: .milliseconds(50)) }
            #expect(ended?.code == .deadlineExceeded)
        case .cancelled:
            let task = Task { try await call(world, client, "wait") }
            await open.next()
            task.cancel()
            _ = await task.result
        case .connectionCut:
            let task = Task { try await call(world, client, "wait") }
            await open.next()
            await client.close()
            _ = await task.result
        case .streamCancelled:
            let task = stream()
            await open.next()
            task.cancel()
            _ = await task.result
        case .streamCut:
            let task = stream()
            await open.next()
            await client.close()
            _ = await task.result
        case .streamDeadline:
            let task = stream(timeout: .milliseconds(50))
            _ = await task.result
        }
    }

    /// Over the wire. In gRPC a call that is refused has no headers of its own, so that its trailers carry them.
    @Test(arguments: [RPCClient.Wire.grpc, .ragdz])
    func aRefusalSaysWhereTheLimitStands(_ wire: RPCClient.Wire) async throws {
        let left = Mutex<Int64>(3)
        let limiter = RateLimiter(logger: Logger(label: "limits") { _ in SwiftLogNoOpLogHandler() }) { asks, _ in
            left.withLock { left in
                asks.map { ask -> RateState.Grant in
                    guard ask.share.rule.name == "hour" else {
                        return .init(granted: ask.wanted, waitNanos: 0, remaining: ask.share.rule.burst)
                    }
                    let granted = min(ask.wanted, left)
                    left -= granted
                    return .init(
                        granted: granted, waitNanos: granted < ask.wanted ? 600_000_000_000 : 0, remaining: left)
                }
            }
        }
        let world = try World(limiter: limiter, perHour: 30)
        let client = world.client(try #require(try await world.server.start().port), wire: wire)
        for _ in 0..<3 { try await call(world, client, "") }
        let responses: ResponseStream<Google_Protobuf_Empty> = try await client.serverStreaming(
            World.stream, Google_Protobuf_StringValue(""), options: CallOptions(timeout: .seconds(60)))
        let headers = wire == .ragdz ? try await responses.initialMetadata : Metadata()
        let refused = await status {
            for try await _ in responses {}
            return ()
        }
        #expect(refused?.code == .resourceExhausted && refused?.reason == "RATE_LIMITED")
        #expect(refused?.retryAfter != nil)
        let told = wire == .grpc ? responses.trailingMetadata : headers
        #expect(told["x-ratelimit-limit"] == "30" && told["x-ratelimit-remaining"] == "0")
        #expect((1...600).contains(told["x-ratelimit-reset"].flatMap { Int($0) } ?? 0))
        // So many refusals that some are held back: none of them holds a place meanwhile, and each is answered.
        let reasons = await withTaskGroup(of: String?.self) { group in
            for _ in 0..<60 {
                group.addTask { await status { try await call(world, client, "") }?.reason }
            }
            return await group.reduce(into: Set<String?>()) { $0.insert($1) }
        }
        #expect(reasons.isSubset(of: ["RATE_LIMITED", "CONCURRENCY_LIMITED"]) && reasons.contains("RATE_LIMITED"))
        try await world.untilIdle()
        await client.close()
        await world.server.shutdown(grace: .zero)
        try await world.group.shutdownGracefully()
    }

    @Test func whoDoesNotHeedRefusalsWaitsForThem() async throws {
        let held = Mutex<[Duration]>([])
        let limiter = RateLimiter(
            logger: Logger(label: "limits") { _ in SwiftLogNoOpLogHandler() },
            pause: { time in held.withLock { $0.append(time) } }
        ) { asks, _ in asks.map { _ in RateState.Grant(granted: 0, waitNanos: 3_600_000_000_000, remaining: 0) } }
        let tenant = UUID128.v4()
        let refusal = await status {
            try await limiter.admit(
                tenant: tenant, keyID: "key", limits: RateLimits(plan: "enterprise", perHour: 10))
        }
        let far = try #require(refusal)
        #expect(far.reason == "RATE_LIMITED")
        func refuse(_ status: Status, _ deadline: Deadline? = nil, _ count: Int = 1, at now: Int64) async -> [Duration]
        {
            for _ in 0..<count {
                await limiter.holdBack(status, tenant: tenant, keyID: "key", deadline: deadline, now: now)
            }
            return held.withLock { held in
                defer { held = [] }
                return held
            }
        }
        let moment: Int64 = 1 << 60
        #expect(await refuse(far, nil, 20, at: moment) == [], "a few are answered at once")
        #expect(
            await refuse(far, nil, 3, at: moment) == [.milliseconds(50), .milliseconds(55), .milliseconds(60)],
            "one after the other")
        let near = Status.resourceExhausted("Soon.", reason: "RATE_LIMITED", retryAfter: .milliseconds(7))
        #expect(await refuse(near, at: moment) == [.milliseconds(65)], "however soon there is a token again")
        let hurried = await refuse(far, .after(.milliseconds(20)), at: moment)
        #expect(hurried.allSatisfy { $0 <= .milliseconds(10) } && hurried.count == 1, "nobody waits past his deadline")
        #expect(await refuse(.unavailable("Away.", reason: "DATABASE_UNAVAILABLE"), at: moment) == [])
        #expect(await refuse(far, nil, 20, at: moment + 100_000) == [], "who calmed down is told at once again")
    }
}
