internal import Bytes
internal import RPC

/// A key whose calls are counted here. Touched under the lock of its lane only.
///
/// Unchecked because the compiler does not see the lock.
final class RateKey: @unchecked Sendable {
    /// Of the key in its lane.
    let name: String
    let tenant: UUID128
    fileprivate(set) var limits: RateLimits
    fileprivate(set) var account: RateAccount
    fileprivate var isAsking = false
    fileprivate var refusals = RefusalPace()
    /// Callers that need more than there is.
    fileprivate var pending: Int64 = 0
    fileprivate var waiters: [CheckedContinuation<Status?, Never>] = []

    fileprivate init(name: String, tenant: UUID128, limits: RateLimits, account: RateAccount) {
        self.name = name
        self.tenant = tenant
        self.limits = limits
        self.account = account
    }
}

/// The limits of some of the tenants, under one lock.
struct RateLane {
    /// What a caller has to do next.
    enum Step: Sendable {
        /// `fetch`: there is little left; ask for more while the call goes on.
        case admitted(RateStanding, fetch: RateKey?)
        case refused(RateStanding, retryMicros: Int64)
        /// This caller asks the database, for all who wait for this key.
        case ask(RateKey, [RateAsk])
        /// Somebody asks already.
        case wait(RateKey)
    }

    enum Limits {
        /// Keys of one lane; beyond it the lane starts afresh, which costs what its shares held.
        static let keys = 16_384
    }

    private var keys: [String: RateKey] = [:]
    private var tenants: [UUID128: [RateShare]] = [:]
    /// Of the classes of methods that have a limit of their own, which the keys of a tenant share.
    private var classes: [UUID128: [RateShare]] = [:]
    /// The plans of tenants whose calls have come here.
    private var plans: [UUID128: RateLimits] = [:]
    /// Keys that may have tokens to give back.
    private var holding: [String: RateKey] = [:]

    /// Under which name the calls of a key are counted here: apart where their class of methods has a limit of its own.
    static func name(_ keyID: String, _ costClass: String) -> String {
        RateLimits.isLimited(costClass) ? "\(keyID)/\(costClass)" : keyID
    }

    /// One call that can be decided without the database; nil for one that cannot.
    mutating func take(
        _ tenant: UUID128, _ name: String, _ limits: RateLimits, cost: Int64, now: Int64
    ) -> Step? {
        guard let key = keys[name], key.tenant == tenant, key.limits == limits else { return nil }
        switch key.account.decide(cost: cost, now: now) {
        case .admitted(let standing, let isLow):
            return .admitted(standing, fetch: isLow && !key.isAsking ? key : nil)
        case .refused(let standing, let retry): return .refused(standing, retryMicros: retry)
        case .ask: return nil
        }
    }

    /// One call, or the next look of one that has asked or waited (`isPending`).
    mutating func step(
        _ tenant: UUID128, _ keyID: String, _ limits: RateLimits, costClass: String = "", cost: Int64, isPending: Bool,
        now: Int64
    ) -> Step {
        let name = Self.name(keyID, costClass)
        let key = known(tenant, name, limits) ?? learn(tenant, keyID, costClass, limits)
        return decide(key, cost: cost, isPending: isPending, now: now)
    }

    /// As `step`, for what a language model may take; nil when no call of the tenant has come here, so that its plan is not
    /// known.
    mutating func step(modelTokens: Int64, of tenant: UUID128, isPending: Bool, now: Int64) -> Step? {
        guard let limits = plans[tenant] else { return nil }
        let name = Self.modelName(tenant)
        let present = keys[name]?.account.shares ?? []
        let key =
            known(tenant, name, limits)
            ?? keep(tenant, name, limits, Self.shares([limits.ofModelTokens], subject: "", present))
        // More than there ever are at once would wait for ever.
        return decide(key, cost: min(modelTokens, limits.ofModelTokens.burst), isPending: isPending, now: now)
    }

    /// A model has taken `used` of the tokens that were taken for it.
    mutating func settle(modelTokens: Int64, used: Int64, of tenant: UUID128) {
        let name = Self.modelName(tenant)
        guard let key = keys[name], let share = key.account.shares.first else { return }
        let left = min(modelTokens, share.rule.burst) - used
        guard left > 0 else { return }
        share.putBack(left)
        holding[name] = key
    }

    private static func modelName(_ tenant: UUID128) -> String { "\(tenant)/tokens" }

    private mutating func decide(_ key: RateKey, cost: Int64, isPending: Bool, now: Int64) -> Step {
        switch key.account.decide(cost: cost, now: now) {
        case .admitted(let standing, let isLow):
            if isPending { leave(key, cost: cost) }
            return .admitted(standing, fetch: isLow && !key.isAsking ? key : nil)
        case .refused(let standing, let retry):
            if isPending { leave(key, cost: cost) }
            return .refused(standing, retryMicros: retry)
        case .ask:
            if !isPending { key.pending += cost }
            if key.isAsking { return .wait(key) }
            return .ask(key, beginToAsk(key))
        }
    }

    /// Notes a refusal of a key; how long its answer waits, in microseconds.
    func hold(_ keyID: String, now: Int64) -> Int64 { keys[keyID]?.refusals.hold(now: now) ?? 0 }

    /// The caller gives up before it was decided.
    func leave(_ key: RateKey, cost: Int64) { key.pending = max(0, key.pending - cost) }

    /// Asks ahead of need; nil when somebody asks already.
    mutating func fetch(_ key: RateKey) -> [RateAsk]? {
        guard !key.isAsking else { return nil }
        return beginToAsk(key)
    }

    private mutating func beginToAsk(_ key: RateKey) -> [RateAsk] {
        key.isAsking = true
        holding[key.name] = key
        return key.account.asks(demand: max(key.pending, 1))
    }

    /// The database's answer to `asks`, in their order. Gives those who waited for it.
    mutating func receive(
        _ grants: [RateState.Grant], for asks: [RateAsk], of key: RateKey, askedMicros: Int64, term: Int64
    ) -> [CheckedContinuation<Status?, Never>] {
        for (ask, grant) in zip(asks, grants) {
            ask.share.receive(grant, for: ask, askedMicros: askedMicros, term: term)
        }
        return endAsking(key)
    }

    /// The database did not answer.
    mutating func lose(_ asks: [RateAsk], of key: RateKey) -> [CheckedContinuation<Status?, Never>] {
        for ask in asks { ask.share.lose(ask) }
        return endAsking(key)
    }

    private func endAsking(_ key: RateKey) -> [CheckedContinuation<Status?, Never>] {
        key.isAsking = false
        defer { key.waiters = [] }
        return key.waiters
    }

    /// Whether the continuation will be resumed when the question under way is answered.
    func wait(_ key: RateKey, _ continuation: CheckedContinuation<Status?, Never>) -> Bool {
        guard key.isAsking else { return false }
        key.waiters.append(continuation)
        return true
    }

    /// What is to be given back, since its term is over: one question for each tenant.
    mutating func sweep(now: Int64) -> [(tenant: UUID128, asks: [RateAsk])] {
        var found: [(tenant: UUID128, asks: [RateAsk])] = []
        for (name, key) in holding where !key.isAsking {
            var holds = false
            var asks: [RateAsk] = []
            for share in key.account.shares {
                share.expire(now: now)
                if share.expired > 0 { asks.append(share.giveBack()) }
                if share.tokens > 0 { holds = true }
            }
            if !asks.isEmpty { found.append((key.tenant, asks)) }
            if !holds { holding[name] = nil }
        }
        return found
    }

    private func known(_ tenant: UUID128, _ name: String, _ limits: RateLimits) -> RateKey? {
        guard let key = keys[name], key.tenant == tenant, key.limits == limits else { return nil }
        return key
    }

    private mutating func learn(
        _ tenant: UUID128, _ keyID: String, _ costClass: String, _ limits: RateLimits
    ) -> RateKey {
        let base = known(tenant, keyID, limits) ?? learn(tenant, keyID, limits)
        guard let rule = limits.ofClass(costClass) else { return base }
        let present = classes[tenant] ?? []
        let share = Self.shares([rule], subject: "", present)
        classes[tenant] = present.filter { $0.rule.name != rule.name } + share
        return keep(tenant, Self.name(keyID, costClass), limits, share + base.account.shares)
    }

    private mutating func learn(_ tenant: UUID128, _ keyID: String, _ limits: RateLimits) -> RateKey {
        if keys.count >= Limits.keys {
            keys.removeAll(keepingCapacity: true)
            tenants.removeAll(keepingCapacity: true)
            classes.removeAll(keepingCapacity: true)
            plans.removeAll(keepingCapacity: true)
            holding.removeAll(keepingCapacity: true)
        }
        let shared = Self.shares(limits.ofTenant, subject: "", tenants[tenant] ?? [])
        tenants[tenant] = shared
        plans[tenant] = RateLimits(plan: limits.plan)
        let old = keys[keyID].flatMap { $0.tenant == tenant ? $0.account.shares : nil } ?? []
        let own = Self.shares(limits.ofKey, subject: keyID, old.filter { !$0.subject.isEmpty })
        return keep(tenant, keyID, limits, own + shared)
    }

    /// Those who wait for an answer stay with the key that they know.
    private mutating func keep(
        _ tenant: UUID128, _ name: String, _ limits: RateLimits, _ shares: [RateShare]
    ) -> RateKey {
        let account = RateAccount(shares: shares)
        if let key = keys[name], key.tenant == tenant {
            key.account = account
            key.limits = limits
            return key
        }
        let key = RateKey(name: name, tenant: tenant, limits: limits, account: account)
        keys[name] = key
        return key
    }

    /// A share for each rule; those that are there already are kept.
    private static func shares(_ rules: [RateRule], subject: String, _ present: [RateShare]) -> [RateShare] {
        rules.map { rule in
            guard let share = present.first(where: { $0.rule.name == rule.name }) else {
                return RateShare(subject: subject, rule: rule)
            }
            share.change(rule)
            return share
        }
    }
}
