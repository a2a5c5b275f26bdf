import Bytes
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support
import Testing

@testable import Tenancy

/// What a tenant holds is counted by the transaction that writes it.
@Suite struct UsageTests {
    @Test func whatIsHeldIsCountedAndGivenBack() async throws {
        let world = try await QuotaWorld()
        let tenant = try await world.makeTenant("holds")
        let collection = try await world.insertCollection(tenant)
        try await world.store(3, tenant, collection, chunks: 4, bytes: 1_000)
        var usage = try await world.usage(tenant)
        #expect(usage["documents"]?.used == 3 && usage["chunks"]?.used == 12 && usage["bytes"]?.used == 3_000)
        #expect(usage["documents"]?.limit == 1_000 && usage["documents"]?.resetTime == nil)
        #expect(usage["runs"]?.resetTime != nil)
        try await world.run("update ragdz.documents set byte_size = byte_size + 1, analyzer_version = 2", as: tenant)
        #expect(try await world.usage(tenant)["bytes"]?.used == 3_003)
        try await world.run(
            "delete from ragdz.documents where id = (select id from ragdz.documents limit 1)", as: tenant)
        #expect(try await world.usage(tenant)["chunks"]?.used == 8)
        // A collection takes its documents with it.
        try await world.run("delete from ragdz.collections where id = '\(collection)'", as: tenant)
        usage = try await world.usage(tenant)
        #expect(usage["documents"]?.used == 0 && usage["chunks"]?.used == 0 && usage["bytes"]?.used == 0)

        try await world.insertKeys(3, tenant)
        try await world.run("update ragdz.keys set disabled = true", as: tenant)
        #expect(try await world.usage(tenant)["keys"]?.used == 3, "a key that is turned off can be turned on")
        try await world.run(
            "update ragdz.keys set revoke_time = now() where key_id = (select min(key_id) from ragdz.keys)", as: tenant)
        #expect(try await world.usage(tenant)["keys"]?.used == 2)
        #expect(try await world.reconcile(tenant).intact)
        await world.test.close()
    }

    @Test func aStatementBeyondTheLimitFailsAsAWhole() async throws {
        let world = try await QuotaWorld()
        let tenant = try await world.makeTenant("beyond")
        let collection = try await world.insertCollection(tenant)
        try await world.setQuota("chunks", 10, of: tenant)
        try await world.store(2, tenant, collection, chunks: 4, bytes: 1)
        let refused = try #require(
            await status {
                try await world.store(1, tenant, collection, chunks: 3, bytes: 1)
            })
        #expect(refused.code == .resourceExhausted && refused.reason == "QUOTA_EXCEEDED")
        let said = try #require(refused.details.errorInfo?.metadata)
        #expect(said["quota"] == "chunks" && said["used"] == "8" && said["wanted"] == "3" && said["limit"] == "10")
        #expect(said["reset_time"] == nil && refused.retryAfter == nil)
        let usage = try await world.usage(tenant)
        #expect(usage["documents"]?.used == 2 && usage["chunks"]?.used == 8 && usage["bytes"]?.used == 2)
        try await world.store(1, tenant, collection, chunks: 2, bytes: 1)
        #expect(try await world.usage(tenant)["chunks"]?.used == 10)
        #expect(try await world.reconcile(tenant).intact)
        // Another tenant has its own.
        let other = try await world.makeTenant("neighbour")
        let theirs = try await world.insertCollection(other)
        try await world.store(1, other, theirs, chunks: 11, bytes: 1)
        await world.test.close()
    }

    @Test func racersForKeysNeverPassTheLimit() async throws {
        let world = try await QuotaWorld()
        let tenant = try await world.makeTenant("keys")
        let outcomes = await withTaskGroup(of: Status?.self) { group in
            for _ in 0..<150 { group.addTask { await status { try await world.insertKeys(1, tenant) } } }
            return await group.reduce(into: [Status?]()) { $0.append($1) }
        }
        #expect(outcomes.filter { $0 == nil }.count == 100, "what the free plan has")
        #expect(outcomes.compactMap { $0 }.allSatisfy { $0.reason == "QUOTA_EXCEEDED" })
        #expect(try await world.usage(tenant)["keys"]?.used == 100)
        #expect(try await world.reconcile(tenant).intact)
        await world.test.close()
    }

    @Test func countersAreRightAfterWorkThatBreaksOff() async throws {
        let world = try await QuotaWorld()
        let tenant = try await world.makeTenant("breaks")
        try await world.setQuota("documents", 60, of: tenant)
        let collection = try await world.insertCollection(tenant)
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    var random = SeededRandom(seed: UInt64(worker) + 77)
                    for _ in 0..<40 { await Self.disturb(world, tenant, collection, &random) }
                }
            }
        }
        let found = try await world.reconcile(tenant)
        #expect(found.intact, "\(found)")
        let documents = try #require(try await world.usage(tenant)["documents"])
        #expect(documents.used <= 60)
        await world.test.close()
    }

    private struct BreaksOff: Error {}

    /// One thing that may happen to a tenant's documents, whether it ends well or not.
    private static func disturb(
        _ world: QuotaWorld, _ tenant: UUID128, _ collection: UUID128, _ random: inout SeededRandom
    ) async {
        let count = Int.random(in: 1...4, using: &random)
        let chunks = Int.random(in: 1...3, using: &random)
        let insert = QuotaWorld.documents(count, tenant, collection, chunks: chunks, bytes: 10)
        let delete = """
            delete from ragdz.documents
            where id in (select id from ragdz.documents order by random() limit \(count) for update skip locked)
            """
        let database = world.test.database
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1: try? await world.store(count, tenant, collection, chunks: chunks, bytes: 10)
        case 2: _ = try? await world.run(delete, as: tenant)
        case 3:
            // A rollback after both.
            try? await database.transaction(as: .tenant(tenant)) { transaction in
                try await transaction.execute(Statement(name: "insert", sql: insert))
                try await transaction.execute(Statement(name: "chunks", sql: QuotaWorld.chunks))
                try await transaction.execute(Statement(name: "delete", sql: delete))
                throw BreaksOff()
            }
        case 4:
            // The connection ends in the middle.
            try? await database.transaction(as: .tenant(tenant)) { transaction in
                try await transaction.execute(Statement(name: "insert", sql: insert))
                try await transaction.execute(Statement(name: "chunks", sql: QuotaWorld.chunks))
                try await transaction.execute(
                    Statement(name: "end", sql: "select pg_terminate_backend(pg_backend_pid())"))
            }
        default:
            // It may be stored before the cancel arrives, so it has no chunks that would be missing then.
            let bare = QuotaWorld.documents(count, tenant, collection, chunks: 0, bytes: 10)
            let task = Task { _ = try? await world.run(bare, as: tenant) }
            await Task.yield()
            task.cancel()
            await task.value
        }
    }

    @Test func onlyOperatorsDecideOnPlansAndLimits() async throws {
        let world = try await QuotaWorld()
        let tenant = try await world.makeTenant("own")
        for sql in [
            "update ragdz.tenants set plan = 'enterprise'",
            "insert into ragdz.quota_overrides (tenant_id, quota, allowed) values ('\(tenant)', 'keys', null)",
            "update ragdz.quota_usage set used = 0", "delete from ragdz.quota_usage",
            "insert into ragdz.quota_reservations values ('\(tenant)', '\(tenant)', 'keys', 1, null, now(), false)",
            "update ragdz.plan_limits set allowed = null", "select ragdz.charge_quota('\(tenant)', 'keys', -5)",
            "select * from ragdz.recount_quotas('\(tenant)', true)", "select * from ragdz.tenant_stats('\(tenant)')",
        ] {
            let error = await #expect(throws: PostgresError.self) { try await world.run(sql, as: tenant) }
            #expect(error?.isInsufficientPrivilege == true, "\(sql)")
        }
        var update = Ragdz_V1_UpdateTenantRequest()
        update.tenant = Ragdz_V1_Tenant()
        update.tenant?.id = "me"
        update.tenant?.plan = "enterprise"
        update.updateMask = .init(paths: ["plan"])
        let refused = await status { [update] in
            try await world.service.updateTenant(update, context: world.context(of: tenant))
        }
        #expect(refused?.reason == "OPERATOR_ONLY_FIELD")
        // The operator's change counts at once.
        update.tenant?.id = tenant.description
        _ = try await world.service.updateTenant(update, context: world.root)
        #expect(try await world.usage(tenant)["keys"]?.unlimited == true)
        await world.test.close()
    }

    @Test func aLimitOfItsOwnIsWrittenInTheLog() async throws {
        let world = try await QuotaWorld()
        let tenant = try await world.makeTenant("logged")
        try await world.setQuota("keys", 7, of: tenant)
        try await world.setQuota("keys", 7, of: tenant)
        let none = try await world.setQuota("keys", nil, of: tenant, unlimited: true)
        #expect(none.unlimited && none.overridden)
        let plan = try await world.setQuota("keys", nil, of: tenant)
        #expect(!plan.overridden && plan.limit == 100)
        var list = Ragdz_V1_ListAuditEntriesRequest()
        list.id = tenant.description
        let entries = try await world.service.listAuditEntries(list, context: world.root).entries
        #expect(entries.map(\.action) == ["audit.read", "quota.reset", "quota.set", "quota.set", "tenant.create"])
        #expect(entries.allSatisfy { $0.actor == "operator:root" })
        #expect(entries[2].before.contains("7") && entries[2].after.contains("null"))

        for (quota, limit, unlimited) in [("", 1, false), ("seats", 1, false), ("keys", -1, false), ("keys", 1, true)] {
            let refused = await status {
                try await world.setQuota(quota, Int64(limit), of: tenant, unlimited: unlimited)
            }
            #expect(refused?.code == .invalidArgument, "\(quota) \(limit)")
        }
        let nobody = await status { try await world.setQuota("keys", 1, of: .v4()) }
        #expect(nobody?.code == .notFound)
        var foreign = Ragdz_V1_GetUsageRequest()
        foreign.id = tenant.description
        let stranger = try await world.makeTenant("stranger")
        let unseen = await status { [foreign] in
            try await world.service.getUsage(foreign, context: world.context(of: stranger))
        }
        #expect(unseen?.reason == "TENANT_NOT_FOUND")
        await world.test.close()
    }

    @Test func countersThatAreWrongAreFoundAndPutRight() async throws {
        let world = try await QuotaWorld()
        let tenant = try await world.makeTenant("wrong")
        try await world.insertKeys(3, tenant)
        #expect(try await world.reconcile(tenant).intact)
        try await world.test.asOwner("update ragdz.quota_usage set used = 9, reserved = 2 where quota = 'keys'")
        let found = try await world.reconcile(tenant)
        #expect(!found.intact && found.differences.map(\.quota) == ["keys"])
        #expect(found.differences.first?.used == 9 && found.differences.first?.usedInFact == 3)
        #expect(try await world.usage(tenant)["keys"]?.used == 9, "looking changes nothing")
        #expect(try await world.reconcile(tenant, repair: true).intact == false)
        #expect(try await world.reconcile(tenant).intact)
        #expect(try await world.usage(tenant)["keys"]?.used == 3)
        await world.test.close()
    }

    @Test func everyPlanSaysWhatItGives() async throws {
        let world = try await QuotaWorld()
        let missing = try await world.test.ownerRows(
            """
            select plan || ' ' || quota from unnest(array['free', 'starter', 'pro', 'enterprise']) plan,
                unnest(array['\(TenantRules.quotas.joined(separator: "', '"))']) quota
            except select plan || ' ' || quota from ragdz.plan_limits
            """)
        #expect(missing.isEmpty, "\(missing)")
        for quota in TenantRules.quotas { #expect(StatusCatalogue.quotaName(quota, language: "ar") != nil) }
        // A newer version counts from its time on.
        let tenant = try await world.makeTenant("versions")
        try await world.test.asOwner(
            "insert into ragdz.plan_limits values ('free', 2, 'keys', 5, now()), ('free', 3, 'keys', 6, now() + interval '1 day')"
        )
        #expect(try await world.usage(tenant)["keys"]?.limit == 5)
        await world.test.close()
    }

    @Test func statsAreNumbersOfWhatIsThere() async throws {
        let world = try await QuotaWorld()
        let tenant = try await world.makeTenant("numbers")
        let collection = try await world.insertCollection(tenant)
        try await world.store(2, tenant, collection, chunks: 5, bytes: 100)
        try await world.insertKeys(2, tenant)
        var request = Ragdz_V1_GetTenantStatsRequest()
        request.id = tenant.description
        let stats = try await world.service.getTenantStats(request, context: world.root)
        #expect(stats.collections == 1 && stats.documents == 2 && stats.chunks == 10 && stats.bytes == 200)
        #expect(stats.liveKeys == 2 && stats.openRuns == 0 && stats.lastDocumentTime != nil)
        #expect(stats.usage?.quotas.count == TenantRules.quotas.count)
        request.id = UUID128.v4().description
        let absent = await status { [request] in
            try await world.service.getTenantStats(request, context: world.root)
        }
        #expect(absent?.code == .notFound)
        await world.test.close()
    }
}
