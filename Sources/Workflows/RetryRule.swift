/// How often and after which pauses a step is tried again.
struct RetryRule: Sendable, Hashable {
    var maxAttempts: Int
    var initialBackoffMicros: Int64
    var maxBackoffMicros: Int64

    /// 3 attempts; 1 s before the second one, doubling up to 60 s.
    static let defaults = RetryRule(
        maxAttempts: 3, initialBackoffMicros: 1_000_000, maxBackoffMicros: 60_000_000)

    /// The pause after the failure of this number (from 1), in microseconds.
    ///
    /// Half of the doubled pause is fixed and half is chance, so that steps which failed together do not come back
    /// together. `chance` is from 0 up to but not including 1.
    func pauseMicros(afterFailure failure: Int, chance: Double) -> Int64 {
        let doublings = min(max(failure - 1, 0), 40)
        let (doubled, overflow) = initialBackoffMicros.multipliedReportingOverflow(by: 1 << Int64(doublings))
        let ceiling = overflow ? maxBackoffMicros : min(doubled, maxBackoffMicros)
        let half = max(ceiling, 0) / 2
        return half + Int64(Double(max(ceiling, 0) - half) * min(max(chance, 0), 1))
    }
}
