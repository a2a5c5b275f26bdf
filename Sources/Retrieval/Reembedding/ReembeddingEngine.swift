internal import Bytes
internal import Logging
internal import Models
internal import Postgres
internal import RPC
internal import Synchronization

/// The workers of this process that embed collections anew: they fill a second set of vectors batch by batch, and make it the one
/// that is searched once it is complete.
///
/// Leases are those of ingests (decision 0138), and so is the way to the embedding server. What is kept after each batch is where
/// the pass stands; passes are made until one finds no chunk without a vector, so that what was stored meanwhile is found.
final class ReembeddingEngine: Sendable {
    enum Limits {
        /// Re-embeddings that one process works on at a time.
        static let concurrent = 2
        /// Vectors that one statement removes of a set that nobody searches, and the pause before the next one.
        static let removedAtOnce = 500
        static let breath: Duration = .milliseconds(20)
    }

    /// Where tests let an engine die.
    enum Moment: Sendable, Hashable, CaseIterable {
        case claimed, embedded, kept, beforeSwitch, switched
    }

    private enum Life: Sendable { case working, draining, dead }

    private struct State {
        var life = Life.working
        var running = 0
    }

    let owner = UUID128.v4()
    let store: ReembeddingStore
    private let signals: IngestSignals
    private let models: EmbeddingModels
    private let turns: FairTurns
    private let configuration: IngestConfiguration
    private let logger: Logger
    private let dies: (@Sendable (Moment) -> Bool)?
    private let bell = Doorbell()
    private let state = Mutex(State())

    init(
        store: ReembeddingStore, signals: IngestSignals, models: EmbeddingModels, turns: FairTurns,
        configuration: IngestConfiguration, logger: Logger, dies: (@Sendable (Moment) -> Bool)? = nil
    ) {
        self.store = store
        self.signals = signals
        self.models = models
        self.turns = turns
        self.configuration = configuration
        self.logger = logger
        self.dies = dies
    }

    /// Works until the task is cancelled or `drain` was called.
    func run() async {
        signals.addWorker(bell)
        defer { signals.removeWorker(bell) }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.removeRetired() }
            while isWorking, !Task.isCancelled {
                let claims = await claim()
                for claim in claims { group.addTask { await self.work(on: claim) } }
                if claims.isEmpty { await bell.wait(atMost: configuration.poll) }
            }
            // What runs gives its job back at its next batch.
            while state.withLock({ $0.life == .draining && $0.running > 0 }), !Task.isCancelled {
                await bell.wait(atMost: configuration.poll)
            }
            group.cancelAll()
        }
    }

    /// Takes nothing more; what runs is given back at its next batch.
    func drain() {
        state.withLock { if $0.life == .working { $0.life = .draining } }
        bell.ring()
    }

    private var isWorking: Bool { state.withLock { $0.life == .working } }
    private var isDead: Bool { state.withLock { $0.life == .dead } }

    private func isDying(_ moment: Moment) -> Bool {
        guard let dies, !isDead else { return isDead }
        if dies(moment) {
            state.withLock { $0.life = .dead }
            bell.ring()
        }
        return isDead
    }

    private func claim() async -> [ReembeddingClaim] {
        let free = Limits.concurrent - state.withLock { $0.running }
        guard free > 0 else { return [] }
        do {
            let claims = try await store.claim(
                owner: owner, models: models.names, wanted: free, lease: configuration.lease)
            state.withLock { $0.running += claims.count }
            return claims
        } catch {
            if !Task.isCancelled { logger.warning("no re-embedding can be claimed", metadata: ["error": "\(error)"]) }
            try? await Task.sleep(for: configuration.poll)
            return []
        }
    }

    /// One job under its lease: whichever ends first, the work or the lease, ends the other.
    private func work(on claim: ReembeddingClaim) async {
        let lease = Lease()
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await TenantTurns.$tenant.withValue(claim.tenant) { await self.attempt(claim) }
                lease.end()
                return true
            }
            group.addTask {
                await self.keep(lease, of: claim)
                return false
            }
            // As in IngestEngine: work that has ended by itself leaves nothing to cancel.
            for await workEnded in group where !workEnded { group.cancelAll() }
        }
        state.withLock { $0.running -= 1 }
        bell.ring()
    }

    private func keep(_ lease: Lease, of claim: ReembeddingClaim) async {
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
                    if ContinuousClock.now >= heldUntil { return lease.end() }
                }
            }
        }
    }

    private func attempt(_ claim: ReembeddingClaim) async {
        if isDying(.claimed) { return }
        var log: Logger.Metadata = ["tenant": "\(claim.tenant)", "reembedding": "\(claim.id)"]
        do {
            guard let load = try await store.load(claim) else { return }
            do { try await carry(claim, load) } catch let failure as IngestFailure {
                if isDead || Task.isCancelled { return }
                log["reason"] = "\(failure.status.reason ?? "")"
                logger.warning("a re-embedding failed", metadata: log)
                try await record(failure, claim, load)
            }
        } catch is ReembeddingLost {
            logger.info("a re-embedding was cancelled or went to another worker", metadata: log)
        } catch is CancellationError {
            return
        } catch {
            if Task.isCancelled || isDead { return }
            log["error"] = "\(error)"
            logger.error("a re-embedding could not be worked on", metadata: log)
            try? await store.giveBack(claim, pause: configuration.firstPause)
        }
    }

    /// What may pass is waited for, however long: nobody is without results meanwhile.
    private func record(
        _ failure: IngestFailure, _ claim: ReembeddingClaim, _ load: ReembeddingStore.Load
    ) async throws {
        guard failure.isTransient else { return try await store.fail(claim, load, failure.status) }
        let pause = min(
            configuration.firstPause * (1 << min(max(load.attempts - 1, 0), 10)), configuration.longestPause)
        try await store.giveBack(claim, failure.status, pause: pause)
    }

    private func carry(_ claim: ReembeddingClaim, _ load: ReembeddingStore.Load) async throws {
        guard load.losses <= IngestLimits.losses else { throw IngestFailure(.reembeddingCrashed) }
        let embedder = models.named(load.embeddingModel, dimension: load.embeddingDimension)
        guard let embedder else { throw IngestFailure(.embeddingModelUnknown) }
        let begin = ContinuousClock.now
        var place = load.afterChunk
        while true {
            if isDead { return }
            if !isWorking || begin.duration(to: .now) > configuration.slice { return try await store.giveBack(claim) }
            let start = ContinuousClock.now
            let chunks = try await store.chunks(claim, load, after: place, atMost: configuration.batch)
            if chunks.isEmpty, place == nil {
                if isDying(.beforeSwitch) { return }
                if try await store.finish(claim, load) {
                    signals.ring(claim.id)
                    _ = isDying(.switched)
                    return
                }
            }
            // The end of a pass: the next one looks for what was stored behind it.
            place = chunks.last?.id
            if chunks.isEmpty { continue }
            let vectors = try await vectors(of: chunks, by: embedder, for: claim)
            if isDying(.embedded) { return }
            try await store.keep(claim, load, chunks, vectors, micros: start.duration(to: .now).micros)
            if isDying(.kept) { return }
        }
    }

    private func vectors(
        of chunks: [ReembeddingStore.Chunk], by embedder: any TextEmbedder, for claim: ReembeddingClaim
    ) async throws -> [[Float]] {
        try await turns.pass(claim.tenant) { try await Self.request(embedder, chunks.map(\.embeddingInput)) }
    }

    private static func request(_ embedder: any TextEmbedder, _ texts: [String]) async throws -> [[Float]] {
        let failure: ModelError
        do { return try await embedder.embed(texts) } catch { failure = error }
        if failure.code == .cancelled { throw CancellationError() }
        throw IngestFailure(failure)
    }

    /// Sets that were replaced or given up go in small steps, and nobody waits for it.
    private func removeRetired() async {
        while !Task.isCancelled, isWorking {
            let gone = (try? await store.removeRetired(atMost: Limits.removedAtOnce)) ?? nil
            try? await Task.sleep(for: gone == nil ? configuration.sweep : Limits.breath)
        }
    }
}
