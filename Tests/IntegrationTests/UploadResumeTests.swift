import Foundation
import ProtoRuntime
import Schema
import Support
import Synchronization
import Testing

/// `ragdz doc upload` of a large file to a server that is killed in the middle: the same command goes on where the server had it.
@Suite(.serialized, .timeLimit(.minutes(15))) struct UploadResumeTests {
    /// Bytes of a file of twelve parts.
    private static let size = 6 << 20

    private static func file() throws -> (path: String, text: String) {
        var text = ""
        var line = 0
        while text.utf8.count < size {
            // Long lines without words: few passages, and each line another one.
            text += "\(line) " + String(repeating: "=", count: 65_000) + "\n"
            line += 1
        }
        let path = NSTemporaryDirectory() + "ragdz-upload-\(UUID().uuidString).txt"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return (path, text)
    }

    /// Where the server is at the moment.
    private final class Road: Sendable {
        let port: Mutex<Int>
        init(_ port: Int) { self.port = Mutex(port) }
    }

    private static func port(_ server: RunningServer) throws -> Int {
        try #require(server.rpc.split(separator: ":").last.flatMap { Int($0) })
    }

    @Test func theSameCommandGoesOnAfterAKill() async throws {
        let server = try RunningServer()
        defer { server.discard() }
        try await server.start()
        let road = Road(try Self.port(server))
        // After so many bytes from the client nothing of the first connection passes any more.
        let held = Self.size / 2
        let proxy = try await FaultyProxy(upstream: { road.port.withLock { $0 } }) { connection in
            connection == 0 ? FaultyProxy.Fault(stopsAfterSent: held) : FaultyProxy.Fault()
        }
        var cli = CommandLine()
        cli.environment = ["RAGDZ_ADDRESS": server.rpc]
        cli.environment["RAGDZ_KEY"] = try server.operatorCredential()
        let created = try await cli.run("tenant", "create", "uploads", "--region", "ch", "--json")
        let tenant = try Ragdz_V1_Tenant(json: created.output)
        let key = try await cli.run("key", "create", "all", "--scope", "*", "--tenant", tenant.id)
        cli.environment["RAGDZ_KEY"] = key.output.trimmingCharacters(in: .newlines)
        #expect(try await cli.run("collection", "create", "law").status == 0)
        let (path, text) = try Self.file()
        defer { try? FileManager.default.removeItem(atPath: path) }
        var through = cli
        through.environment["RAGDZ_ADDRESS"] = "127.0.0.1:\(proxy.port)"
        let upload = Task { [through] in
            try await through.run("doc", "upload", "--collection", "law", "--json", path)
        }
        while !proxy.hasStopped { try await Task.sleep(for: .milliseconds(5)) }
        await server.kill()
        try await server.start()
        let port = try Self.port(server)
        road.port.withLock { $0 = port }
        await proxy.cutAll()
        let ended = try await upload.value
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(proxy.connectionCount > 1)
        cli.environment["RAGDZ_ADDRESS"] = server.rpc
        let document = try Ragdz_V1_Document(json: ended.output)
        #expect(document.byteSize == Int64(text.utf8.count))
        let stored = try await cli.run("doc", "text", document.id)
        #expect(stored.output == text || stored.output == text + "\n", "\(stored.output.utf8.count) \(text.utf8.count)")
        // What came before the kill was not sent again: less than the whole file passed after it.
        #expect(proxy.bytesSent < Self.size + Self.size / 2, "\(proxy.bytesSent)")
        await proxy.stop()
        await server.stop()
    }
}
