internal import Postgres
internal import Synchronization

/// Open while an attempt may go on. Closing it, once and for one reason, ends the attempt.
final class AttemptGate: Sendable {
    enum Reason: Sendable, Hashable {
        /// The run is to stop.
        case stopped
        /// The lease is not ours any more.
        case leaseLost
        /// The process is about to end.
        case released
    }

    private let closed = Mutex<Reason?>(nil)
    private let bell = Doorbell()

    /// The first reason stays.
    func close(_ reason: Reason) {
        closed.withLock { if $0 == nil { $0 = reason } }
        bell.ring()
    }

    var reason: Reason? { closed.withLock { $0 } }

    /// Returns the reason once it is closed; nil when the task was cancelled before.
    func wait() async -> Reason? {
        while !Task.isCancelled {
            if let reason { return reason }
            await bell.wait()
        }
        return reason
    }

    /// Returns when it is closed or the time is over.
    func wait(atMost time: Duration) async {
        if reason == nil { await bell.wait(atMost: time) }
    }
}
