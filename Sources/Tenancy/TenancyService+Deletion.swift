internal import Bytes
internal import Postgres
internal import ProtoRuntime
public import RPC
public import Schema
internal import Stores

// The end of a tenant.

extension TenancyService {
    public func deleteTenant(
        _ request: Ragdz_V1_DeleteTenantRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Tenant {
        let id = try TenantRules.id(request.id)
        let origin = ChangeOrigin(context)
        return try await withDatabaseErrors(logger, context) {
            let tenant = try await store.beginDeletion(id, slug: request.slug, origin)
            guard let tenant else { throw notFound }
            statusChanged(id)
            return tenant
        }
    }

    public func getTenantErasure(
        _ request: Ragdz_V1_GetTenantErasureRequest, context: ServerContext
    ) async throws -> Ragdz_V1_TenantErasure {
        let id = try TenantRules.id(request.id)
        return try await withDatabaseErrors(logger, context) {
            try await noteRead(id, "tenant.erasure.read", .platformOperator, context)
            guard let row = try await Queries.findErasure(store.database.as(.platformOperator), tenantID: id) else {
                throw Status.notFound("The tenant is not being deleted.", reason: "ERASURE_NOT_FOUND")
            }
            let before = try ErasureReport.counts(row.rowsBefore.text)
            let after = try row.rowsAfter.map { try ErasureReport.counts($0.text) } ?? [:]
            var report = Ragdz_V1_TenantErasure()
            report.tenantID = id.description
            report.status = row.finishTime == nil ? .deleting : .deleted
            report.requestedBy = row.requestedBy
            report.requestTime = Google_Protobuf_Timestamp(unixMicros: row.requestTime.unixMicros)
            report.finishTime = row.finishTime.map { Google_Protobuf_Timestamp(unixMicros: $0.unixMicros) }
            report.tables = Set(before.keys).union(after.keys).sorted().map { name in
                var table = Ragdz_V1_ErasedTable()
                table.name = name
                table.rowsBefore = before[name] ?? 0
                table.rowsAfter = after[name] ?? 0
                return table
            }
            if let finish = row.finishTime {
                let proof = ErasureReport(
                    tenant: id, requestedBy: row.requestedBy, requestMicros: row.requestTime.unixMicros,
                    finishMicros: finish.unixMicros, before: before, after: after)
                guard proof.hash == row.reportHash else {
                    throw Status.dataLoss("The report does not fit its hash.", reason: "ERASURE_REPORT_DAMAGED")
                }
                report.report = proof.text
            }
            report.reportHash = Hex.encode(row.reportHash ?? [])
            report.signature = Hex.encode(row.signature ?? [])
            return report
        }
    }
}

extension TenantStore {
    /// Begins the deletion, or finds it begun; nil when there is no such tenant.
    func beginDeletion(_ id: UUID128, slug: String, _ origin: ChangeOrigin) async throws -> Ragdz_V1_Tenant? {
        try await database.transaction(as: .platformOperator, attempts: Database.usualAttempts) { transaction in
            guard let row = try await Queries.lockTenant(transaction, tenantID: id) else { return nil }
            let tenant = try Self.tenant(row)
            guard tenant.slug == slug else {
                throw Status.failedPrecondition(
                    "Name the tenant's slug: it is what shows that this tenant is meant.", reason: "SLUG_DIFFERS")
            }
            guard let state = TenantLifecycle(rawValue: row.status), case .changed(let next) = state.delete() else {
                return tenant
            }
            let before = try await TenantEraser.counts(of: id, transaction)
            try await Queries.insertErasure(
                transaction, tenantID: id, requestedBy: origin.actor,
                rowsBefore: PostgresJSON(ErasureReport.json(before)))
            return try await Queries.setTenantStatus(
                transaction, tenantID: id, status: next.rawValue, suspendReason: "", actor: origin.actor,
                action: "tenant.delete", requestID: origin.requestID, peer: origin.peer
            ).map(Self.tenant)
        }
    }
}
