internal import Bytes
internal import Logging
internal import Models
internal import Postgres
internal import RPC
internal import Synchronization

/// The workers of this process: they take ingests of any tenant from the queue and carry them from their bytes to a document.
///
/// The lease of an ingest is renewed while it is worked on. A process that dies stops renewing, and another worker goes on
/// after the last step that was kept; what the dead one writes late is refused by its epoch.
final class IngestEngine: Sendable {
    /// Where tests let an engine die, and the last chance to look before it.
    enum Moment: Sendable, Hashable, CaseIterable {
        case claimed, extracted, textKept, staged, beforeStore, stored
    }

    private enum Life: Sendable {
        case working
        case draining(until: ContinuousClock.Instant)
        /// As if the process had been killed: nothing is written any more.
        case dead
    }

    private struct State {
        var life = Life.working
        var running = 0
        /// Set while the engine runs: tells the ingests under way to stop where they are.
        var leases: [IngestClaim: Lease] = [:]
    }

    /// Who holds the leases: new with each start of a process.
    let owner = UUID128.v4()
    let configuration: IngestConfiguration
    let store: IngestStore
    let signals: IngestSignals
    let models: EmbeddingModels
    let extractor: TextExtractor
    let logger: Logger
    let dies: (@Sendable (Moment, IngestClaim) -> Bool)?
    /// Requests at the embedding server.
    let turns = FairTurns(places: IngestLimits.embeddingRequests)
    /// Texts of one of them.
    let fit: Mutex<RequestFit>
    /// Files that are read: each may take what its child may take.
    let reading = FairTurns(places: IngestLimits.filesRead)
    private let bell = Doorbell()
    private let state = Mutex(State())

    init(
        store: IngestStore, signals: IngestSignals, models: EmbeddingModels, extractor: TextExtractor,
        configuration: IngestConfiguration = .defaults, logger: Logger,
        dies: (@Sendable (Moment, IngestClaim) -> Bool)? = nil
    ) {
        self.store = store
        self.signals = signals
        self.models = models
        self.extractor = extractor
        self.configuration = configuration
        self.logger = logger
        self.dies = dies
        fit = Mutex(RequestFit(most: configuration.batch))
    }

    /// Works until the task is cancelled, or `drain` was called and the last ingest has been given back.
    func run() async {
        signals.addWorker(bell)
        defer { signals.removeWorker(bell) }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.forgetOldOnes() }
            while isWorking, !Task.isCancelled {
                let claims = await claim()
                for claim in claims { group.addTask { await self.work(on: claim) } }
                if claims.isEmpty { await bell.wait(atMost: configuration.poll) }
            }
            while case .draining(let until) = state.withLock({ $0.life }), state.withLock({ $0.running }) > 0,
                ContinuousClock.now < until, !Task.isCancelled
            {
                await bell.wait(atMost: ContinuousClock.now.duration(to: until))
            }
            group.cancelAll()
        }
    }

    /// Takes nothing more. What runs gives its ingest back at its next step, and another worker goes on with it.
    func drain(grace: Duration) {
        state.withLock { state in
            if case .working = state.life { state.life = .draining(until: .now.advanced(by: grace)) }
        }
        bell.ring()
    }

    var isWorking: Bool { state.withLock { if case .working = $0.life { true } else { false } } }
    var isDead: Bool { state.withLock { if case .dead = $0.life { true } else { false } } }
    /// Whether others may be waiting for a place.
    var isFull: Bool { state.withLock { $0.running >= configuration.concurrent } }

    /// Stops as a killed process does.
    func die() {
        let leases = state.withLock { state in
            state.life = .dead
            return Array(state.leases.values)
        }
        for lease in leases { lease.end() }
        bell.ring()
    }

    func isDying(_ moment: Moment, _ claim: IngestClaim) -> Bool {
        guard let dies, !isDead else { return isDead }
        if dies(moment, claim) { die() }
        return isDead
    }

    private func claim() async -> [IngestClaim] {
        let free = configuration.concurrent - state.withLock { $0.running }
        guard free > 0 else { return [] }
        do {
            let claims = try await store.claim(
                owner: owner, models: models.names, wanted: free, lease: configuration.lease)
            state.withLock { $0.running += claims.count }
            return claims
        } catch {
            if !Task.isCancelled { logger.warning("no ingest can be claimed", metadata: ["error": "\(error)"]) }
            // Not at once again: the database is away.
            try? await Task.sleep(for: configuration.poll)
            return []
        }
    }

    /// One ingest under its lease: whichever ends first, the work or the lease, ends the other.
    private func work(on claim: IngestClaim) async {
        let lease = Lease()
        state.withLock { $0.leases[claim] = lease }
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                // Who takes turns at the embedding server is the tenant, also among searches.
                await TenantTurns.$tenant.withValue(claim.tenant) { await self.attempt(claim) }
                lease.end()
                return true
            }
            group.addTask {
                await self.keep(lease, of: claim)
                return false
            }
            // When the work has ended by itself, nothing is left to cancel: a cancel request that arrives late could hit the
            // connection's next statement.
            for await workEnded in group where !workEnded { group.cancelAll() }
        }
        state.withLock { state in
            state.leases[claim] = nil
            state.running -= 1
        }
        bell.ring()
    }

    private func keep(_ lease: Lease, of claim: IngestClaim) async {
        var heldUntil = ContinuousClock.now.advanced(by: configuration.lease)
        await signals.watching(claim.id) { moved in
            while true {
                await lease.wait(atMost: configuration.renewal, orUntil: moved)
                if lease.hasEnded || Task.isCancelled || isDead { return }
                let asked = ContinuousClock.now
                do {
                    guard try await store.renew(claim, lease: configuration.lease) else { return lease.end() }
                    heldUntil = asked.advanced(by: configuration.lease)
                } catch {
                    // The database does not answer; once the lease is over by our own clock somebody else may have it.
                    if ContinuousClock.now >= heldUntil { return lease.end() }
                }
            }
        }
    }

    private func forgetOldOnes() async {
        while !Task.isCancelled, isWorking {
            let count = (try? await store.forget()) ?? 0
            if count == IngestLimits.forgottenAtOnce { continue }
            try? await Task.sleep(for: IngestLimits.forgetting)
        }
    }
}

/// Ends once, by whoever is first: the work, or who finds that it belongs to another worker.
final class Lease: Sendable {
    private let ended = Mutex(false)
    private let bell = Doorbell()

    var hasEnded: Bool { ended.withLock { $0 } }

    func end() {
        ended.withLock { $0 = true }
        bell.ring()
    }

    /// Returns when the lease ends, when the other bell rings, or when the time is over.
    func wait(atMost time: Duration, orUntil other: Doorbell) async {
        if hasEnded { return }
        await withTaskGroup { group in
            group.addTask { await self.bell.wait(atMost: time) }
            group.addTask { await other.wait() }
            await group.next()
            group.cancelAll()
        }
    }
}
