internal import DequeModule

/// The rules of one event loop's pool, without any input or output. Events go in, actions come out in order.
///
/// Two kinds of requests share the connections: units, many at a time on one connection, and leases, which have a
/// connection to themselves. Leases are not starved by units: a connection can be set aside ("draining") until its
/// units are done. What can go wrong: no connection becomes free in time or too many wait (`poolExhausted`), the
/// database is away (`connectFailed`, at once when it has been away for longer than anybody may wait), a connection is
/// lost (it is replaced with growing pauses). Times are milliseconds of a clock that never goes back.
struct PoolStateMachine<Request> {
    enum Kind: Sendable, Hashable { case unit, lease }

    enum Action {
        /// Send the unit on this connection, or hand the connection over to the lease.
        case run(Request, on: Int)
        /// Open a connection under this number.
        case connect(Int)
        /// Close the connection, which nobody uses.
        case close(Int)
        case fail(Request, PostgresError)
    }

    private struct Slot {
        enum State: Hashable { case connecting, shared, draining, leased }
        let id: Int
        var state = State.connecting
        var inFlight = 0
        var idleSince: Int64 = 0
    }

    private struct Waiter {
        let request: Request
        let number: Int
        let deadline: Int64
    }

    private let limits: PoolLimits
    private var slots: [Slot] = []
    private var waiting: (units: Deque<Waiter>, leases: Deque<Waiter>) = ([], [])
    private var actions: Deque<Action> = []
    private var nextSlot = 0
    private var nextNumber = 0
    private var closed = false
    /// Failures to connect in a row, since when, and until when nobody tries again.
    private var failures = 0
    private var failingSince: Int64 = 0
    private var pausedUntil: Int64 = 0
    private var lastFailure: PostgresError?

    init(limits: PoolLimits) { self.limits = limits }

    mutating func nextAction() -> Action? { actions.popFirst() }

    /// Connections, open or opening.
    var connectionCount: Int { slots.count }
    var waiterCount: Int { waiting.units.count + waiting.leases.count }

    // MARK: - Events

    mutating func submit(_ request: Request, _ kind: Kind, now: Int64) {
        if closed { return refuse(request, PostgresError(.closed, "the database was closed")) }
        if let lastFailure, isAway(now: now) { return refuse(request, lastFailure) }
        switch kind {
        case .unit:
            // Who came before goes first.
            if waiting.units.isEmpty, let index = leastLoaded() {
                if slots[index].inFlight >= Self.spillDepth { grow(now: now) }
                return start(request, index)
            }
        case .lease:
            if waiting.leases.isEmpty, let index = slots.firstIndex(where: { $0.state == .shared && $0.inFlight == 0 })
            {
                return lease(request, index)
            }
        }
        guard waiterCount < limits.waiters else {
            return refuse(
                request, PostgresError(.poolExhausted, "\(limits.waiters) callers wait for a connection already"))
        }
        let waiter = Waiter(request: request, number: nextNumber, deadline: now + Int64(limits.waitMilliseconds))
        nextNumber += 1
        if kind == .unit { waiting.units.append(waiter) } else { waiting.leases.append(waiter) }
        grow(now: now)
        drainForLeases()
    }

    /// False when nobody wants the connection any more, since the pool was closed.
    mutating func connected(_ id: Int, now: Int64) -> Bool {
        failures = 0
        lastFailure = nil
        guard let index = index(of: id) else { return false }
        slots[index].state = .shared
        slots[index].idleSince = now
        serve(index, now: now)
        return true
    }

    mutating func connectFailed(_ id: Int, _ error: PostgresError, now: Int64) {
        slots.removeAll { $0.id == id }
        if failures == 0 { failingSince = now }
        failures += 1
        lastFailure = error
        // 50 ms, doubled with each failure, at most 2 s.
        pausedUntil = now + min(Self.longestPause, Self.firstPause << Int64(min(failures - 1, 10)))
        if isAway(now: now) { failAll(error) }
    }

    /// An open connection broke. The driver has told its units already.
    mutating func lost(_ id: Int, now: Int64) {
        slots.removeAll { $0.id == id }
        replenish(now: now)
    }

    /// A unit on a shared connection has its outcome.
    mutating func finishedUnit(_ id: Int, now: Int64) {
        guard let index = index(of: id) else { return }
        slots[index].inFlight -= 1
        if slots[index].inFlight == 0 { slots[index].idleSince = now }
        serve(index, now: now)
    }

    /// A lease gives its connection back.
    mutating func released(_ id: Int, now: Int64) {
        guard let index = index(of: id) else { return }
        slots[index].state = .shared
        slots[index].idleSince = now
        serve(index, now: now)
    }

    /// The caller of a waiting request gave up; true when it was still waiting.
    mutating func withdraw(where matches: (Request) -> Bool) -> Bool {
        if let index = waiting.units.firstIndex(where: { matches($0.request) }) {
            waiting.units.remove(at: index)
            return true
        }
        if let index = waiting.leases.firstIndex(where: { matches($0.request) }) {
            waiting.leases.remove(at: index)
            return true
        }
        return false
    }

    /// Time has passed: deadlines, the next attempt to connect, connections that nobody needs.
    mutating func tick(now: Int64) {
        while let waiter = waiting.units.first, waiter.deadline <= now {
            waiting.units.removeFirst()
            refuse(waiter.request, waitedTooLong())
        }
        while let waiter = waiting.leases.first, waiter.deadline <= now {
            waiting.leases.removeFirst()
            refuse(waiter.request, waitedTooLong())
        }
        for slot in slots where slots.count > limits.minimum {
            guard slot.state == .shared, slot.inFlight == 0,
                now - slot.idleSince >= Int64(limits.idleMilliseconds)
            else { continue }
            slots.removeAll { $0.id == slot.id }
            actions.append(.close(slot.id))
        }
        replenish(now: now)
    }

    /// When `tick` has something to do next.
    func nextTick(now: Int64) -> Int64? {
        var times = [waiting.units.first?.deadline, waiting.leases.first?.deadline].compactMap { $0 }
        if failures > 0, !closed, slots.count < limits.maximum, !slots.contains(where: { $0.state == .connecting }) {
            times.append(max(pausedUntil, now + 1))
        }
        if slots.count > limits.minimum {
            times += slots.filter { $0.state == .shared && $0.inFlight == 0 }
                .map { $0.idleSince + Int64(limits.idleMilliseconds) }
        }
        return times.min()
    }

    /// No new requests; those that wait fail. Connections close when their work is done.
    mutating func close() {
        closed = true
        failAll(PostgresError(.closed, "the database was closed"))
        for slot in slots where slot.state == .connecting || (slot.state != .leased && slot.inFlight == 0) {
            slots.removeAll { $0.id == slot.id }
            actions.append(.close(slot.id))
        }
    }
}

// MARK: - Rules

extension PoolStateMachine {
    /// A further connection is worth it when the least loaded one has this many units on their way.
    private static var spillDepth: Int { 2 }
    private static var firstPause: Int64 { 50 }
    private static var longestPause: Int64 { 2000 }

    private func index(of id: Int) -> Int? { slots.firstIndex { $0.id == id } }

    private func leastLoaded() -> Int? {
        var best: Int?
        for (index, slot) in slots.enumerated() where slot.state == .shared && slot.inFlight < limits.pipelineDepth {
            if best.map({ slot.inFlight < slots[$0].inFlight }) ?? true { best = index }
        }
        return best
    }

    private mutating func start(_ request: Request, _ index: Int) {
        slots[index].inFlight += 1
        actions.append(.run(request, on: slots[index].id))
    }

    private mutating func lease(_ request: Request, _ index: Int) {
        slots[index].state = .leased
        actions.append(.run(request, on: slots[index].id))
    }

    private mutating func refuse(_ request: Request, _ error: PostgresError) {
        actions.append(.fail(request, error))
    }

    private mutating func failAll(_ error: PostgresError) {
        for waiter in waiting.units { refuse(waiter.request, error) }
        for waiter in waiting.leases { refuse(waiter.request, error) }
        waiting = ([], [])
    }

    /// Nobody waits longer for a database that is away than for a busy one.
    private func isAway(now: Int64) -> Bool {
        failures > 0 && now - failingSince > Int64(limits.waitMilliseconds)
            && slots.allSatisfy { $0.state == .connecting }
    }

    private func waitedTooLong() -> PostgresError {
        if failures > 0, let lastFailure { return lastFailure }
        return PostgresError(
            .poolExhausted,
            "no connection became free within \(limits.waitMilliseconds) ms; \(slots.count) of \(limits.maximum) are in use"
        )
    }

    /// Opens one more connection, unless enough are on their way, the limit is reached or the database is away.
    private mutating func grow(now: Int64) {
        let connecting = slots.count { $0.state == .connecting }
        guard !closed, slots.count < limits.maximum, connecting < max(1, waiterCount), now >= pausedUntil else {
            return
        }
        // While the database is away one attempt at a time is enough.
        if failures > 0, connecting > 0 { return }
        actions.append(.connect(nextSlot))
        slots.append(Slot(id: nextSlot))
        nextSlot += 1
    }

    private mutating func replenish(now: Int64) {
        guard !closed, now >= pausedUntil else { return }
        if waiterCount > 0 || slots.count < limits.minimum || failures > 0 { grow(now: now) }
    }

    /// Gives a connection that has room to those who wait longest for what it can do.
    private mutating func serve(_ index: Int, now: Int64) {
        if slots[index].state == .draining, slots[index].inFlight == 0 || waiting.leases.isEmpty {
            slots[index].state = .shared
            if let waiter = waiting.leases.popFirst() { return lease(waiter.request, index) }
        }
        guard slots[index].state == .shared else { return }
        if slots[index].inFlight == 0, let waiter = waiting.leases.first,
            waiter.number < waiting.units.first?.number ?? .max
        {
            waiting.leases.removeFirst()
            return lease(waiter.request, index)
        }
        while slots[index].inFlight < limits.pipelineDepth, let waiter = waiting.units.popFirst() {
            start(waiter.request, index)
        }
        if closed, slots[index].inFlight == 0 {
            actions.append(.close(slots[index].id))
            slots.remove(at: index)
            return
        }
        drainForLeases()
    }

    /// Sets aside as many connections as leases wait, but never one that is on its way to become free.
    private mutating func drainForLeases() {
        var missing = waiting.leases.count - slots.count { $0.state == .draining || $0.state == .connecting }
        while missing > 0 {
            let candidates = slots.indices.filter { slots[$0].state == .shared }
            guard let index = candidates.min(by: { slots[$0].inFlight < slots[$1].inFlight }) else { return }
            guard slots[index].inFlight > 0 else {
                if let waiter = waiting.leases.popFirst() { lease(waiter.request, index) }
                missing -= 1
                continue
            }
            slots[index].state = .draining
            missing -= 1
        }
    }
}
