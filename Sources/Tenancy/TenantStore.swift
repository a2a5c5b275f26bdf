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
        switch context.identity {
        case .tenantKey(_, let keyID, _): actor = "key:\(keyID)"
        case .platformOperator(let name): actor = "operator:\(name)"
        default: actor = "system"
        }
        requestID = context.requestID
        peer = context.peer
    }
}

/// The queries of tenants.
struct TenantStore: Sendable {
    let database: Database

    /// The tenant that was made; nil when its id or slug is taken.
    func insert(_ tenant: NewTenant, _ origin: ChangeOrigin) async throws -> Ragdz_V1_Tenant? {
        try await database.query(
            Queries.insertTenant,
            [
                tenant.id, tenant.slug, tenant.name, tenant.region, tenant.timezone, tenant.language, tenant.plan,
                Int64(tenant.trialDays), PostgresJSON(tenant.settings), PostgresJSON(tenant.provisioned),
                origin.actor, origin.requestID, origin.peer,
            ], as: .platformOperator
        ).first.map(Self.tenant)
    }

    /// The tenant that has the id or the slug of `tenant`, and whether a request like this one made it.
    func findProvisioned(_ tenant: NewTenant) async throws -> (tenant: Ragdz_V1_Tenant, isSame: Bool)? {
        try await database.query(
            Queries.findProvisionedTenant, [tenant.slug, tenant.id, PostgresJSON(tenant.provisioned)],
            as: .platformOperator
        ).first.map { row in (try Self.tenant(row), try row.get("same", as: Bool.self)) }
    }

    func get(_ id: UUID128, as identity: Identity) async throws -> Ragdz_V1_Tenant? {
        try await database.query(Queries.getTenant, [id], as: identity).first.map(Self.tenant)
    }

    /// At most `limit` tenants after a position, in order of creation.
    func list(after position: (micros: Int64, id: UUID128), limit: Int) async throws -> [Ragdz_V1_Tenant] {
        try await database.query(
            Queries.listTenants, [PostgresTimestamp(unixMicros: position.micros), position.id, Int64(limit)],
            as: .platformOperator
        ).map(Self.tenant)
    }

    func update(
        _ id: UUID128, _ change: TenantChange, _ origin: ChangeOrigin, as identity: Identity
    ) async throws -> Ragdz_V1_Tenant? {
        var parameters: [any PostgresEncodable] = [
            id, change.name, change.timezone, change.language, change.settings.map(PostgresJSON.init), origin.actor,
            origin.requestID, origin.peer,
        ]
        if identity == .platformOperator { parameters += [change.plan, change.region] as [any PostgresEncodable] }
        let statement = identity == .platformOperator ? Queries.updateAnyTenant : Queries.updateOwnTenant
        return try await database.query(statement, parameters, as: identity).first.map(Self.tenant)
    }

    /// Changes the status as `decide` says, in one transaction that holds the tenant's row.
    ///
    /// `decide` gets the tenant as it is and returns its next status and suspend reason, or nil for no change.
    func changeStatus(
        _ id: UUID128, action: String, reason: String, _ origin: ChangeOrigin,
        decide: @escaping @Sendable (Ragdz_V1_Tenant, TenantLifecycle) throws -> TenantLifecycle?
    ) async throws -> Ragdz_V1_Tenant? {
        try await database.transaction(as: .platformOperator) { transaction in
            guard let row = try await transaction.query(Queries.lockTenant, [id]).first else { return nil }
            let tenant = try Self.tenant(row)
            guard let state = TenantLifecycle(rawValue: try row.get("status", as: String.self)) else { return tenant }
            guard let next = try decide(tenant, state) else { return tenant }
            return try await transaction.query(
                Queries.setTenantStatus,
                [id, next.rawValue, reason, origin.actor, action, origin.requestID, origin.peer]
            ).first.map(Self.tenant)
        }
    }

    private static func tenant(_ row: Row) throws -> Ragdz_V1_Tenant {
        var tenant = Ragdz_V1_Tenant()
        tenant.id = try row.get("tenant_id", as: UUID128.self).description
        tenant.slug = try row.get("slug")
        tenant.name = try row.get("name")
        tenant.region = RegionTable.region(try row.get("region"))
        tenant.timezone = try row.get("timezone")
        tenant.defaultLanguage = try row.get("default_language")
        tenant.plan = try row.get("plan")
        tenant.status = status(try row.get("status"))
        tenant.suspendReason = try row.get("suspend_reason")
        tenant.trialEnd = try row.get("trial_end", as: PostgresTimestamp?.self).map(timestamp)
        tenant.settings = try Google_Protobuf_Struct(json: [UInt8](row.get("settings", as: String.self).utf8))
        tenant.createTime = timestamp(try row.get("create_time"))
        tenant.updateTime = timestamp(try row.get("update_time"))
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
