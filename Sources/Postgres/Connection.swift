internal import Bytes
internal import DequeModule
internal import NIOCore
internal import NIOPosix

/// Whom a connection tells what happened. All calls come on the connection's loop.
protocol ConnectionOwner: AnyObject {
    func connectionIsReady(_ connection: Connection)
    /// A unit has its outcome. The owner completes it, or sends it again.
    func connection(_ connection: Connection, finished unit: Unit, _ outcome: Unit.Outcome)
    /// The connection is gone, and these units with it: whether they took effect is unknown.
    func connection(_ connection: Connection, lost error: PostgresError, unfinished: [Unit])
    func connection(_ connection: Connection, notified channel: String, _ payload: String)
    /// Somebody wants to be told by then, answer or none: see `Connection.giveUp`.
    func connection(_ connection: Connection, owesAnswerBy due: NIODeadline)
}

/// One connection to the server in libpq's pipeline mode, confined to one event loop.
///
/// Units are sent when they come and answered in order. Each unit ends with a sync, so the failure of one (its later
/// commands are skipped by the server) does not touch the next. What can go wrong: the server refuses a command (the
/// unit fails), the connection breaks or the server ends it (all units fail, the owner learns of it once), replies do
/// not fit what was sent (a defect: the connection is given up rather than answers mixed up).
///
/// Sendable by confinement: every method runs on `loop`, which the entry points assert.
final class Connection: @unchecked Sendable {
    enum State { case connecting, ready, closed }

    private enum Limits {
        /// Statements that a connection keeps prepared. A server has some hundred; who sends ever new texts gets the
        /// oldest ones forgotten, here and at the server.
        static let prepared = 256
    }

    let id: Int
    let loop: any EventLoop
    private(set) var state = State.connecting
    private var owner: (any ConnectionOwner)?
    let handle: LibPQ
    private var token: UInt64 = 0
    private var armed: (read: Bool, write: Bool) = (false, false)
    var wantsWrite = false
    private(set) var spans: Deque<Span> = []
    /// When the last unit had its outcome; for its owner.
    var lastDone = NIODeadline.uptimeNanoseconds(0)
    private var prepared: [PreparedKey: Prepared] = [:]
    /// Whose the transaction is that has the connection to itself.
    private var isOperatorsTransaction = false
    private var preparedCount = 0
    private var uses = 0
    private var cancelsUnderway = 0
    /// The COPY that has the connection, which is not in pipeline mode then.
    var copying: CopyOperation?
    /// Replies of "nothing more" in a row; more than a few mean that we lost count.
    private var emptyReplies = 0

    /// Starts on a connection that a helper thread opened; see `Connector`.
    init(id: Int, loop: any EventLoop, handle: LibPQ, owner: any ConnectionOwner) {
        self.id = id
        self.loop = loop
        self.handle = handle
        self.owner = owner
    }

    var inFlight: Int { spans.count }
    var backendProcess: Int32 { handle.backendProcess }

    /// Begins to listen to the socket. `connectionIsReady` or `lost` follows.
    func start() {
        loop.assertInEventLoop()
        token = ReadinessThread.shared.register(.init(loop: loop) { [self] in ready() })
        // libpq asks to wait for the socket to be writable first.
        wantsWrite = true
        arm(read: false)
    }

    /// Ends the connection at once. The owner is not told; units on their way fail.
    func close(_ error: PostgresError) {
        guard state != .closed else { return }
        owner = nil
        for unit in shut() { unit.finish(.failure(error)) }
    }

    // MARK: - Readiness

    func arm(read: Bool = true) {
        let read = copying?.wantsRead ?? read
        guard state != .closed, armed != (read, wantsWrite) else { return }
        armed = (read, wantsWrite)
        guard read || wantsWrite else { return }
        if !ReadinessThread.shared.arm(token, descriptor: handle.descriptor, read: read, write: wantsWrite) {
            lose(handle.isBroken ? handle.errorMessage : "the socket cannot be watched")
        }
    }

    private func ready() {
        guard state != .closed else { return }
        armed = (false, false)
        switch state {
        case .connecting: continueConnecting()
        case .ready where copying != nil: copying?.advance()
        case .ready:
            guard flush() else { return lose(handle.errorMessage) }
            let alive = handle.consumeInput()
            process()
            guard state == .ready else { return }
            guard alive else { return lose(handle.errorMessage) }
            // What was read may let libpq send more.
            guard flush() else { return lose(handle.errorMessage) }
            arm()
        case .closed: break
        }
    }

    private func continueConnecting() {
        switch handle.continueConnecting() {
        case .wantsRead:
            wantsWrite = false
            arm()
        case .wantsWrite:
            wantsWrite = true
            arm(read: false)
        case .failed: lose(handle.errorMessage)
        case .connected:
            wantsWrite = false
            guard handle.enterPipelineMode(), handle.sendPrepare(name: Self.tenantName, sql: Self.tenantSQL),
                handle.sendPrepare(name: Self.groupsName, sql: Self.groupsSQL),
                handle.sendPrepare(name: Self.roleName, sql: Self.roleSQL), handle.sendSync()
            else { return lose(handle.errorMessage) }
            spans.append(Span(unit: nil, prepared: nil, commands: 3))
            state = .ready
            guard flush() else { return lose(handle.errorMessage) }
            arm()
            owner?.connectionIsReady(self)
        }
    }

    private func flush() -> Bool {
        guard let done = handle.flush() else { return false }
        wantsWrite = !done
        return true
    }

    // MARK: - Sending

    // These settings end with the transaction, so that no later unit inherits an identity.
    private static let tenantName = "ragdz_tenant"
    private static let tenantSQL = "select set_config('ragdz.tenant', $1, true)"
    private static let groupsName = "ragdz_groups"
    private static let groupsSQL = "select set_config('ragdz.groups', $1, true)"
    private static let roleName = "ragdz_role"
    private static let roleSQL = "select set_config('role', $1, true)"
    private static let operatorRole = "ragdz_operator"

    /// Sends a unit. Its outcome comes through the owner, also when sending fails.
    func send(_ unit: Unit) {
        guard !sendIfAlive(unit) else { return }
        let error = PostgresError(.connectionLost, "the connection is closed")
        owner?.connection(self, finished: unit, .failure(error))
        if owner == nil { unit.finish(.failure(error)) }
    }

    /// False when the connection has ended: nothing was sent then, so that the unit may go elsewhere.
    func sendIfAlive(_ unit: Unit) -> Bool {
        loop.assertInEventLoop()
        guard isAlive() else { return false }
        unit.exposedToCancel = cancelsUnderway > 0
        unit.sent = .now()
        let sent: Bool
        switch unit.work {
        case .command(let sql):
            sent = handle.sendCommand(sql) && handle.sendSync()
            spans.append(Span(unit: unit, prepared: nil, commands: 1))
        case .inside(let statement, let parameters):
            sent = send(unit, statement, parameters, begin: nil, identity: .none)
        case .alone(let statement, let parameters, let identity):
            sent = send(unit, statement, parameters, begin: nil, identity: identity)
        case .opening(let statement, let parameters, let identity, let begin):
            sent = send(unit, statement, parameters, begin: begin, identity: identity)
        }
        guard sent, flush() else {
            lose(handle.errorMessage)
            return true
        }
        arm()
        if let due = unit.due { owner?.connection(self, owesAnswerBy: due) }
        return true
    }

    /// Whether the server still holds the other end. While nothing is on its way the end of a connection may lie in the
    /// socket unread, and then a statement would be sent to nobody.
    func isAlive() -> Bool {
        if state == .ready, spans.isEmpty {
            let open = handle.consumeInput() && !handle.isBroken
            // Asking makes libpq look at what came: the server's last word may be here while its end is not.
            _ = handle.isBusy
            if !open || handle.isEnding {
                let message = handle.errorMessage
                lose(PostgresError(.connectionLost, message.isEmpty ? "the server ends the connection" : message))
            }
        }
        return state == .ready
    }

    private func send(
        _ unit: Unit, _ statement: Statement, _ parameters: ParameterWriter, begin: String?, identity: Identity
    ) -> Bool {
        let known: Prepared
        var sent = true
        let key = PreparedKey(statement: statement, isOperators: runsAsOperator(unit, identity))
        if let found = prepared[key] {
            known = found
        } else {
            if prepared.count >= Limits.prepared { sent = forgetOldest() }
            // On its own, so that no other unit's failure makes the server skip it while later units count on it.
            preparedCount += 1
            known = Prepared(name: "s\(preparedCount)")
            prepared[key] = known
            sent = sent && handle.sendPrepare(name: known.name, sql: statement.sql) && handle.sendSync()
            spans.append(Span(unit: nil, prepared: known, commands: 1))
        }
        uses += 1
        known.lastUse = uses
        var commands = 1
        if let begin {
            sent = sent && handle.sendCommand(begin)
            commands += 1
        }
        switch identity {
        case .none: break
        case .tenant(let tenant, let groups):
            sent = sent && handle.sendPrepared(name: Self.tenantName, text: tenant.description)
            commands += 1
            if groups != .none {
                sent = sent && handle.sendPrepared(name: Self.groupsName, text: "{\(groups.list)}")
                commands += 1
            }
        case .platformOperator:
            sent = sent && handle.sendPrepared(name: Self.roleName, text: Self.operatorRole)
            commands += 1
        }
        sent = sent && handle.sendPrepared(name: known.name, parameters: parameters) && handle.sendSync()
        spans.append(Span(unit: unit, prepared: known, commands: commands))
        return sent
    }

    private func runsAsOperator(_ unit: Unit, _ identity: Identity) -> Bool {
        switch unit.work {
        case .alone, .command: return identity == .platformOperator
        case .opening: isOperatorsTransaction = identity == .platformOperator
        case .inside: break
        }
        return isOperatorsTransaction
    }

    /// The server works in order, so what was sent before this still finds the statement.
    private func forgetOldest() -> Bool {
        guard let oldest = prepared.min(by: { $0.value.lastUse < $1.value.lastUse }) else { return true }
        prepared[oldest.key] = nil
        spans.append(Span(unit: nil, prepared: nil, commands: 1, mayFail: true))
        return handle.sendCommand("deallocate \(oldest.value.name)") && handle.sendSync()
    }

    /// The statement is prepared afresh when it is used next: its tables have changed since.
    func forget(_ statement: Statement) {
        for isOperators in [false, true] {
            prepared[PreparedKey(statement: statement, isOperators: isOperators)] = nil
        }
    }

    // MARK: - Replies

    private func process() {
        while state == .ready, let span = spans.first, !handle.isBusy {
            let isStatement = span.answered == span.commands - 1
            switch handle.nextReply(
                wantsRows: isStatement && span.unit != nil, columns: span.prepared?.columns)
            {
            case .rows(let rows):
                span.replied = true
                if isStatement { span.rows = rows }
            case .skipped: span.replied = true
            case .failed(let error, let fatal):
                span.replied = true
                if span.failure == nil { span.failure = error }
                if fatal {
                    if error.report != nil { noteUntouched() }
                    return lose(error)
                }
            case .endOfCommand:
                if span.replied {
                    span.answered += 1
                    span.replied = false
                    emptyReplies = 0
                }
                emptyReplies += 1
                if emptyReplies > 4 { return lose("the replies of the server do not fit what was sent") }
            case .sync:
                emptyReplies = 0
                spans.removeFirst()
                finish(span)
            }
        }
        while state == .ready, let (channel, payload) = handle.nextNotification() {
            owner?.connection(self, notified: channel, payload)
        }
        if state == .ready, spans.isEmpty, handle.isEnding { lose("the server ends the connection") }
    }

    /// The server works in order, and it ended, by its own word, at the first unit: the others it never saw. The first
    /// one is rolled back, since its result had not come yet; but when it had run for a while, somebody may have wanted
    /// to end just this one.
    private func noteUntouched() {
        for (index, span) in spans.enumerated() {
            guard let unit = span.unit else { continue }
            unit.untouched = index > 0 || (span.rows == nil && .now() - unit.sent < Self.youth)
        }
    }

    private static let youth = TimeAmount.seconds(1)

    private func finish(_ span: Span) {
        if let next = spans.first?.unit, next.wantsCancel { cancelHead() }
        guard let unit = span.unit else {
            guard let failure = span.failure, !span.mayFail else { return }
            guard let prepared = span.prepared else { return lose(failure) }
            prepared.failure = failure
            self.prepared = self.prepared.filter { $0.value !== prepared }
            return
        }
        var outcome: Unit.Outcome
        if let failure = span.failure {
            // Who uses a statement that could not be prepared wants to know why, not that it does not exist.
            let cause = span.prepared?.failure ?? failure
            outcome = .failure(unit.statement.map { cause.naming($0.name) } ?? cause)
        } else if let rows = span.rows {
            span.prepared?.columns = rows.columns
            outcome = .success(rows)
        } else {
            return lose("the server ended a unit without a reply")
        }
        if unit.wantsCancel, case .failure(let error) = outcome, error.sqlState == .queryCanceled {
            outcome = .failure(PostgresError(.cancelled, "the caller gave up", statement: unit.statement?.name))
        }
        owner?.connection(self, finished: unit, outcome)
    }

    // MARK: - Cancelling

    /// Asks the server to give the unit up. Its outcome comes as ever: it may have finished meanwhile.
    func cancel(_ unit: Unit) {
        unit.wantsCancel = true
        guard state == .ready else { return }
        // A unit further back is cancelled when its turn comes; the server is not working on it yet.
        if spans.first(where: { $0.unit != nil })?.unit === unit { cancelHead() }
    }

    func cancelHead() {
        guard let canceller = handle.canceller() else { return }
        // The signal hits whatever the server works on when it arrives, and that may be a later unit by then.
        for span in spans { span.unit?.exposedToCancel = true }
        cancelsUnderway += 1
        NIOSingletons.posixBlockingThreadPool.submit { [loop, self] _ in
            canceller.send()
            loop.execute { self.cancelsUnderway -= 1 }
        }
    }

    // MARK: - The end

    private func lose(_ message: String) {
        let code: PostgresError.Code = state == .connecting ? .connectFailed : .connectionLost
        let text = message.isEmpty ? "the server closed the connection" : message
        lose(PostgresError(code, text, outcomeUnknown: state == .ready))
    }

    func lose(_ error: PostgresError) {
        guard state != .closed else { return }
        let units = shut()
        let owner = owner
        self.owner = nil
        owner?.connection(self, lost: error, unfinished: units)
    }

    /// Closes the socket and returns the units that were on their way.
    private func shut() -> [Unit] {
        state = .closed
        ReadinessThread.shared.remove(token, descriptor: handle.descriptor)
        handle.finish()
        let units = spans.compactMap(\.unit)
        spans.removeAll()
        copying?.broke = nil
        copying?.connectionIsLost(PostgresError(.connectionLost, "the connection was lost during a COPY"))
        copying = nil
        return units
    }

    /// Gives up on a server that does not answer. The owner is told.
    func abandon(_ message: String) { lose(message) }
}
