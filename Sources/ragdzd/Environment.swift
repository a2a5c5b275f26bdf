internal import Glibc
internal import Logging

/// The two things that are needed before there are settings.
enum Environment {
    static subscript(name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// What the process says on standard output: lines of JSON for scripts, and nothing else.
enum Output {
    static func line(_ text: String) {
        let bytes = [UInt8]((text + "\n").utf8)
        _ = write(STDOUT_FILENO, bytes, bytes.count)
    }

    /// Whether a person reads along.
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
    static var processID: Int32 { getpid() }

    /// Starts the logging of the process, once.
    static func startLogging(level: String) throws -> Logger {
        guard let level = Logger.Level(rawValue: level) else {
            throw Settings.Invalid("RAGDZ_LOG_LEVEL is trace, debug, info, notice, warning, error or critical.")
        }
        LoggingSystem.bootstrap { label in JSONLogHandler(label: label, level: level, sink: .standardError) }
        return Logger(label: "ragdzd")
    }
}
