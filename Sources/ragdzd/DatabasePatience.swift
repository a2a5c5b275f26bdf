internal import Postgres
internal import RPC

/// Bounds what a call waits for of the database by the call's own deadline, so that who is not served in time is told so,
/// with a time to come back, instead of seeing the deadline pass.
struct DatabasePatience: ServerInterceptor {
    func intercept(_ context: ServerContext, _ next: @concurrent (ServerContext) async throws -> Void) async throws {
        guard let remaining = context.deadline?.remaining else { return try await next(context) }
        // What is kept back is for the answer's way.
        try await Database.within(remaining * 9 / 10) { try await next(context) }
    }
}
