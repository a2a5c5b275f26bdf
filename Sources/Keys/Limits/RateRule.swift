/// So many in a period, with so many at once: a limit by the generic cell rate algorithm.
///
/// A token comes every `intervalNanos`; at most `burst` are there at a time. In any window of length W at most
/// `burst + W / interval` are taken, and whoever keeps to the rate is never refused.
public struct RateRule: Sendable, Hashable {
    /// Names the rule in the database and in messages, e.g. `"minute"`.
    public let name: String
    /// How many in a period, from 1.
    public let count: Int64
    /// In microseconds.
    public let periodMicros: Int64
    /// How many at once, from 1.
    public let burst: Int64

    public enum Limits {
        /// A thousand million a period is no limit any more.
        public static let count: ClosedRange<Int64> = 1...1_000_000_000
    }

    /// Values outside of their ranges are brought into them.
    public init(_ name: String, count: Int64, periodMicros: Int64, burst: Int64) {
        self.name = name
        let count = min(max(count, Limits.count.lowerBound), Limits.count.upperBound)
        let period = min(max(periodMicros, 1_000), 366 * 86_400_000_000)
        self.count = count
        self.periodMicros = period
        intervalNanos = max(1, (period * 1_000 + count - 1) / count)
        // So that no product below can overflow.
        self.burst = min(max(burst, 1), Limits.count.upperBound, (.max / 4) / intervalNanos)
    }

    public static func perMinute(_ count: Int64, burst: Int64) -> RateRule {
        RateRule("minute", count: count, periodMicros: 60_000_000, burst: burst)
    }

    public static func perHour(_ count: Int64) -> RateRule {
        RateRule("hour", count: count, periodMicros: 3_600_000_000, burst: count)
    }

    /// Between two tokens; rounded up, so that the rate is never exceeded.
    let intervalNanos: Int64

    /// How long the burst takes to come back: what may at most be owed.
    var toleranceNanos: Int64 { intervalNanos * burst }

    /// What one node takes at a time to spend without asking: 0.2 % of a period's tokens, or of the burst when that is
    /// less, so that what four nodes together hold back or spend late is less than 1 % of what any window may have.
    var share: Int64 { max(1, min(count, burst) / 500) }

    /// How many tokens a node waits for once the limit is used up, so that it does not ask for each one.
    var pace: Int64 { share > 1 ? 4 * share : 1 }
}

/// Where a limit stands: the theoretical arrival time of the next token, as a pure value. The database function
/// `ragdz.lease_rates` computes the same; a test holds one against the other.
struct RateState: Sendable, Hashable {
    /// Nanoseconds on the clock of whoever keeps the state. Not above `now` means: nothing is owed.
    var arrivalNanos: Int64 = 0

    struct Grant: Sendable, Hashable {
        var granted: Int64
        /// How long it is, when less was granted than was wanted, until `pace` tokens are there.
        var waitNanos: Int64
        /// Tokens that are still there.
        var remaining: Int64
    }

    /// Gives `returned` tokens back and takes up to `wanted`.
    mutating func lease(
        _ rule: RateRule, wanted: Int64, pace: Int64, returned: Int64 = 0, now: Int64
    ) -> Grant {
        let interval = rule.intervalNanos
        // A clock that was set back would make all debts look long: nobody owes more than a full burst.
        let known = min(arrivalNanos - returned * interval, now + rule.toleranceNanos)
        let base = max(known, now)
        let room = (now + rule.toleranceNanos - base) / interval
        let granted = min(max(wanted, 0), max(room, 0))
        arrivalNanos = base + granted * interval
        let needed = min(max(pace, 1), rule.burst)
        let wait = granted >= wanted ? 0 : max(0, arrivalNanos + needed * interval - now - rule.toleranceNanos)
        return Grant(granted: granted, waitNanos: wait, remaining: max(room, 0) - granted)
    }
}
