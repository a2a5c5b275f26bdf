internal import Foundation

/// What `ragdz login` remembers: servers and keys by name, readable by their owner alone.
struct ProfileFile: Codable {
    struct Profile: Codable {
        var address: String
        /// A key, or the session token of a person.
        var key: String
        var authorities: String?
        /// Of a session: what gives the next tokens, and when this one is over (Unix seconds).
        var refresh: String?
        var expires: Int64?
    }

    var current = "default"
    var profiles: [String: Profile] = [:]

    static var path: URL {
        let environment = ProcessInfo.processInfo.environment
        let base =
            environment["XDG_CONFIG_HOME"].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0) }
            ?? FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".config")
        return base.appendingPathComponent("ragdz/config.json")
    }

    /// The saved file; an absent one is an empty one, a broken one is an error that names it.
    static func load() throws -> ProfileFile {
        guard let data = FileManager.default.contents(atPath: path.path) else { return ProfileFile() }
        do {
            return try JSONDecoder().decode(ProfileFile.self, from: data)
        } catch {
            throw Failure.local("\(path.path) is not a profile file.", hint: "Remove it and run `ragdz login` again.")
        }
    }

    /// Written beside and renamed, so that it is never half a file and never readable by others.
    func save() throws {
        let path = Self.path
        let folder = path.deletingLastPathComponent()
        let manager = FileManager.default
        try manager.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let temporary = folder.appendingPathComponent(".config.\(ProcessInfo.processInfo.processIdentifier)")
        let data = try encoder.encode(self)
        guard manager.createFile(atPath: temporary.path, contents: data, attributes: [.posixPermissions: 0o600]),
            rename(temporary.path, path.path) == 0
        else {
            try? manager.removeItem(at: temporary)
            throw Failure.local("\(path.path) cannot be written.")
        }
    }
}
