internal import Bytes
internal import Synchronization

/// Calls that are under way on this node, by key and by tenant, so that neither has more of them than it may.
///
/// A place is taken before the handler runs and given back when it has ended, however it ended: the interceptor that
/// takes it gives it back when the handler's code is left. A handler that goes on after its caller has left keeps its place
/// for as long, since it goes on to use what the limit protects.
final class OpenCalls: Sendable {
    /// Calls at once of all keys of a tenant on one node, by plan: far more than a well-behaved client has open, and few
    /// enough that one tenant cannot hold all of a node's memory.
    static let ofTenant: [String: Int64] = ["free": 200, "starter": 1_000, "pro": 5_000, "enterprise": 20_000]
    /// Of a plan that this version does not know.
    static let otherPlan: Int64 = 200
    /// Tenants are spread over so many locks.
    private static let lanes = 16

    private struct Counts {
        var tenants: [UUID128: Int64] = [:]
        var keys: [String: Int64] = [:]
    }

    private final class Lane: Sendable {
        let counts = Mutex(Counts())
    }

    /// A place of one call.
    struct Place {
        let tenant: UUID128
        /// Nil for a key without a limit of its own, which is not counted by itself.
        let keyID: String?
    }

    private let lanes = (0..<OpenCalls.lanes).map { _ in Lane() }

    private func lane(of tenant: UUID128) -> Lane { lanes[Int(truncatingIfNeeded: tenant.lo) & (Self.lanes - 1)] }

    /// Takes a place; nil, with the limit that is reached, when there is none.
    func enter(tenant: UUID128, keyID: String, limits: RateLimits) -> Result<Place, LimitReached> {
        let most = Self.ofTenant[limits.plan] ?? Self.otherPlan
        return lane(of: tenant).counts.withLock { counts in
            let open = counts.tenants[tenant, default: 0]
            guard open < most else { return .failure(LimitReached(limit: most)) }
            if limits.concurrent > 0 {
                let ofKey = counts.keys[keyID, default: 0]
                guard ofKey < limits.concurrent else { return .failure(LimitReached(limit: limits.concurrent)) }
                counts.keys[keyID] = ofKey + 1
            }
            counts.tenants[tenant] = open + 1
            return .success(Place(tenant: tenant, keyID: limits.concurrent > 0 ? keyID : nil))
        }
    }

    func leave(_ place: Place) {
        lane(of: place.tenant).counts.withLock { counts in
            Self.decrease(&counts.tenants, place.tenant)
            if let keyID = place.keyID { Self.decrease(&counts.keys, keyID) }
        }
    }

    /// Which limit was reached.
    struct LimitReached: Error, Hashable {
        let limit: Int64
    }

    /// How many calls of a tenant are under way.
    func count(of tenant: UUID128) -> Int64 { lane(of: tenant).counts.withLock { $0.tenants[tenant] ?? 0 } }

    private static func decrease<Key>(_ counts: inout [Key: Int64], _ key: Key) {
        guard let count = counts[key] else { return }
        counts[key] = count > 1 ? count - 1 : nil
    }
}
