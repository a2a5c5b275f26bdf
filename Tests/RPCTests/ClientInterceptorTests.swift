import ProtoRuntime
import RPC
import Synchronization
import Testing

/// A channel that answers by itself and remembers what it was asked.
final class FakeChannel: ClientChannel {
    let calls = Mutex<[(String, Metadata)]>([])
    let failure: Status?

    init(failure: Status? = nil) { self.failure = failure }

    private func note(_ method: MethodDescriptor, _ options: CallOptions) throws {
        calls.withLock { $0.append((method.name, options.metadata)) }
        if let failure { throw failure }
    }

    func unary<Request: Message, Response: Message>(
        _ method: MethodDescriptor, _ request: Request, options: CallOptions
    ) async throws -> Response {
        try note(method, options)
        return try Response(wire: request.wireBytes())
    }

    func serverStreaming<Request: Message, Response: Message>(
        _ method: MethodDescriptor, _ request: Request, options: CallOptions
    ) async throws -> ResponseStream<Response> {
        try note(method, options)
        return ResponseStream(messages: [try Response(wire: request.wireBytes())], trailingMetadata: ["x-end": "1"])
    }

    func clientStreaming<Requests: AsyncSequence & Sendable, Response: Message>(
        _ method: MethodDescriptor, _ requests: Requests, options: CallOptions
    ) async throws -> Response where Requests.Element: Message {
        try await bidirectional(method, requests, options: options).only(method)
    }

    func bidirectional<Requests: AsyncSequence & Sendable, Response: Message>(
        _ method: MethodDescriptor, _ requests: Requests, options: CallOptions
    ) async throws -> ResponseStream<Response> where Requests.Element: Message {
        try note(method, options)
        var answers: [Response] = []
        for try await request in requests { answers.append(try Response(wire: request.wireBytes())) }
        if !method.callType.streamsResponses { answers = Array(answers.suffix(1)) }
        return ResponseStream(messages: answers)
    }
}

@Suite struct ClientInterceptorTests {
    /// Writes down what it sees, and changes a little of everything.
    struct Spy: ClientInterceptor {
        let name: String
        let seen: Seen

        func intercept<Request: Message, Response: Message>(
            _ request: ClientRequest<Request>, response: Response.Type,
            _ next: @concurrent @Sendable (ClientRequest<Request>) async throws -> ResponseStream<Response>
        ) async throws -> ResponseStream<Response> {
            var request = request
            request.options.metadata.add("x-via", name)
            let (name, seen) = (self.name, self.seen)
            let changed = request.map { message in
                seen.note("\(name) > \((message as? Text)?.value ?? "?")")
                return message
            }
            return try await next(changed).observed { message in
                seen.note("\(name) < \((message as? Text)?.value ?? "?")")
                return message
            } end: { status, trailers in
                seen.note("\(name) \(status.code) \(trailers.count)")
            }
        }
    }

    final class Seen: Sendable {
        private let notes = Mutex<[String]>([])
        func note(_ text: String) { notes.withLock { $0.append(text) } }
        var all: [String] { notes.withLock { $0 } }
    }

    @Test func theySeeMessagesAndStatus() async throws {
        let seen = Seen()
        let base = FakeChannel()
        let channel = base.intercepted(by: Spy(name: "a", seen: seen), Spy(name: "b", seen: seen))
        let answer: Text = try await channel.unary(RouterTests.method("U"), Text("hi"), options: .defaults)
        #expect(answer.value == "hi")
        #expect(seen.all == ["a > hi", "b > hi", "b < hi", "a < hi", "b OK 1", "a OK 1"])
        #expect(base.calls.withLock { $0.first?.1.all("x-via") } == ["a", "b"])
    }

    @Test func streamsGoThroughThemToo() async throws {
        let seen = Seen()
        let channel = FakeChannel().intercepted(by: Spy(name: "a", seen: seen))
        let requests = AsyncStream { source in
            for text in ["1", "2"] { source.yield(Text(text)) }
            source.finish()
        }
        let answers: ResponseStream<Text> = try await channel.bidirectional(
            RouterTests.method("B", .bidirectional), requests, options: .defaults)
        var heard: [String] = []
        for try await answer in answers { heard.append(answer.value) }
        #expect(heard == ["1", "2"])
        #expect(seen.all == ["a > 1", "a > 2", "a < 1", "a < 2", "a OK 0"])
    }

    struct Answering: ClientInterceptor {
        func intercept<Request: Message, Response: Message>(
            _ request: ClientRequest<Request>, response: Response.Type,
            _ next: @concurrent @Sendable (ClientRequest<Request>) async throws -> ResponseStream<Response>
        ) async throws -> ResponseStream<Response> {
            do { return try await next(request) } catch { return ResponseStream(messages: [Response()]) }
        }
    }

    @Test func theyMayAnswerByThemselves() async throws {
        let channel = FakeChannel(failure: .unavailable("down")).intercepted(by: Answering())
        let answer: Text = try await channel.unary(RouterTests.method("U"), Text("hi"), options: .defaults)
        #expect(answer.value.isEmpty)
        let failing = FakeChannel(failure: .unavailable("down")).intercepted(by: Spy(name: "a", seen: Seen()))
        let failure = await status {
            let _: Text = try await failing.unary(RouterTests.method("U"), Text("hi"), options: .defaults)
        }
        #expect(failure?.code == .unavailable)
    }
}
