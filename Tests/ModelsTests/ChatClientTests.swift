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
