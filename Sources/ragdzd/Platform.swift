internal import Embedded
internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// What the subcommands do.
enum Platform {
    /// Runs the server until it is told to stop.
    static func serve(_ settings: Settings) async throws {
        let logger = try Output.startLogging(level: settings.logLevel)
        defer { LogSink.standardError.flush() }
        let server = ServerProcess(settings: settings, logger: logger)
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .notice)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: server, successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
        try await group.run()
    }

    /// Brings the database to this version's schema.
    static func migrate(_ settings: Settings) async throws {
        let logger = try Output.startLogging(level: settings.logLevel)
        defer { LogSink.standardError.flush() }
        guard settings.databaseURL == nil || settings.databaseOwnerURL != nil else {
            throw Settings.Invalid(
                "RAGDZ_DATABASE_OWNER_URL is missing: the schema is changed by a superuser or a member of ragdz_owner.")
        }
        let folder = try DataFolder(settings.dataFolder)
        if settings.databaseURL == nil { try folder.lock() }
        let embedded = try await Storage.startEmbedded(settings, folder, logger)
        do { try await Storage.migrate(settings, embedded, logger) } catch {
            await embedded?.stop()
            throw error
        }
        await embedded?.stop()
    }
}
