import Bytes
import Logging
import Postgres
import RPC
import Schema
import Stores
import Support

@testable import Tenancy

/// Tenants with quotas on a database of their own.
struct QuotaWorld: Sendable {
    static let logger = Logger(label: "quotas") { _ in SwiftLogNoOpLogHandler() }

    let test: TestDatabase
    let service: TenancyService

    init() async throws {
        test = try await TestDatabase.fresh()
        service = TenancyService(database: test.database, logger: Self.logger)
    }

    var root: ServerContext { context(.platformOperator(name: "root")) }

    func context(_ identity: CallIdentity) -> ServerContext {
        ServerContext(method: Ragdz_V1_Tenants.Methods.getUsage, identity: identity)
    }

    func context(of tenant: UUID128) -> ServerContext {
        context(.tenantKey(tenant: tenant, keyID: "k", scopes: ScopeSet(["*"])))
    }

    func makeTenant(_ slug: String, plan: String = "free", timezone: String = "Africa/Algiers") async throws -> UUID128
    {
        var request = Ragdz_V1_CreateTenantRequest()
        request.slug = slug
        request.name = slug
        request.region = .dz
        request.plan = plan
        request.timezone = timezone
        let made = try await service.createTenant(request, context: root)
        return UUID128(made.id) ?? UUID128(hi: 0, lo: 0)
    }

    func usage(_ tenant: UUID128) async throws -> [String: Ragdz_V1_QuotaUsage] {
        var request = Ragdz_V1_GetUsageRequest()
        request.id = "me"
        let usage = try await service.getUsage(request, context: context(of: tenant))
        return Dictionary(usage.quotas.map { ($0.quota, $0) }) { first, _ in first }
    }

    @discardableResult
    func setQuota(_ quota: String, _ limit: Int64?, of tenant: UUID128, unlimited: Bool = false) async throws
        -> Ragdz_V1_QuotaUsage
    {
        var request = Ragdz_V1_SetQuotaRequest()
        request.id = tenant.description
        request.quota = quota
        request.limit = limit
        request.unlimited = unlimited
        return try await service.setQuota(request, context: root)
    }

    func reconcile(_ tenant: UUID128, repair: Bool = false) async throws -> Ragdz_V1_UsageReconciliation {
        var request = Ragdz_V1_ReconcileUsageRequest()
        request.id = tenant.description
        request.repair = repair
        return try await service.reconcileUsage(request, context: root)
    }

    /// Runs SQL as the tenant, bound by everything that binds it.
    @discardableResult
    func run(_ sql: String, as tenant: UUID128) async throws -> Int {
        try await test.database.execute(Statement(name: "test", sql: sql), [], as: .tenant(tenant))
    }

    func insertKeys(_ count: Int, _ tenant: UUID128) async throws {
        try await run(
            """
            insert into ragdz.keys (tenant_id, key_id, name, scopes)
            select '\(tenant)', substr(replace(gen_random_uuid()::text, '-', ''), 1, 22), 'k', '{*}'
            from generate_series(1, \(count))
            """, as: tenant)
    }

    func insertCollection(_ tenant: UUID128) async throws -> UUID128 {
        let id = UUID128.v4()
        try await run(
            """
            insert into ragdz.collections (tenant_id, id, name, embedding_model, embedding_dimension)
            values ('\(tenant)', '\(id)', '\(id)', 'm', 4)
            """, as: tenant)
        return id
    }

    /// Inserts documents that will have `chunks` chunks and have `bytes` bytes each.
    static func documents(_ count: Int, _ tenant: UUID128, _ collection: UUID128, chunks: Int, bytes: Int) -> String {
        """
        insert into ragdz.documents (tenant_id, id, collection_id, filename, title, media_type, language, byte_size,
            character_count, page_count, page_starts, sha256, content, chunk_count)
        select '\(tenant)', gen_random_uuid(), '\(collection)', 'f', 't', 'text/plain', 'fr', \(bytes), 1, 0, '{0}',
            encode(sha256(gen_random_uuid()::text::bytea), 'hex'), 'x', \(chunks)
        from generate_series(1, \(count))
        """
    }

    /// Inserts the chunks of the documents that have none yet.
    static let chunks = """
        insert into ragdz.chunks (tenant_id, id, collection_id, document_id, ordinal, page, start_at, end_at, utf16_start,
            language, title_path, content, lexemes, lexeme_count)
        select d.tenant_id, gen_random_uuid(), d.collection_id, d.id, i, 0, 0, 1, 0, 'fr', '', 'x', '', 0
        from ragdz.documents d, generate_series(1, d.chunk_count) i
        where not exists (select from ragdz.chunks c where c.tenant_id = d.tenant_id and c.document_id = d.id)
        """

    /// Stores documents with their chunks in one transaction, as an upload does.
    func store(_ count: Int, _ tenant: UUID128, _ collection: UUID128, chunks: Int, bytes: Int) async throws {
        let insert = Self.documents(count, tenant, collection, chunks: chunks, bytes: bytes)
        try await test.database.transaction(as: .tenant(tenant)) { transaction in
            try await transaction.execute(Statement(name: "documents", sql: insert))
            try await transaction.execute(Statement(name: "chunks", sql: Self.chunks))
        }
    }

    func ledger(now: @escaping @Sendable () -> Int64 = QuotaLedger.monotonicMicros) -> QuotaLedger {
        QuotaLedger(database: test.database, logger: Self.logger, now: now)
    }

    /// Makes all open reservations late, as if their holders had been dead for long.
    func expireReservations() async throws {
        try await test.asOwner("update ragdz.quota_reservations set expire_time = now() - interval '1 second'")
    }
}

/// The status that a body fails with; nil when it does not fail.
func status<R>(_ body: () async throws -> R) async -> Status? {
    do {
        _ = try await body()
        return nil
    } catch let error as PostgresError {
        return error.quotaRefusal ?? Status(.unknown, "\(error)")
    } catch { return error as? Status ?? Status(.unknown, "\(error)") }
}
