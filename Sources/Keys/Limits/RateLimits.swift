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

    /// The rule of the tenant, by its plan, for methods of a cost class; nil for a class without a limit of its own.
    func ofClass(_ costClass: String) -> RateRule? {
        guard let counts = Self.perMinuteOfClass[costClass] else { return nil }
        let count = counts[plan] ?? counts["free"] ?? Self.otherPlan
        return RateRule(costClass, count: count, periodMicros: 60_000_000, burst: count / 2)
    }

    /// What language models may read and write for the tenant in a minute, all of it at once.
    var ofModelTokens: RateRule {
        let count = Self.modelTokensPerMinute[plan] ?? Self.modelTokensPerMinute["free"] ?? Self.otherPlan
        return RateRule("tokens", count: count, periodMicros: 60_000_000, burst: count)
    }

    /// By plan.
    static let modelTokensPerMinute: [String: Int64] = [
        "free": 100_000, "starter": 500_000, "pro": 5_000_000, "enterprise": 100_000_000,
    ]

    static func isLimited(_ costClass: String) -> Bool { perMinuteOfClass[costClass] != nil }

    /// Requests a minute by the cost class of their methods and by plan: what costs far more than a read must not be had as
    /// often. The class's name is the rule's.
    static let perMinuteOfClass: [String: [String: Int64]] = [
        "search": ["free": 6_000, "starter": 30_000, "pro": 300_000, "enterprise": 6_000_000],
        "model": ["free": 1_200, "starter": 6_000, "pro": 60_000, "enterprise": 1_200_000],
        "ingest": ["free": 1_200, "starter": 6_000, "pro": 60_000, "enterprise": 1_200_000],
    ]
    /// Requests a minute by plan.
    static let perMinute: [String: Int64] = [
        "free": 12_000, "starter": 60_000, "pro": 600_000, "enterprise": 12_000_000,
    ]
    /// Of a plan that this version does not know.
    static let otherPlan: Int64 = 12_000
}
