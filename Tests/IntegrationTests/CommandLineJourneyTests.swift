import Foundation
import ProtoRuntime
import Schema
import Testing

/// `ragdz` against a real server: the main job, command by command.
@Suite(.serialized) struct CommandLineJourneyTests {
    @Test func theMainJobByCommands() async throws {
        try await RunningServer.with { server in try await journey(server) }
    }

    private func journey(_ server: RunningServer) async throws {
        var cli = CommandLine()
        cli.environment = ["RAGDZ_ADDRESS": server.rpc]
        let tenant = try await provision(&cli, server)
        #expect(try await cli.run("health").output == "serving\n")

        let me = try Ragdz_V1_Tenant(json: try await cli.run("tenant", "get", "--json").output)
        #expect(me.id == tenant)
        #expect(try await cli.run("collection", "create", "law").status == 0)
        #expect(try await cli.run("collection", "create", "law").status == 5, "the name is taken")

        let corpus = RunningServer.root.appendingPathComponent("demo/corpus").path
        let uploaded = try await cli.run(
            "doc", "upload", "--collection", "law", "\(corpus)/fr/algerie-tva.txt", "\(corpus)/en/swiss-vat.md")
        #expect(uploaded.status == 0, "\(uploaded.errors)")
        #expect(uploaded.output.split(separator: "\n").count == 2)
        let empty = try await cli.run("doc", "upload", "--collection", "law", "/dev/null")
        #expect(empty.status == 5)

        let answer = try await cli.run("ask", "What is the standard VAT rate in Switzerland?", "--collection", "law")
        #expect(answer.status == 0, "\(answer.errors)")
        #expect(answer.output.contains("8.1"))
        #expect(answer.output.contains("[1] Value added tax in Switzerland"))
        let events = try await cli.run("ask", "Quel est le taux de la TVA en Algérie ?", "--json")
        let decoded = try events.output.split(separator: "\n").map { try Ragdz_V1_AskEvent(json: String($0)) }
        #expect(decoded.contains { if case .citation? = $0.event { true } else { false } })

        let found = try Ragdz_V1_SearchResponse(json: try await cli.run("search", "TVA", "--json").output)
        let hit = try #require(found.hits.first)
        let cited = try await cli.run("doc", "text", hit.documentID, "--range", "\(hit.start)-\(hit.end)")
        #expect(cited.output == hit.text + "\n", "a range prints the passage itself")
        try await converse(cli)
        try await measure(cli)
        try await refusals(cli, hit.documentID)
    }

    private func converse(_ cli: CommandLine) async throws {
        let made = try await cli.run("conversation", "create", "taxes").output
        let id = made.trimmingCharacters(in: .newlines)
        let question = "Quel est le taux normal de la TVA en Algérie ?"
        #expect(try await cli.run("ask", question, "--conversation", id).output.contains("19"))
        let second = try await cli.run("ask", "Et en Suisse ?", "--conversation", id)
        #expect(second.output.contains("8.1"), "\(second.output)")
        #expect(second.errors.contains("(after: Quel est le taux normal de la TVA"))
        let shown = try await cli.run("conversation", "show", id).output
        #expect(shown.contains("> \(question)\n") && shown.contains("> Et en Suisse ?\n"))
        #expect(try await cli.run("conversation", "list").output.contains("taxes"))
        #expect(try await cli.run("conversation", "delete", id).status == 0)
        #expect(try await cli.run("ask", "Et en France ?", "--conversation", id).status == 4)
    }

    private func measure(_ cli: CommandLine) async throws {
        let file = NSTemporaryDirectory() + "ragdz-questions-\(UUID().uuidString).jsonl"
        defer { try? FileManager.default.removeItem(atPath: file) }
        let lines = [
            #"{"question":"What is the standard VAT rate in Switzerland?","label":"en","contains":"8.1 percent"}"#,
            #"{"question":"Quel est le taux normal de la TVA ?","label":"fr","contains":"19 %"}"#,
            #"{"question":"Wer hat das Rad erfunden?","label":"fr"}"#,
        ]
        try lines.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
        #expect(try await cli.run("eval", "create", "taxes", file).status == 0)
        let first = try await cli.run("eval", "run", "taxes", "--gate", "--json")
        #expect(first.status == 0, "\(first.errors)")
        let run = try Ragdz_V1_EvalRun(json: first.output)
        #expect(run.status == .succeeded && run.doneCount == 3 && run.report?.figures.map(\.label) == ["en", "fr", ""])
        let again = try await cli.run("eval", "run", "taxes", "--baseline", run.id)
        #expect(again.output.contains("against \(run.id), 2 questions of both") && again.output.contains("all: 2"))
        #expect(try await cli.run("eval", "runs", "taxes").output.contains("done"))
        #expect(try await cli.run("eval", "cancel", run.id).output.contains("done"), "what is over stays as it is")
        #expect(try await cli.run("eval", file, "--json").status == 0, "a file without a set, as before")
        #expect(try await cli.run("eval", "delete", "taxes").status == 0)
        #expect(try await cli.run("eval", "show", run.id).status == 4)
    }

    private func provision(_ cli: inout CommandLine, _ server: RunningServer) async throws -> String {
        cli.environment["RAGDZ_KEY"] = try server.operatorCredential()
        let created = try await cli.run("tenant", "create", "cli-tests", "--region", "ch", "--json")
        let tenant = try Ragdz_V1_Tenant(json: created.output)
        #expect(tenant.timezone == "Europe/Zurich")
        let key = try await cli.run("key", "create", "all", "--scope", "*", "--tenant", tenant.id)
        let secret = key.output.trimmingCharacters(in: .newlines)
        #expect(secret.hasPrefix("ragdz_"), "the secret alone is on standard output")
        cli.environment["RAGDZ_KEY"] = secret
        return tenant.id
    }

    private func refusals(_ cli: CommandLine, _ document: String) async throws {
        var stranger = cli
        stranger.environment["RAGDZ_KEY"] = "ragdz_live_nobody"
        let refused = try await stranger.run("doc", "get", document)
        #expect(refused.status == 3)
        #expect(refused.errors.contains("ragdz login"))
        var reader = cli
        reader.environment.merge(["LC_ALL": "", "LC_MESSAGES": "", "LANG": "fr_FR.UTF-8"]) { $1 }
        let french = try await reader.run("doc", "get", UUID().uuidString)
        #expect(
            french.errors.contains("Ce document n'existe pas"), "a variable that is empty is not set: \(french.errors)")
        #expect(try await cli.run("doc", "get", UUID().uuidString).status == 4)
        #expect(try await cli.run("tenant", "list").status == 3, "a tenant's key does not list tenants")
        #expect(try await cli.run("search", "").status == 5)
        #expect(try await cli.run("run", "get", UUID().uuidString).status == 4)
    }
}
