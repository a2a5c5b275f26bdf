import Foundation
import Testing

/// Health follows what the server works with, and reflection says what it serves, to stock clients.
@Suite(.serialized) struct HealthTests {
    @Test func stockHealthAndReflectionClients() async throws {
        try await RunningServer.with(environment: ["RAGDZ_FEATURES": "tenants,keys"]) { server in
            let file = try String(contentsOfFile: server.data + "/postgres/cluster/postmaster.pid", encoding: .utf8)
            let postmaster = try #require(file.split(separator: "\n").first)
            try await ForeignClientTests().walk(
                "health_client.py", [server.rpc, try server.operatorCredential(), String(postmaster)],
                checks: ["reflection", "serving", "hanging", "all"])
        }
    }
}
