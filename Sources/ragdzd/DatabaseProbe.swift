internal import Synchronization

/// Knows whether the database answers, by asking it all the time.
///
/// A database that hangs answers neither yes nor no, so what counts is how long ago the last good answer came.
final class DatabaseProbe: Sendable {
    /// Between two questions.
    static let interval: Duration = .seconds(1)
    /// A good answer that is older than this counts for nothing.
    static let patience: Duration = .seconds(3)

    private let lastGood: Mutex<ContinuousClock.Instant?>
    private let ask: @Sendable () async -> Bool

    /// The database has just answered when a server starts.
    init(ask: @escaping @Sendable () async -> Bool) {
        self.ask = ask
        lastGood = Mutex(.now)
    }

    var isReady: Bool {
        guard let last = lastGood.withLock({ $0 }) else { return false }
        return last.duration(to: .now) < Self.patience
    }

    /// Asks until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            let isGood = await ask()
            lastGood.withLock { $0 = isGood ? .now : nil }
            try? await Task.sleep(for: Self.interval)
        }
    }
}
