internal import Models
internal import RPC

/// Says on whose account a call works, for what tenants take turns at.
struct TenantShare: ServerInterceptor {
    /// Of the one service whose calls make embeddings; the others are spared the binding.
    private static let service = "ragdz.v1.Retrieval"

    func concerns(_ method: MethodDescriptor) -> Bool { method.service == Self.service }

    func intercept(_ context: ServerContext, _ next: @concurrent (ServerContext) async throws -> Void) async throws {
        guard case .tenantKey(let tenant, _, _) = context.identity else {
            return try await next(context)
        }
        try await TenantTurns.$tenant.withValue(tenant) { try await next(context) }
    }
}
