import Foundation
import Testing

/// The short form of `make conformance`: gRPC's own Python interoperability client and server against ours.
@Suite(.serialized) struct GRPCInteropTests {
    @Test func stockPythonClientAndServer() throws {
        let (status, output) = try Script.run("conformance-grpc.sh", "short", Script.product("ragdz-interop"))
        #expect(status == 0, "\(output)")
        // 14 cases of the client, 14 of the server, and 18 of our own two halves over our own framing.
        #expect(output.contains("46 of 46 passed"), "\(output)")
    }
}

/// A script of this repository, run to its end.
enum Script {
    static let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()

    /// An executable of this build, which stands beside the test's own.
    static func product(_ name: String) -> String {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent(name).path
    }

    static func run(_ name: String, _ arguments: String...) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "\(root)/scripts/\(name)")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }
}
