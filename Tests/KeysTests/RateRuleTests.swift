import Bytes
import Postgres
import RPC
import Support
import Testing

@testable import Keys

/// A generator whose numbers are the same in every run.
struct Xorshift: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

@Suite struct RateRuleTests {
    private static let second: Int64 = 1_000_000_000

    @Test func aBurstThenOneByOne() {
        let rule = RateRule("x", count: 10, periodMicros: 10_000_000, burst: 3)
        var state = RateState()
        #expect(
            state.lease(rule, wanted: 5, pace: 1, now: 0) == .init(granted: 3, waitNanos: Self.second, remaining: 0))
        #expect(
            state.lease(rule, wanted: 1, pace: 1, now: 0)
                == .init(granted: 0, waitNanos: Self.second, remaining: 0))
        #expect(
            state.lease(rule, wanted: 1, pace: 2, now: Self.second / 2)
                == .init(granted: 0, waitNanos: Self.second * 3 / 2, remaining: 0))
        #expect(state.lease(rule, wanted: 1, pace: 1, now: Self.second - 1).granted == 0)
        #expect(state.lease(rule, wanted: 1, pace: 1, now: Self.second).granted == 1)
        #expect(state.lease(rule, wanted: 9, pace: 1, now: 100 * Self.second).granted == 3, "the burst and no more")
    }

    @Test func whatIsGivenBackIsThereAgain() {
        let rule = RateRule("x", count: 10, periodMicros: 10_000_000, burst: 5)
        var state = RateState()
        #expect(state.lease(rule, wanted: 5, pace: 1, now: 0).granted == 5)
        #expect(state.lease(rule, wanted: 0, pace: 1, returned: 2, now: 0).remaining == 2)
        #expect(state.lease(rule, wanted: 5, pace: 1, now: 0).granted == 2)
        // More than was ever taken gives no more than the burst.
        #expect(state.lease(rule, wanted: 99, pace: 1, returned: 1_000, now: 0).granted == 5)
    }

    @Test func aClockThatIsSetBackStopsNobodyForLong() {
        let rule = RateRule.perMinute(60, burst: 10)
        var state = RateState()
        _ = state.lease(rule, wanted: 10, pace: 1, now: 1_000_000 * Self.second)
        let grant = state.lease(rule, wanted: 1, pace: 1, now: 0)
        #expect(grant.granted == 0 && grant.waitNanos <= Self.second)
        #expect(state.lease(rule, wanted: 1, pace: 1, now: Self.second).granted == 1)
    }

    @Test func noNumbersOverflow() {
        for count in [Int64.min, -1, 0, 1, 7, .max] {
            for burst in [Int64.min, 0, 1, .max] {
                for period in [Int64.min, 0, 1, .max] {
                    let rule = RateRule("x", count: count, periodMicros: period, burst: burst)
                    var state = RateState()
                    let now = 1_800_000_000 * Self.second
                    for wanted in [0, 1, Int64.max] {
                        let grant = state.lease(rule, wanted: wanted, pace: .max, now: now)
                        #expect((0...rule.burst).contains(grant.granted) && grant.remaining >= 0)
                    }
                }
            }
        }
    }

    /// In no window is more taken than the burst and the rate allow.
    @Test func everyWindowIsBounded() {
        var random = Xorshift(state: 11)
        for _ in 0..<50 {
            let rule = RateRule(
                "x", count: .random(in: 1...1_000, using: &random), periodMicros: 1_000_000,
                burst: .random(in: 1...50, using: &random))
            var state = RateState()
            var taken: [(at: Int64, count: Int64)] = []
            var now: Int64 = 0
            for _ in 0..<300 {
                now += Int64.random(in: 0...20_000_000, using: &random)
                let grant = state.lease(rule, wanted: .random(in: 0...8, using: &random), pace: 1, now: now)
                taken.append((now, grant.granted))
            }
            for from in stride(from: 0, to: taken.count, by: 7) {
                var sum: Int64 = 0
                for entry in taken[from...] {
                    sum += entry.count
                    #expect(sum <= rule.burst + (entry.at - taken[from].at) / rule.intervalNanos)
                }
            }
        }
    }

    /// The database's function is the same rule: random transcripts, line by line.
    @Test func theDatabaseComputesTheSame() async throws {
        let test = try await TestDatabase.fresh()
        let tenant = UUID128.v4()
        var random = Xorshift(state: 5)
        let rules = [
            RateRule.perMinute(60, burst: 5), .perMinute(1_000_000, burst: 100_000), .perHour(7),
            RateRule("odd", count: 7, periodMicros: 1_000_000, burst: 1_000_000_000),
        ]
        var states = [RateState](repeating: RateState(), count: rules.count)
        var now: Int64 = 1_800_000_000_000_000_000
        for round in 0..<150 {
            // Now and then the clock is set back.
            now += Int64.random(in: (round % 40 == 39 ? -9_000_000_000_000 : 0)...2_000_000_000, using: &random)
            let wanted = rules.map { Int64.random(in: 0...$0.burst / 2 + 3, using: &random) }
            let paces = rules.map { _ in Int64.random(in: 1...9, using: &random) }
            let returned = rules.map { _ in Int64.random(in: 0...2, using: &random) }
            let rows = try await Queries.leaseRates(
                test.database.as(.tenant(tenant)), subjects: rules.map { _ in "k" },
                rules: rules.indices.map { "r\($0)" }, intervals: rules.map(\.intervalNanos),
                bursts: rules.map(\.burst), wanted: wanted, paces: paces, returned: returned, atNanos: now)
            let found = rows.sorted { $0.place < $1.place }.map {
                RateState.Grant(granted: $0.granted, waitNanos: $0.waitNanos, remaining: $0.remaining)
            }
            let expected = rules.indices.map {
                states[$0].lease(rules[$0], wanted: wanted[$0], pace: paces[$0], returned: returned[$0], now: now)
            }
            #expect(found == expected, "round \(round)")
        }
        await test.close()
    }

    /// The row of a limit is made by the first who asks; whoever comes at that moment finds it. Each tenant has its own.
    @Test func whoAsksFirstMakesTheLimitOnce() async throws {
        let test = try await TestDatabase.fresh()
        let rule = RateRule.perMinute(60, burst: 5)
        for tenant in [UUID128.v4(), UUID128.v4()] {
            let granted = try await withThrowingTaskGroup(of: Int64.self) { group in
                for _ in 0..<12 {
                    group.addTask {
                        try await Queries.leaseRates(
                            test.database.as(.tenant(tenant)), subjects: ["k"], rules: ["new"],
                            intervals: [rule.intervalNanos], bursts: [rule.burst], wanted: [1], paces: [1],
                            returned: [0], atNanos: 1_800_000_000_000_000_000
                        ).reduce(0) { $0 + $1.granted }
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(granted == rule.burst)
        }
        await test.close()
    }
}

/// Four nodes that share one limit, on a clock of their own: what they let through together.
@Suite struct RateShareTests {
    /// What a node does with the answers, without its locks and its database.
    private final class Node {
        let share: RateShare
        let account: RateAccount
        var admitted = 0
        var asked = 0

        init(_ rule: RateRule) {
            share = RateShare(subject: "", rule: rule)
            account = RateAccount(shares: [share])
        }

        /// One call at `now`, the database being at hand.
        func call(_ database: inout RateState, now: Int64) -> Bool {
            for _ in 0..<4 {
                switch account.decide(cost: 1, now: now) {
                case .admitted(_, let isLow):
                    admitted += 1
                    if isLow { ask(&database, now: now) }
                    return true
                case .refused: return false
                case .ask: ask(&database, now: now)
                }
            }
            return false
        }

        func ask(_ database: inout RateState, now: Int64) {
            for ask in account.asks(demand: 1) { answer(ask, &database, now: now) }
        }

        func sweep(_ database: inout RateState, now: Int64) {
            share.expire(now: now)
            if share.expired > 0 { answer(share.giveBack(), &database, now: now) }
        }

        private func answer(_ ask: RateAsk, _ database: inout RateState, now: Int64) {
            asked += 1
            let grant = database.lease(
                share.rule, wanted: ask.wanted, pace: ask.pace, returned: ask.returned, now: now * 1_000)
            share.receive(grant, for: ask, askedMicros: now, term: 500_000)
        }
    }

    struct Demand: Sendable, CustomTestStringConvertible {
        var name: String
        /// Calls a second of each node, by the second.
        var of: @Sendable (_ node: Int, _ second: Int) -> Int
        var testDescription: String { name }
    }

    static let demands = [
        Demand(name: "all push") { _, _ in 1_200 },
        Demand(name: "one pushes") { node, _ in node == 0 ? 4_000 : 0 },
        Demand(name: "unequal") { node, _ in [2_500, 900, 300, 40][node] },
        Demand(name: "in turn") { node, second in (second / 3) % 4 == node ? 5_000 : 0 },
        Demand(name: "on and off") { _, second in second % 7 < 3 ? 2_000 : 10 },
    ]

    /// 60,000 a minute, half of them at once, for five minutes: in every window of a minute the four together let
    /// through what the limit says, within 1 %, whenever there is demand for it.
    @Test(arguments: demands) func fourNodesKeepOneLimitWithinOnePercent(_ demand: Demand) {
        let rule = RateRule.perMinute(60_000, burst: 30_000)
        var database = RateState()
        var one = RateState()
        let nodes = (0..<4).map { _ in Node(rule) }
        // By tenth of a second: what the nodes admitted, and what a single exact limiter would have.
        var together: [Int] = []
        var exact: [Int] = []
        var due = [Double](repeating: 0, count: 4)
        for step in 0..<300_000 {
            let now = 1_000_000_000 + Int64(step) * 1_000
            if step % 100 == 0 {
                together.append(0)
                exact.append(0)
            }
            if step % 250 == 0 { for node in nodes { node.sweep(&database, now: now) } }
            for (index, node) in nodes.enumerated() {
                due[index] += Double(demand.of(index, step / 1_000)) / 1_000
                while due[index] >= 1 {
                    due[index] -= 1
                    if node.call(&database, now: now) { together[together.count - 1] += 1 }
                    if one.lease(rule, wanted: 1, pace: 1, now: now * 1_000).granted == 1 {
                        exact[exact.count - 1] += 1
                    }
                }
            }
        }
        // A short window too: a node's share must not look like a second burst.
        for start in stride(from: 0, through: together.count - 20, by: 10) {
            let window = start..<(start + 20)
            let found = together[window].reduce(0, +)
            guard found * 100 <= (30_000 + 2_000) * 101 else {
                Issue.record("\(found) in two seconds from \(start)")
                break
            }
        }
        for start in stride(from: 0, through: together.count - 600, by: 10) {
            let window = start..<(start + 600)
            let (found, wanted) = (together[window].reduce(0, +), exact[window].reduce(0, +))
            guard abs(found - wanted) * 100 <= 90_000, found * 100 <= 90_000 * 101 else {
                Issue.record("\(found) for \(wanted) from \(start)")
                break
            }
        }
        let admitted = nodes.map(\.admitted).reduce(0, +)
        let asked = nodes.map(\.asked).reduce(0, +)
        #expect(asked * 20 < admitted, "\(asked) questions for \(admitted) calls")
    }

    /// Small limits are exact: there is nothing to share out.
    @Test func aSmallLimitIsExactOnFourNodes() {
        let rule = RateRule.perMinute(60, burst: 10)
        var database = RateState()
        let nodes = (0..<4).map { _ in Node(rule) }
        var admitted: [Int64] = []
        for step in 0..<60_000 {
            let now = 1_000_000_000 + Int64(step) * 10_000
            for node in nodes where node.call(&database, now: now) { admitted.append(now) }
        }
        #expect(admitted.count <= 10 + 600 && admitted.count >= 600)
        for (index, at) in admitted.enumerated() where index + 11 < admitted.count {
            #expect(admitted[index + 11] - at >= 1_000_000, "ten at once, then one a second")
        }
    }

    /// Exactly as long as was said is enough and a microsecond less is not, for limits of single tokens and of shares.
    @Test(arguments: [
        RateRule.perMinute(60, burst: 2), .perHour(7), .perMinute(999, burst: 1), .perMinute(60_000, burst: 3_000),
        .perMinute(600_000, burst: 60_000),
    ]) func whoIsRefusedAndComesBackInTimeIsLetIn(_ rule: RateRule) {
        var database = RateState()
        let node = Node(rule)
        var now: Int64 = 5_000_000
        var refusals = 0
        while refusals < 10 {
            guard case .refused(let standing, let retry) = node.account.decide(cost: 1, now: now) else {
                _ = node.call(&database, now: now)
                continue
            }
            refusals += 1
            #expect(standing == RateStanding(limit: rule.count, remaining: 0, resetMicros: retry))
            #expect(!node.call(&database, now: now + retry - 1))
            #expect(node.call(&database, now: now + retry))
            now += retry
        }
    }

    /// Either all limits of a call give or none does.
    @Test func aDecisionIsOneForAllLimits() {
        let (minute, hour) = (
            RateShare(subject: "k", rule: .perMinute(600, burst: 10)),
            RateShare(subject: "", rule: .perHour(3))
        )
        let account = RateAccount(shares: [minute, hour])
        var states = [RateState(), RateState()]
        var admitted = 0
        for _ in 0..<10 {
            for _ in 0..<3 {
                let decision = account.decide(cost: 1, now: 1_000)
                if case .admitted = decision { admitted += 1 }
                guard case .ask = decision else { break }
                for ask in account.asks(demand: 1) {
                    let place = ask.share === minute ? 0 : 1
                    let grant = states[place].lease(
                        ask.share.rule, wanted: ask.wanted, pace: ask.pace, returned: ask.returned, now: 1_000_000)
                    ask.share.receive(grant, for: ask, askedMicros: 1_000, term: 500_000)
                }
            }
        }
        #expect(admitted == 3)
        let spent = 10 - states[0].lease(minute.rule, wanted: 0, pace: 1, now: 1_000_000).remaining - minute.tokens
        #expect(spent == 3, "the minute's tokens of refused calls are still there")
    }
}
