import Foundation
import Support
import Testing

@testable import Postgres

/// How the server would run every statement of `sql/queries`, with the plan that serves all tenants, where a tenant's
/// rows stand beside many others': by an index, never by reading the table, and with the tenant looked up once, never
/// once a row. Statements and tables are found by themselves: what is added is checked.
@Suite struct PlanTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    /// `make plans` takes more of them.
    private static let tenants = number("RAGDZ_PLAN_TENANTS") ?? 800
    private static let rowsOfEach = number("RAGDZ_PLAN_ROWS") ?? 8
    /// Statements that read few rows by design, and why another plan is right.
    private static let exceptions = [
        "keys.insertFirstOperatorCredential": "there are a handful of operators",
        "tenancy.openErasures": "every tenant that is being erased, for the process; there are few",
        "retrieval.stockVectorHomes": "for the owner of the schema, when it migrates",
        "postgres.dangerousRoles": "the catalogue", "postgres.ownedTables": "the catalogue",
        "postgres.unprotectedTables": "the catalogue", "postgres.appliedVersion": "one row for each migration",
    ]
    /// Statements that look at a row or two, so that asking for the tenant with each is no harm.
    private static let ofFewRows = [
        "evaluation.findEvalSet": "by id or name, each of which is unique",
        "retrieval.findCollections": "by the ids and names that a request may have",
    ]
    /// Statements that are asked all day: what limits their rows to groups stands in the row, so that nothing is run for each.
    private static let ofTheRowAlone: Set = [
        "retrieval.findDocument", "retrieval.findDocumentText", "retrieval.findDocumentParts",
        "retrieval.listDocuments", "retrieval.findCollections", "retrieval.listCollections",
    ]
    /// Functions that cross tenants and run often; the rest is an operator's, a trigger or cleans up.
    private static let hotFunctions: Set<String> = [
        "find_key", "find_operator_credential", "claim_due_ingests", "claim_due_reembeddings", "claim_due_steps",
        "documents_to_index", "search_chunks", "turn_quota",
    ]

    private static func number(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
    }

    /// A connection that plans as the server's do.
    private static func connect(_ url: String) throws -> BlockingConnection {
        let connection = try BlockingConnection(url: url, applicationName: "plans")
        try connection.run("set plan_cache_mode = \(Database.Plans.oneForAllValues.rawValue)")
        return connection
    }

    /// The statements as they are sent, from the files that sqlgen prints.
    private static func statements() throws -> [(name: String, sql: String)] {
        let sources = root.appendingPathComponent("Sources")
        var found: [(String, String)] = []
        for room in try FileManager.default.contentsOfDirectory(atPath: sources.path).sorted() {
            let file = sources.appendingPathComponent("\(room)/Generated/Queries.swift")
            guard let text = try? String(contentsOf: file, encoding: .utf8) else { continue }
            let matches = text.matches(of: /name: "([a-zA-Z.]+)",\s+sql: #"""\n(.*?)\n\s+"""#\)/.dotMatchesNewlines())
            for match in matches { found.append((String(match.1), String(match.2))) }
            // A form that is printed differently one day must not go unchecked.
            #expect(matches.count == text.matches(of: /= Statement\(/).count, "\(room)")
        }
        return found
    }

    /// A database with rows of many tenants in every table, and the tables in which a scan would be seen.
    private func stage() async throws -> (TestDatabase, filled: Set<String>) {
        let test = try await TestDatabase.fresh()
        let fill = try String(
            contentsOf: Self.root.appendingPathComponent("scripts/fill-database.sql"), encoding: .utf8)
        let owner = try Self.connect(test.ownerURL)
        try owner.run("set ragdz_fill.tenants = \(Self.tenants); set ragdz_fill.rows = \(Self.rowsOfEach)")
        try owner.run(fill)
        try owner.run("analyze")
        let tables = try await test.asOwner(
            """
            select c.relname::text as n, c.reltuples::bigint as rows from pg_class c
            where c.relnamespace = 'ragdz'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
                and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')
            """)
        var filled: Set<String> = []
        for table in tables {
            let name = try table.get("n", as: String.self)
            let rows = try table.get("rows", as: Int.self)
            #expect(rows >= Self.tenants / 2, "\(name) could not be filled, so that its plans say nothing")
            filled.insert(name)
        }
        return (test, filled)
    }

    private static let tenant = "select set_config('ragdz.tenant', md5('t7')::uuid::text, true)"

    /// The plan, as the tenant or, when the tenant may not run the statement at all, as an operator.
    private static func plan(_ sql: String, _ connection: BlockingConnection) throws -> [String] {
        var failure: (any Error)?
        for role in [Self.tenant, "set local role ragdz_operator"] {
            try connection.run("begin")
            defer { _ = try? connection.run("rollback") }
            do {
                try connection.run(role)
                return try connection.run("explain (generic_plan, costs off) \(sql)").map { $0[0] ?? "" }
            } catch { failure = error }
        }
        throw failure ?? PostgresError(.misuse, "no role")
    }

    /// Lines whose condition asks for the tenant for every row that the node above has read from a table by other means. One
    /// row that a unique index has found is no harm, and neither are rows that the statement itself has made.
    private static func perRow(_ plan: [String], unique: Set<String>) -> [String] {
        var index = ""
        var isOfTable = true
        return plan.filter { line in
            if line.contains("Scan") || line.contains("->") {
                let words = line.split(separator: " ")
                index = words.firstIndex(of: "using").map { String(words[$0 + 1]) } ?? ""
                isOfTable = !line.contains("CTE Scan") && !line.contains("Subquery Scan")
            }
            let text = line.drop { $0 == " " }
            guard text.hasPrefix("Filter:") || text.hasPrefix("Join Filter:"), isOfTable, !unique.contains(index)
            else {
                return false
            }
            return text.contains("'ragdz.tenant'") || text.contains("current_tenant")
        }
    }

    /// Scans of a tenant's index that do not say which tenant: the server would look through everybody's.
    private static func withoutTenant(_ plan: [String], tenants: Set<String>) -> [String] {
        var index: String?
        return plan.filter { line in
            let words = line.split(separator: " ").map(String.init)
            if line.contains("Scan") {
                let place =
                    words.firstIndex(of: "using")
                    ?? (line.contains("Bitmap Index Scan") ? words.firstIndex(of: "on") : nil)
                index = place.flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
            }
            guard let index, tenants.contains(index), line.contains("Index Cond:") else { return false }
            return !line.contains("tenant_id = ")
        }
    }

    private static let tenantIndexes = """
        select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
        where c.relnamespace = 'ragdz'::regnamespace and a.attname = 'tenant_id'
        """

    private static let uniqueIndexes = """
        select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
        where c.relnamespace = 'ragdz'::regnamespace and i.indisunique
        """

    @Test func statementsAndFunctionsGoByTheTenantsIndex() async throws {
        // One database for all three, since to fill it is most of the work.
        let (test, filled) = try await stage()
        try everyStatementGoesByTheTenantsIndex(test, filled)
        try noFunctionThatCrossesTenantsReadsATable(test, filled)
        try await aBadPlanIsSeen(test)
        await test.close()
    }

    private func everyStatementGoesByTheTenantsIndex(_ test: TestDatabase, _ filled: Set<String>) throws {
        let statements = try Self.statements()
        #expect(statements.count >= 70)
        for name in Self.exceptions.keys { #expect(statements.contains { $0.name == name }, "\(name) is gone") }
        // The simple protocol explains a text with parameters that have no values.
        let connection = try Self.connect(test.appURL)
        let unique = Set(try connection.run(Self.uniqueIndexes).compactMap { $0[0] })
        let tenants = Set(try connection.run(Self.tenantIndexes).compactMap { $0[0] })
        #expect(tenants.count >= 20)
        #expect(Self.ofTheRowAlone.isSubset(of: statements.map(\.name)))
        for (name, sql) in statements where Self.exceptions[name] == nil {
            let lines = try Self.plan(sql, connection)
            for line in lines {
                let words = line.split(separator: " ")
                if let on = words.firstIndex(of: "on"), words.prefix(on).suffix(2) == ["Seq", "Scan"],
                    on + 1 < words.count
                {
                    #expect(!filled.contains(String(words[on + 1])), "\(name):\n\(lines.joined(separator: "\n"))")
                }
            }
            let plan = lines.joined(separator: "\n")
            if Self.ofFewRows[name] == nil {
                #expect(Self.perRow(lines, unique: unique) == [], "\(name):\n\(plan)")
            }
            #expect(Self.withoutTenant(lines, tenants: tenants) == [], "\(name):\n\(plan)")
            if Self.ofTheRowAlone.contains(name) { #expect(!plan.contains("SubPlan"), "\(name):\n\(plan)") }
        }
    }

    /// A call of each function that crosses tenants, with arguments made from their types. A question has as many readings as one
    /// has in three languages.
    private static let calls = """
        select p.proname::text, format('ragdz.%I(%s)', p.proname, (
            select string_agg(case p.proargnames[a.place::int] when 'filter_path' then 'null'
                when 'query_lexemes' then quote_literal(array(select 'x7y1z' || n from generate_series(1, 60) n)::text)
                when 'query_terms' then quote_literal(array(select n % 6 + 1 from generate_series(1, 60) n)::text)
                when 'query_weights' then quote_literal(array_fill(1, array[60])::text)
                else case format_type(a.type, null)
                when 'uuid' then 'md5(''t7'')::uuid' when 'text' then '''x7y1''' when 'text[]' then '''{a1,b1}'''
                when 'integer[]' then '''{1,2}''' when 'double precision[]' then '''{1,1}'''
                when 'boolean' then 'false' when 'timestamp with time zone' then 'now()'
                when 'double precision' then '0.5' when 'integer' then '2' when 'bigint' then '2'
                when 'halfvec' then '''[1,2,3]''' when 'public.halfvec' then '''[1,2,3]'''
                else 'null' end end, ', ' order by a.place)
            from unnest(p.proargtypes) with ordinality as a (type, place)))
        from pg_proc p
        where p.pronamespace = 'ragdz'::regnamespace and p.prosecdef and p.prorettype <> 'trigger'::regtype
        order by 1
        """

    /// Plans do not show what a function does: it is run, and the server counts its scans.
    private func noFunctionThatCrossesTenantsReadsATable(_ test: TestDatabase, _ filled: Set<String>) throws {
        let connection = try Self.connect(test.appURL)
        let owner = try Self.connect(test.ownerURL)
        var ran: Set<String> = []
        for call in try owner.run(Self.calls) {
            guard let name = call[0], let text = call[1], Self.hotFunctions.contains(name) else { continue }
            try connection.run("begin; \(Self.tenant)")
            try connection.run("select count(*) from \(text) f")
            let scans = try connection.run(
                "select relname, seq_scan from pg_stat_xact_user_tables where schemaname = 'ragdz' and seq_scan > 0")
            try connection.run("rollback")
            for scan in scans { #expect(!filled.contains(scan[0] ?? ""), "\(name) reads all of \(scan)") }
            ran.insert(name)
        }
        #expect(ran == Self.hotFunctions)
        // How much they are asked for changes what they have to read: they keep the choice of a plan for their values.
        let choosing = try owner.run(
            "select proname::text from pg_proc where proconfig::text like '%plan_cache_mode=auto%' order by 1")
        #expect(
            choosing.compactMap { $0[0] } == [
                "claim_due_ingests", "claim_due_reembeddings", "claim_due_steps", "documents_to_index",
                "erase_tenant_rows",
                "forget_ingests", "move_vectors", "purge_conversations", "purge_streams", "release_quotas",
                "remove_retired_vectors", "search_chunks",
            ])
    }

    /// The check itself can fail: a statement without the tenant's index, and one that asks for the tenant in each row.
    private func aBadPlanIsSeen(_ test: TestDatabase) async throws {
        let connection = try Self.connect(test.appURL)
        let scan = try Self.plan("select from ragdz.documents where filename = $1::text", connection)
        #expect(scan.contains { $0.contains("Index") }, "row-level security alone goes by the index: \(scan)")
        let skipping = Self.withoutTenant(
            [" ->  Index Scan using documents_pkey on documents d", "       Index Cond: (id = p.document_id)"],
            tenants: ["documents_pkey"])
        #expect(skipping.count == 1)
        try await test.asOwner("drop policy tenant on ragdz.run_events")
        try await test.asOwner(
            """
            create policy tenant on ragdz.run_events for all to ragdz_app
            using (tenant_id::text = current_setting('ragdz.tenant', true))
            """)
        let perRow = try Self.plan("select from ragdz.run_events where run_id = $1::uuid", connection)
        #expect(!Self.perRow(perRow, unique: []).isEmpty, "\(perRow)")
    }
}
