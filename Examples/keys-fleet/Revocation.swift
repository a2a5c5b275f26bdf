import RPC
import Schema
import Synchronization

/// How long a revoked key still works on each node, and whether a rotation fails a call, while other keys are used on
/// all nodes by `load` callers of each.
struct Revocation {
    let fleet: Fleet
    let keys: Int
    let load: Int
    /// Keys that are revoked at the same time.
    static let batch = 8
    /// Between two calls of one caller, and of one who waits for a refusal: what is measured is how soon the nodes know, not how
    /// long a call waits for a processor that our own callers keep busy.
    static let pause: Duration = .milliseconds(2)

    /// What the load does and what fails of it.
    final class Tally: Sendable {
        let calls = Atomic<Int>(0)
        let failures = Mutex<[Status]>([])
        let keys: Mutex<[Fleet.Key]>

        init(_ keys: [Fleet.Key]) { self.keys = Mutex(keys) }

        func fail(_ status: Status) { failures.withLock { $0.append(status) } }
    }

    func run() async throws -> Bool {
        let tenant = try await fleet.makeTenant()
        let tally = Tally(try await fleet.makeKeys(50, of: tenant))
        let victims = try await fleet.makeKeys(keys, of: tenant)
        let (delays, rotations) = try await withThrowingTaskGroup(of: Void.self) { group in
            for node in fleet.nodes.indices {
                for caller in 0..<load { group.addTask { await use(tally, node, from: caller) } }
            }
            let (start, before) = (Fleet.now(), tally.calls.load(ordering: .relaxed))
            let delays = try await revoke(victims, tenant)
            let seconds = Double(Fleet.now() - start) / 1_000_000
            let rate = Int(Double(tally.calls.load(ordering: .relaxed) - before) / seconds)
            print("load: \(rate) calls a second on \(fleet.nodes.count) nodes, beside those that wait for the refusal")
            let rotations = try await rotate(tally, tenant)
            group.cancelAll()
            return (delays, rotations)
        }
        for (node, delays) in delays.enumerated() { print(Fleet.line("revocation, node \(node)", delays)) }
        let all = delays.flatMap { $0 }
        print(Fleet.line("revocation, all nodes", all))
        let failed = tally.failures.withLock { $0 }
        print(
            "rotation: \(rotations) under load, \(tally.calls.load(ordering: .relaxed)) calls, \(failed.count) failed")
        for status in failed.prefix(3) { print("   \(status)") }
        return failed.isEmpty && Fleet.quantile(all, 990) <= 100_000
    }

    /// Calls with one key after the other until cancelled.
    private func use(_ tally: Tally, _ node: Int, from first: Int) async {
        var turn = first
        while !Task.isCancelled {
            turn += 7
            let key = tally.keys.withLock { $0[turn % $0.count] }
            if let status = await fleet.call(key, on: node), !Task.isCancelled { tally.fail(status) }
            tally.calls.add(1, ordering: .relaxed)
            try? await Task.sleep(for: Self.pause)
        }
    }

    /// By node: from the answer of RevokeKey to the end of the first call that is refused.
    private func revoke(_ victims: [Fleet.Key], _ tenant: Fleet.Tenant) async throws -> [[Int64]] {
        var delays = [[Int64]](repeating: [], count: fleet.nodes.count)
        for start in stride(from: 0, to: victims.count, by: Self.batch) {
            let found = try await withThrowingTaskGroup(of: [(Int, Int64)].self) { group in
                for (number, victim) in victims[start..<min(start + Self.batch, victims.count)].enumerated() {
                    group.addTask { try await revoke(victim, by: (start + number) % fleet.nodes.count, tenant) }
                }
                return try await group.reduce(into: [(Int, Int64)]()) { $0 += $1 }
            }
            for (node, delay) in found { delays[node].append(delay) }
        }
        return delays
    }

    private final class Progress: Sendable {
        /// Nodes that have let the key in.
        let warm = Atomic<Int>(0)
        /// When the revocation was answered.
        let answered = Atomic<Int64>(.max)
    }

    private func revoke(_ victim: Fleet.Key, by revoker: Int, _ tenant: Fleet.Tenant) async throws -> [(Int, Int64)] {
        let progress = Progress()
        return try await withThrowingTaskGroup(of: (Int, Int64)?.self) { group in
            for node in fleet.nodes.indices {
                group.addTask {
                    var isWarm = false
                    while true {
                        try Task.checkCancellation()
                        let status = await fleet.call(victim, on: node)
                        guard let status else {
                            if !isWarm { progress.warm.add(1, ordering: .relaxed) }
                            isWarm = true
                            try await Task.sleep(for: Self.pause)
                            continue
                        }
                        guard status.code == .unauthenticated else { throw status }
                        let now = Fleet.now()
                        // It may be refused before the answer has reached who revoked it.
                        while progress.answered.load(ordering: .acquiring) == .max {
                            try await Task.sleep(for: .milliseconds(1))
                        }
                        return (node, max(0, now - progress.answered.load(ordering: .acquiring)))
                    }
                }
            }
            group.addTask {
                while progress.warm.load(ordering: .relaxed) < fleet.nodes.count {
                    try await Task.sleep(for: .milliseconds(1))
                }
                var request = Ragdz_V1_RevokeKeyRequest()
                request.id = victim.id
                _ = try await Ragdz_V1_Keys.Client(fleet.nodes[revoker]).revokeKey(
                    request, options: Fleet.options(tenant.admin))
                progress.answered.store(Fleet.now(), ordering: .releasing)
                return nil
            }
            return try await group.reduce(into: [(Int, Int64)]()) { if let found = $1 { $0.append(found) } }
        }
    }

    /// Each of the keys is rotated four times; the old and the new secret are used on every node right after the answer.
    private func rotate(_ tally: Tally, _ tenant: Fleet.Tenant) async throws -> Int {
        var count = 0
        let keys = tally.keys.withLock { $0.count }
        for number in (0..<4).flatMap({ _ in 0..<keys }) {
            let old = tally.keys.withLock { $0[number] }
            var request = Ragdz_V1_RotateKeyRequest()
            request.id = old.id
            let answer = try await Ragdz_V1_Keys.Client(fleet.nodes[count % fleet.nodes.count]).rotateKey(
                request, options: Fleet.options(tenant.admin))
            count += 1
            let new = Fleet.Key(id: old.id, secret: answer.secret)
            for node in fleet.nodes.indices {
                for key in [new, old] {
                    if let status = await fleet.call(key, on: node) { tally.fail(status) }
                }
            }
            tally.keys.withLock { $0[number] = new }
        }
        return count
    }
}
