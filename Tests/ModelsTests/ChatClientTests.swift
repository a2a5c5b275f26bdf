import Support
import Testing

@testable import Models

@Suite struct ChatClientTests {
    private func deltas(_ reply: FakeModelServer.Reply) async throws -> [ChatDelta] {
        let server = try FakeModelServer { request in
            #expect(request.path == "/v1/chat/completions")
            #expect(request.headers["authorization"] == "Bearer secret")
            return reply
        }
        let client = ChatClient(
            client: HTTPClient(), endpoint: ModelEndpoint(url: server.url, model: "m", apiKey: "secret"))
        var deltas: [ChatDelta] = []
        for try await delta in client.stream([ChatMessage(.user, "hello")], maximumTokens: 10) { deltas.append(delta) }
        return deltas
    }

    @Test func textArrivesInPieces() async throws {
        var reply = FakeModelServer.Reply.chat(["Bon", "jour", " été", " ١"])
        reply.delayMilliseconds = 5
        let deltas = try await deltas(reply)
        #expect(
            deltas == [
                .text("Bon"), .text("jour"), .text(" été"), .text(" ١"), .usage(inputTokens: 11, outputTokens: 7),
            ])
    }

    @Test func refusalsAreErrors() async throws {
        await #expect(throws: ModelError.self) { _ = try await deltas(.init("no such model", status: 404)) }
        await #expect(throws: ModelError.self) { _ = try await deltas(.init("data: {broken\n\n")) }
        await #expect(throws: ModelError.self) {
            _ = try await deltas(.init("data: {\"error\":\"out of memory\"}\n\n"))
        }
    }

    /// A server that dies may close its connection in order: half an answer must not pass for a whole one.
    @Test func aStreamWithoutAnEndIsAnError() async throws {
        let piece = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n"
        let ended = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
        #expect(try await deltas(.init(piece, ended)) == [.text("x")])
        #expect(try await deltas(.init(piece, "data: [DONE]\n\n")) == [.text("x")])
        for reply in [FakeModelServer.Reply(piece), .init(""), .init("{\"choices\":[]}")] {
            let told = await #expect(throws: ModelError.self) { _ = try await deltas(reply) }
            #expect(told?.code == .unavailable)
        }
    }

    @Test func nobodyCountsThatManyTokens() async throws {
        for count in ["-5", "1e300", "\"many\"", "null", "[]", "9223372036854775808"] {
            let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":\(count),\"completion_tokens\":7}}\n\n"
            #expect(
                try await deltas(.init(usage, "data: [DONE]\n\n")) == [.usage(inputTokens: 0, outputTokens: 7)],
                "\(count)")
        }
    }

    @Test func anErrorIsQuotedInPart() async throws {
        let long = "data: {\"error\":{\"message\":\"\(String(repeating: "x", count: 100_000))\"}}\n\n"
        let told = await #expect(throws: ModelError.self) { _ = try await deltas(.init(long)) }
        #expect((told?.description.count ?? .max) < 1_000)
    }

    @Test func eventsMayBeCutAnywhere() throws {
        let stream = Array(": comment\r\nevent: x\r\ndata: un\r\ndata: deux é\r\n\r\ndata:trois\n\ndata\n\n".utf8)
        for size in 1...stream.count {
            var parser = ServerSentEvents()
            var events: [String] = []
            for start in stride(from: 0, to: stream.count, by: size) {
                let piece = Array(stream[start..<min(start + size, stream.count)])
                events += try parser.received(piece).map { String(decoding: $0, as: UTF8.self) }
            }
            #expect(events == ["un\ndeux é", "trois"], "pieces of \(size)")
        }
    }

    @Test func endlessEventsAreRefused() {
        var parser = ServerSentEvents()
        #expect(throws: ServerSentEvents.TooLarge.self) {
            for _ in 0..<100 { _ = try parser.received([UInt8](repeating: 65, count: 20_000)) }
        }
    }
}
