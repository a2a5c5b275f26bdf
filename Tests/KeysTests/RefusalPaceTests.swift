import Testing

@testable import Keys

/// When refusals are answered, as transcripts. Times are microseconds.
struct RefusalPaceTests {
    typealias Limits = RefusalPace.Limits

    @Test func aFewAreAnsweredAtOnce() {
        var pace = RefusalPace()
        for round: Int64 in 0..<50 {
            for _ in 0..<Limits.prompt { #expect(pace.hold(now: 1_000_000 + round * Limits.period) == 0) }
        }
    }

    @Test func aFloodLeavesOneByOneAndIsToldNothingAtOnceWhileItGoesOn() {
        var pace = RefusalPace()
        var leaving: [Int64] = []
        // Everybody who is told comes back at once, a hundred of them.
        var callers = [Int64](repeating: 1_000_000, count: 100)
        for _ in 0..<2_000 {
            guard let first = callers.indices.min(by: { callers[$0] < callers[$1] }) else { return }
            let now = callers[first]
            let hold = pace.hold(now: now)
            callers[first] = now + hold
            leaving.append(now + hold)
        }
        let prompt = leaving.filter { $0 == 1_000_000 }.count
        #expect(prompt == Limits.prompt)
        let rest = leaving.dropFirst(prompt).sorted()
        #expect(zip(rest, rest.dropFirst()).allSatisfy { $1 - $0 >= Limits.spacing })
    }

    @Test func nobodyWaitsForLongAndWhoCalmsDownIsToldAtOnce() {
        var pace = RefusalPace()
        let holds = (0..<10_000).map { _ in pace.hold(now: 1_000_000) }
        #expect(holds.max() == Limits.longest)
        #expect(pace.hold(now: 1_000_000 + Limits.period - 1) > 0)
        #expect(pace.hold(now: 1_000_000 + 2 * Limits.period) == 0)
        // A clock that was set back is no reason to hold anybody.
        #expect(pace.hold(now: 10) == 0)
    }
}
