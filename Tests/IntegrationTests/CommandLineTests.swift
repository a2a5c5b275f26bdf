import Foundation
import ProtoRuntime
import Schema
import Testing

/// `ragdz` without a server: what scripts rely on.
@Suite struct CommandLineTests {
    private let cli = CommandLine()

    @Test(arguments: [
        ["nope"], ["key", "create"], ["tenant", "create", "x", "--region", "zz"], ["call"], ["call", "Nope/X"],
        ["call", "Tenants/GetTenant", "{\"nope\":1}"], ["health", "--address", "nowhere"], ["tenant", "update", "t"],
        ["doc", "upload", "--collection", "c", "/does/not/exist"], ["doc", "upload", "--collection", "c", "/tmp"],
        ["run", "start", "brief", "--input", "[]"],
        ["run", "start", "brief", "--set", "novalue"], ["doc", "text", "d", "--range", "9"], ["completion", "tcsh"],
        ["tenant", "get", "--profile", "nobody"],
        ["health", "--address", "https://127.0.0.1:1", "--ca", "/does/not/exist"],
    ])
    func wrongUsageIsTwo(arguments: [String]) async throws {
        let outcome = try await cli.run(arguments)
        #expect(outcome.status == 2, "\(arguments): \(outcome.errors)")
        #expect(outcome.output.isEmpty, "complaints go to standard error")
        #expect(!outcome.errors.isEmpty)
    }

    @Test func helpAndVersionAreAnswers() async throws {
        for arguments in [["--help"], ["--version"], ["ask", "--help"], ["completion", "bash"], ["call", "--list"]] {
            let outcome = try await cli.run(arguments)
            #expect(outcome.status == 0)
            #expect(!outcome.output.isEmpty)
        }
        let listed = try await cli.run("call", "--list").output.split(separator: "\n").count
        let methods = [
            Ragdz_V1_Tenants.descriptor, Ragdz_V1_Keys.descriptor, Ragdz_V1_Retrieval.descriptor,
            Ragdz_V1_Workflows.descriptor, Ragdz_V1_Members.descriptor, Ragdz_V1_Operators.descriptor,
        ].flatMap(\.methods)
        #expect(listed == methods.count + 1, "a heading and every method")
    }

    @Test func aServerThatIsAwayIsSix() async throws {
        let plain = try await cli.run("health", "--address", "127.0.0.1:1", "--key", "secret-key")
        #expect(plain.status == 6)
        #expect(plain.errors.contains("Is ragdzd running"))
        #expect(!plain.errors.contains("secret-key"))
        let json = try await cli.run("tenant", "get", "--address", "127.0.0.1:1", "--json")
        #expect(json.status == 6)
        #expect(json.output.isEmpty)
        let error = try Google_Protobuf_Struct(json: json.errors.trimmingCharacters(in: .newlines)).fields["error"]
        guard case .structValue(let fields)? = error?.kind else { return #expect(Bool(false), "\(json.errors)") }
        #expect(fields.fields["code"]?.kind == .stringValue("UNAVAILABLE"))
        #expect(fields.fields["exitCode"]?.kind == .numberValue(6))
    }

    /// `ragdz … | head`: who reads has gone, which is no failure that anybody is to look at.
    @Test func nobodyWhoReadsIsNoCrash() async throws {
        let process = Process()
        process.executableURL = RunningServer.products.appendingPathComponent("ragdz")
        process.arguments = ["call", "--list"]
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try output.fileHandleForReading.close()
        try process.run()
        let complaint = try errors.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect([141, SIGPIPE].contains(process.terminationStatus))
        #expect(complaint.isEmpty)
    }

    @Test func aProfileIsReadableByItsOwnerAlone() async throws {
        let saved = try await cli.run(
            "login", "--address", "127.0.0.1:1", "--key", "-", "--unchecked", "--profile", "work", input: "k1\n")
        #expect(saved.status == 0, "\(saved.errors)")
        let path = cli.configuration + "/ragdz/config.json"
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        var elsewhere = cli
        elsewhere.environment["RAGDZ_ADDRESS"] = "127.0.0.1:2"
        let named = try await elsewhere.run(
            "login", "--key", "-", "--unchecked", "--profile", "other", input: "k2\n")
        #expect(named.errors.contains("127.0.0.1:2"), "a login goes where every command goes: \(named.errors)")
        let person = try await elsewhere.run("login", "--tenant", "t", "--email", "a@b.dz", input: "a password\n")
        #expect(person.status == 6 && person.errors.contains("127.0.0.1:2"), "\(person.errors)")
        let back = try await cli.run(
            "login", "--address", "127.0.0.1:1", "--key", "-", "--unchecked", "--profile", "work", input: "k1\n")
        #expect(back.status == 0)
        let used = try await cli.run("health")
        #expect(used.errors.contains("127.0.0.1:1"), "the address of the profile is used: \(used.errors)")
        try "{".write(toFile: path, atomically: true, encoding: .utf8)
        let broken = try await cli.run("health")
        #expect(broken.status == 1)
        #expect(broken.errors.contains(path))
        try? FileManager.default.removeItem(atPath: cli.configuration)
    }
}
