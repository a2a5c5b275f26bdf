internal import ArgumentParser

/// The server's executable.
@main
struct Ragdzd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ragdzd",
        abstract: "Serves tenants, keys, retrieval and workflows over RPC and JSON.",
        discussion: """
            Settings come from the command line, from RAGDZ_… in the environment, or from a JSON file, in this order. \
            With no settings at all it keeps everything in ./ragdz-data, on its own PostgreSQL, and listens on loopback.
            """,
        version: Version.text,
        subcommands: [ServeCommand.self, MigrateCommand.self, DoctorCommand.self],
        defaultSubcommand: ServeCommand.self)
}

/// What this build is called.
enum Version {
    static let text = "0.1.0"
}

/// What every subcommand takes.
struct CommonOptions: ParsableArguments {
    @Option(help: "Folder of the server's own files (RAGDZ_DATA; ./ragdz-data).")
    var data: String?

    @Option(help: "JSON file with settings (RAGDZ_CONFIG).")
    var config: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical (RAGDZ_LOG_LEVEL; info).")
    var logLevel: String?

    /// The settings, with those of the command line in front.
    func settings(_ more: [String: String?] = [:]) async throws -> Settings {
        var overrides = more.compactMapValues { $0 }
        if let data { overrides["data"] = data }
        if let logLevel { overrides["log.level"] = logLevel }
        return try await Settings(overrides: overrides, file: config ?? Environment["RAGDZ_CONFIG"])
    }
}
