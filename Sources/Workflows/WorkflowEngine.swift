public import Bytes
internal import Logging
internal import Postgres
internal import Synchronization

/// The workers of this process: they claim due steps of any tenant, run their actions and record the results.
///
/// A claimed step is leased for a few seconds and the lease is renewed while the action runs. A process that dies
/// simply stops renewing: another worker (or this one after its restart) takes the step over, and a result of the
/// dead one that arrives late is refused by its lease epoch. Nothing has to be cleaned up after a crash.
public final class WorkflowEngine: Sendable {
    public struct Configuration: Sendable {
        /// Steps that run at the same time in this process. 0: this process runs none.
        public var concurrentSteps: Int
        /// How long a step belongs to a worker without renewal: how long a crash delays a step at most.
        public var lease: Duration
        /// Time between renewals; also how late a cancellation is noticed when no notification comes through.
        public var renewal: Duration
        /// How often a worker looks for due steps that nothing told it of: timers, retries, expired leases.
        public var poll: Duration
        /// How long the result of an attempt is offered to a database that is away.
        public var reportPatience: Duration

        /// 16 steps at once; a lease of 6 s, renewed each 800 ms; a look each 300 ms; results offered for 60 s.
        public static var defaults: Configuration {
            Configuration(
                concurrentSteps: 16, lease: .seconds(6), renewal: .milliseconds(800), poll: .milliseconds(300),
                reportPatience: .seconds(60))
        }
    }

    /// Where tests let an engine die.
    enum Moment: Sendable, Hashable, CaseIterable {
        case afterClaim, afterTake, afterEffect, afterCommit
    }

    private enum Life: Sendable {
        case working
        /// No new steps; what runs may run on until then.
        case draining(until: ContinuousClock.Instant)
        /// As if the process had been killed: nothing is written any more.
        case dead
    }

    private struct State {
        var life = Life.working
        var running = 0
        var gates: [ObjectIdentifier: AttemptGate] = [:]
    }

    /// Who holds the leases: new with each start of a process.
    public let owner: UUID128
    let configuration: Configuration
    let store: RunStore
    let signals: WorkflowSignals
    let actions: ActionRegistry
    let logger: Logger
    let dies: (@Sendable (Moment, RunStore.Claim) -> Bool)?
    private let bell = Doorbell()
    private let state = Mutex(State())

    init(
        store: RunStore, signals: WorkflowSignals, actions: ActionRegistry, configuration: Configuration,
        logger: Logger, dies: (@Sendable (Moment, RunStore.Claim) -> Bool)? = nil
    ) {
        owner = UUID128.v4()
        self.store = store
        self.signals = signals
        self.actions = actions
        self.configuration = configuration
        self.logger = logger
        self.dies = dies
    }

    /// Works until `drain` was called and the last attempt has ended. A cancelled task ends it at once; the leases
    /// then run out by themselves.
    public func run() async {
        signals.addWorker(bell)
        defer { signals.removeWorker(bell) }
        await withDiscardingTaskGroup { group in
            while isWorking, !Task.isCancelled {
                let claims = await claim()
                for claim in claims {
                    group.addTask { await self.work(on: claim) }
                }
                if claims.isEmpty { await bell.wait(atMost: configuration.poll) }
            }
            await letAttemptsEnd()
        }
    }

    /// Takes no new steps. What runs has `grace` to end; after that it is interrupted and given back, and another
    /// worker can take it at once.
    public func drain(grace: Duration) {
        state.withLock { state in
            if case .working = state.life { state.life = .draining(until: .now.advanced(by: grace)) }
        }
        bell.ring()
    }

    private var isWorking: Bool {
        state.withLock { if case .working = $0.life { true } else { false } }
    }

    var isDead: Bool {
        state.withLock { if case .dead = $0.life { true } else { false } }
    }

    /// Stops as a killed process does.
    func die() {
        let gates = state.withLock { state in
            state.life = .dead
            return Array(state.gates.values)
        }
        for gate in gates { gate.close(.leaseLost) }
        bell.ring()
    }

    private func letAttemptsEnd() async {
        while !Task.isCancelled {
            let (left, until) = state.withLock { state -> (Int, ContinuousClock.Instant?) in
                if case .draining(let until) = state.life { (state.running, until) } else { (state.running, nil) }
            }
            guard left > 0, let until else { return }
            guard ContinuousClock.now < until else {
                let gates = state.withLock { Array($0.gates.values) }
                for gate in gates { gate.close(.released) }
                return
            }
            await bell.wait(atMost: ContinuousClock.now.duration(to: until))
        }
    }

    /// As many due steps as there is room for; they count as running from now on.
    private func claim() async -> [RunStore.Claim] {
        let free = configuration.concurrentSteps - state.withLock { $0.running }
        guard free > 0 else { return [] }
        do {
            let claims = try await store.claim(upTo: free, owner: owner, lease: configuration.lease)
            state.withLock { $0.running += claims.count }
            return claims
        } catch {
            if !Task.isCancelled {
                logger.warning("no steps can be claimed", metadata: ["error": "\(error)"])
            }
            return []
        }
    }

    private func work(on claim: RunStore.Claim) async {
        let gate = AttemptGate()
        state.withLock { $0.gates[ObjectIdentifier(gate)] = gate }
        await signals.guarding(claim.run, gate) { await attempt(claim, gate) }
        state.withLock { state in
            state.gates[ObjectIdentifier(gate)] = nil
            state.running -= 1
        }
        bell.ring()
    }
}
