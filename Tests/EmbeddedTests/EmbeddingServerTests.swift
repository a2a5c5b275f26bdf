import Foundation
import Logging
import Testing

@testable import Embedded

@Suite struct EmbeddingServerTests {
    static let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }

    /// The status and the body of one request, by curl, so that the server is met by a foreign client.
    private func post(_ url: String, _ body: String) async throws -> (status: Int, body: String) {
        let file = "/tmp/ragdz-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).json"
        defer { unlink(file) }
        try body.write(toFile: file, atomically: false, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
        process.arguments = [
            "-s", "-m", "20", "-w", "\n%{http_code}", "-H", "content-type: application/json", "--data-binary",
            "@\(file)", url,
        ]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let lines = text.split(separator: "\n")
        return (Int(lines.last ?? "") ?? 0, lines.dropLast().joined(separator: "\n"))
    }

    /// The output of a program, and how it ended.
    private func output(_ program: String, _ arguments: [String]) throws -> (status: Int32, text: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    @Test func questionsHaveTheirTurnBeforeUploads() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let (status, text) = try output(
            "/usr/bin/python3", ["\(root)/Tests/Foreign/embedding/turns.py", "\(root)/scripts"])
        #expect(status == 0 && text.contains("all as they must be"), "\(text)")
    }

    @Test func textsBecomeVectorsAndNonsenseIsRefused() async throws {
        let server = try await EmbeddingServer.start(logger: Self.quiet)
        let url = server.url + "/embeddings"
        let (status, body) = try await post(url, #"{"model":"use-multilingual-v3","input":["bonjour","مرحبا",""]}"#)
        #expect(status == 200)
        struct Reply: Decodable {
            struct Item: Decodable { let embedding: [Float] }
            let data: [Item]
        }
        let vectors = try JSONDecoder().decode(Reply.self, from: Data(body.utf8)).data.map(\.embedding)
        #expect(vectors.map(\.count) == [512, 512, 512])
        let similarity = zip(vectors[0], vectors[1]).map { $0 * $1 }.reduce(0, +)
        #expect(similarity > 0.5, "a greeting is a greeting in both languages")
        let short = try await post(url, #"{"model":"use-multilingual-v3-256","input":["bonjour","مرحبا"]}"#)
        let cut = try JSONDecoder().decode(Reply.self, from: Data(short.body.utf8)).data.map(\.embedding)
        #expect(cut.map(\.count) == [256, 256])
        #expect(cut.allSatisfy { abs($0.map { $0 * $0 }.reduce(0, +) - 1) < 0.001 })
        #expect(zip(cut[0], cut[1]).map { $0 * $1 }.reduce(0, +) > 0.5)
        #expect(try await post(url, #"{"model":"use-multilingual-v3-256","input":"x","dimensions":512}"#).status == 400)
        #expect(try await post(url, "{").status == 400)
        #expect(try await post(url, #"{"input":[]}"#).status == 400)
        #expect(try await post(url, #"{"input":[1]}"#).status == 400)
        #expect(try await post(url, #"{"input":"x","model":"other"}"#).status == 404)
        #expect(try await post(url, String(repeating: "[", count: 100_000)).status == 400)
        let many = "{\"input\":[" + Array(repeating: "\"x\"", count: 257).joined(separator: ",") + "]}"
        #expect(try await post(url, many).status == 413)
        #expect(try await post(url, #"{"input":"still there"}"#).status == 200)
        await server.stop()
        #expect(!server.isReady)
    }

    @Test func itIsStartedAgainOnTheSamePort() async throws {
        let server = try await EmbeddingServer.start(logger: Self.quiet)
        let url = server.url
        let before = try #require(server.processID)
        kill(before, SIGKILL)
        let clock = ContinuousClock()
        let limit = clock.now + .seconds(180)
        while server.processID == before || !server.isReady, clock.now < limit {
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(server.url == url)
        #expect(try await post(url + "/embeddings", #"{"input":"x"}"#).status == 200)
        await server.stop()
    }
}
