import RPC
import Schema
import Synchronization

/// Whether several nodes together keep one key's limit: more callers than the limit allows on all of them, and what was
/// let in counted in every window.
struct LimitWindows {
    let fleet: Fleet
    let seconds: Int
    let perMinute: Int64
    let burst: Int64

    final class Admitted: Sendable {
        let moments = Mutex<[Int64]>([])
        let refused = Atomic<Int>(0)
        let other = Mutex<[Status]>([])
    }

    func run() async throws -> Bool {
        let tenant = try await fleet.makeTenant()
        var limits = Ragdz_V1_KeyLimits()
        limits.requestsPerMinute = perMinute
        limits.burst = burst
        let key = try await fleet.makeKeys(1, of: tenant, limits: limits)[0]
        let admitted = Admitted()
        let start = Fleet.now()
        await withTaskGroup(of: Void.self) { group in
            for node in fleet.nodes.indices {
                for _ in 0..<6 { group.addTask { await push(key, node, admitted, until: start) } }
            }
        }
        let moments = admitted.moments.withLock { $0.sorted() }
        let other = admitted.other.withLock { $0 }
        print(
            "limits: \(moments.count) admitted, \(admitted.refused.load(ordering: .relaxed)) refused, "
                + "\(other.count) failed otherwise, in \(seconds) s on \(fleet.nodes.count) nodes; "
                + "\(perMinute) a minute, \(burst) at once")
        for status in other.prefix(3) { print("   \(status)") }
        return judge(moments) && other.isEmpty
    }

    private func push(_ key: Fleet.Key, _ node: Int, _ admitted: Admitted, until start: Int64) async {
        while Fleet.now() < start + Int64(seconds) * 1_000_000 {
            switch await fleet.call(key, on: node) {
            case nil: admitted.moments.withLock { $0.append(Fleet.now()) }
            case let status? where status.reason == "RATE_LIMITED":
                admitted.refused.add(1, ordering: .relaxed)
                // Not the time that was named: whoever presses harder gets no more.
                try? await Task.sleep(for: .milliseconds(5))
            case let status?: admitted.other.withLock { $0.append(status) }
            }
        }
    }

    /// Every window of so many seconds, against burst + rate × window. A call counts when its answer arrives, so a window
    /// may hold calls that were let in shortly before it began: by what one node answers late.
    private func judge(_ moments: [Int64]) -> Bool {
        var isGood = true
        for length in [1, 5, 10, 30] where length < seconds {
            let micros = Int64(length) * 1_000_000
            let bound = Double(burst) + Double(perMinute) * Double(length) / 60
            var most = 0
            var first = 0
            for last in moments.indices {
                while moments[last] - moments[first] > micros { first += 1 }
                most = max(most, last - first + 1)
            }
            let share = Double(most) / bound
            isGood = isGood && share <= 1.01
            print("   any \(length) s: at most \(most) of \(Int(bound)), \(Double(Int(share * 10_000)) / 10_000) ×")
        }
        // And nothing is withheld from those who ask all the time.
        let bound = Double(burst) + Double(perMinute) * Double(seconds) / 60
        let share = Double(moments.count) / bound
        print("   in all: \(moments.count) of \(Int(bound)), \(Double(Int(share * 10_000)) / 10_000) ×")
        return isGood && share >= 0.99
    }
}
