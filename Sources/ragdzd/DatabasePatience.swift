internal import Postgres
internal import RPC

/// Lets a call wait for a database connection for a part of its own deadline only, so that who is not served in time is
/// told so, with a time to come back, instead of seeing the deadline pass.
struct DatabasePatience: ServerInterceptor {
    /// Calls with more time than this are bound by the pool's own limit.
    private static let longest = Duration.milliseconds(PoolLimits.defaults.waitMilliseconds) * 2

    func intercept(_ context: ServerContext, _ next: (ServerContext) async throws -> Void) async throws {
        guard let remaining = context.deadline?.remaining, remaining < Self.longest else {
            return try await next(context)
        }
        try await Database.$patience.withValue(remaining / 2) { try await next(context) }
    }
}
