public import Cryptography
internal import RPC
internal import Synchronization

/// Hashes passwords off the event loops, a few at a time: each takes 32 MiB and a core for a tenth of a second or more, so
/// that who sends many logins would otherwise take the machine.
///
/// Who comes when all places and the queue are taken is told at once to come back.
public final class PasswordWorkers: Sendable {
    public struct Limits: Sendable, Hashable {
        /// Hashes at the same moment.
        public var concurrent: Int
        /// Calls that wait for their turn.
        public var waiting: Int

        public init(concurrent: Int, waiting: Int) {
            self.concurrent = concurrent
            self.waiting = waiting
        }

        /// 2 at a time, 64 waiting: 64 MiB, and some seconds of waiting for the last one.
        public static var defaults: Limits { Limits(concurrent: 2, waiting: 64) }
    }

    private struct State {
        var running = 0
        var number = 0
        var queue: [(number: Int, turn: CheckedContinuation<Void, any Error>)] = []
        /// Cancelled before they stood in the queue.
        var cancelled: Set<Int> = []
        var hashes = 0
    }

    /// What new hashes are made with.
    public let cost: Scrypt.Cost
    private let limits: Limits
    private let state = Mutex(State())
    /// Stands in for the hash of a member who does not exist: the same work, and nothing that matches.
    private let nobody: PasswordHash

    public init(cost: Scrypt.Cost = PasswordHash.defaultCost, limits: Limits = .defaults) throws(CryptoError) {
        self.cost = cost
        self.limits = limits
        nobody = try PasswordHash.ofNobody(cost: cost)
    }

    /// How many hashes were made or checked so far.
    public var hashes: Int { state.withLock { $0.hashes } }

    /// The stored text of a new password.
    func hash(_ password: [UInt8]) async throws -> String {
        let cost = cost
        return try await run { try PasswordHash(of: password, cost: cost).text }
    }

    /// Whether the password is the one whose stored text this is. `stored` nil stands for a member who does not exist, and
    /// `password` nil for one that is nobody's: neither takes less work.
    func matches(_ password: [UInt8]?, stored: String?) async throws -> Bool {
        let known = stored.flatMap { PasswordHash($0) }
        let hash = known ?? nobody
        let bytes = password ?? []
        let matches = try await run { try hash.matches(bytes) }
        return matches && known != nil && password != nil
    }

    /// Whether a stored hash is to be made again with the cost of now.
    func isOutdated(_ stored: String) -> Bool { PasswordHash(stored)?.isWeaker(than: cost) ?? false }

    private func run<R: Sendable>(_ work: @escaping @Sendable () throws -> R) async throws -> R {
        try await takePlace()
        defer { leavePlace() }
        state.withLock { $0.hashes += 1 }
        return try await withTaskExecutorPreference(globalConcurrentExecutor) { try await Self.apart(work) }
    }

    /// Asynchronous, so that it runs where the preference says.
    private static func apart<R: Sendable>(_ work: @Sendable () throws -> R) async throws -> R { try work() }

    private func takePlace() async throws {
        let number = try state.withLock { state throws -> Int? in
            if state.running < limits.concurrent {
                state.running += 1
                return nil
            }
            guard state.queue.count < limits.waiting else {
                throw Status.resourceExhausted(
                    "Too many logins at once: try again in a moment.", reason: "LOGIN_BUSY", retryAfter: .seconds(1))
            }
            state.number += 1
            return state.number
        }
        guard let number else { return }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (turn: CheckedContinuation<Void, any Error>) in
                let isNow: Bool? = state.withLock { state in
                    if state.cancelled.remove(number) != nil { return false }
                    if state.running < limits.concurrent {
                        state.running += 1
                        return true
                    }
                    state.queue.append((number, turn))
                    return nil
                }
                switch isNow {
                case true?: turn.resume()
                case false?: turn.resume(throwing: CancellationError())
                case nil: break
                }
            }
        } onCancel: {
            let turn = state.withLock { state -> CheckedContinuation<Void, any Error>? in
                guard let index = state.queue.firstIndex(where: { $0.number == number }) else {
                    state.cancelled.insert(number)
                    return nil
                }
                return state.queue.remove(at: index).turn
            }
            turn?.resume(throwing: CancellationError())
        }
        // One that was cancelled after it had got its place leaves a mark that nobody takes away.
        state.withLock { _ = $0.cancelled.remove(number) }
    }

    private func leavePlace() {
        let next = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            guard !state.queue.isEmpty else {
                state.running -= 1
                return nil
            }
            return state.queue.removeFirst().turn
        }
        next?.resume()
    }
}
