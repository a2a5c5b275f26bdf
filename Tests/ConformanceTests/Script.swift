import Foundation

/// A script of this repository, run to its end.
enum Script {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// An executable of this build, which stands beside the test's own.
    static func product(_ name: String) -> String {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent(name).path
    }

    /// The exit status and all that was said.
    static func run(_ name: String, _ arguments: String...) async throws -> (status: Int32, output: String) {
        // A file rather than a pipe: the script never waits for its reader, and no thread waits for the script.
        let said = FileManager.default.temporaryDirectory.appendingPathComponent("ragdz-script-\(UUID().uuidString)")
        FileManager.default.createFile(atPath: said.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: said) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "\(root)/scripts/\(name)")
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: said)
        process.standardError = process.standardOutput
        try process.run()
        while process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
        return (process.terminationStatus, try String(contentsOf: said, encoding: .utf8))
    }
}
