internal import DequeModule

/// The rules of one event loop's pool, without any input or output. Events go in, actions come out in order.
///
/// Two kinds of requests share the connections: units, many at a time on one connection, and leases, which have a
/// connection to themselves. Leases are not starved by units: a connection can be set aside ("draining") until its
/// units are done. Those who wait take turns by share (by tenant), and when too many wait, the share with most gives
/// way; while several call, pipelines are filled less, since what is in one takes no turns. A connection that has lived for long takes nothing new ("retiring") and is replaced. The breaker: while the
/// database is away, nobody waits for it longer than for a busy one; after that callers fail at once, and one attempt
/// at a time, with growing pauses, finds out whether it is back. What can go wrong: no connection becomes free in time or too many wait (`poolExhausted`), the
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

    private struct Waiter {
        let request: Request
        let number: Int
        let deadline: Int64
        let cost: Int64
        let share: Identity
    }

    private let limits: PoolLimits
    private var slots: [PoolSlot] = []
    private var waiting = (units: FairQueue<Waiter>(), leases: FairQueue<Waiter>())
    /// Nobody's deadline is earlier.
    private var firstDeadline: Int64 = .max
    private var actions: Deque<Action> = []
    private var nextSlot = 0
    private var nextNumber = 0
    private var closed = false
    /// Who has called last, and until when calls count as those of several.
    private var lastShare = Identity.none
    private var mixedUntil = Int64.min
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

    /// `patience` is how long the caller may wait, in milliseconds, where that is less than the pool's limit; `cost` how long
    /// the server is expected to work on the unit, in microseconds.
    mutating func submit(
        _ request: Request, _ kind: Kind, share: Identity = .none, patience: Int64 = .max,
        cost: Int64 = StatementCosts.unknown, now: Int64
    ) {
        if closed { return refuse(request, PostgresError(.closed, "the database was closed")) }
        if let lastFailure, isAway(now: now) { return refuse(request, lastFailure) }
        note(share, now: now)
        switch kind {
        case .unit:
            // Who came before goes first, unless he waits for others of his own.
            if waiting.units.isEmpty || (now < mixedUntil && !waiting.units.contains(share)),
                let (index, isSoon) = place(share, cost: cost, now: now)
            {
                let spill = isSoon ? max(Self.spillDepth, depth(now: now) / 2) : Self.spillDepth
                if slots[index].inFlight >= spill, slots.count < limits.soft { grow(now: now) }
                return start(request, cost, share, index, now: now)
            }
        case .lease:
            if waiting.leases.isEmpty, let index = slots.firstIndex(where: { $0.state == .shared && $0.inFlight == 0 })
            {
                return lease(request, index)
            }
        }
        guard waiterCount < limits.waiters || makeRoom(for: share) else {
            return refuse(
                request, PostgresError(.poolExhausted, "\(limits.waiters) callers wait for a connection already"))
        }
        let deadline = now + min(Int64(limits.waitMilliseconds), patience)
        let waiter = Waiter(request: request, number: nextNumber, deadline: deadline, cost: cost, share: share)
        nextNumber += 1
        firstDeadline = min(firstDeadline, deadline)
        if kind == .unit {
            waiting.units.append(waiter, share: share)
        } else {
            waiting.leases.append(waiter, share: share)
        }
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
        slots[index].retires = now + lifetime(of: id)
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
        serveIdle(now: now)
    }

    /// A unit on a shared connection has its outcome; `cost` is what it was submitted with.
    mutating func finishedUnit(_ id: Int, cost: Int64 = StatementCosts.unknown, now: Int64) {
        guard let index = index(of: id) else { return }
        slots[index].finished(cost: cost, now: now)
        if slots[index].inFlight == 0 { slots[index].idleSince = now }
        serve(index, now: now)
        serveIdle(now: now)
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
        waiting.units.removeFirst { matches($0.request) } || waiting.leases.removeFirst { matches($0.request) }
    }

    /// Time has passed: deadlines, the next attempt to connect, connections that nobody needs.
    mutating func tick(now: Int64) {
        if firstDeadline <= now {
            for waiter in waiting.units.popHeads(while: { $0.deadline <= now }) {
                refuse(waiter.request, waitedTooLong())
            }
            for waiter in waiting.leases.popHeads(while: { $0.deadline <= now }) {
                refuse(waiter.request, waitedTooLong())
            }
            firstDeadline = (waiting.units.heads + waiting.leases.heads).map(\.deadline).min() ?? .max
        }
        retire(now: now)
        for slot in slots where slots.count > limits.minimum {
            guard slot.state == .shared, slot.inFlight == 0,
                now - slot.idleSince >= Int64(limits.idleMilliseconds)
            else { continue }
            slots.removeAll { $0.id == slot.id }
            actions.append(.close(slot.id))
        }
        replenish(now: now)
        serveIdle(now: now)
    }

    /// When `tick` has something to do next. Asked after every unit: `mutating`, so that the machine is not copied for it.
    mutating func nextTick(now: Int64) -> Int64? {
        var due = waiterCount > 0 ? firstDeadline : .max
        var isConnecting = false
        let hasSpare = slots.count > limits.minimum
        for slot in slots {
            if slot.state == .connecting { isConnecting = true }
            guard slot.state == .shared else { continue }
            due = min(due, slot.retires)
            if hasSpare, slot.inFlight == 0 { due = min(due, slot.idleSince + Int64(limits.idleMilliseconds)) }
        }
        if failures > 0, !closed, !isConnecting, slots.count < limits.maximum {
            due = min(due, max(pausedUntil, now + 1))
        }
        return due == .max ? nil : due
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
    /// A further connection is worth it when the best one has this many units on their way, or half of what it may have when
    /// they are quick.
    private static var spillDepth: Int { 2 }
    /// For so many milliseconds after a change of the caller.
    private static var mixedFor: Int64 { 1000 }
    private static var firstPause: Int64 { 50 }
    private static var longestPause: Int64 { 2000 }

    private func index(of id: Int) -> Int? { slots.firstIndex { $0.id == id } }

    /// What runs for nobody in particular, such as looking up keys, is no tenant's.
    private mutating func note(_ share: Identity, now: Int64) {
        guard share != lastShare, share != .none else { return }
        if lastShare != .none { mixedUntil = now + Self.mixedFor }
        lastShare = share
    }

    /// How deep a pipeline may be filled: what is in it is served in order, and takes no turns.
    private func depth(now: Int64) -> Int {
        now < mixedUntil ? min(limits.sharedDepth, limits.pipelineDepth) : limits.pipelineDepth
    }

    /// While several call, one connection is left to others (`mayUse`), and nobody stands behind a share that has more waiting.
    private func place(_ share: Identity, cost: Int64, now: Int64) -> (index: Int, isSoon: Bool)? {
        let depth = depth(now: now)
        guard now < mixedUntil, share != .none else { return slots.place(cost: cost, depth: depth, now: now) }
        if !waiting.units.isEmpty,
            let place = slots.place(
                cost: cost, depth: depth, now: now,
                where: {
                    ($0.inFlight == 0 || !waiting.units.contains($0.share)) && slots.mayUse($0, share, depth: depth)
                })
        {
            return place
        }
        return slots.place(cost: cost, depth: depth, now: now) { slots.mayUse($0, share, depth: depth) }
    }

    private mutating func start(_ request: Request, _ cost: Int64, _ share: Identity, _ index: Int, now: Int64) {
        slots[index].started(cost: cost, share: share, now: now)
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
        for waiter in waiting.units.removeAll() { refuse(waiter.request, error) }
        for waiter in waiting.leases.removeAll() { refuse(waiter.request, error) }
    }

    /// Nobody waits longer for a database that is away than for a busy one.
    private func isAway(now: Int64) -> Bool {
        failures > 0 && now - failingSince > Int64(limits.waitMilliseconds)
            && slots.allSatisfy { $0.state == .connecting }
    }

    /// The share that has most loses its newest, unless that is the one who asks.
    private mutating func makeRoom(for share: Identity) -> Bool {
        let gone = waiting.units.giveWay(to: share) ?? waiting.leases.giveWay(to: share)
        guard let gone else { return false }
        refuse(
            gone.request, PostgresError(.poolExhausted, "others who ask for less were given the place in the queue"))
        return true
    }

    /// Up to a tenth less than the limit, another part for each connection, so that not all end together.
    private func lifetime(of id: Int) -> Int64 {
        let limit = Int64(limits.lifetimeMilliseconds)
        return limit - limit / 10 * Int64(id % 8) / 8
    }

    /// Connections that have lived for long are closed, or take nothing new until what runs on them is done.
    private mutating func retire(now: Int64) {
        for slot in slots where slot.state == .shared && slot.retires <= now {
            guard let index = index(of: slot.id) else { continue }
            if slot.inFlight == 0 { closeSlot(index) } else { slots[index].state = .retiring }
        }
    }

    /// Whether the connection, which has something done, was closed since its time is over.
    private mutating func retired(_ index: Int, now: Int64) -> Bool {
        if slots[index].state == .retiring {
            if slots[index].inFlight == 0 {
                closeSlot(index)
                replenish(now: now)
            }
            return true
        }
        guard slots[index].state == .shared, slots[index].inFlight == 0, slots[index].retires <= now else {
            return false
        }
        closeSlot(index)
        replenish(now: now)
        return true
    }

    private mutating func closeSlot(_ index: Int) {
        actions.append(.close(slots[index].id))
        slots.remove(at: index)
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
        slots.append(PoolSlot(id: nextSlot))
        nextSlot += 1
    }

    private mutating func replenish(now: Int64) {
        guard !closed, now >= pausedUntil else { return }
        if waiterCount > 0 || slots.count < limits.minimum || failures > 0 { grow(now: now) }
    }

    /// Gives a connection that has room to those who wait longest for what it can do.
    private mutating func serve(_ index: Int, now: Int64) {
        if retired(index, now: now) { return }
        if slots[index].state == .draining, slots[index].inFlight == 0 || waiting.leases.isEmpty {
            slots[index].state = .shared
            if let waiter = waiting.leases.popFirst() { return lease(waiter.request, index) }
        }
        guard slots[index].state == .shared else { return }
        if slots[index].inFlight == 0, let waiter = waiting.leases.first,
            waiter.number < waiting.units.first?.number ?? .max
        {
            _ = waiting.leases.popFirst()
            return lease(waiter.request, index)
        }
        let depth = depth(now: now)
        while slots[index].inFlight < depth, !waiting.units.isEmpty, let waiter = nextUnit(for: slots[index], now: now)
        {
            start(waiter.request, waiter.cost, waiter.share, index, now: now)
        }
        if closed, slots[index].inFlight == 0 {
            actions.append(.close(slots[index].id))
            slots.remove(at: index)
            return
        }
        drainForLeases()
    }

    /// Who left a connection free for others may use it once they do not call any more.
    private mutating func serveIdle(now: Int64) {
        guard !waiting.units.isEmpty else { return }
        for slot in slots where slot.state == .shared && slot.inFlight == 0 {
            if let index = index(of: slot.id) { serve(index, now: now) }
        }
    }

    /// Whose turn it is among those who may use the connection.
    private mutating func nextUnit(for slot: PoolSlot, now: Int64) -> Waiter? {
        guard now < mixedUntil else { return waiting.units.popFirst() }
        let (slots, depth) = (slots, depth(now: now))
        return waiting.units.popFirst { $0 == .none || slots.mayUse(slot, $0, depth: depth) }
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
