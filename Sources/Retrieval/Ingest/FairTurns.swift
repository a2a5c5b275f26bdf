internal import Bytes
internal import Synchronization

/// Lets a few bodies run at a time; when more want to, tenants take turns, each in the order in which its own came.
final class FairTurns: Sendable {
    private struct Waiter {
        let ticket: Int
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var running = 0
        var nextTicket = 0
        var waiting: [UUID128: [Waiter]] = [:]
        /// Tenants that have somebody waiting; the first one is next.
        var turns: [UUID128] = []
    }

    private let places: Int
    private let state = Mutex(State())

    init(places: Int) { self.places = places }

    /// Runs the body when its turn comes. Throws `CancellationError` when the task is cancelled before.
    func pass<R>(_ tenant: UUID128, _ body: () async throws -> R) async throws -> R {
        try await enter(tenant)
        defer { leave() }
        return try await body()
    }

    /// How many wait.
    var waitingNow: Int { state.withLock { $0.waiting.values.reduce(0) { $0 + $1.count } } }

    private func enter(_ tenant: UUID128) async throws {
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let open = state.withLock { state -> Bool? in
                    if Task.isCancelled { return nil }
                    if state.running < places {
                        state.running += 1
                        return true
                    }
                    if state.waiting[tenant] == nil { state.turns.append(tenant) }
                    state.waiting[tenant, default: []].append(Waiter(ticket: ticket, continuation: continuation))
                    return false
                }
                switch open {
                case true?: continuation.resume()
                case false?: break
                case nil: continuation.resume(throwing: CancellationError())
                }
            }
        } onCancel: {
            let waiter = state.withLock { state -> Waiter? in
                guard let place = state.waiting[tenant]?.firstIndex(where: { $0.ticket == ticket }) else { return nil }
                let waiter = state.waiting[tenant]?.remove(at: place)
                if state.waiting[tenant]?.isEmpty ?? true {
                    state.waiting[tenant] = nil
                    state.turns.removeAll { $0 == tenant }
                }
                return waiter
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    private func leave() {
        let next = state.withLock { state -> Waiter? in
            // The place goes straight to the next one.
            guard !state.turns.isEmpty else {
                state.running -= 1
                return nil
            }
            let tenant = state.turns.removeFirst()
            let waiter = state.waiting[tenant]?.removeFirst()
            if state.waiting[tenant]?.isEmpty ?? true {
                state.waiting[tenant] = nil
            } else {
                state.turns.append(tenant)
            }
            return waiter
        }
        next?.continuation.resume()
    }
}
