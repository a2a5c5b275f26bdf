import Embedded
import Foundation
import Logging
import Postgres
import Support
import Synchronization
import Testing

/// What happens to callers when the database goes away under them, and afterwards.
@Suite struct RecoveryTests {
    static let terminate = Statement(
        name: "terminate",
        sql: """
            select count(pg_terminate_backend(pid)) as n from pg_stat_activity
            where datname = current_database() and usename = 'ragdz_app'
            """)

    /// The loops' other connections were ended too, and one may be met in the moment in which it ends: that is a
    /// transient error once, and never more often than there are such connections.
    private func served(_ test: TestDatabase) async throws -> Bool {
        for _ in 0..<4 {
            do throws(PostgresError) {
                return try await test.database.query(DatabaseTests.echo, [1], as: .none).count == 1
            } catch {
                guard error.isTransient else { throw error }
            }
        }
        return false
    }

    @Test func aKilledBackendFailsItsCallsAndIsReplaced() async throws {
        let test = try await TestDatabase.fresh(pool: DatabaseTests.limits(maximum: 1))
        for _ in 0..<3 {
            let running = Task { try await test.database.query(DatabaseTests.sleep, [120.0], as: .none) }
            let active = """
                select count(*) as n from pg_stat_activity where datname = current_database()
                and wait_event = 'PgSleep' and usename = 'ragdz_app'
                """
            while try await test.asOwner(active)[0].get("n", as: Int.self) == 0 {
                try await Task.sleep(for: .milliseconds(50))
            }
            // It runs, and is not being prepared any more, where it would be sent again; and long enough that the kill may
            // have been meant for it: then it is not. It sleeps so long that a busy machine does not get to the kill
            // after its end.
            try await Task.sleep(for: .milliseconds(1500), clock: .suspending)
            _ = try await test.owner.query(Self.terminate, as: .none)
            let error = await #expect(throws: PostgresError.self) { try await running.value }
            #expect(error?.code == .connectionLost)
            #expect(error?.isTransient == true)
            #expect(error?.outcomeUnknown == true)
            #expect(try await served(test))
        }
        await test.close()
    }

    @Test func aKillThatCertainlyHadNoEffectIsNotSeen() async throws {
        let test = try await TestDatabase.fresh(pool: DatabaseTests.limits(maximum: 1))
        try await test.asOwner("create table public.t (a int)")
        try await test.asOwner("grant all on public.t to ragdz_app")
        let slow = Statement(name: "slow", sql: "insert into public.t select $1::int from (select pg_sleep(0.2)) s")
        let running = (0..<8).map { number in
            Task { try await test.database.execute(slow, [number], as: .none) }
        }
        try await Task.sleep(for: .milliseconds(150))
        _ = try await test.owner.query(Self.terminate, as: .none)
        for task in running { #expect(try await task.value == 1) }
        let rows = try await test.asOwner("select count(*) as n, count(distinct a) as d from public.t")
        #expect(try rows[0].get("n", as: Int.self) == 8, "each once, although some were sent twice")
        #expect(try rows[0].get("d", as: Int.self) == 8)
        await test.close()
    }

    @Test func aTransactionThatLosesItsConnectionFails() async throws {
        let test = try await TestDatabase.fresh(pool: DatabaseTests.limits(maximum: 1))
        let error = await #expect(throws: PostgresError.self) {
            try await test.database.transaction(as: .none) { transaction in
                _ = try await transaction.query(DatabaseTests.echo, [1])
                _ = try await test.owner.query(Self.terminate, as: .none)
                try await Task.sleep(for: .milliseconds(200))
                _ = try await transaction.query(DatabaseTests.echo, [2])
            }
        }
        #expect(error?.code == .connectionLost)
        #expect(try await served(test))
        await test.close()
    }

    /// The server's last word to an idle connection may be here while its end is not, or come right behind the first
    /// statement: neither costs a caller anything.
    @Test func idleConnectionsThatEndCostNobodyACall() async throws {
        let test = try await TestDatabase.fresh(pool: DatabaseTests.limits(maximum: 1))
        for round in 0..<40 {
            _ = try await test.database.query(DatabaseTests.echo, [round], as: .none)
            _ = try await test.owner.query(Self.terminate, as: .none)
            if round % 4 == 3 { try await Task.sleep(for: .milliseconds(round)) }
            let found = try await test.database.transaction(as: .none) { transaction in
                _ = try await transaction.query(DatabaseTests.echo, [round])
                return try await transaction.query(DatabaseTests.echo, [round])[0].get("n", as: Int.self)
            }
            #expect(found == round)
            _ = try await test.owner.query(Self.terminate, as: .none)
            #expect(try await test.database.query(DatabaseTests.echo, [round], as: .none).count == 1)
        }
        await test.close()
    }

    /// A commit that was cancelled leaves a connection of which nobody knows what it holds.
    @Test func aTransactionThatDidNotEndTakesItsConnectionWithIt() async throws {
        let test = try await TestDatabase.fresh(pool: DatabaseTests.limits(maximum: 1))
        try await test.asOwner("create table public.slow (a int unique deferrable initially deferred)")
        try await test.asOwner("grant all on public.slow to ragdz_app")
        try await test.asOwner(
            """
            create function public.sleepy() returns trigger language plpgsql as
            'begin perform pg_sleep(new.a); return null; end'
            """)
        try await test.asOwner(
            """
            create constraint trigger slow_down after insert on public.slow deferrable initially deferred
            for each row execute function public.sleepy()
            """)
        let pid = Statement(name: "pid", sql: "select pg_backend_pid()::bigint as n")
        let insert = Statement(name: "insert", sql: "insert into public.slow values ($1::int)")
        let seen = Mutex(Set<Int>())
        let running = Task {
            try await test.database.transaction(as: .none) { transaction in
                let number = try await transaction.query(pid)[0].get("n", as: Int.self)
                seen.withLock { _ = $0.insert(number) }
                try await transaction.execute(insert, [30])
            }
        }
        let cancelled = """
            select count(pg_cancel_backend(pid)) as n from pg_stat_activity
            where datname = current_database() and usename = 'ragdz_app' and query = 'commit' and state = 'active'
            """
        while try await test.asOwner(cancelled)[0].get("n", as: Int.self) == 0 {
            try await Task.sleep(for: .milliseconds(10))
        }
        let error = await #expect(throws: PostgresError.self) { try await running.value }
        #expect(error?.isCancelled == true)
        let doomed = try #require(seen.withLock { $0.first })
        let alive = "select count(*) as n from pg_stat_activity where pid = \(doomed)"
        for _ in 0..<6_000 where try await test.asOwner(alive)[0].get("n", as: Int.self) > 0 {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(try await test.asOwner(alive)[0].get("n", as: Int.self) == 0)
        // A commit that the server refused for a reason of the data has ended the transaction: the connection stays.
        let kept = try await test.database.query(pid, as: .none)[0].get("n", as: Int.self)
        await #expect(throws: PostgresError.self) {
            try await test.database.transaction(as: .none) { transaction in
                try await transaction.execute(insert, [0])
                try await transaction.execute(insert, [0])
            }
        }
        #expect(
            try await test.asOwner("select count(*) as n from pg_stat_activity where pid = \(kept)")[0].get(
                "n", as: Int.self) == 1)
        await test.close()
    }

    @Test func aDatabaseThatIsNotThereIsATypedError() async throws {
        var limits = DatabaseTests.limits(maximum: 1, wait: 300)
        limits.connectMilliseconds = 300
        let database = Database(
            configuration: .init(url: "host=/tmp/ragdz-nowhere user=x dbname=y", pool: limits),
            group: TestDatabase.group, logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() })
        for _ in 0..<2 {
            let error = await #expect(throws: PostgresError.self) {
                try await database.query(DatabaseTests.echo, [1], as: .none)
            }
            #expect(error?.code == .connectFailed)
            #expect(error?.message.contains("No such file or directory") == true, "\(error?.message ?? "")")
            #expect(error?.isTransient == true)
        }
        await database.close()
    }

    @Test func theServerDiesUnderLoadAndComesBack() async throws {
        let folder = "/tmp/ragdz-test-\(getpid())/restart"
        let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }
        let server = try await EmbeddedPostgres.start(
            .init(dataFolder: folder, durable: false, sharedMemory: 16), logger: quiet)
        let database = Database(
            configuration: .init(url: server.ownerURL, pool: DatabaseTests.limits(maximum: 2)),
            group: TestDatabase.group, logger: quiet)
        let before = try #require(server.processID)
        let ends = ContinuousClock().now + .seconds(6)
        let outcomes = await withTaskGroup(of: (good: Int, lost: Int, goodAtTheEnd: Bool).self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var outcome = (good: 0, lost: 0, goodAtTheEnd: false)
                    while ContinuousClock().now < ends {
                        do throws(PostgresError) {
                            let rows = try await database.query(DatabaseTests.echo, [7], as: .none)
                            outcome.good += rows.count
                            outcome.goodAtTheEnd = true
                        } catch {
                            #expect(error.isTransient, "\(error)")
                            outcome.lost += 1
                            outcome.goodAtTheEnd = false
                        }
                    }
                    return outcome
                }
            }
            group.addTask {
                try? await Task.sleep(for: .milliseconds(500))
                server.killServer()
                return (0, 0, true)
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(server.processID != before, "it was another server in the end")
        #expect(outcomes.allSatisfy { $0.goodAtTheEnd }, "and everybody is served again")
        #expect(outcomes.map(\.good).reduce(0, +) > 0)
        await database.close()
        await server.stop()
        #expect(server.processID == nil)
    }

    @Test func notificationsArriveAndALossIsReported() async throws {
        let test = try await TestDatabase.fresh()
        let stream = try await test.database.listen("Keys \"changed\"")
        let second = try await test.database.listen("other")
        let notify = Statement(name: "notify", sql: "select pg_notify($1, $2)")
        for number in 0..<3 {
            _ = try await test.database.query(notify, ["Keys \"changed\"", "n\(number)"], as: .none)
        }
        _ = try await test.database.query(notify, ["other", "مفتاح"], as: .none)
        var events = stream.makeAsyncIterator()
        var others = second.makeAsyncIterator()
        for number in 0..<3 { #expect(await events.next() == .payload("n\(number)")) }
        #expect(await others.next() == .payload("مفتاح"))
        _ = try await test.owner.query(Self.terminate, as: .none)
        #expect(await events.next() == .connectionLost)
        #expect(await events.next() == .connectionRestored)
        #expect(await others.next() == .connectionLost)
        #expect(await others.next() == .connectionRestored)
        _ = try await test.owner.query(notify, ["Keys \"changed\"", "again"], as: .none)
        #expect(await events.next() == .payload("again"))
        await test.close()
        #expect(await events.next() == nil)
    }

    @Test func aSlowSubscriberLearnsThatItMissedSomething() async throws {
        let test = try await TestDatabase.fresh()
        let stream = try await test.database.listen("flood")
        let flood = Statement(
            name: "flood", sql: "select count(pg_notify('flood', x::text)) as n from generate_series(1, 3000) x")
        _ = try await test.database.query(flood, as: .none)
        try await Task.sleep(for: .milliseconds(500))
        var missed = false
        for await event in stream {
            if event == .connectionLost { missed = true }
            if event == .connectionRestored { break }
        }
        #expect(missed)
        await test.close()
    }
}
