internal import RPC

/// What a key lets its holder do, as far as another key can be measured by it.
///
/// A key may hand out no right that it does not have: whoever holds a key that is bound to a network, a date or a rate
/// would otherwise be free of the bond by making itself another one. Of members and services the scopes are measured, of operators nothing.
struct KeyRights: Sendable, Hashable {
    var scopes: ScopeSet
    /// Unix microseconds; nil: never.
    var expireMicros: Int64?
    /// Empty: from anywhere. One that cannot be read stands for nowhere.
    var networks: [IPNetwork] = []
    /// Of each limit 0 is none.
    var perMinute: Int64 = 0
    var perHour: Int64 = 0
    var burst: Int64 = 0
    var concurrent: Int64 = 0

    /// What one of two keys has more than the other.
    enum Excess: Sendable, Hashable {
        case scopes, expiry, networks, limits
    }

    /// What these rights have that `maker` has not; nil: nothing.
    func excess(over maker: KeyRights) -> Excess? {
        if !maker.scopes.covers(scopes) { return .scopes }
        if let end = maker.expireMicros, expireMicros.map({ $0 > end }) ?? true { return .expiry }
        if !maker.networks.isEmpty {
            // A network that lies in two of the maker's together is refused as well: it can be written as two.
            guard !networks.isEmpty, networks.allSatisfy({ own in maker.networks.contains { $0.contains(own) } })
            else { return .networks }
        }
        let isWithin =
            Self.isWithin(perMinute, maker.perMinute) && Self.isWithin(perHour, maker.perHour)
            && Self.isWithin(effectiveBurst, maker.effectiveBurst) && Self.isWithin(concurrent, maker.concurrent)
        return isWithin ? nil : .limits
    }

    private static func isWithin(_ limit: Int64, _ bound: Int64) -> Bool { bound == 0 || (limit > 0 && limit <= bound) }

    /// As `RateLimits` reads it.
    private var effectiveBurst: Int64 {
        perMinute == 0 ? 0 : burst > 0 ? burst : max(1, perMinute / 10)
    }
}

extension KeyRights.Excess {
    /// What the caller is told.
    var status: Status {
        switch self {
        case .scopes:
            .permissionDenied("A key hands out only scopes that its maker holds.", reason: "SCOPE_NOT_HELD")
        case .expiry:
            .permissionDenied(
                "A key that ends makes or changes no key that outlives it: set a shorter ttl.",
                reason: "EXPIRY_NOT_HELD")
        case .networks:
            .permissionDenied(
                "A key that is bound to networks makes or changes only keys within them: set allowed_networks to "
                    + "networks of its own.", reason: "NETWORK_NOT_HELD")
        case .limits:
            .permissionDenied(
                "A key with limits makes or changes no key with a higher limit or without one: set limits within its "
                    + "own.", reason: "LIMIT_NOT_HELD")
        }
    }
}
