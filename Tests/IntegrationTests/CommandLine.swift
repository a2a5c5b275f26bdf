import Foundation

/// Runs the client's executable as a shell would.
struct CommandLine: Sendable {
    struct Outcome: Sendable {
        let status: Int32
        let output: String
        let errors: String
    }

    /// Where the profile file is kept, so that tests never touch the one of whoever runs them.
    let configuration: String
    var environment: [String: String] = [:]

    init() {
        configuration = NSTemporaryDirectory() + "ragdz-cli-\(UUID().uuidString)"
    }

    func run(_ arguments: String..., input: String = "") async throws -> Outcome { try await run(arguments, input) }

    func run(_ arguments: [String], _ input: String = "") async throws -> Outcome {
        let process = Process()
        process.executableURL = RunningServer.products.appendingPathComponent("ragdz")
        process.arguments = arguments
        var variables = ProcessInfo.processInfo.environment
        for name in variables.keys where name.hasPrefix("RAGDZ_") { variables[name] = nil }
        variables["XDG_CONFIG_HOME"] = configuration
        process.environment = variables.merging(environment) { $1 }
        let (output, errors, feed) = (Pipe(), Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = feed
        try process.run()
        feed.fileHandleForWriting.write(Data(input.utf8))
        try feed.fileHandleForWriting.close()
        async let written = Self.text(output)
        async let complained = Self.text(errors)
        let (text, complaint) = await (written, complained)
        let status = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                process.waitUntilExit()
                continuation.resume(returning: process.terminationStatus)
            }
        }
        return Outcome(status: status, output: text, errors: complaint)
    }

    private static func text(_ pipe: Pipe) async -> String {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                let data = pipe.fileHandleForReading.readDataToEndOfFile()
                continuation.resume(returning: String(decoding: data, as: UTF8.self))
            }
        }
    }
}
