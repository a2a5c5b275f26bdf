internal import Bytes
internal import Logging
internal import Postgres
internal import Synchronization

/// Brings the database's notifications of ingests to those who wait in this process: watchers and workers.
///
/// A notification only makes things prompt: whoever waits also looks by himself from time to time.
final class IngestSignals: Sendable {
    static let channel = "ragdz_ingests"
    /// Some ingest can be taken.
    static let ready = "r"

    private struct Listeners {
        var watchers: [UUID128: [ObjectIdentifier: Doorbell]] = [:]
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
                    switch notification {
                    case .payload(Self.ready): ringWorkers()
                    case .payload(let id): if let id = UUID128(id) { ring(id) }
                    case .connectionLost: break
                    case .connectionRestored: ringAll()
                    }
                }
            } catch {
                logger.warning("ingest notifications are away", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    func ring(_ ingest: UUID128) {
        for bell in listeners.withLock({ Array(($0.watchers[ingest] ?? [:]).values) }) { bell.ring() }
    }

    func ringWorkers() {
        for bell in listeners.withLock({ Array($0.workers.values) }) { bell.ring() }
    }

    private func ringAll() {
        ringWorkers()
        for bell in listeners.withLock({ $0.watchers.values.flatMap(\.values) }) { bell.ring() }
    }

    /// The bell rings while `body` runs whenever the ingest has moved.
    func watching<R>(_ ingest: UUID128, _ body: (Doorbell) async throws -> R) async rethrows -> R {
        let bell = Doorbell()
        listeners.withLock { $0.watchers[ingest, default: [:]][ObjectIdentifier(bell)] = bell }
        defer {
            listeners.withLock { listeners in
                listeners.watchers[ingest]?[ObjectIdentifier(bell)] = nil
                if listeners.watchers[ingest]?.isEmpty == true { listeners.watchers[ingest] = nil }
            }
        }
        return try await body(bell)
    }

    func addWorker(_ bell: Doorbell) { listeners.withLock { $0.workers[ObjectIdentifier(bell)] = bell } }

    func removeWorker(_ bell: Doorbell) { listeners.withLock { $0.workers[ObjectIdentifier(bell)] = nil } }
}
