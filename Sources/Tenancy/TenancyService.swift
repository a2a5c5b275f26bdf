public import Bytes
public import Logging
public import Postgres
internal import ProtoRuntime
public import RPC
public import Schema
internal import Stores

/// The service `ragdz.v1.Tenants`.
///
/// The interceptors have checked the credential and its scope before a method runs. What is checked here is what a
/// caller may do to this tenant: a tenant's key reaches its own tenant, an operator reaches all.
public struct TenancyService: Ragdz_V1_Tenants.ServiceProtocol {
    let store: TenantStore
    let logger: Logger
    let statusChanged: @Sendable (_ tenant: UUID128) -> Void

    /// `statusChanged` is called after a tenant has been suspended or resumed and before the answer goes out.
    public init(
        database: Database, logger: Logger, statusChanged: @escaping @Sendable (_ tenant: UUID128) -> Void = { _ in }
    ) {
        store = TenantStore(database: database)
        self.logger = logger
        self.statusChanged = statusChanged
    }

    public func createTenant(
        _ request: Ragdz_V1_CreateTenantRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Tenant {
        let wanted = try NewTenant(request)
        return try await withDatabaseErrors(logger, context) {
            if let made = try await store.insert(wanted, ChangeOrigin(context)) { return made }
            guard let present = try await store.findProvisioned(wanted), present.isSame,
                !wanted.hasOwnID || present.tenant.id == wanted.id.description
            else {
                throw Status.alreadyExists(
                    "Another tenant has this id or the slug \"\(wanted.slug)\": choose another one.",
                    reason: "TENANT_EXISTS")
            }
            return present.tenant
        }
    }

    public func getTenant(_ request: Ragdz_V1_GetTenantRequest, context: ServerContext) async throws -> Ragdz_V1_Tenant
    {
        let (id, identity) = try reach(request.id, field: "id", context)
        return try await withDatabaseErrors(logger, context) {
            try await noteRead(id, "tenant.read", identity, context)
            guard let tenant = try await store.get(id, as: identity) else { throw notFound }
            return tenant
        }
    }

    public func listTenants(
        _ request: Ragdz_V1_ListTenantsRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListTenantsResponse {
        let size = try PageSize.resolve(request.pageSize)
        let position = try position(request.pageToken)
        return try await withDatabaseErrors(logger, context) {
            try await notePlatformRead("tenant.list", context)
            // One more than the page tells whether there is another page.
            let tenants = try await store.list(after: position, limit: size + 1)
            var response = Ragdz_V1_ListTenantsResponse()
            response.tenants = Array(tenants.prefix(size))
            if tenants.count > size, let last = response.tenants.last {
                response.nextPageToken = PageToken.make(
                    "tenants", ["\(last.createTime?.unixMicros ?? 0)", last.id])
            }
            return response
        }
    }

    public func updateTenant(
        _ request: Ragdz_V1_UpdateTenantRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Tenant {
        let (id, identity) = try reach(request.tenant?.id ?? "", field: "tenant.id", context)
        let change = try TenantChange(request, byOperator: context.identity.isOperator)
        return try await withDatabaseErrors(logger, context) {
            guard let tenant = try await store.update(id, change, ChangeOrigin(context), as: identity) else {
                throw notFound
            }
            return tenant
        }
    }

    public func suspendTenant(
        _ request: Ragdz_V1_SuspendTenantRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Tenant {
        let id = try TenantRules.id(request.id)
        let reason = try TenantRules.suspendReason(request.reason)
        return try await change(id, "tenant.suspend", reason: reason, context) { _, state in state.suspend() }
    }

    public func resumeTenant(
        _ request: Ragdz_V1_ResumeTenantRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Tenant {
        let id = try TenantRules.id(request.id)
        return try await change(id, "tenant.resume", reason: "", context) { tenant, state in
            state.resume(trialEndMicros: tenant.trialEnd?.unixMicros, now: WallClock.nowMicros())
        }
    }
}

extension TenancyService {
    /// The tenant that a request names and as whom it is reached. `me` is the caller's own.
    ///
    /// For a tenant's key the identity is always its own tenant: a foreign id simply has no row there, so that it
    /// looks the same as one that does not exist.
    func reach(
        _ text: String, field: String, _ context: ServerContext
    ) throws(Status) -> (UUID128, Identity) {
        if context.identity.isOperator { return (try TenantRules.id(text, field: field), .platformOperator) }
        let own = try context.requireTenant()
        return (text == "me" ? own : try TenantRules.id(text, field: field), .tenant(own))
    }

    /// Writes down that an operator is about to read what is a tenant's, in the tenant's log and in the operators'. It is
    /// committed before anything is read: who cannot be written down sees nothing.
    func noteRead(
        _ id: UUID128, _ action: String, _ identity: Identity, _ context: ServerContext
    ) async throws {
        guard identity == .platformOperator else { return }
        let origin = ChangeOrigin(context)
        try await Queries.noteOperatorRead(
            store.database.as(.platformOperator), actor: origin.actor, action: action, requestID: origin.requestID,
            peer: origin.peer, tenantID: id)
    }

    /// As `noteRead`, for what concerns all tenants.
    func notePlatformRead(_ action: String, _ context: ServerContext) async throws {
        let origin = ChangeOrigin(context)
        try await Queries.notePlatformRead(
            store.database.as(.platformOperator), actor: origin.actor, action: action, requestID: origin.requestID,
            peer: origin.peer)
    }

    private func change(
        _ id: UUID128, _ action: String, reason: String, _ context: ServerContext,
        _ transition: @escaping @Sendable (Ragdz_V1_Tenant, TenantLifecycle) -> TenantLifecycle.Outcome
    ) async throws -> Ragdz_V1_Tenant {
        try await withDatabaseErrors(logger, context) {
            let tenant = try await store.changeStatus(id, action: action, reason: reason, ChangeOrigin(context)) {
                tenant, state in
                switch transition(tenant, state) {
                case .changed(let next): return next
                case .unchanged: return nil
                case .refused:
                    throw Status.failedPrecondition(
                        "The tenant is \(state.rawValue): it cannot be suspended or resumed any more.",
                        reason: "TENANT_DELETED")
                }
            }
            guard let tenant else { throw notFound }
            statusChanged(id)
            return tenant
        }
    }

    private func position(_ token: String) throws(Status) -> (Int64, UUID128) {
        guard let parts = try PageToken.read(token, list: "tenants", parts: 2) else {
            return (0, UUID128(hi: 0, lo: 0))
        }
        guard let id = UUID128(parts[1]) else { throw PageToken.invalid }
        return (try PageToken.time(parts[0]), id)
    }

    var notFound: Status { .notFound("There is no such tenant.", reason: "TENANT_NOT_FOUND") }
}
