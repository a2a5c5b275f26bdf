import Testing

@testable import Postgres

/// Which connection a unit goes to, by what it is expected to cost; as transcripts.
@Suite struct PoolPackingTests {
    typealias Pool = PoolStateMachineTests.Pool

    @Test func quickUnitsShareAConnection() {
        var pool = Pool(minimum: 2, maximum: 2, depth: 8)
        #expect(pool.unit("a") == ["connect 0"])
        #expect(pool.unit("b") == ["connect 1"])
        #expect(pool.connected(0) == ["run a on 0", "run b on 0"])
        #expect(pool.connected(1) == [])
        #expect(pool.unit("q1", cost: 50) == ["run q1 on 1"], "not behind what nobody knows")
        #expect(pool.unit("q2", cost: 50) == ["run q2 on 1"])
        #expect(pool.unit("q3", cost: 50) == ["run q3 on 1"])
        #expect(pool.finished(0) == [])
        #expect(pool.finished(0) == [])
        #expect(pool.unit("q4", cost: 50) == ["run q4 on 1"], "an idle process would have to be woken")
    }

    @Test func slowUnitsAreSpread() {
        var pool = Pool(minimum: 3, maximum: 3)
        for name in ["a", "b", "c"] { _ = pool.unit(name) }
        #expect(pool.connected(0) == ["run a on 0", "run b on 0", "run c on 0"])
        _ = pool.connected(1)
        _ = pool.connected(2)
        #expect(pool.unit("s1", cost: 5000) == ["run s1 on 1"])
        #expect(pool.unit("s2", cost: 5000) == ["run s2 on 2"])
        #expect(pool.unit("q1", cost: 50) == ["run q1 on 1"], "all are slow: the one that is through first")
    }

    @Test func moreThanAMillisecondOfQuickOnesIsSpread() {
        var pool = Pool(minimum: 2, maximum: 2, depth: 100)
        _ = pool.unit("a")
        _ = pool.unit("b")
        _ = pool.connected(0)
        _ = pool.connected(1)
        _ = pool.finished(0)
        _ = pool.finished(0)
        let places = (0..<12).map { pool.unit("q\($0)", cost: 100).joined() }
        #expect(places.prefix(10).allSatisfy { $0.hasSuffix("on 0") }, "\(places)")
        #expect(places.suffix(2).allSatisfy { $0.hasSuffix("on 1") }, "\(places)")
    }

    @Test func nothingIsPutBehindWhatTakesLongerThanExpected() {
        var pool = Pool(minimum: 2, maximum: 2, depth: 8)
        _ = pool.unit("a")
        _ = pool.unit("b")
        _ = pool.connected(0)
        _ = pool.connected(1)
        _ = pool.finished(0)
        _ = pool.finished(0)
        #expect(pool.unit("lock", cost: 50) == ["run lock on 0"])
        #expect(pool.unit("q1", cost: 50) == ["run q1 on 0"])
        pool.now += 3
        #expect(pool.unit("q2", cost: 50) == ["run q2 on 1"], "it waits for a lock, it seems")
        #expect(pool.unit("q3", cost: 50) == ["run q3 on 1"])
        #expect(pool.finished(0, cost: 50) == [])
        #expect(pool.unit("q4", cost: 50) == ["run q4 on 1"], "the fuller one of two that are quick")
    }

    @Test func costsFollowWhatIsSeen() {
        var costs = StatementCosts()
        let read = Statement(name: "read", sql: "select 1")
        #expect(costs.expected(read) == StatementCosts.unknown)
        costs.note(read, took: 800)
        #expect(costs.expected(read) == 800)
        for _ in 0..<100 { costs.note(read, took: 40) }
        #expect((40...47).contains(costs.expected(read)))
        costs.note(read, took: 10_000_000)
        #expect(costs.expected(read) > 100_000, "who waits for a lock once is not put before others for a while")
        for _ in 0..<100 { costs.note(read, took: -5) }
        #expect((0...7).contains(costs.expected(read)))
        #expect(costs.expected(nil) == StatementCosts.unknown)
    }
}
