internal import Bytes
internal import Postgres
internal import ProtoRuntime
public import RPC
public import Schema
internal import Stores

// Quotas: what is used, what is left, and what operators may change.

extension TenantRules {
    static let quotas = ["documents", "chunks", "bytes", "members", "keys", "queries", "tokens", "runs"]

    static func quota(_ name: String) throws(Status) -> String {
        guard quotas.contains(name) else {
            throw .invalidArgument(
                "quota is one of \(quotas.joined(separator: ", ")).", reason: "UNKNOWN_QUOTA", field: "quota")
        }
        return name
    }
}

extension TenancyService {
    public func getUsage(_ request: Ragdz_V1_GetUsageRequest, context: ServerContext) async throws -> Ragdz_V1_Usage {
        let (id, identity) = try reach(request.id, field: "id", context)
        return try await withDatabaseErrors(logger, context) {
            try await noteRead(id, "usage.read", identity, context)
            guard let usage = try await store.usage(of: id, as: identity) else { throw notFound }
            return usage
        }
    }

    public func getTenantStats(
        _ request: Ragdz_V1_GetTenantStatsRequest, context: ServerContext
    ) async throws -> Ragdz_V1_TenantStats {
        let id = try TenantRules.id(request.id)
        let found = try await withDatabaseErrors(logger, context) {
            try await noteRead(id, "stats.read", .platformOperator, context)
            return try await store.stats(of: id)
        }
        guard let found else { throw notFound }
        return found
    }

    public func setQuota(
        _ request: Ragdz_V1_SetQuotaRequest, context: ServerContext
    ) async throws -> Ragdz_V1_QuotaUsage {
        let id = try TenantRules.id(request.id)
        let quota = try TenantRules.quota(request.quota)
        guard request.limit ?? 0 >= 0, request.limit == nil || !request.unlimited else {
            throw Status.invalidArgument(
                "limit is 0 or more; leave it out with unlimited, or to go back to the plan's.",
                reason: "INVALID_LIMIT", field: "limit")
        }
        let limit: QuotaLimit = request.unlimited ? .none : request.limit.map { .own($0) } ?? .plan
        let changed = try await withDatabaseErrors(logger, context) {
            try await store.setQuota(quota, of: id, to: limit, ChangeOrigin(context))
        }
        guard let changed else { throw notFound }
        return changed
    }

    public func reconcileUsage(
        _ request: Ragdz_V1_ReconcileUsageRequest, context: ServerContext
    ) async throws -> Ragdz_V1_UsageReconciliation {
        let id = try TenantRules.id(request.id)
        let found = try await withDatabaseErrors(logger, context) {
            try await noteRead(id, "usage.reconcile", .platformOperator, context)
            return try await store.reconcile(id, repair: request.repair, ChangeOrigin(context))
        }
        guard let found else { throw notFound }
        return found
    }
}

/// What a tenant is to have of a quota.
enum QuotaLimit: Sendable {
    case plan
    case own(Int64)
    case none
}

extension TenantStore {
    func usage(of id: UUID128, as identity: Identity) async throws -> Ragdz_V1_Usage? {
        guard let tenant = try await Queries.getTenant(database.as(identity), tenantID: id) else { return nil }
        let rows = try await Queries.quotaUsage(database.as(identity), tenantID: id, only: nil)
        var usage = Ragdz_V1_Usage()
        usage.tenantID = id.description
        usage.plan = tenant.plan
        usage.planVersion = Int32(clamping: rows.map(\.planVersion).max() ?? 0)
        usage.quotas = rows.map(Ragdz_V1_QuotaUsage.init)
        return usage
    }

    func stats(of id: UUID128) async throws -> Ragdz_V1_TenantStats? {
        guard let usage = try await usage(of: id, as: .platformOperator) else { return nil }
        guard let row = try await Queries.tenantStats(database.as(.platformOperator), tenantID: id) else { return nil }
        var stats = Ragdz_V1_TenantStats()
        stats.tenantID = id.description
        stats.collections = row.collections
        stats.documents = row.documents
        stats.chunks = row.chunks
        stats.bytes = row.bytes
        stats.liveKeys = row.liveKeys
        stats.workflows = row.workflows
        stats.openRuns = row.openRuns
        stats.succeededRuns = row.succeededRuns
        stats.failedRuns = row.failedRuns
        stats.cancelledRuns = row.cancelledRuns
        stats.lastKeyUseTime = row.lastKeyUse.map { Google_Protobuf_Timestamp(unixMicros: $0.unixMicros) }
        stats.lastDocumentTime = row.lastDocumentTime.map { Google_Protobuf_Timestamp(unixMicros: $0.unixMicros) }
        stats.lastRunTime = row.lastRunTime.map { Google_Protobuf_Timestamp(unixMicros: $0.unixMicros) }
        stats.usage = usage
        return stats
    }

    /// The quota as it stands then; nil when there is no such tenant.
    func setQuota(
        _ quota: String, of id: UUID128, to limit: QuotaLimit, _ origin: ChangeOrigin
    ) async throws -> Ragdz_V1_QuotaUsage? {
        try await database.transaction(as: .platformOperator, attempts: Database.usualAttempts) { transaction in
            // Locked, so that nobody deletes the tenant meanwhile.
            let tenant = try await Queries.lockTenant(transaction, tenantID: id)
            guard let tenant else { return nil }
            guard tenant.status != "deleting", tenant.status != "deleted" else {
                throw Status.failedPrecondition(
                    "The tenant is deleted or being deleted.", reason: "TENANT_DELETED")
            }
            switch limit {
            case .plan:
                try await Queries.dropQuotaOverride(
                    transaction, tenantID: id, quota: quota, actor: origin.actor, requestID: origin.requestID,
                    peer: origin.peer)
            case .own(let allowed):
                try await Queries.setQuotaOverride(
                    transaction, tenantID: id, quota: quota, allowed: allowed, actor: origin.actor,
                    requestID: origin.requestID, peer: origin.peer)
            case .none:
                try await Queries.setQuotaOverride(
                    transaction, tenantID: id, quota: quota, allowed: nil, actor: origin.actor,
                    requestID: origin.requestID, peer: origin.peer)
            }
            return try await Queries.quotaUsage(transaction, tenantID: id, only: quota).first
                .map(Ragdz_V1_QuotaUsage.init)
        }
    }

    /// What differs; with `repair` it is put right, and the log says so.
    func reconcile(
        _ id: UUID128, repair: Bool, _ origin: ChangeOrigin
    ) async throws -> Ragdz_V1_UsageReconciliation? {
        try await database.transaction(as: .platformOperator, attempts: Database.usualAttempts) { transaction in
            let tenant = try await Queries.getTenant(transaction, tenantID: id)
            if tenant == nil { return nil }
            let rows = try await Queries.recountQuotas(transaction, tenantID: id, repair: repair)
            var result = Ragdz_V1_UsageReconciliation()
            for row in rows where row.used != row.usedInFact || row.reserved != row.reservedInFact {
                var difference = Ragdz_V1_QuotaDifference()
                difference.quota = row.quota
                difference.used = row.used
                difference.usedInFact = row.usedInFact
                difference.reserved = row.reserved
                difference.reservedInFact = row.reservedInFact
                result.differences.append(difference)
                guard repair else { continue }
                try await Queries.noteReconciliation(
                    transaction, tenantID: id, actor: origin.actor, quota: row.quota, used: row.used,
                    reserved: row.reserved, usedInFact: row.usedInFact, reservedInFact: row.reservedInFact,
                    requestID: origin.requestID, peer: origin.peer)
            }
            result.intact = result.differences.isEmpty
            return result
        }
    }
}

extension Ragdz_V1_QuotaUsage {
    fileprivate init(_ row: Queries.QuotaRow) {
        self.init()
        quota = row.quota
        used = row.used
        reserved = row.reserved
        limit = row.allowed ?? 0
        unlimited = row.allowed == nil
        resetTime = row.resetTime.map { Google_Protobuf_Timestamp(unixMicros: $0.unixMicros) }
        overridden = row.isOverridden
    }
}
