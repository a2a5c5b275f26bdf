import Foundation
import NIOPosix
import ProtoRuntime
import RPC
import RPCTransport
import Synchronization
import Testing

/// Two `ragdz-echo` behind two addresses are restarted in turn while our client calls: no call fails.
///
/// `RAGDZ_ROLLING_SECONDS` makes it longer (`make rolling`).
@Suite(.serialized) struct RollingRestartTests {
    /// Its messages have the fields of echo.proto that these calls use.
    static func method(
        _ name: String, _ type: CallType, _ idempotency: Idempotency = .unknown, resumable: Bool = false
    ) -> MethodDescriptor {
        MethodDescriptor(
            service: "echo.Echo", name: name, callType: type, requestType: Text.self, responseType: Text.self,
            policy: MethodPolicy(credential: .none, resumable: resumable), idempotency: idempotency)
    }
    static let unary = method("Unary", .unary)
    static let stream = method("ServerStream", .serverStreaming, resumable: true)
    static let collect = method("ClientStream", .clientStreaming)
    static let chat = method("Chat", .bidirectional)

    final class EchoProcess {
        let port: Int
        private var process: Process?

        init(port: Int) { self.port = port }

        func start() async throws {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
                .deletingLastPathComponent().appendingPathComponent("ragdz-echo")
            process.arguments = ["--port", "\(port)", "--grace", "2"]
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            self.process = process
            var said = ""
            while !said.contains("ready") {
                let data = output.fileHandleForReading.availableData
                if data.isEmpty { throw Status.unavailable("ragdz-echo did not start: \(said)") }
                said += String(decoding: data, as: UTF8.self)
            }
        }

        /// SIGTERM, and the end.
        func stop() async {
            guard let process else { return }
            process.terminate()
            while process.isRunning { try? await Task.sleep(for: .milliseconds(10)) }
            self.process = nil
        }
    }

    /// What the calls of all tasks came to.
    final class Ledger: Sendable {
        struct State {
            var done: [String: Int] = [:]
            var failed: [String] = []
        }
        let state = Mutex(State())

        func note(_ kind: String, _ body: () async throws -> Bool) async {
            do {
                let isRight = try await body()
                state.withLock { state in
                    if isRight { state.done[kind, default: 0] += 1 } else { state.failed.append("\(kind): wrong") }
                }
            } catch { state.withLock { $0.failed.append("\(kind): \(error)") } }
        }
    }

    /// Calls of every type, one after the other, until the time is up.
    static func load(_ client: RPCClient, until end: ContinuousClock.Instant, _ ledger: Ledger) async {
        while ContinuousClock.now < end {
            for number in 0..<20 {
                await ledger.note("unary") {
                    let answer: Text = try await client.unary(unary, Text("\(number)"), options: .defaults)
                    return answer.value == "\(number)"
                }
            }
            await ledger.note("collect") {
                let requests = AsyncStream { source in
                    for _ in 0..<5 { source.yield(Text("abc")) }
                    source.finish()
                }
                let _: Text = try await client.clientStreaming(collect, requests, options: .defaults)
                return true
            }
            await ledger.note("chat") {
                let (requests, source) = AsyncStream.makeStream(of: Text.self)
                let answers: ResponseStream<Text> = try await client.bidirectional(chat, requests, options: .defaults)
                var iterator = answers.makeAsyncIterator()
                for number in 0..<3 {
                    source.yield(Text("\(number)"))
                    guard try await iterator.next()?.value == "\(number)" else { return false }
                }
                source.finish()
                return try await iterator.next() == nil
            }
        }
    }

    /// Long streams, longer than a server's grace: they go on at the other server.
    static func streams(_ client: RPCClient, until end: ContinuousClock.Instant, _ ledger: Ledger) async {
        while ContinuousClock.now < end {
            await ledger.note("stream") {
                // StreamRequest{count: 40, sample: {text: "é"}, pause: 80}
                let request = try Google_Protobuf_Empty(wire: [0x08, 40, 0x12, 4, 0x0A, 2, 0xC3, 0xA9, 0x18, 80])
                let answers: ResponseStream<Text> = try await client.serverStreaming(
                    stream, request, options: .defaults)
                var count = 0
                for try await answer in answers {
                    guard answer.value == "é" else { return false }
                    count += 1
                }
                return count == 40
            }
        }
    }

    @Test func noCallFails() async throws {
        let seconds = ProcessInfo.processInfo.environment["RAGDZ_ROLLING_SECONDS"].flatMap(Double.init) ?? 6
        // Below the ports that systems give to clients: another test's proxy must not sit where a server was a moment ago.
        let base = 20_000 + 2 * (Int(getpid()) % 6_000)
        let servers = [EchoProcess(port: base), EchoProcess(port: base + 1)]
        for server in servers { try await server.start() }
        let client = RPCClient(
            .anyOf(servers.map { .host("127.0.0.1", port: $0.port) }), group: MultiThreadedEventLoopGroup.singleton)
        let ledger = Ledger()
        let end = ContinuousClock.now.advanced(by: .seconds(seconds))
        var restarts = 0
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { await Self.load(client, until: end, ledger) } }
            for _ in 0..<4 { group.addTask { await Self.streams(client, until: end, ledger) } }
            while ContinuousClock.now < end {
                let server = servers[restarts % 2]
                try await Task.sleep(for: .milliseconds(300))
                await server.stop()
                try await server.start()
                restarts += 1
            }
            try await group.waitForAll()
        }
        await client.close()
        for server in servers { await server.stop() }
        let (done, failed) = ledger.state.withLock { ($0.done, $0.failed) }
        #expect(failed.isEmpty, "\(failed.count) failed: \(failed.prefix(5))")
        #expect(restarts >= 2)
        for kind in ["unary", "collect", "chat", "stream"] { #expect((done[kind] ?? 0) > 0, "no \(kind)") }
        print("rolling restart: \(restarts) restarts, done \(done), failed \(failed.count)")
    }
}
