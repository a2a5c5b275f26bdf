internal import Embedded
internal import Glibc
internal import Keys

/// Checks what a server needs before it is started, one line each.
struct Doctor {
    let settings: Settings

    init(_ settings: Settings) { self.settings = settings }

    /// Whether all is well; what is not is printed with what to do.
    func examine() async -> Bool {
        var isWell = true
        func check(_ what: String, _ body: () throws -> String) {
            do { Output.line("ok    \(what): \(try body())") } catch {
                isWell = false
                Output.line("FAIL  \(what): \(error)")
            }
        }
        check("data folder") {
            let folder = try DataFolder(settings.dataFolder)
            try folder.lock()
            return "\(folder.path), nobody else uses it"
        }
        check("pepper") {
            if let text = settings.pepper {
                return "version \(try Pepper(parsing: text).newestVersion), from the environment"
            }
            let path = try DataFolder(settings.dataFolder).file("pepper")
            guard access(path, F_OK) == 0 else { return "none yet: made at the first start" }
            return "version \(try PepperFile.loadOrGenerate(at: path).newestVersion)"
        }
        check("database") {
            if settings.databaseURL != nil { return "your own (RAGDZ_DATABASE_URL)" }
            return "embedded, programs from \(Runtime().folder)"
        }
        check("text of PDFs") {
            guard Self.isInPath("pdftotext") else {
                throw Settings.Invalid("pdftotext is not in PATH: install poppler-utils, or PDFs are refused.")
            }
            return "pdftotext is there"
        }
        if let tls = settings.tls {
            for path in [tls.certificate, tls.key, tls.clientAuthority, tls.services].compactMap({ $0 }) {
                check("TLS") {
                    guard access(path, R_OK) == 0 else { throw Settings.Invalid("\(path) cannot be read.") }
                    return path
                }
            }
        }
        check("listen") { "\(settings.listen)" + (settings.bridge.map { ", bridge on \($0)" } ?? ", no bridge") }
        return isWell
    }

    private static func isInPath(_ program: String) -> Bool {
        (Environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":").contains {
            access("\($0)/\(program)", X_OK) == 0
        }
    }
}
