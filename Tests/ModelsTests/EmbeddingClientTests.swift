import Models
import Support
import Testing

@Suite struct EmbeddingClientTests {
    private func client(_ server: FakeModelServer, milliseconds: Int = 60_000) -> EmbeddingClient {
        var limits = HTTPRequest.Limits.defaults
        limits.totalMilliseconds = milliseconds
        return EmbeddingClient(
            client: HTTPClient(), endpoint: ModelEndpoint(url: server.url, model: "fake", limits: limits), dimension: 3)
    }

    private func code(_ reply: FakeModelServer.Reply, milliseconds: Int = 60_000) async throws -> ModelError.Code? {
        let server = try FakeModelServer { _ in reply }
        do {
            _ = try await client(server, milliseconds: milliseconds).embed(["a", "b"])
            return nil
        } catch { return error.code }
    }

    @Test func vectorsComeBackInOrderAndWithLengthOne() async throws {
        let server = try FakeModelServer { request in
            .embeddings(request.input.map { [Float($0.utf8.count), 0, 0.5] })
        }
        let texts = (1...150).map { String(repeating: "x", count: $0) }
        let vectors = try await client(server).embed(texts)
        #expect(vectors.count == 150)
        #expect(server.requestCount == 3)
        for (index, vector) in vectors.enumerated() {
            let expected = Float(index + 1) / (Float((index + 1) * (index + 1)) + 0.25).squareRoot()
            #expect(abs(vector[0] - expected) < 1e-5)
            #expect(abs(vector.map { $0 * $0 }.reduce(0, +) - 1) < 1e-5)
        }
    }

    @Test func theIndexDecidesTheOrder() async throws {
        let server = try FakeModelServer { _ in
            .init("{\"data\":[{\"index\":1,\"embedding\":[0,1,0]},{\"index\":0,\"embedding\":[1,0,0]}]}")
        }
        #expect(try await client(server).embed(["a", "b"]) == [[1, 0, 0], [0, 1, 0]])
    }

    @Test func badAnswersHaveTheirOwnErrors() async throws {
        #expect(try await code(.embeddings([[1, 2, 3], [1, 2]])) == .wrongDimension)
        #expect(try await code(.embeddings([[1, 2, 3]])) == .invalidResponse)
        #expect(try await code(.embeddings([[1, 2, 3], [0, 0, 0]])) == .notFinite)
        #expect(try await code(.init("{\"data\":[{\"embedding\":[1,2,3]},{\"embedding\":[1,null,3]}]}")) == .notFinite)
        #expect(
            try await code(.init("{\"data\":[{\"embedding\":[1,2,3]},{\"embedding\":[1,NaN,3]}]}")) == .invalidResponse)
        #expect(try await code(.init("{\"data\":[{\"embedding\":[1,2,3]},{\"embedding\":[1,1e999,3]}]}")) != nil)
        #expect(
            try await code(
                .init("{\"data\":[{\"index\":0,\"embedding\":[1,2,3]},{\"index\":0,\"embedding\":[1,2,3]}]}"))
                == .invalidResponse)
        #expect(try await code(.init("<html>")) == .invalidResponse)
        #expect(try await code(.init("boom", status: 500)) == .unavailable)
        #expect(try await code(.init("no", status: 401)) == .refused)
        var slow = FakeModelServer.Reply("{}")
        slow.delayMilliseconds = 1_500
        #expect(try await code(slow, milliseconds: 100) == .timeout)
    }

    @Test func aServerThatIsDownIsUnavailable() async throws {
        let server = try FakeModelServer { _ in .init("") }
        server.stop()
        do {
            _ = try await client(server).embed(["a"])
            Issue.record("no error")
        } catch { #expect(error.code == .unavailable) }
    }
}
