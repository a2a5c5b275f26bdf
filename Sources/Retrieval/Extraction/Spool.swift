internal import Glibc
internal import Synchronization

/// Bytes that are appended and then read at any place: few of them are in memory, the others in a file without a name.
final class Spool: Sendable {
    enum Limits {
        /// Bytes that are kept in memory before they are written.
        static let memory = 262_144
    }

    private struct State {
        /// The bytes after those of the file.
        var tail: [UInt8] = []
        var file: UnlinkedFile?
        var fileBytes = 0
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.fileBytes + $0.tail.count } }

    func append(_ bytes: some Sequence<UInt8>) throws {
        try state.withLock { state in
            state.tail.append(contentsOf: bytes)
            guard state.tail.count >= Limits.memory else { return }
            let file = try state.file ?? UnlinkedFile()
            state.file = file
            try file.append(state.tail)
            state.fileBytes += state.tail.count
            state.tail.removeAll(keepingCapacity: true)
        }
    }

    /// At most `count` bytes from a place on; none at the end.
    func bytes(at place: Int, count: Int) throws -> [UInt8] {
        try state.withLock { state in
            guard let file = state.file, place < state.fileBytes else {
                return Array(state.tail.dropFirst(place - state.fileBytes).prefix(count))
            }
            let bytes = try file.bytes(at: place, count: min(count, state.fileBytes - place))
            return bytes + state.tail.prefix(count - bytes.count)
        }
    }
}

extension UnlinkedFile {
    fileprivate func bytes(at place: Int, count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                pread(descriptor, buffer.baseAddress?.advanced(by: filled), count - filled, off_t(place + filled))
            }
            guard got > 0 || got < 0 && errno == EINTR else { throw ChildLaunchError(code: got == 0 ? EIO : errno) }
            filled += max(0, got)
        }
        return bytes
    }
}

/// The characters of a spool of UTF-8, block by block, each pass from the start.
struct SpooledText {
    enum Limits {
        /// Bytes that are decoded at a time.
        static let block = 65_536
    }

    let spool: Spool
    private var place = 0

    init(_ spool: Spool) { self.spool = spool }

    /// Nil after the last one.
    mutating func next() throws -> String? {
        var bytes = try spool.bytes(at: place, count: Limits.block)
        guard !bytes.isEmpty else { return nil }
        if place + bytes.count < spool.count { bytes.removeLast(Self.unfinished(bytes)) }
        place += bytes.count
        guard !bytes.isEmpty, let text = String(validating: bytes, as: UTF8.self) else { throw InvalidUTF8() }
        return text
    }

    struct InvalidUTF8: Error {}

    /// How many bytes at the end belong to a character that the next block ends.
    private static func unfinished(_ bytes: [UInt8]) -> Int {
        for back in 1...min(3, bytes.count) {
            let byte = bytes[bytes.count - back]
            if byte & 0xC0 == 0x80 { continue }
            let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
            return length > back ? back : 0
        }
        return 0
    }
}
