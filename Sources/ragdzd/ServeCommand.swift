internal import ArgumentParser

/// `ragdzd serve`
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Runs the server until SIGTERM or SIGINT.")

    @OptionGroup var common: CommonOptions

    @Option(help: "host:port for RPC; port 0 takes a free one (RAGDZ_LISTEN; 127.0.0.1:7443).")
    var listen: String?

    @Option(help: "host:port for HTTP with JSON, or \"off\" (RAGDZ_BRIDGE; 127.0.0.1:7480).")
    var bridge: String?

    @Option(help: "Comma-separated: tenants, keys, retrieval, workflows (RAGDZ_FEATURES; all).")
    var features: String?

    func run() async throws {
        let settings = try await common.settings(["listen": listen, "bridge": bridge, "features": features])
        try await Platform.serve(settings)
    }
}
