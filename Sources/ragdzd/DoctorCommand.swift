internal import ArgumentParser

/// `ragdzd doctor`
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Checks what a server needs, and says what to do about what is missing.")

    @OptionGroup var common: CommonOptions

    func run() async throws {
        let settings = try await common.settings()
        guard await Doctor(settings).examine() else { throw ExitCode.failure }
    }
}
