import Bytes
import Logging
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support
import Tenancy
import Testing

/// The service on a real database, as the role that owns nothing.
@Suite struct TenancyServiceTests {
    let database: TestDatabase
    let service: TenancyService

    init() async throws {
        database = try await TestDatabase.fresh()
        service = TenancyService(database: database.database, logger: Logger(label: "test"))
    }

    func asOperator(_ method: MethodDescriptor) -> ServerContext {
        ServerContext(method: method, requestID: "r-1", identity: .platformOperator(name: "root"))
    }

    func asTenant(_ id: String, _ method: MethodDescriptor) throws -> ServerContext {
        let tenant = try #require(UUID128(id))
        return ServerContext(method: method, identity: .tenantKey(tenant: tenant, keyID: "k", scopes: .all))
    }

    func create(_ slug: String, _ change: (inout Ragdz_V1_CreateTenantRequest) -> Void = { _ in }) async throws
        -> Ragdz_V1_Tenant
    {
        try await service.createTenant(
            TenantRulesTests.request {
                $0.slug = slug
                change(&$0)
            }, context: asOperator(Ragdz_V1_Tenants.Methods.createTenant))
    }

    func get(_ id: String, _ context: ServerContext) async throws -> Ragdz_V1_Tenant {
        var request = Ragdz_V1_GetTenantRequest()
        request.id = id
        return try await service.getTenant(request, context: context)
    }

    func status(_ body: () async throws -> Any) async -> Status? {
        do {
            _ = try await body()
            return nil
        } catch { return error as? Status ?? Status(.unknown, "\(error)") }
    }

    @Test func aTenantIsMadeOnce() async throws {
        let first = try await create("acme") { $0.trialDays = 14 }
        #expect(first.status == .trial)
        let trial = try #require(first.trialEnd).seconds - #require(first.createTime).seconds
        #expect(trial == 14 * 86_400)
        #expect(try await create("acme") { $0.trialDays = 14 } == first)
        let other = await status { try await create("acme") }
        #expect(other?.code == .alreadyExists)
        #expect(other?.reason == "TENANT_EXISTS")
        // A change afterwards does not make the repeated request another one.
        var update = Ragdz_V1_UpdateTenantRequest()
        var tenant = Ragdz_V1_Tenant()
        tenant.id = first.id
        tenant.name = "Renamed"
        update.tenant = tenant
        update.updateMask = .init(paths: ["name"])
        _ = try await service.updateTenant(
            update, context: asOperator(Ragdz_V1_Tenants.Methods.updateTenant))
        #expect(try await create("acme") { $0.trialDays = 14 }.name == "Renamed")
    }

    @Test func anIDOfTheCallersMakesItIdempotent() async throws {
        let id = UUID128.v4().description
        let first = try await create("acme") { $0.id = id.uppercased() }
        #expect(first.id == id)
        #expect(try await create("acme") { $0.id = id }.id == id)
        #expect(try await create("acme").id == id, "without an id the slug decides")
        #expect(
            await status { try await create("acme") { $0.id = UUID128.v4().description } }?.reason == "TENANT_EXISTS")
        #expect(await status { try await create("other") { $0.id = id } }?.reason == "TENANT_EXISTS")
    }

    @Test func twentyRacersMakeOneTenant() async throws {
        let ids = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<20 { group.addTask { try await create("race").id } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(ids.count == 1)
    }

    @Test func aTenantSeesItselfAndNobodyElse() async throws {
        let mine = try await create("mine")
        let foreign = try await create("foreign")
        let method = Ragdz_V1_Tenants.Methods.getTenant
        #expect(try await get("me", asTenant(mine.id, method)) == mine)
        #expect(try await get(mine.id, asTenant(mine.id, method)) == mine)
        let denied = await status { try await get(foreign.id, asTenant(mine.id, method)) }
        let absent = await status { try await get(UUID128.v4().description, asTenant(mine.id, method)) }
        #expect(denied?.code == .notFound)
        #expect(denied == absent, "a foreign tenant and none look the same")
        #expect(try await get(foreign.id, asOperator(method)) == foreign)
        #expect(await status { try await get("me", asOperator(method)) }?.reason == "INVALID_ID")
        #expect(await status { try await get("", asTenant(mine.id, method)) }?.reason == "INVALID_ID")
    }

    @Test func aTenantChangesItsOwnNameButNotItsPlan() async throws {
        let mine = try await create("mine")
        let foreign = try await create("foreign")
        func update(_ id: String, _ paths: [String], _ context: ServerContext) async throws -> Ragdz_V1_Tenant {
            var request = Ragdz_V1_UpdateTenantRequest()
            var tenant = Ragdz_V1_Tenant()
            tenant.id = id
            tenant.name = "شركة"
            tenant.plan = "enterprise"
            tenant.timezone = "Europe/Zurich"
            request.tenant = tenant
            request.updateMask = .init(paths: paths)
            return try await service.updateTenant(request, context: context)
        }
        let method = Ragdz_V1_Tenants.Methods.updateTenant
        let changed = try await update("me", ["name", "timezone"], asTenant(mine.id, method))
        #expect(changed.name == "شركة")
        #expect(changed.timezone == "Europe/Zurich")
        #expect(changed.plan == "free")
        #expect(changed.settings == mine.settings)
        #expect(await status { try await update("me", ["plan"], asTenant(mine.id, method)) }?.code == .permissionDenied)
        #expect(await status { try await update(foreign.id, ["name"], asTenant(mine.id, method)) }?.code == .notFound)
        #expect(try await update(mine.id, ["plan"], asOperator(method)).plan == "enterprise")
        #expect(try await get(foreign.id, asOperator(method)) == foreign)
    }

    @Test func suspendingAndResumingAreIdempotentAndAudited() async throws {
        let tenant = try await create("acme") { $0.trialDays = 3 }
        var suspend = Ragdz_V1_SuspendTenantRequest()
        suspend.id = tenant.id
        suspend.reason = "unpaid"
        let context = asOperator(Ragdz_V1_Tenants.Methods.suspendTenant)
        let suspended = try await service.suspendTenant(suspend, context: context)
        #expect(suspended.status == .suspended)
        #expect(suspended.suspendReason == "unpaid")
        #expect(try await service.suspendTenant(suspend, context: context) == suspended)
        var resume = Ragdz_V1_ResumeTenantRequest()
        resume.id = tenant.id
        let resumed = try await service.resumeTenant(resume, context: context)
        #expect(resumed.status == .trial)
        #expect(resumed.suspendReason.isEmpty)
        #expect(try await service.resumeTenant(resume, context: context) == resumed)
        resume.id = UUID128.v4().description
        #expect(await status { try await service.resumeTenant(resume, context: context) }?.code == .notFound)
        suspend.reason = String(repeating: "x", count: 501)
        #expect(await status { try await service.suspendTenant(suspend, context: context) }?.reason == "INVALID_REASON")
        let audit = try await database.ownerRows(
            "select action || ' ' || actor || ' ' || coalesce(before->>'status', '-') || ' ' || (after->>'status') "
                + "from ragdz.audit_log where tenant_id = '\(tenant.id)' order by id")
        #expect(
            audit == [
                "tenant.create operator:root - trial", "tenant.suspend operator:root trial suspended",
                "tenant.resume operator:root suspended trial",
            ])
    }

    @Test func pagesMeetEveryTenantOnce() async throws {
        var made: [String] = []
        for index in 0..<7 { made.append(try await create("tenant-\(index)").id) }
        var seen: [String] = []
        var request = Ragdz_V1_ListTenantsRequest()
        request.pageSize = 3
        var pages = 0
        repeat {
            let page = try await service.listTenants(
                request, context: asOperator(Ragdz_V1_Tenants.Methods.listTenants))
            seen += page.tenants.map(\.id)
            request.pageToken = page.nextPageToken
            pages += 1
        } while !request.pageToken.isEmpty && pages < 10
        #expect(seen == made)
        #expect(pages == 3)
        request.pageToken = PageToken.make("tenants", ["\(Int64.min)", UUID128.v4().description])
        let forged = await status {
            try await service.listTenants(request, context: asOperator(Ragdz_V1_Tenants.Methods.listTenants))
        }
        #expect(forged?.reason == "INVALID_PAGE_TOKEN")
        request.pageToken = "made up"
        #expect(
            await status {
                try await service.listTenants(request, context: asOperator(Ragdz_V1_Tenants.Methods.listTenants))
            }?.reason == "INVALID_PAGE_TOKEN")
    }

    @Test func hostileTextIsOnlyText() async throws {
        let name = "Robert'); DROP TABLE ragdz.tenants;-- \\ \" $1 %s 😀"
        let tenant = try await create("bobby") { $0.name = name }
        #expect(try await get(tenant.id, asOperator(Ragdz_V1_Tenants.Methods.getTenant)).name == name)
    }
}
