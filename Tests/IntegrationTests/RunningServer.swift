import Foundation
import Testing

/// A `ragdzd` in a process of its own, on the embedded default, as people run it.
///
/// Unchecked: its state changes only in start and stop, which one test calls in turn.
final class RunningServer: @unchecked Sendable {
    let folder: String
    private(set) var process: Process?
    private(set) var rpc = ""
    private(set) var bridge = ""

    struct DidNotStart: Error, CustomStringConvertible {
        let description: String
    }

    init() throws {
        var template = Array("/tmp/ragdz-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw DidNotStart(description: "no folder under /tmp can be made") }
        folder = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        chmod(folder, 0o755)
    }

    /// The folder in which the build puts its executables: where this test process stands as well.
    static let products = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

    /// The root of the checkout.
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    var data: String { folder + "/data" }

    /// The credential that the server made at its first start.
    func operatorCredential() throws -> String {
        try String(contentsOfFile: data + "/operator-credential", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Starts and waits until the server says where it can be reached.
    func start(environment: [String: String] = [:], patience: Duration = .seconds(60)) async throws {
        let process = Process()
        // A long run may name a release build.
        process.executableURL =
            ProcessInfo.processInfo.environment["RAGDZ_TEST_SERVER"].map { URL(fileURLWithPath: $0) }
            ?? Self.products.appendingPathComponent("ragdzd")
        process.arguments = ["serve", "--data", data, "--listen", "127.0.0.1:0", "--bridge", "127.0.0.1:0"]
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let log = folder + "/log"
        if !FileManager.default.fileExists(atPath: log) { FileManager.default.createFile(atPath: log, contents: nil) }
        let output = FileHandle(forWritingAtPath: log)
        _ = try? output?.seekToEnd()
        process.standardOutput = output
        process.standardError = output
        let addresses = data + "/addresses.json"
        try? FileManager.default.removeItem(atPath: addresses)
        try process.run()
        self.process = process
        let end = ContinuousClock.now.advanced(by: patience)
        while ContinuousClock.now < end, process.isRunning {
            if let text = FileManager.default.contents(atPath: addresses),
                let said = try? JSONDecoder().decode([String: String].self, from: text),
                let rpc = said["rpc"], let bridge = said["bridge"]
            {
                self.rpc = rpc
                self.bridge = bridge
                return
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw DidNotStart(description: "ragdzd did not become ready: \(logText.suffix(4000))")
    }

    var logText: String { (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "" }

    /// SIGTERM; returns the exit status.
    @discardableResult
    func stop() async -> Int32 {
        guard let process else { return 0 }
        process.terminate()
        return await ended(process)
    }

    /// SIGKILL: nothing of the server gets to say goodbye.
    func kill() async {
        guard let process else { return }
        Glibc.kill(process.processIdentifier, SIGKILL)
        _ = await ended(process)
    }

    private func ended(_ process: Process) async -> Int32 {
        while process.isRunning { try? await Task.sleep(for: .milliseconds(10)) }
        self.process = nil
        return process.terminationStatus
    }

    func discard() { try? FileManager.default.removeItem(atPath: folder) }

    /// Runs `body` with a server that is stopped and cleaned away whatever happens.
    static func with<Result>(
        environment: [String: String] = [:], _ body: (RunningServer) async throws -> Result
    ) async throws -> Result {
        let server = try RunningServer()
        do {
            try await server.start(environment: environment)
            let result = try await body(server)
            await server.stop()
            server.discard()
            return result
        } catch {
            await server.stop()
            server.discard()
            throw error
        }
    }
}

/// A child process that has ended.
struct Finished {
    let status: Int32
    let output: String
    let errors: String

    /// Runs a program to its end; `input` is its standard input.
    static func run(
        _ executable: String, _ arguments: [String], environment: [String: String] = [:]
    ) async throws -> Finished {
        let folder = NSTemporaryDirectory() + "ragdz-child-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // Files rather than pipes: a child never waits for its reader.
        for name in ["out", "err"] { FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: nil) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: "\(folder)/out")
        process.standardError = FileHandle(forWritingAtPath: "\(folder)/err")
        try process.run()
        while process.isRunning { try await Task.sleep(for: .milliseconds(10)) }
        return Finished(
            status: process.terminationStatus,
            output: (try? String(contentsOfFile: "\(folder)/out", encoding: .utf8)) ?? "",
            errors: (try? String(contentsOfFile: "\(folder)/err", encoding: .utf8)) ?? "")
    }
}
