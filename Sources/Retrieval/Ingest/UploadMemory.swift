internal import RPC
internal import Synchronization

/// How many bytes of uploads are in memory: one bound for all calls of a process.
final class UploadMemory: Sendable {
    /// 256 MiB; an upload has at most 2 MiB of it, the rest is in the database.
    static let defaultLimit = 256 << 20
    /// When to come back, once there is no room.
    static let retryAfter: Duration = .seconds(5)

    private let limit: Int
    private let used = Mutex(0)

    init(limit: Int = UploadMemory.defaultLimit) { self.limit = limit }

    /// Counts bytes of an upload until its share is given back.
    func take(_ bytes: Int, for share: inout Int) throws(Status) {
        let fits = used.withLock { used in
            guard used + bytes <= limit else { return false }
            used += bytes
            return true
        }
        guard fits else {
            throw .resourceExhausted(
                "The server receives as many bytes as it can keep. Send the document again later.",
                reason: "UPLOADS_BUSY", retryAfter: Self.retryAfter)
        }
        share += bytes
    }

    /// Gives back all of the share but `kept` bytes.
    func giveBack(_ share: inout Int, keeping kept: Int = 0) {
        let left = max(0, share - kept)
        used.withLock { $0 -= left }
        share -= left
    }
}
