import HTTP2
import NIOCore
import NIOPosix
import ProtoRuntime
import RPC
import RPCTransport
import Support
import Synchronization
import Testing

/// What the client does by itself: pool, retries, hedging, deadlines of attempts, health.
@Suite(.serialized) struct ClientTests {
    /// A service whose behaviour the test sets, on as many servers as it likes.
    final class Script: Sendable {
        struct State {
            var calls: [String] = []
            var failures: [Status] = []
            var pauses: [Duration] = []
            var attempts: [String] = []
        }
        let state = Mutex(State())
        var calls: [String] { state.withLock { $0.calls } }

        static let safe = method("Safe", .noSideEffects)
        static let effectful = method("Unsafe", .unknown)
        static func method(_ name: String, _ idempotency: Idempotency, _ type: CallType = .unary) -> MethodDescriptor {
            MethodDescriptor(
                service: "test.Script", name: name, callType: type, requestType: Text.self, responseType: Text.self,
                policy: .open, idempotency: idempotency)
        }
        static let join = method("Join", .unknown, .clientStreaming)

        func router(_ server: String) -> Router {
            var router = Router()
            for method in [Self.safe, Self.effectful] {
                router.unary(method) { [self] (request: Text, context) in
                    let (failure, pause) = state.withLock { state in
                        state.calls.append(server)
                        state.attempts.append(context.metadata["grpc-previous-rpc-attempts"] ?? "-")
                        return (
                            state.failures.isEmpty ? nil : state.failures.removeFirst(),
                            state.pauses.isEmpty ? nil : state.pauses.removeFirst()
                        )
                    }
                    if let pause { try await Task.sleep(for: pause) }
                    if let failure { throw failure }
                    return Text("\(server):\(request.value)")
                }
            }
            router.clientStreaming(Self.join) { (requests: RequestStream<Text>, _) in
                var joined = ""
                for try await request in requests { joined += request.value }
                return Text(joined)
            }
            return router
        }
    }

    struct Servers {
        let script: Script
        let servers: [RPCServer]
        let client: RPCClient
        let health: HealthService

        func call(_ method: MethodDescriptor, _ options: CallOptions = .defaults) async throws -> String {
            let answer: Text = try await client.unary(method, Text("x"), options: options)
            return answer.value
        }
    }

    static func with(
        _ count: Int = 1, configure: (inout RPCServer.Configuration) -> Void = { _ in },
        client change: (inout RPCClient.Configuration) -> Void = { _ in }, _ body: (Servers) async throws -> Void
    ) async throws {
        let script = Script()
        let health = HealthService()
        var servers: [RPCServer] = []
        var targets: [RPCClient.Target] = []
        for index in 0..<count {
            var configuration = RPCServer.Configuration.defaults
            configure(&configuration)
            var router = script.router("\(index)")
            // Only the first one's health is played with.
            router.add(index == 0 ? health : HealthService())
            let server = RPCServer(configuration, router: router, group: .singleton)
            targets.append(.host("127.0.0.1", port: try await server.start().port ?? 0))
            servers.append(server)
        }
        var configuration = RPCClient.Configuration.defaults
        configuration.backoff = Backoff(initial: .milliseconds(2), maximum: .milliseconds(20))
        configuration.retry.backoff = configuration.backoff
        change(&configuration)
        let client = RPCClient(
            .anyOf(targets), configuration: configuration, group: MultiThreadedEventLoopGroup.singleton)
        let stage = Servers(script: script, servers: servers, client: client, health: health)
        let outcome = await status { try await body(stage) }
        await client.close()
        for server in servers { await server.shutdown(grace: .zero) }
        if let outcome { throw outcome }
    }

    @Test func callsGoRoundTheAddresses() async throws {
        try await Self.with(3) { test in
            // The first calls take whichever connection is up first.
            for _ in 0..<60_000 where Set(test.script.calls.suffix(3)).count < 3 {
                _ = try await test.call(Script.safe)
                try await Task.sleep(for: .milliseconds(1))
            }
            var heard: [String] = []
            for _ in 0..<9 { heard.append(try await test.call(Script.safe)) }
            for server in 0..<3 { #expect(heard.filter { $0 == "\(server):x" }.count == 3, "\(heard)") }
        }
    }

    @Test func idempotentCallsAreRetriedOthersAreNot() async throws {
        try await Self.with { test in
            let down = Status.unavailable("down")
            test.script.state.withLock { $0.failures = [down, down] }
            let heard1 = try await test.call(Script.safe)
            #expect(heard1 == "0:x")
            #expect(test.script.calls.count == 3)
            test.script.state.withLock { $0.failures = [down, down] }
            let told = await status { _ = try await test.call(Script.effectful) }
            #expect(told?.code == .unavailable)
            #expect(test.script.calls.count == 4)
            test.script.state.withLock { $0.failures = [down, down] }
            var options = CallOptions(timeout: .seconds(5))
            options.retry = .never
            #expect(await status { _ = try await test.call(Script.safe, options) }?.code == .unavailable)
        }
    }

    @Test func theBudgetHoldsRetriesBack() async throws {
        try await Self.with(client: { $0.retryBudget = RetryBudget(maximumTokens: 4) }) { test in
            test.script.state.withLock { $0.failures = Array(repeating: .unavailable("down"), count: 100) }
            for _ in 0..<10 { _ = await status { _ = try await test.call(Script.safe) } }
            // The first call spends the budget; the other nine are made once each.
            #expect(test.script.calls.count < 14, "\(test.script.calls.count)")
        }
    }

    @Test func theServersPauseIsKept() async throws {
        try await Self.with { test in
            test.script.state.withLock { $0.failures = [.unavailable("busy", retryAfter: .seconds(60))] }
            // Longer than the deadline: the failure is told at once, with the time to come back.
            let told = await status { _ = try await test.call(Script.safe, CallOptions(timeout: .seconds(20))) }
            #expect(told?.retryAfter == .seconds(60))
            #expect(test.script.calls.count == 1)
        }
    }

    @Test func anAttemptHasItsOwnDeadline() async throws {
        try await Self.with { test in
            test.script.state.withLock { $0.pauses = [.seconds(30)] }
            var options = CallOptions(timeout: .seconds(20))
            options.attemptTimeout = .milliseconds(100)
            let heard2 = try await test.call(Script.safe, options)
            #expect(heard2 == "0:x")
            #expect(test.script.calls.count == 2)
            test.script.state.withLock { $0.pauses = [.seconds(30)] }
            let late = await status { _ = try await test.call(Script.effectful, options) }
            #expect(late?.code == .deadlineExceeded)
            #expect(late?.reason == "ATTEMPT_TIMEOUT")
        }
    }

    /// The server may find the attempt's deadline passed before our own timer does: here it does so at once, and no
    /// clock has a say in it.
    @Test func aServerThatEndsTheAttemptFirstMeansTheAttempt() async throws {
        try await Self.with { test in
            var options = CallOptions(timeout: .seconds(3_000))
            options.attemptTimeout = .seconds(1_000)
            test.script.state.withLock { $0.failures = [.deadlineExceeded(), .deadlineExceeded()] }
            let heard = try await test.call(Script.safe, options)
            #expect(heard == "0:x")
            #expect(test.script.calls.count == 3)
            test.script.state.withLock { $0.failures = [.deadlineExceeded()] }
            let late = await status { _ = try await test.call(Script.effectful, options) }
            #expect(late?.code == .deadlineExceeded && late?.reason == "ATTEMPT_TIMEOUT")
        }
    }

    @Test func otherDeadlinesAreTheCalls() async throws {
        try await Self.with { test in
            // No attempt is limited, or none within the call's own time.
            for attemptTimeout: Duration? in [nil, .seconds(4_000)] {
                var options = CallOptions(timeout: .seconds(3_000))
                options.attemptTimeout = attemptTimeout
                test.script.state.withLock { ($0.failures, $0.calls) = ([.deadlineExceeded()], []) }
                let told = await status { _ = try await test.call(Script.safe, options) }
                #expect(told?.reason == "DEADLINE_EXCEEDED")
                #expect(test.script.calls.count == 1)
            }
            // What the server says of a deadline of its own is no matter of the attempt.
            var options = CallOptions(timeout: .seconds(3_000))
            options.attemptTimeout = .seconds(1_000)
            test.script.state.withLock { ($0.failures, $0.calls) = ([.deadlineExceeded("slow", reason: "MODEL")], []) }
            let told = await status { _ = try await test.call(Script.safe, options) }
            #expect(told?.reason == "MODEL")
            #expect(test.script.calls.count == 1)
        }
    }

    /// Also between the one message and its end: the attempt that is made again answers again.
    @Test(arguments: [RPCClient.Wire.ragdz, .grpc]) func aCallThatIsCutAnywhereIsAnswered(
        wire: RPCClient.Wire
    ) async throws {
        try await Self.with { test in
            guard case .anyOf(let targets) = test.client.target, case .host(_, let port)? = targets.first else {
                return
            }
            @Sendable func call(_ proxy: FaultyProxy) async throws -> String {
                var configuration = RPCClient.Configuration(wire: wire)
                configuration.backoff = Backoff(initial: .milliseconds(2), maximum: .milliseconds(20))
                configuration.retry.backoff = configuration.backoff
                let client = RPCClient(
                    .host("127.0.0.1", port: proxy.port), configuration: configuration,
                    group: MultiThreadedEventLoopGroup.singleton)
                var heard = ""
                let failure = await status {
                    let answer: Text = try await client.unary(Script.safe, Text("x"), options: .defaults)
                    heard = answer.value
                }
                await client.close()
                if let failure { throw failure }
                return heard
            }
            let plain = try await FaultyProxy(to: port)
            _ = try await call(plain)
            let size = plain.bytesPassed
            await plain.stop()
            #expect(size > 80)
            await ResumeTests.each(0...size) { cut in
                let proxy = try await FaultyProxy(to: port) { .init(cutsAfter: $0 == 0 ? cut : nil) }
                let heard = try await call(proxy)
                #expect(heard == "0:x", "cut after \(cut) of \(size) bytes")
                await proxy.stop()
            }
        }
    }

    @Test func hedgesOvertakeASlowCall() async throws {
        try await Self.with { test in
            test.script.state.withLock { $0.pauses = [.seconds(30)] }
            var options = CallOptions(timeout: .seconds(20))
            options.hedging = HedgingPolicy(maximumAttempts: 3, delay: .milliseconds(50))
            let heard3 = try await test.call(Script.safe, options)
            #expect(heard3 == "0:x")
            #expect(test.script.calls.count == 2)
            test.script.state.withLock { $0.pauses = [.milliseconds(150)] }
            let heard4 = try await test.call(Script.effectful, options)
            #expect(heard4 == "0:x")
            #expect(test.script.calls.count == 3, "a method with side effects is not hedged")
        }
    }

    @Test func fullConnectionsGetCompanions() async throws {
        try await Self.with(configure: { $0.http2.concurrentStreams = 2 }) { test in
            test.script.state.withLock { $0.pauses = Array(repeating: .milliseconds(20), count: 40) }
            let heard = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<40 { group.addTask { try await test.call(Script.effectful) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(heard.count == 40, "calls that find no room wait")
        }
    }

    @Test func aServerThatIsNotReadyGetsNoCalls() async throws {
        try await Self.with(2, client: { $0.healthCheckedService = "" }) { test in
            test.health.set("", .notServing)
            var heard: Set<String> = []
            for _ in 0..<60_000 where test.script.calls.suffix(20).contains("0") || test.script.calls.count < 20 {
                _ = try await test.call(Script.safe)
                try await Task.sleep(for: .milliseconds(1))
            }
            for _ in 0..<10 { heard.insert(try await test.call(Script.safe)) }
            #expect(heard == ["1:x"])
            test.health.set("", .serving)
            for _ in 0..<60_000 where !heard.contains("0:x") {
                heard.insert(try await test.call(Script.safe))
                try await Task.sleep(for: .milliseconds(1))
            }
            #expect(heard.contains("0:x"))
        }
    }

    @Test func namesAreResolvedOffTheLoop() async throws {
        try await Self.with { test in
            guard case .anyOf(let targets) = test.client.target, case .host(_, let port)? = targets.first else {
                return
            }
            let client = RPCClient(.host("localhost", port: port), group: MultiThreadedEventLoopGroup.singleton)
            let answer: Text = try await client.unary(Script.safe, Text("y"), options: .defaults)
            #expect(answer.value == "0:y")
            await client.close()
            var configuration = RPCClient.Configuration.defaults
            configuration.retry = .never
            let lost = RPCClient(
                .host("no-such-host.invalid", port: 1), configuration: configuration,
                group: MultiThreadedEventLoopGroup.singleton)
            let told = await status { let _: Text = try await lost.unary(Script.safe, Text("y"), options: .defaults) }
            #expect(told?.code == .unavailable)
            #expect(told?.reason == "NAME_NOT_RESOLVED")
            await lost.close()
        }
    }

    @Test func requestsThatFailEndTheirCall() async throws {
        struct Broken: Error {}
        try await Self.with { test in
            let (requests, source) = AsyncThrowingStream.makeStream(of: Text.self)
            source.yield(Text("a"))
            source.finish(throwing: Status.unavailable("my own trouble", reason: "OURS"))
            let told = await status {
                let _: Text = try await test.client.clientStreaming(Script.join, requests, options: .defaults)
            }
            #expect(told?.reason == "OURS")
        }
    }

    @Test func interceptorsOfTheConfigurationRun() async throws {
        struct Stamp: ClientInterceptor {
            func intercept<Request: Message, Response: Message>(
                _ request: ClientRequest<Request>, response: Response.Type,
                _ next: @concurrent @Sendable (ClientRequest<Request>) async throws -> ResponseStream<Response>
            ) async throws -> ResponseStream<Response> {
                try await next(request.map { ($0 as? Text).map { Text($0.value + "!") } as? Request ?? $0 })
            }
        }
        try await Self.with(client: { $0.interceptors = [Stamp()] }) { test in
            let heard5 = try await test.call(Script.safe)
            #expect(heard5 == "0:x!")
            let requests = AsyncStream { source in
                for text in ["a", "b"] { source.yield(Text(text)) }
                source.finish()
            }
            let joined: Text = try await test.client.clientStreaming(Script.join, requests, options: .defaults)
            #expect(joined.value == "a!b!")
        }
    }

    @Test func aClosedClientSaysSo() async throws {
        try await Self.with { test in
            _ = try await test.call(Script.safe)
            await test.client.close()
            #expect(await status { _ = try await test.call(Script.safe) }?.reason == "CLIENT_CLOSED")
        }
    }
}
