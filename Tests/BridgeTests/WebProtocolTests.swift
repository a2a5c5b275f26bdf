import Bridge
import Foundation
import RPC
import Testing

/// gRPC-Web and Connect through foreign code: Python's HTTP client and node's fetch, by the public specifications.
@Suite struct WebProtocolTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    private static let origin = "https://app.example"

    /// Runs a program to its end without holding a thread; returns its exit status and what it said.
    private func run(_ program: String, _ arguments: [String]) async throws -> (Int32, String) {
        let said = FileManager.default.temporaryDirectory.appendingPathComponent("ragdz-web-\(UUID().uuidString)")
        FileManager.default.createFile(atPath: said.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: said) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: said)
        process.standardError = process.standardOutput
        try process.run()
        while process.isRunning { try await Task.sleep(for: .milliseconds(10)) }
        return (process.terminationStatus, try String(contentsOf: said, encoding: .utf8))
    }

    private func router(_ log: FakeService.Log) -> Router {
        var router = Router()
        router.add(FakeService(log: log))
        return router
    }

    @Test func pythonByHand() async throws {
        let venv = ProcessInfo.processInfo.environment["RAGDZ_TEST_VENV"] ?? ".venv-tests"
        let python = venv.hasPrefix("/") ? venv + "/bin/python" : "\(Self.root)/\(venv)/bin/python"
        let configuration = Bridge.Configuration(allowedOrigins: [Self.origin])
        try await BridgeUnderTest.run(router(.init()), configuration: configuration) { client in
            let (status, said) = try await run(
                python, ["-B", "\(Self.root)/Tests/BridgeTests/Foreign/web_client.py", "\(client.port)", Self.origin])
            #expect(status == 0, "\(said)")
            #expect(said.contains("checks passed"), "\(said)")
        }
    }

    @Test func fetchOfNode() async throws {
        let log = FakeService.Log()
        try await BridgeUnderTest.run(router(log)) { client in
            let (status, said) = try await run(
                "node", ["\(Self.root)/Tests/BridgeTests/Foreign/web_client.mjs", "\(client.port)"])
            #expect(status == 0, "\(said)")
            #expect(said.contains("node: all passed"), "\(said)")
            let end = ContinuousClock.now.advanced(by: .seconds(180))
            while !log.events.contains("forever ended"), ContinuousClock.now < end {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(log.events == ["forever started", "forever ended"], "a reader who leaves ends the handler")
        }
    }
}
