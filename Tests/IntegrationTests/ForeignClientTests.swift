import Foundation
import Testing

/// The contract as strangers use it: clients that know nothing of ours but the `.proto` files and the HTTP rules.
@Suite(.serialized) struct ForeignClientTests {
    /// The Python of `scripts/test-venv.sh`.
    static var python: String {
        let venv = ProcessInfo.processInfo.environment["RAGDZ_TEST_VENV"] ?? ".venv-tests"
        let folder = venv.hasPrefix("/") ? venv : RunningServer.root.appendingPathComponent(venv).path
        return folder + "/bin/python"
    }

    /// Runs a script of `Foreign/` and expects that it says every one of `checks`.
    func walk(_ script: String, _ arguments: [String], checks: [String]) async throws {
        let foreign = RunningServer.root.appendingPathComponent("Tests/IntegrationTests/Foreign")
        let done = try await Finished.run(
            Self.python,
            [
                "-B", foreign.appendingPathComponent(script).path,
                RunningServer.root.appendingPathComponent("Protos").path,
            ]
                + arguments)
        #expect(done.status == 0, "\(done.output)\n\(done.errors.suffix(3000))")
        for check in checks { #expect(done.output.contains("{\"check\": \"\(check)\""), "\(check) was not reached") }
    }

    @Test func aStockPythonClientWalksTheContract() async throws {
        try await RunningServer.with { server in
            try await walk(
                "contract_client.py", [server.rpc, try server.operatorCredential()],
                checks: ["tenants", "keys", "upload", "ask", "watch", "all"])
        }
    }

    @Test func hostileInputIsRefusedAndTheServerServesOn() async throws {
        try await RunningServer.with { server in
            try await walk(
                "hostile_client.py", [server.rpc, server.bridge, try server.operatorCredential()],
                checks: ["keys", "messages", "json", "uploads", "foreign", "streams", "all"])
        }
    }
}
