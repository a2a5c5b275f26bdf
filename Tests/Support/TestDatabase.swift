public import Embedded
import Foundation
import Logging
public import NIOPosix
public import Postgres
import Schema

/// A real PostgreSQL for tests: one embedded cluster per test process, and in it as many databases as suites want, each
/// with all migrations applied. It ends with the process.
public struct TestDatabase: Sendable {
    /// As the server has it: the role `ragdz_app`, bound by row-level security.
    public let database: Database
    /// As a superuser, whom nothing binds: to set a stage and to look behind the scenes.
    public let owner: Database
    public let name: String
    public let appURL: String
    public let ownerURL: String

    /// The database of this suite (of this file): made when first asked for, then always the same.
    public static func shared(_ suite: String = #fileID) async throws -> TestDatabase {
        try await TestCluster.shared.database(of: suite)
    }

    /// A new database that nobody else uses.
    public static func fresh(pool: PoolLimits? = nil) async throws -> TestDatabase {
        try await TestCluster.shared.fresh(pool: pool)
    }

    /// A new database without any migration.
    public static func empty() async throws -> TestDatabase {
        try await TestCluster.shared.fresh(pool: nil, template: "template0")
    }

    /// The real migrations, in order.
    public static var migrations: [Migration] {
        Migrations.all.map { Migration(version: $0.version, name: $0.name, checksum: $0.checksum, sql: $0.sql) }
    }

    /// The event loops that test databases use, for tests that want to be on one of them.
    public static var group: MultiThreadedEventLoopGroup { .singleton }

    /// Runs one statement as the superuser, or as a tenant or the operator would see it if the role allowed it.
    @discardableResult
    public func asOwner(_ sql: String, _ parameters: [any PostgresEncodable] = []) async throws -> [Row] {
        try await owner.query(Statement(name: "test", sql: sql), parameters, as: .none)
    }

    public func close() async {
        await database.close()
        await owner.close()
    }
}

/// The cluster of this process.
public actor TestCluster {
    public static let shared = TestCluster()
    private var starting: Task<EmbeddedPostgres, any Error>?
    private var suites: [String: Task<TestDatabase, any Error>] = [:]
    private var count = 0
    private var administrator: Database?

    private static let logger: Logger = {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }()

    /// The running server.
    public func server() async throws -> EmbeddedPostgres {
        if let starting { return try await starting.value }
        let task = Task { try await Self.start() }
        starting = task
        return try await task.value
    }

    private static func start() async throws -> EmbeddedPostgres {
        let folder = try makeFolder()
        let configuration = EmbeddedPostgres.Configuration(
            dataFolder: folder, durable: false, sharedMemory: 64, maximumConnections: 800)
        let server = try await EmbeddedPostgres.start(configuration, logger: logger)
        let migrations = Migrations.all.map {
            Migration(version: $0.version, name: $0.name, checksum: $0.checksum, sql: $0.sql)
        }
        try await Migrator.migrate(url: server.ownerURL, migrations, logger: logger)
        return server
    }

    /// A folder of this process. Those of processes that are gone are removed.
    private static func makeFolder() throws -> String {
        let prefix = "ragdz-test-"
        for name in try FileManager.default.contentsOfDirectory(atPath: "/tmp") where name.hasPrefix(prefix) {
            guard let pid = Int32(name.dropFirst(prefix.count)), kill(pid, 0) != 0, errno == ESRCH else { continue }
            try? FileManager.default.removeItem(atPath: "/tmp/\(name)")
        }
        return "/tmp/\(prefix)\(getpid())"
    }

    func database(of suite: String) async throws -> TestDatabase {
        if let task = suites[suite] { return try await task.value }
        let task = Task { try await fresh(pool: nil) }
        suites[suite] = task
        return try await task.value
    }

    func fresh(pool: PoolLimits?, template: String = EmbeddedPostgres.databaseName) async throws -> TestDatabase {
        let server = try await server()
        count += 1
        let name = "test_\(count)"
        // The template must have no other visitors, so it is copied from the outside.
        let outside = administrator ?? Self.connect(server.url(user: "postgres", database: "postgres"), maximum: 1)
        administrator = outside
        _ = try await outside.execute(
            Statement(name: "create", sql: "create database \(name) template \(template)"),
            as: .none)
        let appURL = server.url(user: "ragdz_app", database: name)
        let ownerURL = server.url(user: "postgres", database: name)
        return TestDatabase(
            database: Self.connect(appURL, maximum: 4, pool: pool), owner: Self.connect(ownerURL, maximum: 2),
            name: name, appURL: appURL, ownerURL: ownerURL)
    }

    private static func connect(_ url: String, maximum: Int, pool: PoolLimits? = nil) -> Database {
        var limits = pool ?? .defaults
        if pool == nil {
            limits.minimum = 0
            limits.maximum = maximum
            limits.waitMilliseconds = 30_000
        }
        return Database(
            configuration: .init(url: url, pool: limits, applicationName: "ragdz test"),
            group: TestDatabase.group, logger: logger)
    }
}
