import Logging
import Postgres
import Support
import Testing

@Suite struct MigratorTests {
    static let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }

    private func step(_ version: Int, _ sql: String, checksum: String? = nil) -> Migration {
        Migration(version: version, name: "step\(version)", checksum: checksum ?? "sum\(version)", sql: sql)
    }

    /// A database that has had all real migrations; further ones get numbers that no real one has.
    private func stage() async throws -> (TestDatabase, [Migration]) {
        let test = try await TestDatabase.fresh()
        let real = try await test.asOwner("select version, name, checksum from ragdz.schema_migration order by 1").map {
            Migration(
                version: try $0.get("version"), name: try $0.get("name"), checksum: try $0.get("checksum"), sql: "")
        }
        return (test, real)
    }

    @Test func whatIsMissingIsAppliedOnce() async throws {
        let (test, real) = try await stage()
        let more = real + [step(9001, "create table ragdz.a (x int); create table ragdz.b (x int);")]
        #expect(try await Migrator.migrate(url: test.ownerURL, more, logger: Self.quiet) == 1)
        #expect(try await Migrator.migrate(url: test.ownerURL, more, logger: Self.quiet) == 0)
        #expect(try await DatabaseSafety.appliedVersion(test.database) == 9001)
        let owner = try await test.asOwner("select tableowner::text as o from pg_tables where tablename = 'b'")
        #expect(try owner[0].get("o", as: String.self) == "ragdz_owner")
        await test.close()
    }

    @Test func ofManyAtOnceOneDoesTheWork() async throws {
        let (test, real) = try await stage()
        let more = real + [step(9001, "select pg_sleep(0.1); create table ragdz.once (x int);")]
        let applied = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask { try await Migrator.migrate(url: test.ownerURL, more, logger: Self.quiet) }
            }
            return try await group.reduce(0, +)
        }
        #expect(applied == 1)
        await test.close()
    }

    @Test func aFailingStepLeavesNothing() async throws {
        let (test, real) = try await stage()
        let more = real + [step(9001, "create table ragdz.half (x int); select 1 / 0;")]
        let error = await #expect(throws: PostgresError.self) {
            try await Migrator.migrate(url: test.ownerURL, more, logger: Self.quiet)
        }
        #expect(error?.code == .migration)
        #expect(error?.message.contains("9001_step9001") == true)
        #expect(error?.sqlState?.rawValue == "22012")
        let left = try await test.asOwner("select to_regclass('ragdz.half') is null as gone")
        #expect(try left[0].get("gone", as: Bool.self))
        await test.close()
    }

    @Test func aChangedStepIsRefused() async throws {
        let (test, real) = try await stage()
        _ = try await Migrator.migrate(url: test.ownerURL, real + [step(9001, "select 1")], logger: Self.quiet)
        let error = await #expect(throws: PostgresError.self) {
            try await Migrator.migrate(
                url: test.ownerURL, real + [step(9001, "select 2", checksum: "other")], logger: Self.quiet)
        }
        #expect(error?.message.contains("was changed after it was applied") == true)
        await test.close()
    }

    @Test func aNewerDatabaseIsRefused() async throws {
        let (test, real) = try await stage()
        _ = try await Migrator.migrate(url: test.ownerURL, real + [step(9001, "select 1")], logger: Self.quiet)
        let error = await #expect(throws: PostgresError.self) {
            try await Migrator.migrate(url: test.ownerURL, real, logger: Self.quiet)
        }
        #expect(error?.message.contains("does not know") == true)
        let early = await #expect(throws: PostgresError.self) {
            try await Migrator.migrate(
                url: test.ownerURL, real + [step(9000, "select 1"), step(9001, "select 1")], logger: Self.quiet)
        }
        #expect(early?.message.contains("comes before") == true)
        await test.close()
    }

    @Test func anUnreachableDatabaseIsATypedError() async throws {
        let error = await #expect(throws: PostgresError.self) {
            try await Migrator.migrate(url: "host=/tmp/ragdz-nowhere dbname=x user=y", [], logger: Self.quiet)
        }
        #expect(error?.code == .connectFailed)
    }
}
