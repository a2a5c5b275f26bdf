/// Where a tenant is in its life, and which ways lead on from there. A pure value.
///
/// ```
/// trial ──┬─ suspend ─▶ suspended ── resume ─▶ trial (before its end) or active
/// active ─┘
/// trial, active, suspended ── delete ─▶ deleting ─ erased ─▶ deleted: no way back
/// ```
/// What can go wrong is always the caller's order: suspending or resuming a tenant that is being deleted is refused;
/// suspending a suspended tenant or resuming one that runs changes nothing.
public enum TenantLifecycle: String, Sendable, Hashable, CaseIterable {
    case trial, active, suspended, deleting, deleted

    /// What a transition comes to.
    public enum Outcome: Sendable, Hashable {
        case changed(TenantLifecycle)
        case unchanged
        /// The tenant is on its way out.
        case refused
    }

    /// Stops a tenant's keys.
    public func suspend() -> Outcome {
        switch self {
        case .trial, .active: .changed(.suspended)
        case .suspended: .unchanged
        case .deleting, .deleted: .refused
        }
    }

    /// Lets a suspended tenant's keys work again. A trial whose end (Unix microseconds) is ahead goes on.
    public func resume(trialEndMicros: Int64?, now: Int64) -> Outcome {
        switch self {
        case .suspended: .changed((trialEndMicros ?? 0) > now ? .trial : .active)
        case .trial, .active: .unchanged
        case .deleting, .deleted: .refused
        }
    }

    /// Begins the end, from any state.
    public func delete() -> Outcome {
        switch self {
        case .trial, .active, .suspended: .changed(.deleting)
        case .deleting, .deleted: .unchanged
        }
    }

    /// Whether the tenant's own calls are served.
    public var isServed: Bool { self == .trial || self == .active }
}
