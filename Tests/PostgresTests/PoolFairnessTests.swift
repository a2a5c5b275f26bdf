import Bytes
import NIOPosix
import Support
import Testing

@testable import Postgres

/// Who waits, in which order he is served, and who gives way when too many wait.
@Suite struct PoolFairnessTests {
    let greedy = Identity.tenant(UUID128(hi: 1, lo: 1))
    let modest = Identity.tenant(UUID128(hi: 2, lo: 2))

    private func machine(_ change: (inout PoolLimits) -> Void = { _ in }) -> PoolStateMachine<String> {
        var limits = PoolLimits.defaults
        (limits.minimum, limits.soft, limits.maximum, limits.pipelineDepth) = (0, 1, 1, 1)
        (limits.waiters, limits.waitMilliseconds, limits.idleMilliseconds) = (10, 1000, 1_000_000)
        change(&limits)
        return PoolStateMachine(limits: limits)
    }

    private func drain(_ machine: inout PoolStateMachine<String>) -> [String] {
        var texts: [String] = []
        while let action = machine.nextAction() {
            switch action {
            case .run(let request, _): texts.append("run \(request)")
            case .connect(let id): texts.append("connect \(id)")
            case .close(let id): texts.append("close \(id)")
            case .fail(let request, let error): texts.append("fail \(request): \(error.code)")
            }
        }
        return texts
    }

    @Test func aTenantThatFloodsDelaysAnotherByOneTurn() {
        var pool = machine { $0.waiters = 1000 }
        pool.submit("first", .unit, share: greedy, now: 0)
        _ = pool.connected(0, now: 0)
        for number in 0..<500 { pool.submit("g\(number)", .unit, share: greedy, now: 0) }
        pool.submit("m0", .unit, share: modest, now: 0)
        pool.submit("m1", .unit, share: modest, now: 0)
        _ = drain(&pool)
        var served: [String] = []
        for _ in 0..<5 {
            pool.finishedUnit(0, now: 1)
            served += drain(&pool)
        }
        #expect(served == ["run g0", "run m0", "run g1", "run m1", "run g2"])
    }

    @Test func pipelinesAreFilledLessWhileSeveralCall() {
        var pool = machine { ($0.pipelineDepth, $0.sharedDepth, $0.waiters) = (8, 2, 100) }
        pool.submit("g0", .unit, share: greedy, now: 0)
        _ = pool.connected(0, now: 0)
        for number in 1..<20 { pool.submit("g\(number)", .unit, share: greedy, now: 0) }
        // Looking up a key is nobody's call.
        pool.submit("key", .unit, share: .none, now: 0)
        #expect(drain(&pool).count == 9, "alone it has all of the pipeline: one connection, eight calls")
        pool.submit("m0", .unit, share: modest, now: 10)
        pool.submit("m1", .unit, share: modest, now: 10)
        for _ in 0..<6 { pool.finishedUnit(0, now: 11) }
        #expect(drain(&pool) == [], "what is in the pipeline is done before more goes in")
        var served: [String] = []
        for _ in 0..<5 {
            pool.finishedUnit(0, now: 12)
            served += drain(&pool)
        }
        #expect(served == ["run g8", "run key", "run m0", "run g9", "run m1"])
        // A second after the other one has gone, all of the pipeline is there again.
        pool.finishedUnit(0, now: 1011)
        #expect(drain(&pool).count == 7)
    }

    @Test func oneConnectionStaysFreeOfWhoeverHasMost() {
        var pool = machine { ($0.soft, $0.maximum, $0.pipelineDepth, $0.sharedDepth, $0.waiters) = (2, 2, 8, 2, 100) }
        pool.submit("m", .unit, share: modest, now: 0)
        pool.submit("g", .unit, share: greedy, now: 0)
        for id in 0...1 { _ = pool.connected(id, now: 0) }
        for _ in 0..<2 { pool.finishedUnit(0, now: 0) }
        #expect(drain(&pool) == ["connect 0", "connect 1", "run m", "run g"])
        for number in 0..<30 { pool.submit("g\(number)", .unit, share: greedy, cost: 50, now: 1) }
        #expect(drain(&pool) == ["run g0", "run g1"], "the other connection is for others")
        pool.submit("m0", .unit, share: modest, cost: 50, now: 1)
        pool.submit("m1", .unit, share: modest, cost: 50, now: 1)
        #expect(drain(&pool) == ["run m0", "run m1"], "at once, and not behind anybody")
        for _ in 0..<2 { pool.finishedUnit(1, cost: 50, now: 2) }
        #expect(drain(&pool) == [])
        pool.finishedUnit(0, cost: 50, now: 2)
        #expect(drain(&pool) == ["run g2"])
        pool.finishedUnit(0, cost: 50, now: 1003)
        #expect(drain(&pool).count == 15, "nobody else has called for a second: both connections, all of their depth")
    }

    @Test func whoLosesHisConnectionMayUseTheFreeOne() {
        var pool = machine { ($0.soft, $0.maximum, $0.pipelineDepth, $0.sharedDepth) = (2, 2, 8, 2) }
        pool.submit("m", .unit, share: modest, now: 0)
        pool.submit("g", .unit, share: greedy, now: 0)
        for id in 0...1 { _ = pool.connected(id, now: 0) }
        for _ in 0..<2 { pool.finishedUnit(0, now: 0) }
        for number in 0..<4 { pool.submit("g\(number)", .unit, share: greedy, cost: 50, now: 1) }
        _ = drain(&pool)
        pool.lost(0, now: 2)
        #expect(drain(&pool) == ["connect 2", "run g2", "run g3"])
    }

    @Test func transactionsTakeTurnsToo() {
        var pool = machine()
        pool.submit("first", .lease, share: greedy, now: 0)
        _ = pool.connected(0, now: 0)
        for name in ["g0", "g1", "g2"] { pool.submit(name, .lease, share: greedy, now: 0) }
        pool.submit("m0", .lease, share: modest, now: 0)
        _ = drain(&pool)
        var served: [String] = []
        for _ in 0..<4 {
            pool.released(0, now: 1)
            served += drain(&pool)
        }
        #expect(served == ["run g0", "run m0", "run g1", "run g2"])
    }

    @Test func whoHasMostGivesWay() {
        var pool = machine()
        for number in 0..<10 { pool.submit("g\(number)", .unit, share: greedy, now: 0) }
        _ = drain(&pool)
        pool.submit("g10", .unit, share: greedy, now: 0)
        #expect(drain(&pool) == ["fail g10: poolExhausted"], "the newest of those who have most")
        for number in 0..<4 { pool.submit("m\(number)", .unit, share: modest, now: 0) }
        #expect(drain(&pool) == (6...9).reversed().map { "fail g\($0): poolExhausted" })
        #expect(pool.waiterCount == 10)
        pool.submit("m4", .unit, share: modest, now: 0)
        #expect(drain(&pool) == ["fail g5: poolExhausted"])
        pool.submit("m5", .unit, share: modest, now: 0)
        #expect(drain(&pool) == ["fail m5: poolExhausted"], "both have the same now")
    }

    @Test func impatientCallersAreToldEarlier() {
        var pool = machine()
        pool.submit("patient", .unit, share: greedy, now: 0)
        pool.submit("hurried", .unit, share: modest, patience: 50, now: 0)
        _ = drain(&pool)
        #expect(pool.nextTick(now: 0) == 50)
        pool.tick(now: 50)
        #expect(drain(&pool) == ["fail hurried: poolExhausted"])
        #expect(pool.nextTick(now: 50) == 1000)
        pool.tick(now: 1000)
        #expect(drain(&pool) == ["fail patient: poolExhausted"])
    }

    @Test func aboveTheSoftLimitOnlyWhoWouldWaitOpensConnections() {
        var pool = machine { ($0.soft, $0.maximum, $0.pipelineDepth) = (1, 3, 4) }
        pool.submit("a", .unit, now: 0)
        _ = pool.connected(0, now: 0)
        _ = drain(&pool)
        for name in ["b", "c", "d"] { pool.submit(name, .unit, now: 0) }
        #expect(drain(&pool) == ["run b", "run c", "run d"], "there is room, so nothing is opened")
        pool.submit("e", .unit, now: 0)
        #expect(drain(&pool) == ["connect 1"])
    }

    @Test func aConnectionEndsWithItsLife() {
        var pool = machine { ($0.pipelineDepth, $0.lifetimeMilliseconds, $0.maximum) = (4, 800, 2) }
        pool.submit("a", .unit, now: 0)
        _ = pool.connected(0, now: 0)
        #expect(drain(&pool) == ["connect 0", "run a"])
        #expect(pool.nextTick(now: 0) == 800)
        pool.tick(now: 800)
        #expect(drain(&pool) == [], "what runs on it is not disturbed")
        pool.submit("b", .unit, now: 801)
        #expect(drain(&pool) == ["connect 1"], "it takes nothing new")
        pool.finishedUnit(0, now: 810)
        #expect(drain(&pool) == ["close 0"])
        _ = pool.connected(1, now: 811)
        #expect(drain(&pool) == ["run b"])
        pool.finishedUnit(1, now: 820)
        pool.tick(now: 5000)
        #expect(drain(&pool) == ["close 1"], "an idle one ends at once")
    }

    @Test func aBusyPoolServesTheModestAndRecovers() async throws {
        let test = try await TestDatabase.fresh(pool: DatabaseTests.limits(maximum: 1, depth: 1, waiters: 40))
        let slow = Statement(name: "slow", sql: "select pg_sleep(0.002)::text")
        let flood = Task {
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<400 {
                    group.addTask { (try? await test.database.query(slow, as: greedy)) != nil }
                }
                return await group.reduce(into: (served: 0, refused: 0)) { counts, isServed in
                    if isServed { counts.served += 1 } else { counts.refused += 1 }
                }
            }
        }
        for _ in 0..<10 { _ = try await test.database.query(slow, as: modest) }
        let counts = await flood.value
        #expect(counts.served + counts.refused == 400)
        #expect(counts.refused > 0, "the flood was larger than the queue")
        _ = try await test.database.query(slow, as: greedy)
        await test.close()
    }

    @Test func aHurriedCallHearsThatThePoolIsFull() async throws {
        let test = try await TestDatabase.fresh(pool: DatabaseTests.limits(maximum: 1, depth: 1))
        let loops = TestDatabase.group.makeIterator().map { $0 }.count
        // Somebody who is in no hurry has each connection, and the next one on each loop is in a hurry.
        let holders = (0..<loops).map { _ in
            Task { try await test.database.query(DatabaseTests.sleep, [60.0], as: .none) }
        }
        let sleeping =
            "select count(*) as n from pg_stat_activity where query like '%pg_sleep%' and state = 'active' "
            + "and usename = 'ragdz_app' and datname = current_database()"
        while try await test.asOwner(sleeping)[0].get("n", as: Int.self) < loops {
            try await Task.sleep(for: .milliseconds(10))
        }
        let error = await #expect(throws: PostgresError.self) {
            try await Database.within(.milliseconds(60)) {
                try await test.database.query(DatabaseTests.sleep, [0.0], as: .none)
            }
        }
        #expect(error?.code == .poolExhausted && error?.outcomeUnknown == false)
        for holder in holders {
            holder.cancel()
            _ = try? await holder.value
        }
        await test.close()
    }

    @Test func whatTheServerDoesNotAnswerInTimeIsGivenUpAndCancelledThere() async throws {
        let test = try await TestDatabase.fresh(pool: DatabaseTests.limits(maximum: 1))
        try await test.asOwner("create table public.t (a int)")
        try await test.asOwner("grant all on public.t to ragdz_app")
        let slow = Statement(name: "slow", sql: "insert into public.t select 1 from (select pg_sleep(30)) s")
        // No loop has to connect first.
        for _ in 0..<16 { _ = try await test.database.query(DatabaseTests.echo, [1], as: .none) }
        let error = await #expect(throws: PostgresError.self) {
            try await Database.within(.milliseconds(50)) { try await test.database.execute(slow, as: .none) }
        }
        #expect(error?.code == .deadlinePassed && error?.isTimeout == true && error?.isTransient == true)
        #expect(error?.outcomeUnknown == true && error?.statement == "slow")
        // A transaction is given up as a whole, and what it had done with it.
        let insert = Statement(name: "insert", sql: "insert into public.t values (2)")
        let second = await #expect(throws: PostgresError.self) {
            try await Database.within(.milliseconds(200)) {
                try await test.database.transaction(as: .none) { transaction in
                    try await transaction.execute(insert)
                    try await transaction.execute(slow)
                }
            }
        }
        #expect(second?.code == .deadlinePassed || second?.code == .poolExhausted)
        // Without the cancel these would wait for half a minute behind the sleep.
        for _ in 0..<8 { _ = try await test.database.query(DatabaseTests.echo, [1], as: .none) }
        #expect(try await test.asOwner("select count(*) as n from public.t")[0].get("n", as: Int.self) == 0)
        await test.close()
    }

    @Test func preparedStatementsAreForgottenInTime() async throws {
        let test = try await TestDatabase.fresh(pool: DatabaseTests.limits(maximum: 1))
        let count = try await test.database.transaction(as: .none) { transaction in
            for number in 0..<600 {
                let statement = Statement(name: "many\(number)", sql: "select \(number)::bigint as n")
                let row = try await transaction.query(statement)[0]
                guard try row.get("n", as: Int.self) == number else { return -1 }
            }
            let kept = Statement(name: "kept", sql: "select count(*) as n from pg_prepared_statements")
            return try await transaction.query(kept)[0].get("n", as: Int.self)
        }
        #expect(count > 0 && count <= 260)
        await test.close()
    }
}
