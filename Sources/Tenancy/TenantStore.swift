internal import Bytes
internal import Postgres
internal import ProtoRuntime
internal import RPC
internal import Schema

/// Who made a change and from where: a part of every audit row.
struct ChangeOrigin {
    let actor: String
    let requestID: String
    let peer: String

    init(_ context: ServerContext) {
        actor = context.identity.actor
        requestID = context.requestID
        peer = context.peer
    }
}

/// The queries of tenants.
struct TenantStore: Sendable {
    let database: Database

    /// The tenant that was made; nil when its id or slug is taken.
    func insert(_ tenant: NewTenant, _ origin: ChangeOrigin) async throws -> Ragdz_V1_Tenant? {
        try await Queries.insertTenant(
            database.as(.platformOperator), tenantID: tenant.id, slug: tenant.slug, name: tenant.name,
            region: tenant.region, timezone: tenant.timezone, defaultLanguage: tenant.language, plan: tenant.plan,
            trialDays: Int64(tenant.trialDays), settings: PostgresJSON(tenant.settings),
            provisioned: PostgresJSON(tenant.provisioned), actor: origin.actor, requestID: origin.requestID,
            peer: origin.peer
        ).map(Self.tenant)
    }

    /// The tenant that has the id or the slug of `tenant`, and whether a request like this one made it.
    func findProvisioned(_ tenant: NewTenant) async throws -> (tenant: Ragdz_V1_Tenant, isSame: Bool)? {
        guard
            let found = try await Queries.findProvisionedTenant(
                database.as(.platformOperator), provisioned: PostgresJSON(tenant.provisioned), slug: tenant.slug,
                tenantID: tenant.id)
        else { return nil }
        return try await get(found.tenantID, as: .platformOperator).map { ($0, found.same) }
    }

    func get(_ id: UUID128, as identity: Identity) async throws -> Ragdz_V1_Tenant? {
        if case .tenant(id, _) = identity {
            return try await Queries.getOwnTenant(database.as(identity)).map(Self.tenant)
        }
        return try await Queries.getTenant(database.as(identity), tenantID: id).map(Self.tenant)
    }

    /// At most `limit` tenants after a position, in order of creation.
    func list(after position: (micros: Int64, id: UUID128), limit: Int) async throws -> [Ragdz_V1_Tenant] {
        try await Queries.listTenants(
            database.as(.platformOperator), afterTime: PostgresTimestamp(unixMicros: position.micros),
            afterID: position.id, pageSize: Int64(limit)
        ).map(Self.tenant)
    }

    func update(
        _ id: UUID128, _ change: TenantChange, _ origin: ChangeOrigin, as identity: Identity
    ) async throws -> Ragdz_V1_Tenant? {
        let settings = change.settings.map(PostgresJSON.init)
        let row =
            identity == .platformOperator
            ? try await Queries.updateAnyTenant(
                database.as(identity), tenantID: id, name: change.name, timezone: change.timezone,
                defaultLanguage: change.language, settings: settings, plan: change.plan, region: change.region,
                actor: origin.actor, requestID: origin.requestID, peer: origin.peer)
            : try await Queries.updateOwnTenant(
                database.as(identity), tenantID: id, name: change.name, timezone: change.timezone,
                defaultLanguage: change.language, settings: settings, actor: origin.actor,
                requestID: origin.requestID, peer: origin.peer)
        return try row.map(Self.tenant)
    }

    /// Changes the status as `decide` says, in one transaction that holds the tenant's row.
    ///
    /// `decide` gets the tenant as it is and returns its next status and suspend reason, or nil for no change.
    func changeStatus(
        _ id: UUID128, action: String, reason: String, _ origin: ChangeOrigin,
        decide: @escaping @Sendable (Ragdz_V1_Tenant, TenantLifecycle) throws -> TenantLifecycle?
    ) async throws -> Ragdz_V1_Tenant? {
        try await database.transaction(as: .platformOperator, attempts: Database.usualAttempts) { transaction in
            guard let row = try await Queries.lockTenant(transaction, tenantID: id) else { return nil }
            let tenant = try Self.tenant(row)
            guard let state = TenantLifecycle(rawValue: row.status) else { return tenant }
            guard let next = try decide(tenant, state) else { return tenant }
            return try await Queries.setTenantStatus(
                transaction, tenantID: id, status: next.rawValue, suspendReason: reason, actor: origin.actor,
                action: action, requestID: origin.requestID, peer: origin.peer
            ).map(Self.tenant)
        }
    }

    static func tenant(_ row: Queries.TenantRow) throws -> Ragdz_V1_Tenant {
        var tenant = Ragdz_V1_Tenant()
        tenant.id = row.tenantID.description
        tenant.slug = row.slug
        tenant.name = row.name
        tenant.region = RegionTable.region(row.region)
        tenant.timezone = row.timezone
        tenant.defaultLanguage = row.defaultLanguage
        tenant.plan = row.plan
        tenant.status = status(row.status)
        tenant.suspendReason = row.suspendReason
        tenant.trialEnd = row.trialEnd.map(timestamp)
        tenant.settings = try Google_Protobuf_Struct(json: Array(row.settings.text.utf8))
        tenant.createTime = timestamp(row.createTime)
        tenant.updateTime = timestamp(row.updateTime)
        return tenant
    }

    private static func timestamp(_ moment: PostgresTimestamp) -> Google_Protobuf_Timestamp {
        Google_Protobuf_Timestamp(unixMicros: moment.unixMicros)
    }

    private static func status(_ text: String) -> Ragdz_V1_TenantStatus {
        switch TenantLifecycle(rawValue: text) {
        case .trial: .trial
        case .active: .active
        case .suspended: .suspended
        case .deleting: .deleting
        case .deleted: .deleted
        case nil: .unspecified
        }
    }
}
