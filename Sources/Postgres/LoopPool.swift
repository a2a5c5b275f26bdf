internal import Bytes
internal import Logging
internal import NIOCore
internal import NIOPosix

/// One event loop's pool: it does what `PoolStateMachine` decides, with real connections and timers.
///
/// Sendable by confinement: every method runs on `loop`, which the entry points assert.
final class LoopPool: @unchecked Sendable {
    /// What waits for a connection.
    enum Request {
        case unit(Unit)
        case lease(Lease)
    }

    let loop: any EventLoop
    private let configuration: Database.Configuration
    private let logger: Logger
    private var machine: PoolStateMachine<Request>
    private var connections: [Int: Connection] = [:]
    private var leases: [Int: Lease] = [:]
    private var costs = StatementCosts()
    private var timer: (due: Int64, scheduled: Scheduled<Void>)?
    private var expiry: (due: NIODeadline, scheduled: Scheduled<Void>)?
    private var working = false
    private var onEmpty: [() -> Void] = []

    init(loop: any EventLoop, configuration: Database.Configuration, logger: Logger) {
        self.loop = loop
        self.configuration = configuration
        self.logger = logger
        machine = PoolStateMachine(limits: configuration.pool)
    }

    private var now: Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }

    // MARK: - Requests

    func submit(_ unit: Unit) {
        loop.assertInEventLoop()
        // A task that was cancelled before it came here never starts.
        if unit.wantsCancel { return unit.finish(.failure(PostgresError(.cancelled, "the caller gave up"))) }
        offer(unit)
        work()
    }

    private func offer(_ unit: Unit) {
        unit.cost = costs.expected(unit.statement)
        machine.submit(
            .unit(unit), .unit, share: unit.identity.share, patience: unit.patience, cost: unit.cost, now: now)
    }

    func submit(_ lease: Lease) {
        loop.assertInEventLoop()
        if lease.wantsCancel { return lease.refuse(PostgresError(.cancelled, "the caller gave up")) }
        machine.submit(.lease(lease), .lease, share: lease.identity.share, patience: lease.patience, now: now)
        work()
    }

    /// The caller gave up. A unit that waits fails at once; one on its way is cancelled at the server.
    func cancel(_ unit: Unit) {
        loop.assertInEventLoop()
        unit.wantsCancel = true
        if let id = unit.connection {
            connections[id]?.cancel(unit)
        } else if machine.withdraw(where: { if case .unit(let other) = $0 { other === unit } else { false } }) {
            unit.finish(.failure(PostgresError(.cancelled, "the caller gave up", statement: unit.statement?.name)))
        }
    }

    func cancel(_ lease: Lease) {
        loop.assertInEventLoop()
        lease.wantsCancel = true
        if machine.withdraw(where: { if case .lease(let other) = $0 { other === lease } else { false } }) {
            lease.refuse(PostgresError(.cancelled, "the caller gave up"))
        }
    }

    /// The lease's transaction is over.
    func release(_ lease: Lease, _ connection: Connection) {
        guard leases.removeValue(forKey: connection.id) != nil else { return }
        machine.released(connection.id, now: now)
        work()
    }

    /// Ends what is idle now, what is busy when it is done, and what is still busy after `grace` all the same.
    func close(grace: TimeAmount, _ done: @escaping () -> Void) {
        loop.assertInEventLoop()
        onEmpty.append(done)
        machine.close()
        work()
        guard !onEmpty.isEmpty else { return }
        loop.scheduleTask(in: grace) { [self] in
            for connection in connections.values { connection.abandon("the database was closed") }
        }
    }

    // MARK: - Doing

    /// Does all that the machine has decided. Events during that are decided in turn, not in between.
    private func work() {
        guard !working else { return }
        working = true
        while let action = machine.nextAction() {
            switch action {
            case .connect(let id): connect(id)
            case .close(let id):
                connections.removeValue(forKey: id)?.close(PostgresError(.closed, "the connection was closed"))
            case .fail(.unit(let unit), let error):
                unit.finish(.failure(unit.statement.map { error.naming($0.name) } ?? error))
            case .fail(.lease(let lease), let error): lease.refuse(error)
            case .run(.unit(let unit), let id):
                unit.connection = id
                if connections[id]?.sendIfAlive(unit) ?? false { continue }
                unit.connection = nil
                unit.repeats += 1
                if unit.repeats <= Self.repeats {
                    offer(unit)
                } else {
                    unit.finish(.failure(Self.keepsBreaking))
                }
            case .run(.lease(let lease), let id):
                guard let connection = connections[id], connection.isAlive() else {
                    lease.repeats += 1
                    if lease.repeats <= Self.repeats {
                        machine.submit(
                            .lease(lease), .lease, share: lease.identity.share, patience: lease.patience, now: now)
                    } else {
                        lease.refuse(Self.keepsBreaking)
                    }
                    continue
                }
                leases[id] = lease
                lease.grant(connection)
            }
        }
        working = false
        schedule()
        if !onEmpty.isEmpty, machine.connectionCount == 0 {
            let waiting = onEmpty
            onEmpty = []
            for done in waiting { done() }
        }
    }

    private func schedule() {
        let now = now
        guard let due = machine.nextTick(now: now) else { return }
        if let timer, timer.due <= due { return }
        timer?.scheduled.cancel()
        let delay = TimeAmount.milliseconds(max(1, due - now))
        timer = (
            due,
            loop.scheduleTask(in: delay) { [self] in
                timer = nil
                machine.tick(now: self.now)
                work()
            }
        )
    }

    private func connect(_ id: Int) {
        let limit = TimeAmount.milliseconds(Int64(configuration.pool.connectMilliseconds))
        Connector.open(configuration, on: loop) { [self] handle in
            guard let handle else {
                machine.connectFailed(id, PostgresError(.connectFailed, "out of memory"), now: now)
                return work()
            }
            // The pool may have been closed meanwhile; then the connection finds no slot and ends at once.
            let connection = Connection(id: id, loop: loop, handle: handle, owner: self)
            connections[id] = connection
            connection.start()
            loop.scheduleTask(in: limit) {
                if connection.state == .connecting {
                    connection.abandon("the server did not answer within \(limit.nanoseconds / 1_000_000) ms")
                }
            }
        }
    }
}

extension LoopPool: ConnectionOwner {
    func connectionIsReady(_ connection: Connection) {
        guard machine.connected(connection.id, now: now) else {
            connections.removeValue(forKey: connection.id)
            return connection.close(PostgresError(.closed, "the database was closed"))
        }
        work()
    }

    func connection(_ connection: Connection, finished unit: Unit, _ outcome: Unit.Outcome) {
        let isLeased = leases[connection.id] != nil
        if isLeased, case .failure(let error) = outcome, error.isStalePlan, let statement = unit.statement {
            // The transaction fails, but the next one finds the statement prepared afresh.
            connection.forget(statement)
        }
        if !isLeased {
            unit.connection = nil
            note(unit, on: connection)
            machine.finishedUnit(connection.id, cost: unit.cost, now: now)
            if case .failure(let error) = outcome, mayRepeat(unit, error, on: connection) {
                unit.repeats += 1
                offer(unit)
                return work()
            }
        }
        unit.finish(outcome)
        if !isLeased { work() }
    }

    /// The server works in order: what it spent on the unit began when that was sent or the one before it was done.
    private func note(_ unit: Unit, on connection: Connection) {
        let done = NIODeadline.now()
        if let statement = unit.statement {
            let begun = max(unit.sent, connection.lastDone)
            costs.note(statement, took: (done - begun).nanoseconds / 1000)
        }
        connection.lastDone = done
    }

    /// How often a unit is sent again after failures that were not its own.
    static let repeats = 3
    private static let keepsBreaking = PostgresError(
        .connectionLost, "the server ends one connection after the other before anything is sent")

    /// Failures that are not the unit's own. It left no trace then, so it is sent again, unseen by the caller.
    private func mayRepeat(_ unit: Unit, _ error: PostgresError, on connection: Connection) -> Bool {
        guard unit.standsAlone, !unit.wantsCancel, unit.repeats < Self.repeats, let statement = unit.statement else {
            return false
        }
        if error.isStalePlan {
            // "cached plan must not change result type": a migration changed a table under a prepared statement.
            guard unit.repeats == 0 else { return false }
            connection.forget(statement)
            return true
        }
        return error.sqlState == .queryCanceled && unit.exposedToCancel
    }

    func connection(_ connection: Connection, lost error: PostgresError, unfinished: [Unit]) {
        connections.removeValue(forKey: connection.id)
        let lease = leases.removeValue(forKey: connection.id)
        lease?.connectionIsLost()
        defer { work() }
        if error.code == .connectFailed {
            logger.warning("no connection to the database", metadata: ["error": "\(error.message)"])
            machine.connectFailed(connection.id, error, now: now)
        } else {
            logger.warning("a database connection was lost", metadata: ["error": "\(error.message)"])
            machine.lost(connection.id, now: now)
        }
        if let lease, let unit = unfinished.first, unfinished.count == 1, case .opening = unit.work, unit.untouched,
            !unit.wantsCancel, lease.repeats < Self.repeats
        {
            // The transaction never began, as far as the server is concerned.
            lease.repeats += 1
            return lease.again(unit)
        }
        for unit in unfinished {
            unit.connection = nil
            if lease == nil, unit.untouched, unit.standsAlone, !unit.wantsCancel, unit.repeats < Self.repeats {
                unit.repeats += 1
                unit.untouched = false
                offer(unit)
            } else {
                unit.finish(.failure(unit.statement.map { error.naming($0.name) } ?? error))
            }
        }
    }

    func connection(_ connection: Connection, notified channel: String, _ payload: String) {}

    func connection(_ connection: Connection, owesAnswerBy due: NIODeadline) {
        if let expiry, expiry.due <= due { return }
        expiry?.scheduled.cancel()
        expiry = (due, loop.scheduleTask(deadline: due) { [self] in giveUp() })
    }

    /// Tells the callers whose deadlines have passed, whatever the server is doing.
    private func giveUp() {
        expiry = nil
        let now = NIODeadline.now()
        for connection in Array(connections.values) {
            if let next = connection.giveUp(now: now) { self.connection(connection, owesAnswerBy: next) }
        }
    }
}

extension UUID128 {
    /// The nil UUID (RFC 9562 §5.9): a tenant that no row may have.
    fileprivate static let nobody = UUID128(hi: 0, lo: 0)
}

/// Opens connections away from the loop, since libpq may look up names and read files then.
enum Connector {
    /// Calls back on the loop.
    static func open(
        _ configuration: Database.Configuration, on loop: any EventLoop, _ done: @escaping (LibPQ?) -> Void
    ) {
        let keywords = keywords(configuration)
        let done = NIOLoopBound(done, eventLoop: loop)
        NIOSingletons.posixBlockingThreadPool.submit { _ in
            let handle = LibPQ(keywords: keywords)
            loop.execute { done.value(handle) }
        }
    }

    private static func keywords(_ configuration: Database.Configuration) -> [(String, String)] {
        let settings = [
            "-c statement_timeout=\(configuration.statementTimeoutMilliseconds)",
            "-c idle_in_transaction_session_timeout=\(configuration.idleTransactionTimeoutMilliseconds)",
            "-c plan_cache_mode=\(configuration.plans.rawValue)",
            // What the setting falls back to when a unit's own tenant ends with it: nobody, and always a UUID.
            "-c ragdz.tenant=\(UUID128.nobody)",
        ]
        // libpq expands the first keyword as a connection string; what comes later wins over it.
        return [
            ("dbname", configuration.url),
            ("application_name", configuration.applicationName),
            ("client_encoding", "UTF8"),
            ("options", settings.joined(separator: " ")),
            // A peer that vanished without a word is noticed after some 10 s.
            ("tcp_user_timeout", "10000"), ("keepalives_idle", "5"), ("keepalives_interval", "2"),
            ("keepalives_count", "3"),
        ]
    }
}
