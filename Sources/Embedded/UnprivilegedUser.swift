import Foundation

/// As whom children run: ourselves, or, when we are root, a user without rights (PostgreSQL refuses to run as root).
struct UnprivilegedUser: Sendable {
    let name: String
    let uid: uid_t
    let gid: gid_t
    /// What goes before a command to run it as this user.
    let prefix: [String]

    /// Tried in this order; `scripts/install-runtime.sh` makes the first.
    static let candidates = ["ragdz", "postgres", "nobody"]

    static func current() throws -> UnprivilegedUser {
        guard geteuid() == 0 else {
            return UnprivilegedUser(name: NSUserName(), uid: geteuid(), gid: getegid(), prefix: [])
        }
        for name in candidates {
            guard let entry = getpwnam(name)?.pointee else { continue }
            let prefix = [
                "setpriv", "--reuid=\(entry.pw_uid)", "--regid=\(entry.pw_gid)", "--clear-groups",
                "--inh-caps=-all", "--no-new-privs", "--",
            ]
            return UnprivilegedUser(name: name, uid: entry.pw_uid, gid: entry.pw_gid, prefix: prefix)
        }
        throw EmbeddedError("no unprivileged user to run as: make one with `useradd --system ragdz`")
    }

    /// Makes a folder that belongs to this user alone, and lets it pass through the one above.
    func makePrivateFolder(_ path: String) throws {
        let parent = (path as NSString).deletingLastPathComponent
        try makeFolder(parent)
        if !prefix.isEmpty { try letPass(parent) }
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw EmbeddedError.system("cannot make \(path)") }
        guard chmod(path, 0o700) == 0 else { throw EmbeddedError.system("cannot protect \(path)") }
        if !prefix.isEmpty, chown(path, uid, gid) != 0 { throw EmbeddedError.system("cannot give \(path) to \(name)") }
    }

    private func makeFolder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw EmbeddedError("cannot make the folder \(path): \(error)")
        }
    }

    /// The data folder itself may be entered (not listed) by the unprivileged user; folders above it are not touched.
    private func letPass(_ path: String) throws {
        var info = stat()
        guard stat(path, &info) == 0 else { throw EmbeddedError.system("cannot read \(path)") }
        if info.st_mode & 0o001 == 0, chmod(path, (info.st_mode & 0o7777) | 0o011) != 0 {
            throw EmbeddedError.system("cannot let \(name) enter \(path)")
        }
        var above = (path as NSString).deletingLastPathComponent
        while above.count > 1 {
            guard stat(above, &info) == 0, info.st_mode & 0o001 != 0 || info.st_uid == uid else {
                throw EmbeddedError(
                    "the user \(name), as whom PostgreSQL runs, may not enter \(above); choose another data folder, "
                        + "such as one under /var/lib/ragdz")
            }
            above = (above as NSString).deletingLastPathComponent
        }
    }
}

/// Why an embedded part did not come up; the text says what to do.
public struct EmbeddedError: Error, CustomStringConvertible, Sendable {
    public let description: String
    init(_ description: String) { self.description = description }

    static func system(_ what: String) -> EmbeddedError {
        EmbeddedError("\(what): \(String(cString: strerror(errno)))")
    }
}
