import Bytes
import NIOCore
import NIOPosix
import ProtoRuntime
import RPC
import RPCTransport
import Support
import Synchronization
import Testing

/// Streams over connections that break, and over wires that lie.
@Suite(.serialized) struct ResumeTests {
    static let say = MethodDescriptor(
        service: "test.Say", name: "Say", callType: .serverStreaming, requestType: Text.self, responseType: Text.self,
        policy: MethodPolicy(credential: .none, resumable: true), idempotency: .noSideEffects)
    /// The same, but a client may not take it up.
    static let once = MethodDescriptor(
        service: "test.Say", name: "Once", callType: .serverStreaming, requestType: Text.self,
        responseType: Text.self, policy: .open)
    static let words = ["un", "deux", "", "quatre", "cinq"]

    static func router(_ journal: (any StreamJournal)?, pause: Duration = .zero) -> Router {
        var router = Router(journal: journal)
        for method in [say, once] {
            router.serverStreaming(method) { (request: Text, responses: ResponseWriter<Text>, context) in
                let said = try context.takeUpStream(as: Text.self)?.count ?? 0
                for word in words.dropFirst(said) {
                    try await responses.write(Text(request.value + word))
                    if pause > .zero { try await Task.sleep(for: pause) }
                }
                context.setTrailer("x-end", "yes")
            }
        }
        return router
    }

    struct Stage {
        let server: RPCServer
        let port: Int

        static func with<R>(
            _ journal: (any StreamJournal)? = MemoryStreamJournal(), pause: Duration = .zero,
            configure: (inout RPCServer.Configuration) -> Void = { _ in }, _ body: (Stage) async throws -> R
        ) async throws -> R {
            var configuration = RPCServer.Configuration.defaults
            configure(&configuration)
            let server = RPCServer(configuration, router: router(journal, pause: pause), group: .singleton)
            let port = try await server.start().port ?? 0
            do {
                let result = try await body(Stage(server: server, port: port))
                await server.shutdown(grace: .zero)
                return result
            } catch {
                await server.shutdown(grace: .zero)
                throw error
            }
        }
    }

    static func client(_ port: Int, _ change: (inout RPCClient.Configuration) -> Void = { _ in }) -> RPCClient {
        var configuration = RPCClient.Configuration.defaults
        configuration.backoff = Backoff(initial: .milliseconds(1), maximum: .milliseconds(20))
        configuration.retry.backoff = configuration.backoff
        change(&configuration)
        return RPCClient(
            .host("127.0.0.1", port: port), configuration: configuration, group: MultiThreadedEventLoopGroup.singleton)
    }

    /// Everything that a call brings: messages, and how it ended.
    static func hear(
        _ method: MethodDescriptor, _ port: Int, timeout: Duration = .seconds(20),
        _ change: (inout RPCClient.Configuration) -> Void = { _ in }
    ) async -> (words: [String], end: Status?, trailer: String?) {
        let client = client(port, change)
        var heard: [String] = []
        var trailer: String?
        let end = await status {
            let answers: ResponseStream<Text> = try await client.serverStreaming(
                method, Text("é"), options: CallOptions(timeout: timeout))
            for try await answer in answers { heard.append(answer.value) }
            trailer = answers.trailingMetadata["x-end"]
        }
        await client.close()
        return (heard, end, trailer)
    }

    static let expected = words.map { "é" + $0 }

    @Test(arguments: [true, false]) func aStreamThatIsCutAnywhereComesWhole(withJournal: Bool) async throws {
        try await Stage.with(withJournal ? MemoryStreamJournal() : nil) { stage in
            let plain = try await FaultyProxy(to: stage.port)
            #expect(await Self.hear(Self.say, plain.port).words == Self.expected)
            let size = plain.bytesPassed
            await plain.stop()
            #expect(size > 150)
            await Self.each(0...size) { cut in
                let proxy = try await FaultyProxy(to: stage.port) { .init(cutsAfter: $0 == 0 ? cut : nil) }
                let (words, end, trailer) = await Self.hear(Self.say, proxy.port)
                #expect(words == Self.expected, "cut after \(cut) of \(size) bytes")
                #expect(end == nil && trailer == "yes", "cut after \(cut): \(end.map { "\($0)" } ?? "no trailer")")
                await proxy.stop()
            }
        }
    }

    /// Runs the body for each number, eight at a time.
    static func each(_ numbers: some Sequence<Int>, _ body: @escaping @Sendable (Int) async throws -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            for (place, number) in numbers.enumerated() {
                if place >= 8 { await group.next() }
                group.addTask {
                    do { try await body(number) } catch { Issue.record("\(number): \(error)") }
                }
            }
        }
    }

    /// Cut again and again, a little later each time: every connection brings some bytes more.
    @Test func aStreamThatIsCutManyTimesComesWhole() async throws {
        try await Stage.with { stage in
            let proxy = try await FaultyProxy(to: stage.port) { .init(cutsAfter: 90 + $0 * 40) }
            let heard = await Self.hear(Self.say, proxy.port) { $0.retry.maximumResumptions = 200 }
            #expect(heard.words == Self.expected)
            #expect(heard.end == nil)
            #expect(proxy.connectionCount > 3)
            await proxy.stop()
        }
    }

    /// Bits that flip on the way: whatever arrives is the beginning of what was said, and the end is told as it is.
    @Test func bitsThatFlipNeverMakeAMessage() async throws {
        try await Stage.with { stage in
            let plain = try await FaultyProxy(to: stage.port)
            _ = await Self.hear(Self.once, plain.port)
            let size = plain.bytesPassed
            await plain.stop()
            let losses = Tally()
            await Self.each(0..<size) { offset in
                let mask = UInt8(1) << UInt8(offset % 8)
                let proxy = try await FaultyProxy(to: stage.port) { _ in .init(flips: (offset, mask)) }
                let (words, end, _) = await Self.hear(Self.once, proxy.port, timeout: .seconds(1)) {
                    $0.retry = .never
                    $0.connectTimeout = .milliseconds(500)
                }
                #expect(Self.expected.starts(with: words), "bit \(mask) of byte \(offset): \(words)")
                if words.count < Self.expected.count { #expect(end != nil, "bit \(mask) of byte \(offset)") }
                if end?.code == .dataLoss { losses.add() }
                await proxy.stop()
            }
            #expect(losses.count > 40, "\(losses.count) of \(size)")
        }
    }

    @Test func aResumableStreamHealsFlippedBits() async throws {
        try await Stage.with { stage in
            await Self.each(stride(from: 100, to: 260, by: 3)) { offset in
                let proxy = try await FaultyProxy(to: stage.port) { .init(flips: $0 == 0 ? (offset, 0x10) : nil) }
                let (words, _, _) = await Self.hear(Self.say, proxy.port, timeout: .seconds(1)) {
                    $0.connectTimeout = .milliseconds(500)
                }
                #expect(Self.expected.starts(with: words), "byte \(offset): \(words)")
                await proxy.stop()
            }
        }
    }

    @Test func aServerThatStopsHandsItsStreamsOn() async throws {
        let journal = MemoryStreamJournal()
        let router = Self.router(journal, pause: .milliseconds(60))
        let first = RPCServer(router: router, group: .singleton)
        let second = RPCServer(router: router, group: .singleton)
        let ports = [try await first.start().port ?? 0, try await second.start().port ?? 0]
        let client = RPCClient(
            .anyOf(ports.map { .host("127.0.0.1", port: $0) }), group: MultiThreadedEventLoopGroup.singleton)
        let heard = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<6 {
                group.addTask {
                    var heard: [String] = []
                    let answers: ResponseStream<Text> = try await client.serverStreaming(
                        Self.say, Text("é"), options: .defaults)
                    for try await answer in answers { heard.append(answer.value) }
                    return heard
                }
            }
            try await Task.sleep(for: .milliseconds(90))
            await first.shutdown(grace: .milliseconds(20))
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(heard.count == 6)
        for words in heard { #expect(words == Self.expected) }
        await client.close()
        await second.shutdown(grace: .zero)
    }

    // MARK: - What a server answers to who asks wrongly

    func answer(_ port: Int, resume: String?, path: String = "/test.Say/Say", check: String? = nil) throws -> Status? {
        let message = Text("é").wireBytes()
        var headers: KeyValuePairs<String, String> = [:]
        if let resume { headers = ["ragdz-resume": resume, "ragdz-resume-check": check ?? "00000000"] }
        if let resume, check == nil { headers = ["ragdz-resume": resume] }
        let peer = try RawPeer.call(
            port, path, frame(message), contentType: "application/vnd.ragdz.rpc+proto", headers: headers)
        var rest = peer.body[...]
        while rest.count >= 17 {
            let size = rest.dropFirst(1).prefix(4).reduce(0) { $0 << 8 | Int($1) }
            let payload = rest.dropFirst(17).prefix(size)
            if rest.first.map({ $0 & 0x80 != 0 }) == true { return StreamEnd(wire: payload)?.status }
            rest = rest.dropFirst(17 + size)
        }
        return nil
    }

    @Test func wrongResumptionsAreTypedErrors() async throws {
        try await Stage.with { stage in
            let id = UUID128.v4().description
            for (resume, path, reason) in [
                ("\(id);0", "/test.Say/Say", "STREAM_UNKNOWN"), ("\(id)", "/test.Say/Say", "RESUME_MALFORMED"),
                ("\(id);x", "/test.Say/Say", "RESUME_MALFORMED"), ("x;0", "/test.Say/Say", "RESUME_MALFORMED"),
                ("\(id);0", "/test.Say/Once", "NOT_RESUMABLE"),
            ] {
                let refused = try answer(stage.port, resume: resume, path: path)
                #expect(refused?.reason == reason, "\(resume)")
            }
            let unchecked = try answer(stage.port, resume: "\(id);0", check: "nonsense")
            #expect(unchecked?.reason == "RESUME_MALFORMED")
            let plain = try answer(stage.port, resume: nil)
            #expect(plain?.isOK == true)
        }
    }

    @Test func stockCallsAreNotJournaled() async throws {
        try await Stage.with { stage in
            let heard = await Self.hear(Self.say, stage.port) { $0.wire = .grpc }
            #expect(heard.words == Self.expected)
        }
    }
}

/// Counts what several tasks see.
final class Tally: Sendable {
    private let value = Atomic<Int>(0)
    func add() { value.add(1, ordering: .relaxed) }
    var count: Int { value.load(ordering: .relaxed) }
}
