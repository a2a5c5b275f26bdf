internal import Synchronization

/// Wakes one waiting task: what a notification of the database, or something in this process, rings.
///
/// A ring while nobody waits is kept, so none is missed; several rings count as one.
public final class Doorbell: Sendable {
    private enum State {
        case silent
        case rung
        case waiting(CheckedContinuation<Void, Never>)
    }
    private let state = Mutex(State.silent)

    public init() {}

    public func ring() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if case .waiting(let continuation) = state {
                state = .silent
                return continuation
            }
            state = .rung
            return nil
        }
        waiter?.resume()
    }

    /// Returns at the next ring, or when the task is cancelled. Only one task may wait at a time.
    public func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = state.withLock { state -> Bool in
                    if case .silent = state, !Task.isCancelled {
                        state = .waiting(continuation)
                        return false
                    }
                    state = .silent
                    return true
                }
                if now { continuation.resume() }
            }
        } onCancel: {
            // A ring that nobody hears later is harmless: whoever waits looks at the state afresh.
            ring()
        }
    }

    /// Returns at the next ring, when the time is over, or when the task is cancelled.
    public func wait(atMost time: Duration) async {
        await withTaskGroup { group in
            group.addTask { await self.wait() }
            group.addTask { try? await Task.sleep(for: time) }
            await group.next()
            group.cancelAll()
        }
    }
}
