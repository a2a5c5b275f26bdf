internal import Bytes
internal import Logging
internal import Postgres
internal import Synchronization

/// Brings the database's notifications to those who wait in this process: watchers of runs, workers, and the steps
/// of a run that is to stop. One connection listens for all of them.
///
/// A notification only makes things prompt. Whoever waits also looks by himself from time to time, so a lost one
/// costs a moment and nothing else.
final class WorkflowSignals: Sendable {
    static let channel = "ragdz_workflows"

    /// A payload: one letter and, after it, the run's id.
    enum Signal: Sendable, Hashable {
        /// The run has new events.
        case moved(UUID128)
        /// Some step can be taken.
        case ready
        /// The run's running steps are to give up.
        case stopping(UUID128)

        var payload: String {
            switch self {
            case .moved(let run): "m\(run)"
            case .ready: "r"
            case .stopping(let run): "s\(run)"
            }
        }

        init?(payload: String) {
            switch (payload.first, UUID128(payload.dropFirst())) {
            case ("r", _): self = .ready
            case ("m", let run?): self = .moved(run)
            case ("s", let run?): self = .stopping(run)
            default: return nil
            }
        }
    }

    private struct Listeners {
        var watchers: [UUID128: [ObjectIdentifier: Doorbell]] = [:]
        var attempts: [UUID128: [ObjectIdentifier: AttemptGate]] = [:]
        var workers: [ObjectIdentifier: Doorbell] = [:]
    }

    private let listeners = Mutex(Listeners())
    private let database: Database
    private let logger: Logger

    init(database: Database, logger: Logger) {
        self.database = database
        self.logger = logger
    }

    /// Listens until the task is cancelled, and again after the connection was lost.
    func run() async {
        while !Task.isCancelled {
            do {
                for await notification in try await database.listen(Self.channel) {
                    receive(notification)
                }
            } catch {
                logger.warning("workflow notifications are away", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    private func receive(_ notification: Notification) {
        switch notification {
        case .payload(let payload): if let signal = Signal(payload: payload) { deliver(signal) }
        case .connectionLost: break
        case .connectionRestored: ringAll()
        }
    }

    func deliver(_ signal: Signal) {
        let (bells, gates) = listeners.withLock { listeners -> ([Doorbell], [AttemptGate]) in
            switch signal {
            case .moved(let run): (listeners.watchers[run].map { Array($0.values) } ?? [], [])
            case .ready: (Array(listeners.workers.values), [])
            case .stopping(let run): ([], listeners.attempts[run].map { Array($0.values) } ?? [])
            }
        }
        for bell in bells { bell.ring() }
        for gate in gates { gate.close(.stopped) }
    }

    private func ringAll() {
        let bells = listeners.withLock { listeners in
            listeners.watchers.values.flatMap(\.values) + listeners.workers.values
        }
        for bell in bells { bell.ring() }
    }

    /// The bell rings while `body` runs whenever the run has new events.
    func watching<R>(_ run: UUID128, _ body: (Doorbell) async throws -> R) async rethrows -> R {
        let bell = Doorbell()
        listeners.withLock { $0.watchers[run, default: [:]][ObjectIdentifier(bell)] = bell }
        defer {
            listeners.withLock { listeners in
                listeners.watchers[run]?[ObjectIdentifier(bell)] = nil
                if listeners.watchers[run]?.isEmpty == true { listeners.watchers[run] = nil }
            }
        }
        return try await body(bell)
    }

    /// The gate is closed while `body` runs when the run is to stop.
    func guarding<R>(_ run: UUID128, _ gate: AttemptGate, _ body: () async throws -> R) async rethrows -> R {
        listeners.withLock { $0.attempts[run, default: [:]][ObjectIdentifier(gate)] = gate }
        defer {
            listeners.withLock { listeners in
                listeners.attempts[run]?[ObjectIdentifier(gate)] = nil
                if listeners.attempts[run]?.isEmpty == true { listeners.attempts[run] = nil }
            }
        }
        return try await body()
    }

    func addWorker(_ bell: Doorbell) {
        listeners.withLock { $0.workers[ObjectIdentifier(bell)] = bell }
    }

    func removeWorker(_ bell: Doorbell) {
        listeners.withLock { $0.workers[ObjectIdentifier(bell)] = nil }
    }
}
