/// Tokens of one limit that this node may spend without asking. Touched under the lock of its lane only.
///
/// What can go wrong, and what then holds:
/// - the node dies: its tokens are lost, and the limit is stricter by them until they have come back by time;
/// - the node is idle: at the end of the term the rest goes back, so that others can spend it;
/// - the limit is used up: the database has said when to ask again, and until then the node refuses by itself.
///
/// Unchecked because the compiler does not see the lock.
final class RateShare: @unchecked Sendable {
    let subject: String
    private(set) var rule: RateRule
    private(set) var tokens: Int64 = 0
    /// Tokens whose term is over, to be given back.
    private(set) var expired: Int64 = 0
    /// When the tokens stop to be ours.
    private(set) var endMicros: Int64 = 0
    /// Before this there is nothing to ask for.
    private(set) var blockedUntilMicros: Int64 = 0
    /// Tokens that were refused since it asked last: as many are likely to be wanted again.
    private var missed: Int64 = 0
    /// What the database had left when it was asked last.
    private(set) var remaining: Int64
    /// It has answered at least once.
    private(set) var isKnown = false

    init(subject: String, rule: RateRule) {
        self.subject = subject
        self.rule = rule
        remaining = rule.burst
    }

    /// A limit that was changed begins with nothing of the old one.
    func change(_ rule: RateRule) {
        guard rule != self.rule else { return }
        self.rule = rule
        expired += tokens
        tokens = 0
        blockedUntilMicros = 0
        remaining = rule.burst
    }

    /// What is left for a caller to see: our own tokens and those that nobody had taken.
    var left: Int64 { min(rule.burst, tokens + remaining) }

    /// Below this more is fetched before it is needed. A limit that is given out one by one is asked for each time: what
    /// were fetched ahead would be too much of it.
    var isLow: Bool { rule.share > 1 && tokens * 4 < rule.share }

    func expire(now: Int64) {
        guard tokens > 0, now >= endMicros else { return }
        expired += tokens
        tokens = 0
    }

    func spend(_ cost: Int64) { tokens -= cost }

    func miss(_ cost: Int64) { missed += cost }

    /// What was spent and turned out not to be needed goes back to everybody.
    func putBack(_ count: Int64) { expired += count }

    func isBlocked(now: Int64) -> Bool { now < blockedUntilMicros }

    /// What to ask the database for when `demand` tokens are waited for.
    func ask(demand: Int64) -> RateAsk {
        let returned = expired
        expired = 0
        defer { missed = 0 }
        return RateAsk(
            share: self, wanted: max(max(rule.share, demand, min(missed, rule.pace)) - tokens, 0), pace: rule.pace,
            returned: returned)
    }

    /// Only gives back what is left of the term that is over.
    func giveBack() -> RateAsk {
        let returned = expired
        expired = 0
        return RateAsk(share: self, wanted: 0, pace: 1, returned: returned)
    }

    func receive(_ grant: RateState.Grant, for ask: RateAsk, askedMicros: Int64, term: Int64) {
        isKnown = true
        remaining = grant.remaining
        if grant.granted > 0 {
            tokens += grant.granted
            endMicros = askedMicros + term
        }
        if grant.granted < ask.wanted {
            blockedUntilMicros = askedMicros + (grant.waitNanos + 999) / 1_000
        }
    }

    /// The question was not answered: what was to go back still is.
    func lose(_ ask: RateAsk) { expired += ask.returned }
}

/// One line of the question to the database.
struct RateAsk: Sendable {
    let share: RateShare
    let wanted: Int64
    let pace: Int64
    let returned: Int64
}

/// What a caller learns of its limits: of the one that is nearest to its end.
public struct RateStanding: Sendable, Hashable {
    public var limit: Int64
    public var remaining: Int64
    /// Until all of it is there again, in microseconds.
    public var resetMicros: Int64
}

/// The limits that one key is under, its own and its tenant's, decided as one: either every one of them gives its
/// tokens or none does.
struct RateAccount: Sendable {
    enum Decision: Sendable, Hashable {
        case admitted(RateStanding, isLow: Bool)
        case refused(RateStanding, retryMicros: Int64)
        /// The database has to be asked first.
        case ask
    }

    let shares: [RateShare]

    func decide(cost: Int64, now: Int64) -> Decision {
        var wait: Int64 = 0
        var refusing: RateShare?
        var mustAsk = false
        for share in shares {
            share.expire(now: now)
            if share.tokens >= cost { continue }
            if share.isBlocked(now: now) {
                let left = share.blockedUntilMicros - now
                share.miss(cost)
                if left > wait { (wait, refusing) = (left, share) }
            } else {
                mustAsk = true
            }
        }
        if let refusing {
            return .refused(
                RateStanding(limit: refusing.rule.count, remaining: 0, resetMicros: wait), retryMicros: wait)
        }
        if mustAsk { return .ask }
        var isLow = false
        var tightest: RateShare?
        for share in shares {
            share.spend(cost)
            if share.isLow, !share.isBlocked(now: now) { isLow = true }
            if share.left < tightest?.left ?? .max { tightest = share }
        }
        guard let tightest else {
            return .admitted(RateStanding(limit: 0, remaining: 0, resetMicros: 0), isLow: false)
        }
        let missing = max(0, tightest.rule.burst - tightest.left)
        return .admitted(
            RateStanding(
                limit: tightest.rule.count, remaining: max(0, tightest.left),
                resetMicros: missing.multipliedReportingOverflow(by: tightest.rule.intervalNanos).partialValue / 1_000),
            isLow: isLow)
    }

    /// What is missing for `demand` callers of this account.
    func asks(demand: Int64) -> [RateAsk] {
        shares.filter { $0.tokens < demand || $0.isLow }.map { $0.ask(demand: demand) }
    }
}
