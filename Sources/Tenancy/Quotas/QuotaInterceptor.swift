internal import ProtoRuntime
public import RPC

/// Counts the calls of tenants that search or ask as `queries` of their month's quota, and refuses those beyond it.
///
/// A call is one query when it was answered, and also when its caller left or ran out of time, since the work was done. A
/// call that was refused or that failed by our fault is none, and one that goes on with a stream was counted when the
/// stream began.
public struct QuotaInterceptor: ServerInterceptor {
    /// The cost classes of methods whose calls are queries.
    public static let costClasses: Set<String> = ["search", "model"]

    private let ledger: QuotaLedger

    public init(_ ledger: QuotaLedger) { self.ledger = ledger }

    public func concerns(_ method: MethodDescriptor) -> Bool {
        Self.costClasses.contains(method.policy.costClass)
    }

    public func intercept(
        _ context: ServerContext, _ next: @concurrent (ServerContext) async throws -> Void
    ) async throws {
        guard let tenant = context.identity.tenant, context.metadata["ragdz-resume"] == nil else {
            return try await next(context)
        }
        let hold = try await ledger.hold(.queries, tenant: tenant)
        do { try await next(context) } catch {
            let code = Status(wrapping: error).code
            ledger.settle(hold, real: code == .cancelled || code == .deadlineExceeded ? 1 : 0)
            throw error
        }
        ledger.settle(hold, real: 1)
    }
}
