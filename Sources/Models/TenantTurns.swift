public import Bytes
internal import Synchronization

/// Lets so many work at a time, and those who wait take turns by tenant: a tenant that asks for a hundred delays another one
/// by one turn, not by a hundred.
///
/// When too many wait, the tenant with most waiting loses its newest (`ModelError.busy`), unless that is the one who asks.
/// A caller that is cancelled leaves the queue at once.
public final class TenantTurns: Sendable {
    public enum Limits {
        /// Who may wait, all tenants together.
        public static let waiting = 1024
    }

    /// On whose account the task works; nil is one more that takes turns: the server's own work.
    @TaskLocal public static var tenant: UUID128?

    private struct Waiter {
        let number: Int
        let continuation: CheckedContinuation<ModelError?, Never>
    }

    private struct State {
        var working = 0
        var queues: [UUID128?: [Waiter]] = [:]
        /// Tenants that have somebody waiting; the first one is next.
        var turns: [UUID128?] = []
        var waiting = 0
        var nextNumber = 0
        var cancelled: Set<Int> = []

        mutating func next() -> Waiter? {
            guard let tenant = turns.first, let waiter = queues[tenant]?.removeFirst() else { return nil }
            turns.removeFirst()
            waiting -= 1
            if queues[tenant]?.isEmpty ?? true { queues[tenant] = nil } else { turns.append(tenant) }
            return waiter
        }

        /// The newest of the tenant with most waiting, to make room for one of `tenant`.
        mutating func giveWay(to tenant: UUID128?) -> Waiter? {
            let own = (queues[tenant]?.count ?? 0) + 1
            guard let longest = queues.max(by: { $0.value.count < $1.value.count }), longest.value.count > own else {
                return nil
            }
            return remove(longest.value.count - 1, of: longest.key)
        }

        mutating func remove(_ index: Int, of tenant: UUID128?) -> Waiter? {
            let waiter = queues[tenant]?.remove(at: index)
            waiting -= 1
            if queues[tenant]?.isEmpty ?? true {
                queues[tenant] = nil
                turns.removeAll { $0 == tenant }
            }
            return waiter
        }
    }

    private let concurrent: Int
    private let room: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - concurrent: how many work at a time.
    ///   - room: how many may wait.
    public init(concurrent: Int, room: Int = Limits.waiting) {
        self.concurrent = concurrent
        self.room = room
    }

    /// Runs `body` when it is this tenant's turn.
    public func run<R>(_ body: () async throws(ModelError) -> R) async throws(ModelError) -> R {
        if let refusal = await begin() { throw refusal }
        defer { end() }
        return try await body()
    }

    /// How many wait now.
    var waiterCount: Int { state.withLock { $0.waiting } }

    private func begin() async -> ModelError? {
        let tenant = Self.tenant
        let number: Int? = state.withLock { state in
            if state.working < concurrent {
                state.working += 1
                return nil
            }
            state.nextNumber += 1
            return state.nextNumber
        }
        guard let number else { return nil }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.wait(Waiter(number: number, continuation: continuation), tenant)
            }
        } onCancel: {
            self.leave(number, tenant)
        }
    }

    private func wait(_ waiter: Waiter, _ tenant: UUID128?) {
        typealias Told = (CheckedContinuation<ModelError?, Never>, ModelError?)
        let told: Told? = state.withLock { state -> Told? in
            if state.cancelled.remove(waiter.number) != nil { return (waiter.continuation, Self.cancelled) }
            if state.working < concurrent {
                state.working += 1
                return (waiter.continuation, nil)
            }
            var gone: Waiter?
            if state.waiting >= room {
                gone = state.giveWay(to: tenant)
                guard gone != nil else { return (waiter.continuation, Self.full) }
            }
            state.waiting += 1
            if state.queues[tenant]?.append(waiter) == nil {
                state.queues[tenant] = [waiter]
                state.turns.append(tenant)
            }
            return gone.map { ($0.continuation, Self.full) }
        }
        told?.0.resume(returning: told?.1)
    }

    private func leave(_ number: Int, _ tenant: UUID128?) {
        let waiter: Waiter? = state.withLock { state in
            guard let index = state.queues[tenant]?.firstIndex(where: { $0.number == number }) else {
                // It is not in the queue yet, or not any more; the latter is forgotten when it ends.
                state.cancelled.insert(number)
                return nil
            }
            return state.remove(index, of: tenant)
        }
        waiter?.continuation.resume(returning: Self.cancelled)
    }

    private func end() {
        let next: Waiter? = state.withLock { state in
            if let next = state.next() { return next }
            state.working -= 1
            if state.working == 0 { state.cancelled.removeAll() }
            return nil
        }
        next?.continuation.resume(returning: nil)
    }

    private static let cancelled = ModelError(.cancelled, "the call was cancelled")
    private static let full = ModelError(.busy, "too many texts wait for the embedding server")
}

/// An embedder before which tenants take turns, batch by batch: an upload of a thousand passages lets a search through after
/// each of its batches.
public struct FairEmbedder: TextEmbedder {
    private let embedder: any TextEmbedder
    private let turns: TenantTurns

    public var model: String { embedder.model }
    public var dimension: Int { embedder.dimension }

    public init(_ embedder: any TextEmbedder, turns: TenantTurns) {
        self.embedder = embedder
        self.turns = turns
    }

    public func embed(_ texts: [String]) async throws(ModelError) -> [[Float]] {
        var vectors: [[Float]] = []
        vectors.reserveCapacity(texts.count)
        for batch in EmbeddingClient.batches(texts) {
            let part = Array(texts[batch])
            let embedder = embedder
            vectors += try await turns.run { () async throws(ModelError) -> [[Float]] in try await embedder.embed(part)
            }
        }
        return vectors
    }
}
