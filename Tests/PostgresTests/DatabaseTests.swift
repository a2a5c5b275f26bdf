import Bytes
import NIOPosix
import Postgres
import Support
import Testing

/// Units of work: pipelined, isolated from each other's failures, cancellable.
@Suite struct DatabaseTests {
    static let sleep = Statement(name: "sleep", sql: "select pg_sleep($1)::text")
    static let echo = Statement(name: "echo", sql: "select $1::bigint as n")
    static let divide = Statement(name: "divide", sql: "select 100 / $1::bigint as n")

    static func limits(maximum: Int, depth: Int = 16, waiters: Int = 4096, wait: Int = 10_000) -> PoolLimits {
        PoolLimits(
            minimum: 0, maximum: maximum, pipelineDepth: depth, waiters: waiters, waitMilliseconds: wait,
            idleMilliseconds: 60_000, connectMilliseconds: 5000)
    }

    @Test func executeCountsRows() async throws {
        let test = try await TestDatabase.fresh()
        try await test.asOwner("create table public.t (a int)")
        try await test.asOwner("grant all on public.t to ragdz_app")
        let count = try await test.database.execute(
            Statement(name: "fill", sql: "insert into public.t select generate_series(1, 7)"), as: .none)
        #expect(count == 7)
        let deleted = try await test.database.execute(
            Statement(name: "empty", sql: "delete from public.t where a > 5"), as: .none)
        #expect(deleted == 2)
        await test.close()
    }

    @Test func aThousandCallsShareFewConnections() async throws {
        let test = try await TestDatabase.fresh(pool: Self.limits(maximum: 2))
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<1000 {
                group.addTask { try await test.database.query(Self.echo, [number], as: .none)[0].get("n") }
            }
            return try await group.reduce(0, +)
        }
        #expect(sum == 499_500)
        let rows = try await test.asOwner(
            "select count(*) as n from pg_stat_activity where datname = current_database() and usename = 'ragdz_app'")
        #expect(try rows[0].get("n", as: Int.self) <= 2 * TestDatabase.group.makeIterator().map { $0 }.count)
        await test.close()
    }

    @Test func anErrorInAPipelineTouchesNobodyElse() async throws {
        let test = try await TestDatabase.fresh(pool: Self.limits(maximum: 1, depth: 64))
        let outcomes = await withTaskGroup(of: (Int, Result<Int, PostgresError>).self) { group in
            for number in 0..<200 {
                group.addTask {
                    do throws(PostgresError) {
                        let rows = try await test.database.query(Self.divide, [number % 5], as: .none)
                        return (number, .success(try rows[0].get("n")))
                    } catch {
                        return (number, .failure(error))
                    }
                }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        for (number, outcome) in outcomes {
            switch outcome {
            case .success(let value): #expect(number % 5 != 0 && value == 100 / (number % 5))
            case .failure(let error):
                #expect(number % 5 == 0)
                #expect(error.sqlState?.rawValue == "22012")
                #expect(error.statement == "divide")
            }
        }
        await test.close()
    }

    @Test func aStatementThatCannotBePreparedFailsForAllItsCallers() async throws {
        let test = try await TestDatabase.fresh(pool: Self.limits(maximum: 1))
        let broken = Statement(name: "broken", sql: "select * from nowhere where a = $1")
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask {
                    let error = await #expect(throws: PostgresError.self) {
                        try await test.database.query(broken, [number], as: .none)
                    }
                    #expect(error?.sqlState == .undefinedTable)
                }
            }
        }
        #expect(try await test.database.query(Self.echo, [1], as: .none).count == 1)
        await test.close()
    }

    @Test func violationsNameTheirConstraint() async throws {
        let test = try await TestDatabase.fresh()
        try await test.asOwner("create table public.u (a int constraint only_once unique)")
        try await test.asOwner("grant all on public.u to ragdz_app")
        let insert = Statement(name: "insert", sql: "insert into public.u values ($1)")
        _ = try await test.database.execute(insert, [1], as: .none)
        let error = await #expect(throws: PostgresError.self) {
            try await test.database.execute(insert, [1], as: .none)
        }
        #expect(error?.isUniqueViolation == true)
        #expect(error?.constraint == "only_once")
        #expect(error?.isTransient == false)
        await test.close()
    }

    @Test func aCancelledCallEndsSoonAndItsNeighboursDoNot() async throws {
        let test = try await TestDatabase.fresh(pool: Self.limits(maximum: 1))
        let sleeper = Task { try await test.database.query(Self.sleep, [600.0], as: .none) }
        try await Task.sleep(for: .milliseconds(200))
        let behind = (0..<20).map { number in
            Task { try await test.database.query(Self.echo, [number], as: .none)[0].get("n", as: Int.self) }
        }
        try await Task.sleep(for: .milliseconds(100))
        sleeper.cancel()
        let error = await #expect(throws: PostgresError.self) { try await sleeper.value }
        #expect(error?.code == .cancelled)
        for (number, task) in behind.enumerated() { #expect(try await task.value == number) }
        await test.close()
    }

    @Test func manyCancelsHitOnlyTheirOwn() async throws {
        let test = try await TestDatabase.fresh(pool: Self.limits(maximum: 2))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<300 {
                group.addTask {
                    if number % 3 == 0 {
                        let task = Task { try await test.database.query(Self.sleep, [0.002], as: .none) }
                        try await Task.sleep(for: .microseconds(Int.random(in: 0...3000)))
                        task.cancel()
                        do { _ = try await task.value } catch let error as PostgresError {
                            #expect(error.code == .cancelled)
                        }
                    } else {
                        let rows = try await test.database.query(Self.echo, [number], as: .none)
                        #expect(try rows[0].get("n", as: Int.self) == number)
                    }
                }
            }
            try await group.waitForAll()
        }
        await test.close()
    }

    @Test func whoIsCancelledBeforehandSendsNothing() async throws {
        let test = try await TestDatabase.shared()
        let task = Task {
            try? await Task.sleep(for: .seconds(60))
            return try await test.database.query(Self.echo, [1], as: .none)
        }
        task.cancel()
        let error = await #expect(throws: PostgresError.self) { try await task.value }
        #expect(error?.code == .cancelled)
    }

    @Test func aFullPoolSaysSo() async throws {
        let test = try await TestDatabase.fresh(pool: Self.limits(maximum: 1, depth: 1, waiters: 1, wait: 1500))
        let loops = TestDatabase.group.makeIterator().map { $0 }.count
        for _ in 0..<loops { _ = try await test.database.query(Self.echo, [1], as: .none) }
        let blockers = (0..<loops).map { _ in Task { try await test.database.query(Self.sleep, [5.0], as: .none) } }
        try await Task.sleep(for: .milliseconds(500))
        let late = (0..<loops * 3).map { _ in Task { try await test.database.query(Self.echo, [1], as: .none) } }
        for task in late {
            let error = await #expect(throws: PostgresError.self) { try await task.value }
            #expect(error?.code == .poolExhausted)
            #expect(error?.isTransient == true)
        }
        for task in blockers { _ = try await task.value }
        #expect(try await test.database.query(Self.echo, [1], as: .none).count == 1)
        await test.close()
    }

    @Test func aClosedDatabaseRefuses() async throws {
        let test = try await TestDatabase.fresh()
        _ = try await test.database.query(Self.echo, [1], as: .none)
        await test.database.close()
        let error = await #expect(throws: PostgresError.self) {
            try await test.database.query(Self.echo, [1], as: .none)
        }
        #expect(error?.code == .closed)
        await test.owner.close()
    }

    @Test func aChangedTableDoesNotFailTheNextCall() async throws {
        let test = try await TestDatabase.fresh(pool: Self.limits(maximum: 1))
        try await test.asOwner("create table public.w (a int)")
        try await test.asOwner("insert into public.w values (1)")
        try await test.asOwner("grant all on public.w to ragdz_app")
        let all = Statement(name: "all", sql: "select * from public.w")
        for _ in 0..<3 { #expect(try await test.database.query(all, as: .none)[0].columns.count == 1) }
        try await test.asOwner("alter table public.w add b text default 'x'")
        for _ in 0..<3 {
            #expect(try await test.database.query(all, as: .none)[0].get("b", as: String.self) == "x")
        }
        await test.close()
    }
}
