/// How much a key may be used: what its tenant's plan allows and what was set for the key alone.
public struct RateLimits: Sendable, Hashable {
    public var plan: String
    /// Of the key alone; 0: none.
    public var perMinute: Int64
    public var perHour: Int64
    /// How many at once, of the minute's; 0: a tenth of it.
    public var burst: Int64
    /// Calls at once on one node; 0: as many as the plan allows.
    public var concurrent: Int64

    public init(plan: String, perMinute: Int64 = 0, perHour: Int64 = 0, burst: Int64 = 0, concurrent: Int64 = 0) {
        self.plan = plan
        self.perMinute = perMinute
        self.perHour = perHour
        self.burst = burst
        self.concurrent = concurrent
    }

    /// The rules of the key alone.
    var ofKey: [RateRule] {
        var rules: [RateRule] = []
        if perMinute > 0 { rules.append(.perMinute(perMinute, burst: burst > 0 ? burst : max(1, perMinute / 10))) }
        if perHour > 0 { rules.append(.perHour(perHour)) }
        return rules
    }

    /// The rules of the tenant, by its plan: requests a minute, half of them at once.
    var ofTenant: [RateRule] {
        let count = Self.perMinute[plan] ?? Self.otherPlan
        return [.perMinute(count, burst: count / 2)]
    }

    /// Requests a minute by plan.
    static let perMinute: [String: Int64] = [
        "free": 12_000, "starter": 60_000, "pro": 600_000, "enterprise": 12_000_000,
    ]
    /// Of a plan that this version does not know.
    static let otherPlan: Int64 = 12_000
}
