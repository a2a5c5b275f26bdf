internal import Glibc
public import Logging
internal import NIOCore
internal import NIOPosix

/// One step of the database's history. `sqlgen` embeds those of `sql/migrations`; see `Schema.Migrations`.
public struct Migration: Sendable, Hashable {
    public let version: Int
    public let name: String
    /// SHA-256 of the file, in hexadecimal.
    public let checksum: String
    public let sql: String

    public init(version: Int, name: String, checksum: String, sql: String) {
        self.version = version
        self.name = name
        self.checksum = checksum
        self.sql = sql
    }

    /// The first line of a step that PostgreSQL refuses to run in a transaction.
    private static let outsideMark = "-- outside a transaction\n"
    /// Each of its statements begins after a line with this.
    private static let statementMark = "\n-- step\n"

    /// The statements of a step that runs outside of a transaction, such as one that makes an index without blocking
    /// writers; nil for an ordinary step. It may end in the middle and is then run again from its start, so each
    /// statement must be one that may be repeated (`drop index concurrently if exists`, then `create …`).
    var statementsOutsideTransaction: [Substring]? {
        guard sql.hasPrefix(Self.outsideMark) else { return nil }
        var statements: [Substring] = []
        var rest = sql[...]
        while let mark = rest.range(of: Self.statementMark) {
            rest = rest[mark.upperBound...]
            statements.append(rest[..<(rest.range(of: Self.statementMark)?.lowerBound ?? rest.endIndex)])
        }
        return statements
    }
}

extension Substring {
    /// Where a text stands in this one for the first time.
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}

/// Brings a database to the version of this program: forward only, each step in a transaction of its own, or, where it
/// begins with the line `-- outside a transaction`, statement by statement.
///
/// Several processes may start at once: an advisory lock lets one work and the others find it done. A step that was
/// changed after it was applied, or that this program does not know, stops the start: somebody must decide then.
public enum Migrator {
    /// The key of the advisory lock, an arbitrary number that only this program uses.
    private static let lockKey = 7_236_712_455_201

    /// Applies what is missing and returns how many steps that were.
    ///
    /// `url` names a superuser or a member of `ragdz_owner` (the first step needs a superuser, unless an administrator
    /// has made the roles and the extension). From the second step on everything runs as `ragdz_owner`.
    @discardableResult
    public static func migrate(
        url: String, _ migrations: [Migration], logger: Logger
    ) async throws(PostgresError) -> Int {
        let result: Result<Int, PostgresError> = await withCheckedContinuation { continuation in
            // A migration may take long and blocks its thread.
            NIOSingletons.posixBlockingThreadPool.submit { _ in
                do throws(PostgresError) {
                    continuation.resume(returning: .success(try run(url: url, migrations, logger: logger)))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    private static func run(url: String, _ migrations: [Migration], logger: Logger) throws(PostgresError) -> Int {
        let connection = try BlockingConnection(url: url, applicationName: "ragdz migrate")
        try lock(connection, logger: logger)
        let pending = try pending(of: migrations, in: connection)
        for migration in pending {
            logger.info("migrating the database", metadata: ["step": "\(label(migration))"])
            do throws(PostgresError) {
                try apply(migration, in: connection)
            } catch {
                _ = try? connection.run("rollback")
                throw PostgresError(
                    .migration, "\(label(migration)) failed: \(error.message)", report: error.report)
            }
        }
        // The lock ends with the connection.
        return pending.count
    }

    /// Asks again and again rather than waiting inside the server: a statement that waits there would hold up an index
    /// that is made concurrently by the very process that it waits for, and the two would be a deadlock.
    private static func lock(_ connection: BlockingConnection, logger: Logger) throws(PostgresError) {
        var isSaid = false
        while try connection.run("select pg_try_advisory_lock(\(lockKey))").first?.first != "t" {
            if !isSaid { logger.info("another process migrates the database; waiting for it") }
            isSaid = true
            usleep(lockPauseMicroseconds)
        }
    }

    private static let lockPauseMicroseconds: UInt32 = 50_000

    private static func apply(_ migration: Migration, in connection: BlockingConnection) throws(PostgresError) {
        if let statements = migration.statementsOutsideTransaction {
            return try applyOutsideTransaction(statements, of: migration, in: connection)
        }
        // A step that waits for a busy table makes everybody behind it wait too: it gives up early instead.
        try connection.run("begin; set local lock_timeout = '10s'; set local statement_timeout = 0")
        if migration.version > 1 { try connection.run("set local role ragdz_owner") }
        try connection.run(migration.sql)
        try note(migration, in: connection)
        try connection.run("commit")
    }

    private static func applyOutsideTransaction(
        _ statements: [Substring], of migration: Migration, in connection: BlockingConnection
    ) throws(PostgresError) {
        // Such statements do not block others while they wait, so they may wait for long transactions to end.
        try connection.run("set role ragdz_owner; set lock_timeout = 0; set statement_timeout = 0")
        do throws(PostgresError) {
            for statement in statements { try connection.run(String(statement)) }
        } catch {
            _ = try? connection.run("reset role")
            throw error
        }
        try connection.run("reset role; reset lock_timeout; reset statement_timeout")
        try note(migration, in: connection)
    }

    private static func note(_ migration: Migration, in connection: BlockingConnection) throws(PostgresError) {
        try connection.run(
            "insert into ragdz.schema_migration (version, name, checksum) values ($1::integer, $2, $3)",
            [String(migration.version), migration.name, migration.checksum])
    }

    private static func pending(
        of migrations: [Migration], in connection: BlockingConnection
    ) throws(PostgresError) -> [Migration] {
        let present = try connection.run("select to_regclass('ragdz.schema_migration') is not null")
        guard present.first?.first == "t" else { return migrations }
        let applied = try connection.run("select version, name, checksum from ragdz.schema_migration order by version")
        var newest = 0
        for row in applied {
            guard row.count == 3, let version = row[0].flatMap({ Int($0) }) else { continue }
            newest = version
            guard let known = migrations.first(where: { $0.version == version }) else {
                throw PostgresError(
                    .migration,
                    "the database has had migration \(version) (\(row[1] ?? "")), which this program does not know; "
                        + "run a newer program")
            }
            guard known.checksum == row[2] else {
                throw PostgresError(
                    .migration,
                    "\(label(known)) was changed after it was applied; restore the file and write a new migration")
            }
        }
        let pending = migrations.filter { migration in !applied.contains { $0[0] == String(migration.version) } }
        if let early = pending.first(where: { $0.version < newest }) {
            throw PostgresError(
                .migration, "\(label(early)) comes before \(newest), which was applied already; give it a new number")
        }
        return pending
    }

    private static func label(_ migration: Migration) -> String {
        let number = String(migration.version)
        return "migration \(String(repeating: "0", count: max(0, 4 - number.utf8.count)))\(number)_\(migration.name)"
    }
}
