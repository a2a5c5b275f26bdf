import Foundation
import ProtoRuntime
import RPC
import Schema
import Testing

/// A person, from the invitation to the end of the session, as people do it: over the command line and the bridge of a
/// server in a process of its own.
@Suite struct MembersJourneyTests {
    private static let password = "correct horse battery"

    private func get(_ url: String, bearer: String) async throws -> Finished {
        try await Finished.run(
            "/usr/bin/curl", ["-sS", "-w", "\n%{http_code}", "-H", "Authorization: Bearer \(bearer)", url])
    }

    private func profile(_ cli: CommandLine) throws -> [String: Any] {
        let data = try Data(contentsOf: URL(fileURLWithPath: cli.configuration + "/ragdz/config.json"))
        let file = try JSONSerialization.jsonObject(with: data) as? [String: Any]
        let profiles = file?["profiles"] as? [String: [String: Any]]
        return profiles?[file?["current"] as? String ?? ""] ?? [:]
    }

    @Test func aPersonJoinsWorksAndLeaves() async throws {
        try await RunningServer.with(environment: ["RAGDZ_FEATURES": "tenants,keys,members"]) { server in
            var root = CommandLine()
            root.environment = ["RAGDZ_ADDRESS": server.rpc, "RAGDZ_KEY": try server.operatorCredential()]
            var amina = CommandLine()
            amina.environment = ["RAGDZ_ADDRESS": server.rpc]
            let tenant = try Ragdz_V1_Tenant(
                json: Array(try await root.run("tenant", "create", "atlas", "--json").output.utf8))
            let token = try await root.run(
                "members", "invite", "Amina@Example.dz", "--role", "owner", "--tenant", tenant.id)
            #expect(token.status == 0 && token.output.hasPrefix("ragdz_invite_"), "\(token.errors)")
            let joined = try await amina.run(
                "members", "accept", "--name", "Amina", input: token.output + Self.password + "\n")
            #expect(joined.status == 0, "\(joined.errors)")
            let again = try await amina.run("members", "accept", input: token.output + Self.password + "\n")
            #expect(again.status == 5 && again.errors.contains("accepted before"), "\(again.errors)")

            let refused = try await amina.run(
                "login", "--address", server.rpc, "--tenant", "atlas", "--email", "amina@example.dz",
                input: "wrong wrong\n")
            #expect(refused.status == 3, "\(refused.errors)")
            let login = try await amina.run(
                "login", "--address", server.rpc, "--tenant", "atlas", "--email", "AMINA@example.dz",
                input: Self.password + "\n")
            #expect(login.status == 0 && login.errors.contains("owner"), "\(login.errors)")
            let me = try await amina.run("members", "me")
            #expect(me.output.contains("amina@example.dz") && me.output.contains("atlas"), "\(me.errors)")
            // The session works where a key works: over RPC and over the bridge.
            let key = try await amina.run("key", "create", "mine", "--scope", "retrieval.read")
            #expect(key.status == 0 && key.output.hasPrefix("ragdz_live_"), "\(key.errors)")
            let session = try #require(try profile(amina)["key"] as? String)
            let over = try await get("\(server.bridge)/v1/account", bearer: session)
            #expect(over.output.hasSuffix("\n200") && over.output.contains("amina@example.dz"), "\(over.output)")
            let keys = try await get("\(server.bridge)/v1/keys", bearer: session)
            #expect(keys.output.hasSuffix("\n200") && keys.output.contains("mine"), "\(keys.output)")

            try await rotate(server, amina)
            try await renew(amina)

            let gone = try await amina.run("logout")
            #expect(gone.status == 0, "\(gone.errors)")
            let after = try await get("\(server.bridge)/v1/account", bearer: session)
            #expect(after.output.hasSuffix("\n401") && after.output.contains("SESSION_ENDED"), "\(after.output)")
            #expect(try await amina.run("members", "me").status == 3)

            // The operator has seen nothing without a trace, and the traces hold.
            let log = try await root.run("operators", "audit")
            #expect(log.output.contains("member.invite") && log.output.contains("tenant.create"), "\(log.errors)")
            #expect(try await root.run("operators", "verify").status == 0)
            for secret in [Self.password, session, String(token.output.dropLast())] {
                #expect(!server.logText.contains(secret))
            }
            try? FileManager.default.removeItem(atPath: amina.configuration)
        }
    }

    /// A new key for sessions while the server runs: nobody is logged out.
    private func rotate(_ server: RunningServer, _ cli: CommandLine) async throws {
        let path = server.data + "/session-keys"
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        let old = try String(contentsOfFile: path, encoding: .utf8)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: Data(("2:" + String(repeating: "5e", count: 32) + "\n").utf8))
        try file.close()
        for _ in 0..<3_000 where !server.logText.contains("session keys read again") {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(server.logText.contains("session keys read again"))
        #expect(try await cli.run("members", "me").status == 0, "rotation logs nobody out")
        #expect(old.hasPrefix("1:"))
    }

    /// A saved token that is over is renewed without a word.
    private func renew(_ cli: CommandLine) async throws {
        let path = cli.configuration + "/ragdz/config.json"
        let before = try #require(try profile(cli)["key"] as? String)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let aged = text.replacing(/"expires" : \d+/, with: "\"expires\" : 1")
        #expect(aged != text)
        try aged.write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try await cli.run("members", "me").status == 0)
        let after = try #require(try profile(cli)["key"] as? String)
        #expect(after != before && after.contains("_00000002"), "signed with the new key")
    }

    @Test func operatorsByName() async throws {
        try await RunningServer.with(environment: ["RAGDZ_FEATURES": "tenants,keys"]) { server in
            var root = CommandLine()
            root.environment = ["RAGDZ_ADDRESS": server.rpc, "RAGDZ_KEY": try server.operatorCredential()]
            let made = try await root.run("operators", "create", "amina", "--days", "30")
            #expect(made.status == 0 && made.output.hasPrefix("ragdz_operator_"), "\(made.errors)")
            var amina = CommandLine()
            amina.environment = ["RAGDZ_ADDRESS": server.rpc, "RAGDZ_KEY": String(made.output.dropLast())]
            #expect(try await amina.run("tenant", "create", "atlas").status == 0)
            let log = try await amina.run("operators", "audit")
            #expect(log.output.contains("operator:amina  tenant.create"), "\(log.output)")
            #expect(try await root.run("operators", "revoke", "amina").status == 0)
            let after = try await amina.run("tenant", "list")
            #expect(after.status == 3 && after.errors.contains("revoked"), "\(after.errors)")
            #expect(try await root.run("operators", "revoke", "root").status == 5)
            #expect(try await root.run("operators", "list").output.contains("amina"))
        }
    }
}
