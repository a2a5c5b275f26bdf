/// Everything that runs in one process. It is put together here as its rooms land.
enum Platform {
    static func serve(_ settings: Settings) async throws {
        throw Settings.Invalid("This build serves nothing yet.")
    }

    static func migrate(_ settings: Settings) async throws {
        throw Settings.Invalid("This build migrates nothing yet.")
    }
}

/// Checks what a server needs.
struct Doctor {
    let settings: Settings

    init(_ settings: Settings) { self.settings = settings }

    /// Whether all is well; what is not is printed.
    func examine() async -> Bool { true }
}
