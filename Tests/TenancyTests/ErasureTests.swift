import Bytes
import Cryptography
import Logging
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support
import Testing

@testable import Tenancy

/// From the request to the proof.
@Suite struct ErasureTests {
    private static let logger = Logger(label: "erasure") { _ in SwiftLogNoOpLogHandler() }

    private struct World {
        let test: TestDatabase
        let service: TenancyService

        init() async throws {
            test = try await TestDatabase.fresh()
            service = TenancyService(database: test.database, logger: ErasureTests.logger)
        }

        var context: ServerContext {
            ServerContext(
                method: Ragdz_V1_Tenants.Methods.deleteTenant, identity: .platformOperator(name: "root"))
        }

        func eraser(settle: Duration = .zero) -> TenantEraser {
            TenantEraser(database: test.database, logger: ErasureTests.logger, settle: settle) { $0.reversed() }
        }

        func makeTenant(_ slug: String) async throws -> String {
            var request = Ragdz_V1_CreateTenantRequest()
            request.slug = slug
            request.name = "Secret of \(slug)"
            request.region = .dz
            return try await service.createTenant(request, context: context).id
        }

        /// Rows of several features, written as nobody is bound to write them.
        func fill(_ tenant: String, documents: Int = 5) async throws {
            let key = String(tenant.filter { $0 != "-" }.prefix(22))
            for sql in [
                """
                insert into ragdz.keys (tenant_id, key_id, name, scopes) values ('\(tenant)', '\(key)', 'k', '{*}')
                on conflict do nothing
                """,
                """
                insert into ragdz.collections (tenant_id, id, name, embedding_model, embedding_dimension)
                values ('\(tenant)', gen_random_uuid(), gen_random_uuid()::text, 'm', 4)
                """,
                """
                insert into ragdz.documents (tenant_id, id, collection_id, filename, title, media_type, language, byte_size,
                    character_count, page_count, page_starts, sha256, content, chunk_count)
                select c.tenant_id, gen_random_uuid(), c.id, 'f', 't', 'text/plain', 'fr', 1, 1, 0, '{0}',
                    encode(sha256(i::text::bytea), 'hex'), 'x', 0
                from ragdz.collections c, generate_series(1, \(documents)) i where c.tenant_id = '\(tenant)'
                on conflict do nothing
                """,
                """
                insert into ragdz.workflows (tenant_id, name, newest_version) values ('\(tenant)', gen_random_uuid()::text, 1)
                """,
            ] { try await test.asOwner(sql) }
        }

        func delete(_ tenant: String, slug: String) async throws -> Ragdz_V1_Tenant {
            var request = Ragdz_V1_DeleteTenantRequest()
            request.id = tenant
            request.slug = slug
            return try await service.deleteTenant(request, context: context)
        }

        func erasure(_ tenant: String) async throws -> Ragdz_V1_TenantErasure {
            var request = Ragdz_V1_GetTenantErasureRequest()
            request.id = tenant
            return try await service.getTenantErasure(request, context: context)
        }

        /// Until a session of this test's database waits for a lock.
        func untilSomebodyWaits() async throws {
            let waiting = """
                select count(*)::integer as n from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock'
                """
            for _ in 0..<600 where try await test.asOwner(waiting)[0].get("n", as: Int.self) == 0 {
                try await Task.sleep(for: .milliseconds(50))
            }
        }

        func get(_ tenant: String) async throws -> Ragdz_V1_Tenant {
            var request = Ragdz_V1_GetTenantRequest()
            request.id = tenant
            return try await service.getTenant(request, context: context)
        }
    }

    /// A tenant's call holds the head of its log and then names the tenant in a new row; the deletion does it the other
    /// way round. Neither may wait for the other.
    @Test func aDeletionAndACallOfTheTenantDoNotBlockEachOther() async throws {
        let world = try await World()
        let tenant = try await world.makeTenant("crossed")
        let id = try #require(UUID128(tenant))
        let deleted = try await world.test.database.transaction(as: .tenant(id)) { call in
            _ = try await call.execute(
                Statement(
                    name: "crossed_note",
                    sql: """
                        insert into ragdz.audit_log (tenant_id, actor, action, target, request_id, peer)
                        values (ragdz.visible_tenant(), 'key:x', 'key.create', 'x', '', '')
                        """))
            let deletion = Task { try await world.delete(tenant, slug: "crossed") }
            try await world.untilSomebodyWaits()
            _ = try await call.execute(
                Statement(
                    name: "crossed_key",
                    sql: """
                        insert into ragdz.keys (tenant_id, key_id, name, scopes)
                        values (ragdz.visible_tenant(), 'aaaaaaaaaaaaaaaaaaaaaa', 'k', '{*}')
                        """))
            return deletion
        }
        #expect(try await deleted.value.status == .deleting)
    }

    @Test func everythingGoesAndTheReportProvesIt() async throws {
        let world = try await World()
        let (doomed, other) = (try await world.makeTenant("doomed"), try await world.makeTenant("other"))
        try await world.fill(doomed, documents: 3_000)
        try await world.fill(other)
        await #expect(throws: Status.self) { try await world.delete(doomed, slug: "other") }
        #expect(try await world.get(doomed).status == .active)

        #expect(try await world.delete(doomed, slug: "doomed").status == .deleting)
        // Repeated, it changes nothing.
        #expect(try await world.delete(doomed, slug: "doomed").status == .deleting)
        let begun = try await world.erasure(doomed)
        #expect(begun.status == .deleting && begun.report.isEmpty && begun.requestedBy == "operator:root")
        #expect(begun.tables.first { $0.name == "documents" }?.rowsBefore == 3_000)

        try await world.eraser(settle: .seconds(3_600)).eraseAll()
        #expect(try await world.erasure(doomed).status == .deleting, "calls under way may still write")
        // One of them does.
        try await world.fill(doomed)
        try await world.eraser().eraseAll()

        let done = try await world.erasure(doomed)
        #expect(done.status == .deleted)
        #expect(done.tables.allSatisfy { $0.rowsAfter == 0 } && done.tables.count >= 10)
        #expect(done.tables.contains { $0.name == "quota_usage" && $0.rowsBefore > 0 })
        #expect(
            done.tables.contains { $0.name == "quota_overrides" } && done.tables.contains { $0.name == "eval_sets" })
        #expect(done.reportHash == Hex.encode(SHA256.hash([UInt8](done.report.utf8))))
        #expect(done.signature == Hex.encode(Array(SHA256.hash([UInt8](done.report.utf8)).reversed())))
        #expect(done.report.contains("documents 3000 0\n") && done.report.contains("tenant \(doomed)\n"))
        // Nothing of it is left in any table but its tombstone and its log; nothing of anybody else's is gone.
        let left = try await world.test.asOwner(
            """
            select (select count(*) from ragdz.documents where tenant_id = '\(doomed)')
                + (select count(*) from ragdz.keys where tenant_id = '\(doomed)') as doomed,
                (select count(*) from ragdz.documents where tenant_id = '\(other)') as other
            """)
        #expect(try left[0].get("doomed", as: Int.self) == 0)
        #expect(try left[0].get("other", as: Int.self) == 5)
        let tombstone = try await world.get(doomed)
        #expect(tombstone.status == .deleted && tombstone.name == "(deleted)" && tombstone.slug == "doomed")
        // Its end is in its log, whose chain is whole.
        var verify = Ragdz_V1_VerifyAuditRequest()
        verify.id = doomed
        let verdict = try await world.service.verifyAudit(verify, context: world.context)
        #expect(verdict.intact)
        let log = try await world.test.asOwner(
            "select action as a from ragdz.audit_log where tenant_id = '\(doomed)' and action not like '%read' order by id"
        )
        #expect(
            try log.map { try $0.get("a", as: String.self) } == [
                "tenant.create", "tenant.delete", "tenant.erased", "audit.verify",
            ])
        // A second eraser finds nothing to do.
        try await world.eraser().eraseAll()
        #expect(try await world.erasure(doomed) == done)
        await world.test.close()
    }

    @Test func whoIsNotBeingDeletedCannotBeErased() async throws {
        let world = try await World()
        let tenant = try await world.makeTenant("alive")
        try await world.fill(tenant)
        let erase = Statement(name: "erase", sql: "select ragdz.erase_tenant_rows('\(tenant)', 10)")
        let refused = await #expect(throws: PostgresError.self) {
            try await world.test.database.query(erase, as: .platformOperator)
        }
        #expect(refused?.message.contains("not being deleted") == true)
        // A tenant's own connection may not even ask.
        for identity in [Identity.none, .tenant(try #require(UUID128(tenant)))] {
            let error = await #expect(throws: PostgresError.self) {
                try await world.test.database.query(erase, as: identity)
            }
            #expect(error?.isInsufficientPrivilege == true)
        }
        await #expect(throws: Status.self) { try await world.erasure(tenant) }
        await world.test.close()
    }
}
