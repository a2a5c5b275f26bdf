internal import NIOCore

/// A connection that one transaction has to itself, and where that transaction stands.
///
/// Sendable by confinement: created anywhere, used only on the pool's loop from `LoopPool.submit` on.
final class Lease: @unchecked Sendable {
    enum State {
        /// No statement has been sent yet, so there is nothing to commit.
        case idle
        case open
        /// A statement failed: the server refuses everything but the rollback.
        case failed(PostgresError)
        case ended
    }

    let pool: LoopPool
    let identity: Identity
    let begin: String
    /// How long its caller may wait for a connection, in milliseconds.
    let patience: Int64
    /// Of everything that the transaction does.
    let deadline = Database.deadline
    var wantsCancel = false
    /// How often it was given a connection that turned out to be dead.
    var repeats = 0
    private var state = State.idle
    private var connection: Connection?
    private var granted: ((Result<Void, PostgresError>) -> Void)?
    /// What is sent as soon as there is a connection again.
    private var pending: Unit?

    init(pool: LoopPool, identity: Identity, begin: String) {
        self.pool = pool
        self.identity = identity
        self.begin = begin
        patience = Unit.limits(deadline).patience
    }

    func onGrant(_ granted: @escaping (Result<Void, PostgresError>) -> Void) { self.granted = granted }

    func grant(_ connection: Connection) {
        self.connection = connection
        granted?(.success(()))
        granted = nil
        guard let unit = pending else { return }
        pending = nil
        send(unit)
    }

    func refuse(_ error: PostgresError) {
        granted?(.failure(error))
        granted = nil
        guard let unit = pending else { return }
        pending = nil
        state = .failed(error)
        unit.finish(.failure(error))
    }

    func connectionIsLost() {
        connection = nil
        switch state {
        // Before the first statement nothing is lost: it begins on another connection.
        case .idle, .ended: return
        case .open, .failed: break
        }
        state = .failed(PostgresError(.connectionLost, "the transaction's connection was lost"))
    }

    /// Sends one statement of the transaction.
    func send(_ unit: Unit) {
        pool.loop.assertInEventLoop()
        guard let connection else {
            if case .idle = state, repeats < LoopPool.repeats {
                repeats += 1
                return again(unit)
            }
            let error = if case .failed(let error) = state { error } else { Self.over }
            return unit.finish(.failure(error))
        }
        if unit.wantsCancel {
            if case .open = state { state = .failed(PostgresError(.cancelled, "the caller gave up")) }
            return unit.finish(.failure(PostgresError(.cancelled, "the caller gave up")))
        }
        if case .idle = state {
            guard connection.isAlive() || repeats >= LoopPool.repeats else {
                repeats += 1
                return again(unit)
            }
            state = .open
        }
        unit.connection = connection.id
        connection.send(unit)
    }

    /// The work that a statement is now: the first one begins the transaction.
    func work(_ statement: Statement, _ parameters: ParameterWriter) -> Unit.Work {
        if case .idle = state { return .opening(statement, parameters, identity, begin: begin) }
        return .inside(statement, parameters)
    }

    /// Gives the connection to a COPY, when the transaction is under way and nothing else is.
    func copy(_ statement: Statement, _ direction: CopyOperation.Direction) -> CopyOperation? {
        pool.loop.assertInEventLoop()
        guard case .open = state else { return nil }
        return connection?.copy(statement, direction)
    }

    func noteFailure(_ error: PostgresError) {
        if case .open = state { state = .failed(error) }
    }

    func cancel(_ unit: Unit) {
        unit.wantsCancel = true
        if pending === unit { return pool.cancel(self) }
        connection?.cancel(unit)
    }

    /// Commits, or rolls back, and gives the connection back. `done` hears how it ended.
    func end(commit: Bool, _ done: @escaping (Result<Void, PostgresError>) -> Void) {
        pool.loop.assertInEventLoop()
        let before = state
        state = .ended
        guard let connection else {
            if case .failed(let error) = before { return done(.failure(error)) }
            if case .idle = before { return done(.success(())) }
            return done(.failure(Self.over))
        }
        self.connection = nil
        if case .idle = before {
            pool.release(self, connection)
            return done(.success(()))
        }
        let unit = Unit(.command(commit ? "commit" : "rollback"), deadline: deadline)
        unit.onFinish { [self] outcome in
            if case .failure(let error) = outcome, !(commit && error.endsTransaction) {
                // Whether the transaction is over is unknown, so nobody else may have its connection.
                connection.abandon("the transaction did not end")
            }
            pool.release(self, connection)
            done(
                outcome.flatMap { rows in
                    // The server answers "ROLLBACK" to the commit of a transaction in which a statement had failed.
                    guard commit, rows.tag != "COMMIT" else { return .success(()) }
                    let cause = if case .failed(let error) = before { ": \(error.message)" } else { "" }
                    return .failure(
                        PostgresError(.transactionAborted, "nothing was committed, since a statement failed\(cause)"))
                })
        }
        connection.send(unit)
    }

    /// The connection ended before the transaction began: it begins on another one. `unit` is its first statement, when
    /// that was on its way.
    func again(_ unit: Unit) {
        connection = nil
        state = .idle
        unit.connection = nil
        unit.untouched = false
        pending = unit
        pool.submit(self)
    }

    private static var over: PostgresError {
        PostgresError(.misuse, "the transaction is over; it lives as long as its body")
    }
}
