public import Bytes

/// Counts what answering takes of a tenant's month. Who keeps the count is not retrieval's business: the process that
/// serves it fills this in.
public protocol UsageMeter: Sendable {
    /// Sets `amount` aside, or throws `RESOURCE_EXHAUSTED` when the tenant has not that much left. What it returns is
    /// called once, with what was really taken.
    func hold(_ kind: MeteredUse, _ amount: Int64, tenant: UUID128) async throws -> @Sendable (_ real: Int64) -> Void
}

/// What is counted of answering.
public enum MeteredUse: Sendable, Hashable {
    /// Searches and questions beyond the one that every call is.
    case queries
    /// What a language model reads and writes.
    case tokens
}

/// Counts nothing.
public struct NoMeter: UsageMeter {
    public init() {}

    public func hold(
        _ kind: MeteredUse, _ amount: Int64, tenant: UUID128
    ) async throws -> @Sendable (Int64) -> Void {
        { _ in }
    }
}
