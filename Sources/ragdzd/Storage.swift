internal import Embedded
internal import Keys
internal import Logging
internal import Members
internal import NIOPosix
internal import Postgres
internal import Retrieval
internal import Schema

/// The database of one process: embedded or your own, migrated, checked and connected.
struct Storage: Sendable {
    let database: Database
    let pepper: Pepper
    let sessionKeys: SessionKeyFile
    private let embedded: EmbeddedPostgres?

    /// Comes up in the order in which each part needs the one before. What goes wrong stops what was started.
    static func open(
        _ settings: Settings, folder: DataFolder, group: MultiThreadedEventLoopGroup, logger: Logger
    ) async throws -> Storage {
        let pepper =
            try settings.pepper.map { text in try Pepper(parsing: text) }
            ?? PepperFile.loadOrGenerate(at: folder.file("pepper"))
        let sessionKeys = try SessionKeyFile(settings, folder, logger)
        let embedded = try await startEmbedded(settings, folder, logger)
        do {
            let url = try await migrate(settings, embedded, logger)
            var limits = PoolLimits.defaults
            if let connections = settings.databaseConnections {
                limits.maximum = connections
                limits.soft = min(limits.soft, connections)
            }
            let database = Database(configuration: .init(url: url, pool: limits), group: group, logger: logger)
            do {
                try await verify(database)
                await stockVectorHomes(settings, embedded, group, logger)
            } catch {
                await database.close()
                throw error
            }
            return Storage(database: database, pepper: pepper, sessionKeys: sessionKeys, embedded: embedded)
        } catch {
            await embedded?.stop()
            throw error
        }
    }

    /// Ends the connections, and the embedded database with them.
    func close() async {
        await database.close()
        await embedded?.stop()
    }

    /// Whether the database answers.
    func isReady() async -> Bool { (try? await DatabaseSafety.appliedVersion(database)) != nil }

    /// Starts the embedded database, unless the settings name one of your own.
    static func startEmbedded(
        _ settings: Settings, _ folder: DataFolder, _ logger: Logger
    ) async throws -> EmbeddedPostgres? {
        guard settings.databaseURL == nil else { return nil }
        return try await EmbeddedPostgres.start(.init(dataFolder: folder.path), logger: logger)
    }

    /// Brings the schema to this version, where somebody may, and returns where the server connects.
    @discardableResult
    static func migrate(
        _ settings: Settings, _ embedded: EmbeddedPostgres?, _ logger: Logger
    ) async throws -> String {
        if let owner = embedded?.ownerURL ?? settings.databaseOwnerURL {
            let migrations = Migrations.all.map {
                Migration(version: $0.version, name: $0.name, checksum: $0.checksum, sql: $0.sql)
            }
            let applied = try await Migrator.migrate(url: owner, migrations, logger: logger)
            logger.info("the schema is current", metadata: ["applied": "\(applied)"])
        }
        return embedded?.appURL ?? settings.databaseURL ?? ""
    }

    /// Makes what a server may not make for itself: empty partitions for tenants that will outgrow the shared one. Without them
    /// such a tenant is searched more slowly, so a failure is no reason not to start.
    private static func stockVectorHomes(
        _ settings: Settings, _ embedded: EmbeddedPostgres?, _ group: MultiThreadedEventLoopGroup, _ logger: Logger
    ) async {
        guard let url = embedded?.ownerURL ?? settings.databaseOwnerURL else { return }
        let owner = Database(configuration: .init(url: url), group: group, logger: logger)
        do {
            let first = settings.embeddingsDimension ?? EmbeddingServer.dimensions
            for dimension in Set([first] + [settings.secondEmbeddings?.dimension].compactMap { $0 }) {
                try await VectorHomes.keep(owner, dimension: dimension)
            }
        } catch {
            logger.warning("no partitions were made for large tenants", metadata: ["error": "\(error)"])
        }
        await owner.close()
    }

    private static func appliedVersion(_ database: Database) async throws -> Int {
        do { return try await DatabaseSafety.appliedVersion(database) } catch  where error.sqlState == .undefinedTable {
            return 0
        }
    }

    private static func verify(_ database: Database) async throws {
        let newest = Migrations.all.map(\.version).max() ?? 0
        let applied = try await appliedVersion(database)
        guard applied == newest else {
            throw Settings.Invalid(
                """
                The database has schema version \(applied), and this server needs \(newest): run "ragdzd migrate" with \
                RAGDZ_DATABASE_OWNER_URL, or start the server of that version.
                """)
        }
        try await DatabaseSafety.verify(database)
    }
}
