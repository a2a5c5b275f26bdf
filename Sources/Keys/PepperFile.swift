internal import Cryptography
internal import Glibc

/// Where a server keeps its pepper when the environment gives none.
public enum PepperFile {
    /// Reads the pepper, or makes the file with a new one when there is none. Blocks: for the start of a server.
    public static func loadOrGenerate(at path: String) throws -> Pepper {
        try Pepper(parsing: try SecretFile.loadOrGenerate(at: path) { try Pepper.generateText() })
    }
}

/// A small file that holds a secret of the server: its pepper, the keys of sessions.
public enum SecretFile {
    /// Why the file cannot be used; the message says what to do.
    public struct Unusable: Error, Sendable, Hashable, CustomStringConvertible {
        public let description: String
    }

    /// The longest file that is read, in bytes.
    public static let maximumSize = 4096

    /// Reads the text, or makes the file with what `generate` gives when there is none. Blocks: for the start of a server.
    ///
    /// The file is made readable by its owner alone and appears whole or not at all; of two servers that start at
    /// once, both end up with the one that was linked first.
    public static func loadOrGenerate(at path: String, _ generate: () throws -> String) throws -> String {
        if access(path, F_OK) != 0 { try make(at: path, try generate()) }
        return try load(from: path)
    }

    /// Reads the text. Blocks.
    public static func load(from path: String) throws -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unusable("cannot be opened", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unusable("cannot be examined", path) }
        guard status.st_mode & 0o077 == 0 else {
            throw Unusable(description: "The secret file \(path) can be read by others: chmod 600 it.")
        }
        var bytes = [UInt8](repeating: 0, count: maximumSize)
        let count = read(descriptor, &bytes, maximumSize)
        guard count >= 0 else { throw unusable("cannot be read", path) }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    private static func make(at path: String, _ text: String) throws {
        let draft = "\(path).\(getpid())"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw unusable("cannot be made", path) }
        let bytes = [UInt8](text.utf8)
        let written = write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        close(descriptor)
        defer { unlink(draft) }
        guard written else { throw unusable("cannot be written", path) }
        guard link(draft, path) == 0 || errno == EEXIST else { throw unusable("cannot be put in place", path) }
    }

    private static func unusable(_ what: String, _ path: String) -> Unusable {
        Unusable(description: "The secret file \(path) \(what): \(String(cString: strerror(errno))).")
    }
}
