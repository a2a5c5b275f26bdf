internal import Logging
internal import NIOCore

/// The connection that listens for notifications, and who gets them.
///
/// Subscribers are told when the connection is lost and when it is back, since nothing in between reaches them. A peer
/// that vanished without a word is noticed by a ping. Sendable by confinement: every method runs on `loop`.
final class Listener: @unchecked Sendable {
    private enum Limits {
        /// Notifications that wait for a slow subscriber.
        static let buffered = 1024
        /// How often a subscriber that fell behind is looked at.
        static let catchUpInterval = TimeAmount.milliseconds(50)
        static let pingInterval = TimeAmount.seconds(5)
        static let firstPause = 50 as Int64
        static let longestPause = 2000 as Int64
    }

    private struct Subscriber {
        let id: Int
        let channel: String
        let stream: AsyncStream<Notification>.Continuation
        /// It fell too far behind and gets nothing until it has caught up.
        var paused = false
        /// Told once, when the server has confirmed.
        var pending: ((PostgresError?) -> Void)?
    }

    private enum State {
        case idle, connecting, pausing, closed
        case up(Connection)
    }

    let loop: any EventLoop
    private let configuration: Database.Configuration
    private let logger: Logger
    private var state = State.idle
    private var subscribers: [Subscriber] = []
    private var nextID = 0
    private var failures = 0
    private var unansweredPing = false
    private var unansweredEcho = false

    init(loop: any EventLoop, configuration: Database.Configuration, logger: Logger) {
        self.loop = loop
        self.configuration = configuration
        self.logger = logger
    }

    func subscribe(
        _ channel: String, _ done: @escaping (Result<AsyncStream<Notification>, PostgresError>) -> Void
    ) {
        loop.assertInEventLoop()
        if case .closed = state { return done(.failure(PostgresError(.closed, "the database was closed"))) }
        let (stream, continuation) = AsyncStream.makeStream(
            of: Notification.self, bufferingPolicy: .bufferingOldest(Limits.buffered))
        let id = nextID
        nextID += 1
        continuation.onTermination = { [weak self, loop] _ in loop.execute { [weak self] in self?.unsubscribe(id) } }
        subscribers.append(
            Subscriber(id: id, channel: channel, stream: continuation) { error in
                done(error.map { .failure($0) } ?? .success(stream))
            })
        switch state {
        case .idle: connect()
        case .up(let connection): listen(connection, channel, restoring: false)
        case .connecting, .pausing, .closed: break
        }
    }

    private func unsubscribe(_ id: Int) {
        guard let index = subscribers.firstIndex(where: { $0.id == id }) else { return }
        let channel = subscribers.remove(at: index).channel
        if case .up(let connection) = state, !subscribers.contains(where: { $0.channel == channel }) {
            connection.send(Unit(.command("unlisten \(Self.quoted(channel))")))
        }
    }

    /// Sends a notification over the connection that listens; nothing while there is none, or it has not answered the last
    /// one yet.
    func echo(_ channel: String, _ payload: String) {
        loop.assertInEventLoop()
        guard case .up(let connection) = state, !unansweredEcho else { return }
        unansweredEcho = true
        let text = payload.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
        connection.send(
            Unit(.command("notify \(Self.quoted(channel)), '\(text)'")).named("echo") { [self] _ in
                unansweredEcho = false
            })
    }

    func close() {
        loop.assertInEventLoop()
        if case .up(let connection) = state { connection.close(PostgresError(.closed, "the database was closed")) }
        state = .closed
        for subscriber in subscribers {
            subscriber.pending?(PostgresError(.closed, "the database was closed"))
            subscriber.stream.finish()
        }
        subscribers = []
    }

    private static func quoted(_ name: String) -> String {
        "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    private func connect() {
        state = .connecting
        let limit = TimeAmount.milliseconds(Int64(configuration.pool.connectMilliseconds))
        Connector.open(configuration, on: loop) { [self] handle in
            guard case .connecting = state, let handle else { return }
            let connection = Connection(id: 0, loop: loop, handle: handle, owner: self)
            connection.start()
            loop.scheduleTask(in: limit) {
                if connection.state == .connecting { connection.abandon("the server did not answer in time") }
            }
        }
    }

    private func listen(_ connection: Connection, _ channel: String, restoring: Bool) {
        connection.send(
            Unit(.command("listen \(Self.quoted(channel))")).named(channel) { [self] outcome in
                for index in subscribers.indices where subscribers[index].channel == channel {
                    let pending = subscribers[index].pending
                    subscribers[index].pending = nil
                    switch outcome {
                    case .success where pending != nil: pending?(nil)
                    case .success where restoring: subscribers[index].stream.yield(.connectionRestored)
                    case .success: break
                    case .failure(let error): pending?(error)
                    }
                }
            })
    }

    private func ping(_ connection: Connection) {
        loop.scheduleTask(in: Limits.pingInterval) { [self] in
            guard case .up(let current) = state, current === connection else { return }
            if unansweredPing { return connection.abandon("the server did not answer a ping") }
            unansweredPing = true
            connection.send(Unit(.command("")).named("ping") { [self] _ in unansweredPing = false })
            ping(connection)
        }
    }

    private func retry() {
        guard !subscribers.isEmpty else {
            state = .idle
            return
        }
        state = .pausing
        let pause = min(Limits.longestPause, Limits.firstPause << Int64(min(failures, 10)))
        loop.scheduleTask(in: .milliseconds(pause)) { [self] in
            if case .pausing = state { connect() }
        }
    }
}

extension Unit {
    /// With somebody to tell. The name is for readers of the code.
    fileprivate func named(_ name: String, _ finished: @escaping (Outcome) -> Void) -> Unit {
        onFinish(finished)
        return self
    }
}

extension Listener: ConnectionOwner {
    func connectionIsReady(_ connection: Connection) {
        guard case .connecting = state else {
            return connection.close(PostgresError(.closed, "the database was closed"))
        }
        state = .up(connection)
        failures = 0
        unansweredPing = false
        // Nothing that is sent here has to survive a crash, and while the server waits for its disk it announces nothing.
        connection.send(Unit(.command("set synchronous_commit = off")))
        for channel in Set(subscribers.map(\.channel)).sorted() {
            listen(connection, channel, restoring: true)
        }
        ping(connection)
    }

    func connection(_ connection: Connection, finished unit: Unit, _ outcome: Unit.Outcome) { unit.finish(outcome) }

    func connection(_ connection: Connection, lost error: PostgresError, unfinished: [Unit]) {
        if case .closed = state { return }
        logger.warning("the listening connection was lost", metadata: ["error": "\(error.message)"])
        let wasUp = if case .up = state { true } else { false }
        failures += 1
        for unit in unfinished { unit.finish(.failure(error)) }
        // Who still waits for the first confirmation learns it as an error; the others are told to distrust.
        for subscriber in subscribers {
            if let pending = subscriber.pending {
                pending(error)
            } else if wasUp {
                subscriber.stream.yield(.connectionLost)
            }
        }
        subscribers.removeAll { $0.pending != nil }
        retry()
    }

    /// Nobody waits for what a listener sends.
    func connection(_ connection: Connection, owesAnswerBy due: NIODeadline) {}

    func connection(_ connection: Connection, notified channel: String, _ payload: String) {
        for index in subscribers.indices
        where subscribers[index].channel == channel && subscribers[index].pending == nil && !subscribers[index].paused {
            // The last place is kept for the word that something is missing.
            if case .enqueued(let remaining) = subscribers[index].stream.yield(.payload(payload)), remaining <= 1 {
                subscribers[index].stream.yield(.connectionLost)
                subscribers[index].paused = true
                catchUp(subscribers[index].id)
            }
        }
    }

    /// Resumes a subscriber as soon as there is room again.
    private func catchUp(_ id: Int) {
        loop.scheduleTask(in: Limits.catchUpInterval) { [self] in
            guard let index = subscribers.firstIndex(where: { $0.id == id }) else { return }
            switch subscribers[index].stream.yield(.connectionRestored) {
            case .enqueued: subscribers[index].paused = false
            default: catchUp(id)
            }
        }
    }
}
