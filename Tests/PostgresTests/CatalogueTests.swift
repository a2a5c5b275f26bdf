import Foundation
import Postgres
import Support
import Testing

/// What the database itself says about isolation, read from its catalogue: a table, policy or function that is added
/// carelessly fails here, whatever the code above it does.
@Suite struct CatalogueTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Tables that belong to no tenant, and why that is right.
    private static let withoutTenant = [
        "schema_migration": "what has been applied to the database",
        "plan_limits": "what the plans give; the same for all tenants",
        "vector_home_stock": "empty partitions that are kept for tenants; nobody but the owner and the definer sees it",
        "operator_credentials": "people who run the platform; tenants are granted nothing",
    ]

    private func rows(_ sql: String) async throws -> [[String]] {
        let test = try await TestDatabase.shared()
        return try await test.asOwner(sql).map { row in
            try row.columns.indices.map { try row.get($0, as: String?.self) ?? "" }
        }
    }

    @Test func everyTableStartsWithItsTenantAndBindsEverybody() async throws {
        let tables = try await rows(
            """
            select c.relname::text, pg_get_userbyid(c.relowner)::text, c.relrowsecurity::text, c.relforcerowsecurity::text,
                (select a.attnotnull::text from pg_attribute a
                    where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped),
                (select a.attname::text from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
                    where i.indrelid = c.oid and i.indisprimary)
            from pg_class c where c.relnamespace = 'ragdz'::regnamespace and c.relkind in ('r', 'p') order by 1
            """)
        #expect(tables.count >= 13)
        for table in tables {
            #expect(table[1] == "ragdz_owner", "\(table[0]) is owned by \(table[1])")
            if Self.withoutTenant[table[0]] != nil {
                #expect(table[4] == "", "\(table[0]) has a tenant now: take it off the list")
                continue
            }
            #expect(table[2] == "true" && table[3] == "true", "\(table[0]) has no forced row-level security")
            #expect(table[4] == "true", "\(table[0]).tenant_id may be null or is missing")
            #expect(table[5] == "tenant_id", "the primary key of \(table[0]) starts with \(table[5])")
        }
        for name in Self.withoutTenant.keys { #expect(tables.contains { $0[0] == name }, "\(name) is gone") }
    }

    @Test func everyPolicyHasBothSidesAndNamesOneRole() async throws {
        let policies = try await rows(
            """
            select c.relname::text, p.polname::text, pg_get_expr(p.polqual, c.oid), pg_get_expr(p.polwithcheck, c.oid),
                (select string_agg(case r when 0 then 'public' else pg_get_userbyid(r)::text end, ',')
                    from unnest(p.polroles) r), p.polcmd::text, p.polpermissive::text
            from pg_policy p join pg_class c on c.oid = p.polrelid
            where c.relnamespace = 'ragdz'::regnamespace order by 1, 2
            """)
        let own = "(tenant_id = ragdz.visible_tenant())"
        let once = "(tenant_id = ( SELECT ragdz.visible_tenant() AS visible_tenant))"
        let someone = "(tenant_id <> '00000000-0000-0000-0000-000000000000'::uuid)"
        let ofNoTenantToo: Set = ["audit_log", "audit_heads", "login_attempts"]
        let asksOnce: Set = ["chunk_vectors", "shelves", "key_secrets"]
        var limited: Set<String> = []
        var nobodyInserts: Set<String> = []
        for policy in policies {
            let name = "\(policy[1]) on \(policy[0])"
            if policy[1] == "nobody" {
                // Of commands that write, only an insert can bring a row of the tenant that nobody is.
                #expect(policy[3...] == [someone, "ragdz_app", "a", "false"], "\(name): \(policy)")
                nobodyInserts.insert(policy[0])
                continue
            }
            #expect(policy[5] == "*", "\(name) is not for all commands")
            if policy[6] == "false" {
                // A restrictive policy takes away from what the others give.
                #expect(policy[1] == "groups" && policy[4] == "ragdz_app" && !policy[2].isEmpty && !policy[3].isEmpty)
                limited.insert(policy[0])
                continue
            }
            switch policy[4] {
            case "ragdz_app":
                // Where rows are looked up for each row of something else, or many written, the tenant is asked for once.
                // Elsewhere both sides are the same words, which PostgreSQL asks once where a statement asks both.
                var (using, check) = (asksOnce.contains(policy[0]) ? once : own, own)
                // What operators do is no tenant's, nor are logins of unknown ones: nobody's to read.
                if ofNoTenantToo.contains(policy[0]) {
                    using = "(\(own) AND \(someone))"
                    check = using
                }
                // Homes of vectors are made while the server runs, and asked through their parent.
                if policy[0].hasPrefix("chunk_vectors_") {
                    using = "(tenant_id = ragdz.current_tenant())"
                    check = using
                }
                #expect(policy[2] == using && policy[3] == check, "\(name): \(policy[2]) / \(policy[3])")
            case "ragdz_operator": #expect(!policy[2].isEmpty && !policy[3].isEmpty, "\(name) has one side only")
            default: Issue.record("\(name) is for \(policy[4])")
            }
        }
        let ingests: Set = ["ingests", "ingest_pieces", "ingest_texts", "ingest_text_pieces", "ingest_chunks"]
        #expect(
            limited
                == ingests.union([
                    "collections", "shelves", "documents", "chunks", "chunk_vectors", "vector_sets",
                    "reembeddings",
                ]))
        let guarded = Set(policies.filter { $0[4] == "ragdz_app" && $0[6] == "true" }.map { $0[0] })
        let tables = try await rows(
            "select relname::text from pg_class where relnamespace = 'ragdz'::regnamespace and relkind in ('r', 'p')")
        #expect(guarded == Set(tables.map { $0[0] }).subtracting(Self.withoutTenant.keys))
        // Homes of vectors ask for the tenant in words that nobody is not.
        #expect(nobodyInserts == guarded.subtracting(ofNoTenantToo).filter { !$0.hasPrefix("chunk_vectors_") })
    }

    @Test func nothingIsGrantedToEverybodyNorMoreThanRows() async throws {
        let tables = try await rows(
            """
            select c.relname::text, case a.grantee when 0 then 'public' else pg_get_userbyid(a.grantee)::text end,
                a.privilege_type, a.is_grantable::text
            from pg_class c cross join lateral aclexplode(c.relacl) a
            where c.relnamespace = 'ragdz'::regnamespace and a.grantee <> c.relowner order by 1, 2, 3
            """)
        for grant in tables {
            #expect(["ragdz_app", "ragdz_operator", "ragdz_definer"].contains(grant[1]), "\(grant)")
            #expect(["SELECT", "INSERT", "UPDATE", "DELETE", "USAGE"].contains(grant[2]), "\(grant)")
            #expect(grant[3] == "false", "\(grant) may be handed on")
        }
        #expect(!tables.contains { $0[0] == "operator_credentials" && $0[1] == "ragdz_app" })
        #expect(!tables.contains { $0[0] == "audit_log" && ["UPDATE", "DELETE"].contains($0[2]) })
        let roles = try await rows(
            """
            select rolname::text, rolsuper::text, rolbypassrls::text, rolcanlogin::text, rolcreaterole::text,
                rolcreatedb::text, rolreplication::text
            from pg_roles where rolname like 'ragdz%' order by 1
            """)
        #expect(
            roles == [
                ["ragdz_app", "false", "false", "true", "false", "false", "false"],
                ["ragdz_definer", "false", "true", "false", "false", "false", "false"],
                ["ragdz_operator", "false", "false", "false", "false", "false", "false"],
                ["ragdz_owner", "false", "false", "false", "false", "false", "false"],
            ])
    }

    /// `sql/security-definer.txt` lists every function that runs with more rights than its caller, and says why.
    @Test func everyFunctionThatCrossesTenantsIsListed() async throws {
        let text = try String(contentsOf: Self.root.appendingPathComponent("sql/security-definer.txt"), encoding: .utf8)
        let listed = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
        for line in listed { #expect(line.count == 4 && (line.last?.count ?? 0) > 20, "\(line) does not say why") }
        let found = try await rows(
            """
            select format('%s(%s)', p.oid::regproc, pg_get_function_identity_arguments(p.oid)),
                pg_get_userbyid(p.proowner)::text,
                coalesce((select s from unnest(p.proconfig) s where s like 'search_path=%'), 'none')
            from pg_proc p where p.pronamespace = 'ragdz'::regnamespace and p.prosecdef order by 1
            """)
        #expect(found.map { $0.joined(separator: " | ") } == listed.map { $0.prefix(3).joined(separator: " | ") })
        for function in found {
            #expect(function[1] == "ragdz_definer", "\(function[0]) is owned by \(function[1])")
            #expect(function[2] == "search_path=pg_catalog, pg_temp", "\(function[0]): \(function[2])")
        }
    }

    @Test func functionsAreNobodysButTheServers() async throws {
        let open = try await rows(
            """
            select p.oid::regprocedure::text from pg_proc p
            where p.pronamespace = 'ragdz'::regnamespace and p.prosecdef
                and has_function_privilege('public', p.oid, 'execute')
            """)
        #expect(open.isEmpty, "anybody may call \(open)")
        // What runs with its caller's rights must not find another function under the same name either.
        let loose = try await rows(
            """
            select p.oid::regprocedure::text from pg_proc p join pg_language l on l.oid = p.prolang
            where p.pronamespace = 'ragdz'::regnamespace and p.prosqlbody is null
                and not exists (select from unnest(p.proconfig) s where s like 'search_path=%')
            """)
        #expect(loose.isEmpty, "no fixed search_path: \(loose)")
        let owned = try await rows(
            """
            select c.relname::text from pg_class c where c.relowner = 'ragdz_definer'::regrole
            union all select p.oid::regprocedure::text from pg_proc p
                where p.proowner = 'ragdz_definer'::regrole and not p.prosecdef
            """)
        #expect(owned.isEmpty, "ragdz_definer owns more than its functions: \(owned)")
        let views = try await rows(
            "select relname::text from pg_class where relnamespace = 'ragdz'::regnamespace and relkind in ('v', 'm')")
        #expect(views.isEmpty, "a view runs with its owner's rights: \(views)")
    }
}
