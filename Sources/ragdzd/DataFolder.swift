internal import Glibc

/// The folder in which a server keeps what is its own.
struct DataFolder: Sendable {
    let path: String

    struct Unusable: Error, CustomStringConvertible {
        let description: String
    }

    /// Makes the folder and what leads to it. Others may pass through (the embedded database runs as another user
    /// when the server is root) but not list it.
    init(_ path: String) throws {
        var absolute = path
        if !path.hasPrefix("/") {
            guard let current = getcwd(nil, 0) else { throw Unusable(description: "The current folder is gone.") }
            defer { free(current) }
            absolute = String(cString: current) + "/" + path
        }
        self.path = absolute
        var prefix = ""
        for part in absolute.split(separator: "/") {
            prefix += "/\(part)"
            guard mkdir(prefix, prefix == absolute ? 0o711 : 0o755) == 0 || errno == EEXIST || errno == EROFS else {
                throw Unusable(description: "The folder \(prefix) cannot be made: \(String(cString: strerror(errno))).")
            }
        }
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Takes the folder for this process, for as long as it lives. Two servers on one folder would fight over ports,
    /// the database and each other's files.
    func lock() throws {
        let descriptor = open(file("lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw Unusable(description: "\(path) is not writable: \(String(cString: strerror(errno))).")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw Unusable(
                description: "Another ragdzd runs on \(path): stop it, or choose another folder (RAGDZ_DATA).")
        }
        // The descriptor stays open on purpose: the lock ends with the process, however it ends.
    }

    /// Writes a file that appears whole or not at all.
    func write(_ text: String, to name: String, mode: mode_t) throws {
        let draft = file("\(name).\(getpid())")
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            throw Unusable(description: "\(draft) cannot be made: \(String(cString: strerror(errno))).")
        }
        let bytes = [UInt8](text.utf8)
        let written = Glibc.write(descriptor, bytes, bytes.count) == bytes.count
        close(descriptor)
        guard written, rename(draft, file(name)) == 0 else {
            unlink(draft)
            throw Unusable(description: "\(file(name)) cannot be written: \(String(cString: strerror(errno))).")
        }
    }

    func remove(_ name: String) { unlink(file(name)) }
}
