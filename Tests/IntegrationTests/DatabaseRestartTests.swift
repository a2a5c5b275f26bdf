import Foundation
import RPC
import Schema
import Testing

/// The database dies and comes back while tenants call.
@Suite(.serialized) struct DatabaseRestartTests {
    @Test func callsFailTypedWhileTheDatabaseIsAwayAndSucceedAfterwards() async throws {
        try await RunningServer.with { server in
            let caller = try ServerCaller(server)
            let platform = try server.operatorCredential()
            let tenant: Ragdz_V1_Tenant = try await caller.get(
                Ragdz_V1_Tenants.Methods.createTenant, #"{"slug":"acme","name":"Acme","region":"REGION_DZ"}"#,
                key: platform)
            let made: Ragdz_V1_KeyWithSecret = try await caller.get(
                Ragdz_V1_Keys.Methods.createKey, #"{"name":"k","scopes":["*"],"tenantId":"\#(tenant.id)"}"#,
                key: platform)
            let failures = try await withThrowingTaskGroup(of: [Status].self) { group in
                let end = ContinuousClock.now.advanced(by: .seconds(4))
                for _ in 0..<8 {
                    group.addTask {
                        var failures: [Status] = []
                        while ContinuousClock.now < end {
                            let outcome = await caller.call(
                                Ragdz_V1_Tenants.Methods.getTenant, #"{"id":"me"}"#, key: made.secret)
                            if let status = outcome.status {
                                failures.append(status)
                            } else {
                                #expect(outcome.visible.contains(tenant.id))
                            }
                        }
                        return failures
                    }
                }
                for _ in 0..<2 {
                    try await Task.sleep(for: .milliseconds(500))
                    let postmaster = try #require(databaseProcess(of: server))
                    kill(postmaster, SIGKILL)
                    try await Task.sleep(for: .milliseconds(700))
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            for status in failures {
                #expect(status.code == .unavailable, "\(status)")
                #expect(!status.message.contains("ragdz."), "no table is named to a caller: \(status)")
            }
            var works = false
            for _ in 0..<1_800 where !works {
                works =
                    await caller.call(
                        Ragdz_V1_Tenants.Methods.getTenant, #"{"id":"me"}"#, key: made.secret
                    ).status == nil
                if !works { try await Task.sleep(for: .milliseconds(100)) }
            }
            #expect(works, "the server serves again")
            await caller.close()
        }
    }

    private func databaseProcess(of server: RunningServer) -> Int32? {
        let file = server.data + "/postgres/cluster/postmaster.pid"
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
        return text.split(separator: "\n").first.flatMap { Int32($0) }
    }
}
