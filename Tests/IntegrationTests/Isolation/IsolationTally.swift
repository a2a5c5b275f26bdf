import Foundation
import RPC
import Synchronization

/// What came of all calls, for the verdict and for people.
final class IsolationTally: Sendable {
    struct Counts {
        var calls = 0
        var byMethod: [String: Int] = [:]
        var byCode: [String: Int] = [:]
        /// Calls in which the caller's own canary came back: proof that the search for canaries finds some.
        var ownCanaries = 0
        var leaks: [String] = []
        var wrongOutcomes: [String] = []
        var crashes = 0
        var terminations = 0
    }

    private let counts = Mutex(Counts())

    var now: Counts { counts.withLock { $0 } }

    func note(_ method: MethodDescriptor, _ outcome: ServerCaller.Outcome, sawOwn: Bool, leak: String?, wrong: String?)
    {
        counts.withLock { counts in
            counts.calls += 1
            counts.byMethod[method.path, default: 0] += 1
            counts.byCode[outcome.status.map { "\($0.code) \($0.reason ?? "-")" } ?? "OK", default: 0] += 1
            if sawOwn { counts.ownCanaries += 1 }
            // The first few say what is wrong; thousands would bury it.
            if let leak, counts.leaks.count < 20 { counts.leaks.append(leak) }
            if let wrong, counts.wrongOutcomes.count < 20 { counts.wrongOutcomes.append(wrong) }
        }
    }

    func noteCrash() { counts.withLock { $0.crashes += 1 } }
    func noteTermination() { counts.withLock { $0.terminations += 1 } }

    var report: String {
        let counts = now
        let codes = counts.byCode.sorted { $0.value > $1.value }.map { "  \($0.value) \($0.key)" }
        return "isolation: \(counts.calls) calls of \(counts.byMethod.count) methods; own canary seen in "
            + "\(counts.ownCanaries), another's in \(counts.leaks.count); \(counts.crashes) crashes of the database, "
            + "\(counts.terminations) ended connections\n" + codes.joined(separator: "\n")
    }
}

/// Looks for bytes in bytes.
struct Needles: Sendable {
    private let needles: [[UInt8]]

    init(_ texts: [String]) { needles = Set(texts.filter { $0.utf8.count >= 8 }).sorted().map { Array($0.utf8) } }

    /// Those that stand in `bytes` and in none of `said`.
    func found(in bytes: [UInt8], butNotIn said: [[UInt8]]) -> String? {
        for needle in needles where Self.contains(bytes, needle) && !said.contains(where: { Self.contains($0, needle) })
        {
            return String(decoding: needle, as: UTF8.self)
        }
        return nil
    }

    private static func contains(_ bytes: [UInt8], _ needle: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in
            needle.withUnsafeBytes { needle in
                guard let base = bytes.baseAddress, let wanted = needle.baseAddress else { return false }
                var start = 0
                while start + needle.count <= bytes.count,
                    let hit = memchr(base + start, Int32(needle[0]), bytes.count - needle.count - start + 1)
                {
                    if memcmp(hit, wanted, needle.count) == 0 { return true }
                    start = base.distance(to: hit) + 1
                }
                return false
            }
        }
    }
}
