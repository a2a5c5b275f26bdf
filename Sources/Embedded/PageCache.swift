import Foundation

/// How much memory the page cache of an embedded PostgreSQL (`shared_buffers`) gets where nobody says otherwise.
enum PageCache {
    /// In megabytes: a sixteenth of what this process may use, 128 at least and 1,024 at most. Searches of a large tenant read
    /// passages all over its pages, and a page that is copied from the system's own cache each time costs as much as
    /// the search; the rest of the machine is for the embedding model and for others.
    static let usual = megabytes(
        physical: Int64(ProcessInfo.processInfo.physicalMemory),
        limit: (try? String(contentsOfFile: "/sys/fs/cgroup/memory.max", encoding: .utf8)).flatMap(limit(of:)))

    /// `limit`: of the control group, in bytes; nil where there is none.
    static func megabytes(physical: Int64, limit: Int64?) -> Int {
        Int(min(max(min(physical, limit ?? .max) / 16 / 1_048_576, 128), 1_024))
    }

    /// What `memory.max` of a control group says: a number of bytes, or "max".
    static func limit(of text: String) -> Int64? {
        Int64(text.trimmingCharacters(in: .whitespacesAndNewlines)).flatMap { $0 > 0 ? $0 : nil }
    }
}
