import Bytes
import Foundation
import Support
import Testing

@testable import Postgres

/// How the server would run every statement, with the plan that serves all tenants, where a tenant's rows stand beside
/// many others': by an index, never by reading the table.
@Suite struct PlanTests {
    private static let tenants = 300
    /// Statements that read few rows by design, and why another plan is right.
    private static let exceptions = [
        "keys.insertFirstOperatorCredential": "there are a handful of operators",
        "postgres.dangerousRoles": "the catalogue", "postgres.ownedTables": "the catalogue",
        "postgres.unprotectedTables": "the catalogue", "postgres.appliedVersion": "one row for each migration",
    ]

    /// The statements as they are sent, from the files that sqlgen prints.
    private static func statements() throws -> [(name: String, sql: String)] {
        let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Sources")
        var found: [(String, String)] = []
        for room in try FileManager.default.contentsOfDirectory(atPath: sources.path).sorted() {
            let file = sources.appendingPathComponent("\(room)/Generated/Queries.swift")
            guard let text = try? String(contentsOf: file, encoding: .utf8) else { continue }
            for match in text.matches(of: /name: "([a-zA-Z.]+)",\s+sql: #"""\n(.*?)\n\s+"""#\)/.dotMatchesNewlines()) {
                found.append((String(match.1), String(match.2)))
            }
        }
        return found
    }

    /// Rows of many tenants in every table that statements read.
    private func stage() async throws -> TestDatabase {
        let test = try await TestDatabase.fresh()
        let many = "generate_series(1, \(Self.tenants)) t, generate_series(1, 100) n"
        func id(_ parts: String) -> String { "md5(\(parts))::uuid" }
        let tenant = id("'t' || t")
        for sql in [
            "insert into ragdz.tenants (tenant_id, slug, name, region, timezone, default_language, plan, status, provisioned) "
                + "select \(tenant), 't-' || t, 'T', 'DZ', 'Africa/Algiers', 'fr', 'free', 'active', '{}' "
                + "from generate_series(1, \(Self.tenants)) t",
            "insert into ragdz.keys (tenant_id, key_id, name, scopes) "
                + "select \(tenant), lpad(t || 'x' || n, 22, '0'), 'k', '{*}' from \(many)",
            "insert into ragdz.key_secrets (tenant_id, key_id, generation, pepper_version, hash) "
                + "select \(tenant), lpad(t || 'x' || n, 22, '0'), 1, 1, decode(repeat('ab', 32), 'hex') from \(many)",
            "insert into ragdz.collections (tenant_id, id, name, embedding_model, embedding_dimension) "
                + "select \(tenant), \(id("t || 'c' || n")), 'c' || n, 'm', 3 from \(many)",
            "insert into ragdz.documents (tenant_id, id, collection_id, filename, title, media_type, language, byte_size, "
                + "character_count, page_count, page_starts, sha256, content, chunk_count) select \(tenant), "
                + "\(id("t || 'd' || n")), \(id("t || 'c' || n")), 'f', 'T', 'text/plain', 'en', 1, 1, 0, '{}', "
                + "repeat(md5(t || 'd' || n), 2), 'x', 0 from \(many)",
            "insert into ragdz.workflows (tenant_id, name, newest_version) select \(tenant), 'w' || n, 1 from \(many)",
            "insert into ragdz.workflow_versions (tenant_id, name, version, definition) "
                + "select \(tenant), 'w' || n, 1, '{}' from \(many)",
            "insert into ragdz.runs (tenant_id, id, workflow, workflow_version, graph, input, status, request_id) "
                + "select \(tenant), \(id("t || 'r' || n")), 'w', 1, '{}', '{}', 1, 'q' || n from \(many)",
            "insert into ragdz.run_steps (tenant_id, run_id, id, ordinal, status) "
                + "select \(tenant), \(id("t || 'r' || n")), 'a', 0, 1 from \(many)",
            "insert into ragdz.run_events (tenant_id, run_id, sequence, type, data) "
                + "select \(tenant), \(id("t || 'r' || n")), 1, 'started', '{}' from \(many)",
            "analyze",
        ] { try await test.asOwner(sql) }
        return test
    }

    @Test func everyStatementGoesByTheTenantsIndex() async throws {
        let statements = try Self.statements()
        #expect(statements.count >= 55)
        let test = try await stage()
        // A scan of an empty table is right.
        let filled = Set(
            try await test.asOwner(
                "select relname::text as n from pg_class where relnamespace = 'ragdz'::regnamespace and reltuples > 1000"
            ).map { try $0.get("n", as: String.self) })
        #expect(filled.count >= 9)
        // The simple protocol explains a text with parameters that have no values.
        let connection = try BlockingConnection(url: test.appURL, applicationName: "plans")
        let tenant = "select set_config('ragdz.tenant', '00000000-0000-0001-0000-000000000001', true)"
        var checked = 0
        for (name, sql) in statements where Self.exceptions[name] == nil {
            let isOperators = Self.ofOperators.contains(String(name.split(separator: ".").last ?? ""))
            try connection.run("begin")
            try connection.run(isOperators ? "set local role ragdz_operator" : tenant)
            let lines = try connection.run("explain (generic_plan, costs off) \(sql)").map { $0[0] ?? "" }
            try connection.run("rollback")
            checked += 1
            for line in lines where line.contains("Seq Scan on") {
                let table = line.split(separator: " ").drop { $0 != "on" }.dropFirst().first.map(String.init) ?? ""
                #expect(!filled.contains(table), "\(name):\n\(lines.joined(separator: "\n"))")
            }
        }
        #expect(checked >= 45, "only \(checked) statements were explained")
        await test.close()
    }

    private static let ofOperators: Set<String> = [
        "insertTenant", "findProvisionedTenant", "listTenants", "updateAnyTenant", "lockTenant", "setTenantStatus",
    ]
}
