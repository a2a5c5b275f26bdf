internal import ArgumentParser

/// `ragdzd migrate`
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Brings the database to this version's schema and stops.")

    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await Platform.migrate(try await common.settings())
    }
}
