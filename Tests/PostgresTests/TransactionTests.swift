import Bytes
import Postgres
import Support
import Synchronization
import Testing

@Suite struct TransactionTests {
    static let add = Statement(name: "add", sql: "insert into public.t values ($1)")
    static let count = Statement(name: "count", sql: "select count(*) as n from public.t")

    struct Stop: Error {}

    private func stage() async throws -> TestDatabase {
        let test = try await TestDatabase.fresh(pool: DatabaseTests.limits(maximum: 2))
        try await test.asOwner("create table public.t (a int primary key)")
        try await test.asOwner("grant all on public.t to ragdz_app")
        return test
    }

    private func rows(_ test: TestDatabase) async throws -> Int {
        try await test.database.query(Self.count, as: .none)[0].get("n")
    }

    @Test func itCommitsWhenTheBodyReturns() async throws {
        let test = try await stage()
        let seen = try await test.database.transaction(as: .none) { transaction in
            try await transaction.execute(Self.add, [1])
            try await transaction.execute(Self.add, [2])
            return try await transaction.query(Self.count)[0].get("n", as: Int.self)
        }
        #expect(seen == 2)
        #expect(try await rows(test) == 2)
        await test.close()
    }

    @Test func itRollsBackWhenTheBodyThrows() async throws {
        let test = try await stage()
        await #expect(throws: Stop.self) {
            try await test.database.transaction(as: .none) { transaction in
                try await transaction.execute(Self.add, [1])
                throw Stop()
            }
        }
        #expect(try await rows(test) == 0)
        await test.close()
    }

    @Test func itRollsBackWhenAStatementFails() async throws {
        let test = try await stage()
        let error = await #expect(throws: PostgresError.self) {
            try await test.database.transaction(as: .none) { transaction in
                try await transaction.execute(Self.add, [1])
                try await transaction.execute(Self.add, [1])
            }
        }
        #expect(error?.isUniqueViolation == true)
        #expect(try await rows(test) == 0)
        await test.close()
    }

    @Test func aSwallowedFailureDoesNotPassForACommit() async throws {
        let test = try await stage()
        let error = await #expect(throws: PostgresError.self) {
            try await test.database.transaction(as: .none) { transaction in
                try await transaction.execute(Self.add, [1])
                _ = try? await transaction.execute(Self.add, [1])
            }
        }
        #expect(error?.code == .transactionAborted)
        #expect(try await rows(test) == 0)
        await test.close()
    }

    @Test func anEmptyBodyCostsNothingAndWorks() async throws {
        let test = try await stage()
        #expect(try await test.database.transaction(as: .none) { _ in 5 } == 5)
        await test.close()
    }

    @Test func itIsOverWithItsBody() async throws {
        let test = try await stage()
        let escaped = Mutex<Transaction?>(nil)
        try await test.database.transaction(as: .none) { transaction in
            escaped.withLock { $0 = transaction }
            try await transaction.execute(Self.add, [1])
        }
        let transaction = try #require(escaped.withLock { $0 })
        let error = await #expect(throws: PostgresError.self) { try await transaction.query(Self.count) }
        #expect(error?.code == .misuse)
        await test.close()
    }

    @Test func aCancelledTransactionLeavesACleanConnection() async throws {
        let test = try await stage()
        for _ in 0..<5 {
            let task = Task {
                try await test.database.transaction(as: .tenant(UUID128.v4())) { transaction in
                    try await transaction.execute(Self.add, [1])
                    try await transaction.query(DatabaseTests.sleep, [30.0])
                }
            }
            try await Task.sleep(for: .milliseconds(150))
            task.cancel()
            let error = await #expect(throws: PostgresError.self) { try await task.value }
            #expect(error?.isCancelled == true)
        }
        #expect(try await rows(test) == 0)
        let rows = try await test.asOwner(
            "select count(*) as n from pg_stat_activity where datname = current_database() and state like 'idle in%'")
        #expect(try rows[0].get("n", as: Int.self) == 0)
        await test.close()
    }

    @Test func serializableConflictsAreRecognised() async throws {
        let test = try await stage()
        _ = try await test.database.execute(Self.add, [1], as: .none)
        let bump = Statement(name: "bump", sql: "update public.t set a = a + 1")
        let outcomes = await withTaskGroup(of: PostgresError?.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    do {
                        try await test.database.transaction(as: .none, isolation: .serializable) { transaction in
                            _ = try await transaction.query(Self.count)
                            try await Task.sleep(for: .milliseconds(50))
                            try await transaction.execute(bump)
                        }
                        return nil
                    } catch { return error as? PostgresError }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.contains { $0 == nil })
        #expect(outcomes.compactMap { $0 }.allSatisfy { $0.isSerializationFailure && $0.isTransient })
        await test.close()
    }

    @Test func conflictsAreTriedAgainWhereThatIsAskedFor() async throws {
        let test = try await stage()
        _ = try await test.database.execute(Self.add, [1], as: .none)
        let read = Statement(name: "read", sql: "select a from public.t")
        let write = Statement(name: "write", sql: "update public.t set a = $1")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<6 {
                group.addTask {
                    try await test.database.transaction(as: .none, isolation: .serializable, attempts: 50) {
                        let value = try await $0.query(read)[0].get("a", as: Int.self)
                        try await $0.execute(write, [value + 1])
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await test.database.query(read, as: .none)[0].get("a", as: Int.self) == 7)
        await test.close()
    }

    @Test func closingDoesNotWaitForEver() async throws {
        let test = try await stage()
        let running = Task { try await test.database.query(DatabaseTests.sleep, [600.0], as: .none) }
        try await Task.sleep(for: .milliseconds(300))
        await test.database.close(grace: .milliseconds(200))
        let error = await #expect(throws: PostgresError.self) { try await running.value }
        #expect(error?.code == .connectionLost)
        await test.owner.close()
    }

    @Test func manyTransactionsShareFewConnections() async throws {
        let test = try await stage()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    _ = try await test.database.transaction(as: .none) { try await $0.execute(Self.add, [number]) }
                }
                group.addTask { _ = try await test.database.query(Self.count, as: .none) }
            }
            try await group.waitForAll()
        }
        #expect(try await rows(test) == 200)
        await test.close()
    }
}
