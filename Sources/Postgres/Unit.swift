internal import Bytes
internal import NIOCore

/// One unit of work on its way to the server and back: what goes out before one sync.
///
/// Used on one event loop only; `Sendable` so that the task that waits for it may hand it to that loop.
final class Unit: @unchecked Sendable {
    enum Work {
        /// Identity and statement in a transaction of their own.
        case alone(Statement, ParameterWriter, Identity)
        /// The first statement of a transaction: `begin` and the identity go ahead of it.
        case opening(Statement, ParameterWriter, Identity, begin: String)
        /// A later statement of a transaction.
        case inside(Statement, ParameterWriter)
        /// A command without parameters, such as `commit` or `listen`.
        case command(String)
    }

    typealias Outcome = Result<ResultRows, PostgresError>

    let work: Work
    /// How long its caller may wait for a connection, in milliseconds.
    let patience: Int64
    /// When its caller wants an outcome, whatever the server is doing.
    let due: NIODeadline?
    private var complete: ((Outcome) -> Void)?
    /// The caller has given up.
    var wantsCancel = false
    /// A cancel for another unit of the same connection may have hit this one.
    var exposedToCancel = false
    /// When it was sent last.
    var sent = NIODeadline.uptimeNanoseconds(0)
    /// How long the server is expected to work on it, in microseconds.
    var cost = StatementCosts.unknown
    /// The connection ended, and the unit certainly had no effect.
    var untouched = false
    /// How often the unit was sent again after a failure that was not its own.
    var repeats = 0
    /// Which pool connection works on it.
    var connection: Int?

    init(_ work: Work, deadline: ContinuousClock.Instant? = Database.deadline) {
        self.work = work
        (patience, due) = Self.limits(deadline)
    }

    /// Half of what is left for the wait, so that something is left for the work; a moment at least, in which a rollback
    /// can end a transaction whose deadline has passed.
    static func limits(_ deadline: ContinuousClock.Instant?) -> (patience: Int64, due: NIODeadline?) {
        guard let deadline else { return (.max, nil) }
        let left = max(shortest, ContinuousClock.now.duration(to: deadline).wholeMilliseconds)
        return (max(1, left / 2), .now() + .milliseconds(left))
    }

    /// In milliseconds.
    private static let shortest: Int64 = 20

    /// Its caller has been told.
    var isFinished: Bool { complete == nil }

    /// On whose account it waits.
    var identity: Identity {
        switch work {
        case .alone(_, _, let identity), .opening(_, _, let identity, _): identity
        case .inside, .command: .none
        }
    }

    /// Whom to tell. Exactly one call of `finish` reaches it.
    func onFinish(_ complete: @escaping (Outcome) -> Void) { self.complete = complete }

    func finish(_ outcome: Outcome) {
        guard let complete else { return }
        self.complete = nil
        complete(outcome)
    }

    var statement: Statement? {
        switch work {
        case .alone(let statement, _, _), .opening(let statement, _, _, _), .inside(let statement, _): statement
        case .command: nil
        }
    }

    /// Whether a failure leaves no trace, so that the unit may be sent again.
    var standsAlone: Bool { if case .alone = work { true } else { false } }
}
