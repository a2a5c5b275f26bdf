/// When the refusals of one key are answered.
///
/// A few at once. When many come, their callers do not heed them, and each costs about as much as a call: from then on every one
/// waits, and they leave one after the other, so that neither they nor what their callers send next comes in a burst. Callers
/// who leave the key alone for a while are told at once again.
struct RefusalPace {
    enum Limits {
        /// So many refusals in a period are answered at once.
        static let prompt = 20
        /// Also how long it takes to calm down. In microseconds, as all times here.
        static let period: Int64 = 100_000
        /// How long a refusal waits at least, once there are many.
        static let wait: Int64 = 50_000
        /// Between two of them.
        static let spacing: Int64 = 5_000
        /// How long one waits at most.
        static let longest: Int64 = 1_000_000
    }

    private var since: Int64 = 0
    private var count = 0
    private var last: Int64 = 0
    /// When the next one may leave.
    private var next: Int64 = 0

    /// Notes a refusal; how long its answer waits, 0 for not at all.
    mutating func hold(now: Int64) -> Int64 {
        if now - last >= Limits.period || now < last {
            (since, count) = (now, 0)
        } else if now - since >= Limits.period {
            // A flood that goes on is told nothing at once.
            (since, count) = (now, count > Limits.prompt ? Limits.prompt : 0)
        }
        last = now
        count += 1
        guard count > Limits.prompt else { return 0 }
        let leaves = max(now + Limits.wait, next)
        guard leaves - now <= Limits.longest else { return Limits.longest }
        next = leaves + Limits.spacing
        return leaves - now
    }
}
