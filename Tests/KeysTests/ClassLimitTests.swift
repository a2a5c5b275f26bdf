import Bytes
import RPC
import Testing

@testable import Keys

/// Limits of classes of methods, on a clock that stands still.
@Suite struct ClassLimitTests {
    /// A node and the database that it asks.
    private struct Node {
        var lane = RateLane()
        var states: [String: RateState] = [:]
        /// In microseconds.
        var now: Int64 = 1_000

        mutating func call(
            _ tenant: UUID128, _ key: String, _ costClass: String, _ limits: RateLimits
        ) -> RateStanding? {
            decide { lane, isPending, now in
                lane.step(tenant, key, limits, costClass: costClass, cost: 1, isPending: isPending, now: now)
            }
        }

        mutating func take(modelTokens: Int64, _ tenant: UUID128) -> RateStanding? {
            decide { lane, isPending, now in
                lane.step(modelTokens: modelTokens, of: tenant, isPending: isPending, now: now)
            }
        }

        private mutating func decide(
            _ step: (inout RateLane, Bool, Int64) -> RateLane.Step?
        ) -> RateStanding? {
            var isPending = false
            for _ in 0..<8 {
                switch step(&lane, isPending, now) {
                case .admitted(let standing, _): return standing
                case nil, .refused, .wait: return nil
                case .ask(let asking, let asks):
                    var grants: [RateState.Grant] = []
                    for ask in asks {
                        let name = "\(asking.tenant) \(ask.share.subject) \(ask.share.rule.name)"
                        var state = states[name] ?? RateState()
                        grants.append(
                            state.lease(
                                ask.share.rule, wanted: ask.wanted, pace: ask.pace, returned: ask.returned,
                                now: now * 1_000))
                        states[name] = state
                    }
                    _ = lane.receive(grants, for: asks, of: asking, askedMicros: now, term: 500_000)
                    isPending = true
                }
            }
            return nil
        }
    }

    @Test func theKeysOfATenantShareTheLimitOfAClassAndReadsGoOn() {
        var node = Node()
        let (tenant, other) = (UUID128.v4(), UUID128.v4())
        let limits = RateLimits(plan: "free")
        let most = RateLimits.perMinuteOfClass["model"]?["free"] ?? 0
        var admitted: Int64 = 0
        for number in 0..<(most / 2 + 100) where node.call(tenant, number % 2 == 0 ? "a" : "b", "model", limits) != nil
        {
            admitted += 1
        }
        #expect(admitted == most / 2, "half of a minute's may come at once")
        #expect(node.call(tenant, "c", "model", limits) == nil, "a new key changes nothing")
        #expect(node.call(tenant, "a", "read", limits) != nil, "a class without a limit of its own")
        #expect(node.call(tenant, "a", "search", limits)?.limit == RateLimits.perMinuteOfClass["search"]?["free"])
        #expect(node.call(other, "a", "model", limits) != nil, "another tenant")
    }

    @Test func aKeysOwnLimitBindsCallsOfEveryClass() {
        var node = Node()
        let tenant = UUID128.v4()
        let limits = RateLimits(plan: "enterprise", perHour: 6)
        let classes = ["read", "search", "model", "ingest"]
        let admitted = (0..<12).count { node.call(tenant, "a", classes[$0 % 4], limits) != nil }
        #expect(admitted == 6)
        #expect(node.call(tenant, "b", "model", RateLimits(plan: "enterprise")) != nil, "another key of the tenant")
    }

    @Test func whatModelsTakeIsBoundByTheMinute() {
        var node = Node()
        let tenant = UUID128.v4()
        #expect(node.take(modelTokens: 10, tenant) == nil, "nobody knows the plan yet")
        #expect(node.call(tenant, "a", "read", RateLimits(plan: "free")) != nil)
        for _ in 0..<3 { #expect(node.take(modelTokens: 30_000, tenant)?.limit == 100_000) }
        #expect(node.take(modelTokens: 30_000, tenant) == nil, "10,000 are left")
        #expect(node.call(tenant, "a", "model", RateLimits(plan: "free")) != nil, "calls are another limit")
        // One of the three has taken a third of what it might have.
        node.lane.settle(modelTokens: 30_000, used: 10_000, of: tenant)
        node.lane.settle(modelTokens: 30_000, used: 40_000, of: tenant)
        node.now += 1_000_000
        #expect(node.take(modelTokens: 30_000, tenant) != nil)
        #expect(node.take(modelTokens: 30_000, tenant) == nil)
        // More than a minute gives at once is let in when all of it is there.
        node.now += 60_000_000
        #expect(node.take(modelTokens: 1_000_000, tenant) != nil)
        #expect(node.take(modelTokens: 1, tenant) == nil)
    }
}
