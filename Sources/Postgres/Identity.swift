public import Bytes

/// As whom a statement runs. It holds for one unit of work (one call or one transaction) and never outlives it.
public enum Identity: Sendable, Hashable {
    /// A tenant: row-level security shows its rows and no others.
    case tenant(UUID128)
    /// The platform's operator: the unit runs as the role `ragdz_operator`.
    case platformOperator
    /// Nobody: tenant tables show no row.
    case none
}

/// What a subscriber of `Database.listen` receives.
public enum Notification: Sendable, Hashable {
    /// A `NOTIFY` on the channel, with its payload (empty when none was given).
    case payload(String)
    /// Notifications may be lost from here on: the connection broke, or the subscriber was too slow. Whoever caches
    /// by notifications must stop to trust its cache.
    case connectionLost
    /// Notifications arrive again. Whatever happened in between was not reported: read the state afresh.
    case connectionRestored
}
