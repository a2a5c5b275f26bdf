import Foundation
import Logging
import Support
import Testing

@testable import Postgres

/// A database that is there and cannot serve: each state has its error, and ends by itself.
@Suite struct BadWeatherTests {
    static let write = Statement(name: "write", sql: "insert into public.notes values ($1)")
    static let read = Statement(name: "read", sql: "select count(*) as n from public.notes")

    private func stage(pool: PoolLimits? = nil) async throws -> TestDatabase {
        let test = try await TestDatabase.fresh(pool: pool)
        try await test.asOwner("create table public.notes (text text not null)")
        try await test.asOwner("grant all on public.notes to ragdz_app")
        return test
    }

    /// Another pool on the same database, whose connections meet what was set meanwhile.
    private func connect(_ test: TestDatabase, timeout: Int = 60_000, wait: Int = 5000) -> Database {
        var limits = DatabaseTests.limits(maximum: 2, wait: wait)
        limits.connectMilliseconds = 2000
        return Database(
            configuration: .init(url: test.appURL, pool: limits, statementTimeoutMilliseconds: timeout),
            group: TestDatabase.group, logger: MigratorTests.quiet)
    }

    @Test func aReadOnlyDatabaseReadsAndSaysWhyItDoesNotWrite() async throws {
        let test = try await stage()
        try await test.asOwner("alter database \(test.name) set default_transaction_read_only = on")
        let database = connect(test)
        #expect(try await database.query(Self.read, as: .none)[0].get("n", as: Int.self) == 0)
        let error = await #expect(throws: PostgresError.self) {
            try await database.execute(Self.write, ["x"], as: .none)
        }
        #expect(error?.isReadOnly == true && error?.isTransient == true && error?.outcomeUnknown == false)
        await database.close()
        await test.close()
    }

    /// What a hot standby says of unlogged tables; `scripts/failover.sh` has a real one.
    @Test func aStandbyIsReadOnlyByEitherName() {
        var report = PostgresError.ServerReport(sqlState: .featureNotSupported)
        report.message = "cannot access temporary or unlogged relations during recovery"
        let standby = PostgresError(.server, report.message, report: report)
        #expect(standby.isReadOnly && standby.isTransient)
        report.message = "cached plan must not change result type"
        let stale = PostgresError(.server, report.message, report: report)
        #expect(!stale.isReadOnly && !stale.isTransient)
        report.sqlState = .readOnlyTransaction
        let changed = PostgresError(.server, "cannot execute INSERT in a read-only transaction", report: report)
        #expect(changed.isReadOnly && changed.isTransient)
    }

    @Test func withoutFreeConnectionsCallersAreToldAndItComesBack() async throws {
        let test = try await stage()
        try await test.asOwner("alter database \(test.name) connection limit 0")
        let database = connect(test, wait: 300)
        let error = await #expect(throws: PostgresError.self) { try await database.query(Self.read, as: .none) }
        #expect(error?.code == .connectFailed && error?.isTransient == true)
        try await test.asOwner("alter database \(test.name) connection limit -1")
        // Each loop finds out for itself, so several calls in a row must go well.
        var good = 0
        for _ in 0..<3_600 where good < 8 {
            good = (try? await database.query(Self.read, as: .none)) == nil ? 0 : good + 1
            if good == 0 { try await Task.sleep(for: .milliseconds(50)) }
        }
        #expect(good == 8)
        await database.close()
        await test.close()
    }

    @Test func whatTakesTooLongIsGivenUpAndTheConnectionStaysGood() async throws {
        let test = try await stage()
        let database = connect(test, timeout: 50)
        let error = await #expect(throws: PostgresError.self) {
            try await database.query(DatabaseTests.sleep, [20.0], as: .none)
        }
        #expect(error?.isTimeout == true && error?.code == .server)
        #expect(try await database.query(Self.read, as: .none)[0].get("n", as: Int.self) == 0)
        await database.close()
        await test.close()
    }

    @Test func aLockThatIsHeldIsGivenUp() async throws {
        let test = try await stage()
        try await test.database.transaction(as: .none) { holder in
            try await holder.execute(Statement(name: "lock", sql: "lock table public.notes"))
            let error = await #expect(throws: PostgresError.self) {
                try await test.database.transaction(as: .none) { waiter in
                    try await waiter.execute(Statement(name: "limit", sql: "set local lock_timeout = 30"))
                    try await waiter.query(Self.read)
                }
            }
            #expect(error?.isTimeout == true && error?.sqlState == .lockNotAvailable)
        }
        await test.close()
    }

    /// Whether this process may mount a small file system.
    private static let small: String? = {
        guard geteuid() == 0 else { return nil }
        let folder = "/tmp/ragdz-test-\(getpid())-small"
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        guard run("/bin/mount", "-t", "tmpfs", "-o", "size=4m,mode=0777", "tmpfs", folder) else { return nil }
        return folder
    }()

    private static func run(_ arguments: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: arguments[0])
        process.arguments = Array(arguments.dropFirst())
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    /// Where no small disk can be made, the server's word for it is said by a function; and that this is less is said too.
    @Test(.enabled(if: small == nil)) func aFullDiskIsKnownByItsName() async throws {
        FileHandle.standardError.write(
            Data("WARNING: not root, so that no small disk can be mounted: a full disk is only imitated.\n".utf8))
        let test = try await stage()
        try await test.asOwner(
            """
            create function public.full() returns int language plpgsql as
            'begin raise exception ''no space left on device'' using errcode = ''disk_full''; end'
            """)
        try await test.asOwner("grant execute on function public.full() to ragdz_app")
        let error = await #expect(throws: PostgresError.self) {
            try await test.database.query(Statement(name: "full", sql: "select public.full()"), as: .none)
        }
        #expect(error?.sqlState == .diskFull && error?.isTransient == true && error?.outcomeUnknown == false)
        await test.close()
    }

    @Test(.enabled(if: small != nil, "only root may mount a file system; aFullDiskIsKnownByItsName runs instead"))
    func aFullDiskFailsWritesAndNothingElse() async throws {
        let folder = try #require(Self.small)
        defer { _ = Self.run("/bin/umount", "-l", folder) }
        let test = try await stage()
        let user = try await test.asOwner("select pg_read_file('/proc/self/status') as text")[0].get(
            "text", as: String.self)
        let number = user.split(separator: "\n").first { $0.hasPrefix("Uid:") }?.split(separator: "\t")[1]
        chown(folder, uid_t(number ?? "0") ?? 0, gid_t.max)
        try await test.asOwner("create tablespace small_\(test.name) location '\(folder)'")
        try await test.asOwner("alter table public.notes set tablespace small_\(test.name)")
        let text = (0..<4000).map { _ in String(UInt8.random(in: 16...255), radix: 16) }.joined()
        let error = await #expect(throws: PostgresError.self) {
            for _ in 0..<2000 { try await test.database.execute(Self.write, [text], as: .none) }
        }
        #expect(error?.sqlState == .diskFull && error?.isTransient == true)
        // What a transaction had stored elsewhere before the disk was full goes with it.
        try await test.asOwner("create table public.pairs (a int)")
        try await test.asOwner("grant all on public.pairs to ragdz_app")
        await #expect(throws: PostgresError.self) {
            try await test.database.transaction(as: .none) { transaction in
                try await transaction.execute(Statement(name: "half", sql: "insert into public.pairs values (1)"))
                for _ in 0..<2000 { try await transaction.execute(Self.write, [text]) }
            }
        }
        #expect(try await test.asOwner("select count(*) as n from public.pairs")[0].get("n", as: Int.self) == 0)
        #expect(try await test.database.query(Self.read, as: .none)[0].get("n", as: Int.self) > 0)
        // Room again, and everything is as before.
        try await test.asOwner("drop table public.notes")
        try await test.asOwner("create table public.notes (text text not null) tablespace small_\(test.name)")
        try await test.asOwner("grant all on public.notes to ragdz_app")
        #expect(try await test.database.execute(Self.write, ["again"], as: .none) == 1)
        try await test.asOwner("drop table public.notes")
        try await test.asOwner("drop tablespace small_\(test.name)")
        await test.close()
    }
}
