import Bytes
import Logging
import Postgres
import Support
import Testing

/// The real migrations, from every version that a database may have, with data in it.
@Suite struct MigrationHistoryTests {
    private static let tenant = "11111111-1111-4111-8111-111111111111"
    private static let id = "22222222-2222-4222-8222-222222222222"

    /// What a database of that version can hold at least: one row for each table that the version brought.
    private static let seeds: [Int: [String]] = [
        2: [
            "insert into ragdz.tenants (tenant_id, slug, name, region, timezone, default_language, plan, status, provisioned) "
                + "values ('\(tenant)', 'acme', 'Acme', 'DZ', 'Africa/Algiers', 'fr', 'free', 'active', '{}')",
            "insert into ragdz.audit_log (tenant_id, actor, action, target, request_id, peer) "
                + "values ('\(tenant)', 'system', 'tenant.create', 'x', '', '')",
        ],
        3: [
            "insert into ragdz.keys (tenant_id, key_id, name, scopes) "
                + "values ('\(tenant)', '0123456789abcdefghijkl', 'k', '{*}')",
            "insert into ragdz.key_secrets (tenant_id, key_id, generation, pepper_version, hash) "
                + "values ('\(tenant)', '0123456789abcdefghijkl', 1, 1, decode(repeat('ab', 32), 'hex'))",
            "insert into ragdz.operator_credentials (credential_id, name, pepper_version, hash) "
                + "values ('0123456789abcdefghijkl', 'first', 1, decode(repeat('ab', 32), 'hex'))",
        ],
        4: [
            "insert into ragdz.collections (tenant_id, id, name, embedding_model, embedding_dimension) "
                + "values ('\(tenant)', '\(id)', 'laws', 'm', 3)",
            "insert into ragdz.documents (tenant_id, id, collection_id, filename, title, media_type, language, byte_size, "
                + "character_count, page_count, page_starts, sha256, content, chunk_count) values ('\(tenant)', '\(id)', "
                + "'\(id)', 'a.txt', 'A', 'text/plain', 'en', 5, 5, 0, '{}', repeat('0', 64), 'Hello', 1)",
            "insert into ragdz.chunks (tenant_id, id, collection_id, document_id, ordinal, page, start_at, end_at, "
                + "utf16_start, language, title_path, content, lexemes, lexeme_count) values ('\(tenant)', '\(id)', "
                + "'\(id)', '\(id)', 0, 0, 0, 5, 0, 'en', '', 'Hello', '''hello'':1A', 1)",
            "insert into ragdz.chunk_vectors (tenant_id, chunk_id, collection_id, language, embedding) "
                + "values ('\(tenant)', '\(id)', '\(id)', 'en', '[1,2,3]')",
        ],
        5: [
            "insert into ragdz.workflows (tenant_id, name, newest_version) values ('\(tenant)', 'w', 1)",
            "insert into ragdz.workflow_versions (tenant_id, name, version, definition) values ('\(tenant)', 'w', 1, '{}')",
            "insert into ragdz.runs (tenant_id, id, workflow, workflow_version, graph, input, status) "
                + "values ('\(tenant)', '\(id)', 'w', 1, '{}', '{}', 1)",
            "insert into ragdz.run_steps (tenant_id, run_id, id, ordinal, status) values ('\(tenant)', '\(id)', 'a', 0, 1)",
            "insert into ragdz.run_events (tenant_id, run_id, sequence, type, data) "
                + "values ('\(tenant)', '\(id)', 1, 'started', '{}')",
        ],
    ]

    private func tables(_ test: TestDatabase) async throws -> [String] {
        try await test.asOwner(
            "select relname::text as n from pg_class where relnamespace = 'ragdz'::regnamespace and relkind in ('r', 'p')"
        ).map { try $0.get("n") }
    }

    @Test(arguments: TestDatabase.migrations.map(\.version))
    func aDatabaseOfAnyVersionKeepsWhatItHolds(version: Int) async throws {
        let all = TestDatabase.migrations
        let test = try await TestDatabase.empty()
        try await Migrator.migrate(
            url: test.ownerURL, all.filter { $0.version <= version }, logger: MigratorTests.quiet)
        for (_, statements) in Self.seeds.filter({ $0.key <= version }).sorted(by: { $0.key < $1.key }) {
            for statement in statements { try await test.asOwner(statement) }
        }
        try await test.asOwner("create schema kept")
        let before = try await tables(test)
        for table in before { try await test.asOwner("create table kept.\(table) as select * from ragdz.\(table)") }
        if version <= Self.seeds.keys.max() ?? 0 {
            for table in before {
                let rows = try await test.asOwner("select count(*) as n from kept.\(table)")
                #expect(try rows[0].get("n", as: Int.self) > 0, "no seed fills \(table)")
            }
        }
        let applied = try await Migrator.migrate(url: test.ownerURL, all, logger: MigratorTests.quiet)
        #expect(applied == all.count { $0.version > version })
        for table in before {
            let lost = try await test.asOwner(
                "select count(*) as n from kept.\(table) k "
                    + "where not exists (select from ragdz.\(table) t where to_jsonb(t) @> to_jsonb(k))")
            #expect(try lost[0].get("n", as: Int.self) == 0, "rows of \(table) were lost or changed")
        }
        try await test.asOwner("drop schema kept cascade")
        try await DatabaseSafety.verify(test.database)
        #expect(try await DatabaseSafety.appliedVersion(test.database) == all.last?.version)
        await test.close()
    }

    @Test func anIndexIsMadeWhileOthersWriteAndWait() async throws {
        let test = try await TestDatabase.fresh()
        let sql = """
            -- outside a transaction
            -- Why.
            -- step
            drop index concurrently if exists ragdz.runs_by_workflow;
            -- step
            create index concurrently runs_by_workflow on ragdz.runs (tenant_id, workflow);
            """
        let step = Migration(version: 9001, name: "index", checksum: "sum", sql: sql)
        // Four at once: those who wait must not hold up the one that works.
        let applied = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    try await Migrator.migrate(
                        url: test.ownerURL, TestDatabase.migrations + [step], logger: MigratorTests.quiet)
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(applied == 1)
        let index = try await test.asOwner(
            "select i.indisvalid as valid, pg_get_userbyid(c.relowner)::text as owner from pg_index i "
                + "join pg_class c on c.oid = i.indexrelid where c.relname = 'runs_by_workflow'")
        #expect(try index[0].get("valid", as: Bool.self))
        #expect(try index[0].get("owner", as: String.self) == "ragdz_owner")
        await test.close()
    }

    @Test func whatFailsOutsideATransactionIsTriedAgainFromItsStart() async throws {
        let test = try await TestDatabase.fresh()
        func step(_ last: String) -> Migration {
            Migration(
                version: 9001, name: "half", checksum: "sum",
                sql:
                    "-- outside a transaction\n-- step\ncreate table if not exists ragdz.half (x int);\n-- step\n\(last)"
            )
        }
        await #expect(throws: PostgresError.self) {
            try await Migrator.migrate(
                url: test.ownerURL, TestDatabase.migrations + [step("select 1 / 0;")], logger: MigratorTests.quiet)
        }
        #expect(try await DatabaseSafety.appliedVersion(test.database) == TestDatabase.migrations.last?.version)
        #expect(
            try await Migrator.migrate(
                url: test.ownerURL, TestDatabase.migrations + [step("select 1;")], logger: MigratorTests.quiet) == 1)
        await test.close()
    }

    @Test func aStepThatWaitsForABusyTableGivesUp() async throws {
        let test = try await TestDatabase.fresh()
        let step = Migration(
            version: 9001, name: "busy", checksum: "sum",
            sql: "set local lock_timeout = '50ms'; alter table ragdz.runs add column more int")
        try await test.owner.transaction(as: .none) { transaction in
            try await transaction.execute(Statement(name: "lock", sql: "lock table ragdz.runs in row exclusive mode"))
            let error = await #expect(throws: PostgresError.self) {
                try await Migrator.migrate(
                    url: test.ownerURL, TestDatabase.migrations + [step], logger: MigratorTests.quiet)
            }
            #expect(error?.sqlState == .lockNotAvailable)
        }
        await test.close()
    }
}
