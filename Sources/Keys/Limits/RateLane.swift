internal import Bytes
internal import RPC

/// A key whose calls are counted here. Touched under the lock of its lane only.
///
/// Unchecked because the compiler does not see the lock.
final class RateKey: @unchecked Sendable {
    let tenant: UUID128
    fileprivate(set) var limits: RateLimits
    fileprivate(set) var account: RateAccount
    fileprivate var isAsking = false
    /// Callers that need more than there is.
    fileprivate var pending: Int64 = 0
    fileprivate var waiters: [CheckedContinuation<Status?, Never>] = []

    fileprivate init(tenant: UUID128, limits: RateLimits, account: RateAccount) {
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
    /// Keys that may have tokens to give back.
    private var holding: [String: RateKey] = [:]

    /// One call that can be decided without the database; nil for one that cannot.
    mutating func take(
        _ tenant: UUID128, _ keyID: String, _ limits: RateLimits, cost: Int64, now: Int64
    ) -> Step? {
        guard let key = keys[keyID], key.tenant == tenant, key.limits == limits else { return nil }
        switch key.account.decide(cost: cost, now: now) {
        case .admitted(let standing, let isLow):
            return .admitted(standing, fetch: isLow && !key.isAsking ? key : nil)
        case .refused(let standing, let retry): return .refused(standing, retryMicros: retry)
        case .ask: return nil
        }
    }

    /// One call, or the next look of one that has asked or waited (`isPending`).
    mutating func step(
        _ tenant: UUID128, _ keyID: String, _ limits: RateLimits, cost: Int64, isPending: Bool, now: Int64
    ) -> Step {
        let key: RateKey
        if let known = keys[keyID], known.tenant == tenant, known.limits == limits {
            key = known
        } else {
            key = learn(tenant, keyID, limits)
        }
        let decision = key.account.decide(cost: cost, now: now)
        switch decision {
        case .admitted(let standing, let isLow):
            if isPending { leave(key, cost: cost) }
            return .admitted(standing, fetch: isLow && !key.isAsking ? key : nil)
        case .refused(let standing, let retry):
            if isPending { leave(key, cost: cost) }
            return .refused(standing, retryMicros: retry)
        case .ask:
            if !isPending { key.pending += cost }
            if key.isAsking { return .wait(key) }
            return .ask(key, beginToAsk(key, keyID))
        }
    }

    /// The caller gives up before it was decided.
    func leave(_ key: RateKey, cost: Int64) { key.pending = max(0, key.pending - cost) }

    /// Asks ahead of need; nil when somebody asks already.
    mutating func fetch(_ key: RateKey, _ keyID: String) -> [RateAsk]? {
        guard !key.isAsking else { return nil }
        return beginToAsk(key, keyID)
    }

    private mutating func beginToAsk(_ key: RateKey, _ keyID: String) -> [RateAsk] {
        key.isAsking = true
        holding[keyID] = key
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
        for (keyID, key) in holding where !key.isAsking {
            var holds = false
            var asks: [RateAsk] = []
            for share in key.account.shares {
                share.expire(now: now)
                if share.expired > 0 { asks.append(share.giveBack()) }
                if share.tokens > 0 { holds = true }
            }
            if !asks.isEmpty { found.append((key.tenant, asks)) }
            if !holds { holding[keyID] = nil }
        }
        return found
    }

    private mutating func learn(_ tenant: UUID128, _ keyID: String, _ limits: RateLimits) -> RateKey {
        if keys.count >= Limits.keys {
            keys.removeAll(keepingCapacity: true)
            tenants.removeAll(keepingCapacity: true)
            holding.removeAll(keepingCapacity: true)
        }
        let shared = Self.shares(limits.ofTenant, subject: "", tenants[tenant] ?? [])
        tenants[tenant] = shared
        if let key = keys[keyID], key.tenant == tenant {
            let own = key.account.shares.filter { !$0.subject.isEmpty }
            key.account = RateAccount(shares: Self.shares(limits.ofKey, subject: keyID, own) + shared)
            key.limits = limits
            return key
        }
        let account = RateAccount(shares: Self.shares(limits.ofKey, subject: keyID, []) + shared)
        let key = RateKey(tenant: tenant, limits: limits, account: account)
        keys[keyID] = key
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
