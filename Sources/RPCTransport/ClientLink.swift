internal import HTTP2
internal import Logging
internal import LoopExecutor
internal import NIOCore
internal import NIOPosix
internal import RPC
internal import TLS

/// Keeps one connection to the target: connects when a call needs it, again after a loss, with growing pauses after
/// failures.
///
/// Unchecked: everything but `connection` and `close`, which hop, happens on `loop`.
final class ClientLink: @unchecked Sendable {
    private enum State {
        case idle
        case connecting
        case ready(ClientConnection)
        /// After a failure: nothing is tried before the pause is over.
        case pausing(Status)
        case closed
    }

    private struct Waiter {
        let id: Int
        let waitsForReady: Bool
        let continuation: UnsafeContinuation<ClientConnection, any Error>
        let timer: Scheduled<Void>?
    }

    let loop: any EventLoop
    let executor: LoopExecutor
    private let target: RPCClient.Target
    private let configuration: RPCClient.Configuration
    private let logger: Logger
    private let scratch = OutputScratch()
    private var state = State.idle
    private var waiters: [Waiter] = []
    private var nextWaiter = 0
    private var failures = 0
    var budget = RetryBudget()

    init(
        _ target: RPCClient.Target, _ configuration: RPCClient.Configuration, _ loop: any EventLoop, _ logger: Logger
    ) {
        self.target = target
        self.configuration = configuration
        self.loop = loop
        self.logger = logger
        executor = LoopExecutor.on(loop)
    }

    /// A connection that takes calls, on the loop.
    func connection(waitsForReady: Bool, deadline: Deadline?) async throws -> ClientConnection {
        switch state {
        case .ready(let connection): return connection
        case .closed: throw Status.clientClosed
        case .pausing(let status): if !waitsForReady { throw status }
        case .idle: connect()
        case .connecting: break
        }
        let id = nextWaiter
        nextWaiter += 1
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                if Task.isCancelled { return continuation.resume(throwing: Status.cancelled()) }
                let timer: Scheduled<Void>? = deadline.map { deadline in
                    loop.scheduleTask(in: .nanoseconds(deadline.remaining.wholeNanoseconds)) {
                        self.giveUp(id, .deadlineExceeded("No connection to the server within the deadline."))
                    }
                }
                waiters.append(
                    Waiter(id: id, waitsForReady: waitsForReady, continuation: continuation, timer: timer))
            }
        } onCancel: {
            loop.execute { self.giveUp(id, .cancelled()) }
        }
    }

    private func giveUp(_ id: Int, _ status: Status) {
        guard let index = waiters.firstIndex(where: { $0.id == id }) else { return }
        let waiter = waiters.remove(at: index)
        waiter.timer?.cancel()
        waiter.continuation.resume(throwing: status)
    }

    private func settleWaiters(where isDone: (Waiter) -> Bool, _ result: Result<ClientConnection, any Error>) {
        let done = waiters.filter(isDone)
        waiters.removeAll(where: isDone)
        for waiter in done {
            waiter.timer?.cancel()
            waiter.continuation.resume(with: result)
        }
    }

    private func connect() {
        state = .connecting
        let made: ClientConnection
        do {
            made = try ClientConnection(
                configuration, loop, scratch, name: target.authority, logger: logger,
                onReady: { [weak self] result in self?.connected(result) },
                onRetire: { [weak self] connection in self?.retired(connection) })
        } catch {
            return failed(Status(wrapping: error))
        }
        pending = made
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(configuration.connectTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.prepare(channel, made) }
            }
        let channel =
            switch target {
            case .host(let name, let port): bootstrap.connect(host: name, port: port)
            case .unixSocket(let path): bootstrap.connect(unixDomainSocketPath: path)
            }
        // A failed connect may also reach `ended`, but only when the channel got that far: both lead to `failed` once.
        channel.assumeIsolated().whenFailure { error in
            self.connected(
                .failure(
                    Status.unavailable("Cannot connect to \(self.target.authority): \(error)", reason: "CONNECT_FAILED")
                ))
        }
    }

    /// The connection that is being made.
    private var pending: ClientConnection?

    private func prepare(_ channel: any Channel, _ connection: ClientConnection) throws {
        if let tls = configuration.tls {
            let handler = try TLSHandler(tls, hostname: configuration.tlsServerName ?? target.hostname)
            try channel.pipeline.syncOperations.addHandler(handler)
        }
        try channel.pipeline.syncOperations.addHandler(connection)
    }

    private func connected(_ result: Result<Void, any Error>) {
        guard case .connecting = state, let made = pending else { return }
        pending = nil
        switch result {
        case .success:
            failures = 0
            state = .ready(made)
            settleWaiters(where: { _ in true }, .success(made))
        case .failure(let error): failed(error as? Status ?? .unavailable("Cannot connect: \(error)"))
        }
    }

    private func failed(_ status: Status) {
        failures += 1
        state = .pausing(status)
        settleWaiters(where: { !$0.waitsForReady }, .failure(status))
        let pause = configuration.backoff.pause(after: failures)
        loop.scheduleTask(in: .nanoseconds(pause.wholeNanoseconds)) { [weak self] in
            guard let self, case .pausing = self.state else { return }
            self.state = .idle
            if !self.waiters.isEmpty { self.connect() }
        }
    }

    private func retired(_ connection: ClientConnection) {
        guard case .ready(let current) = state, current === connection else { return }
        state = .idle
        if !waiters.isEmpty { connect() }
    }

    /// Closes the connection; waiting and later calls fail.
    func close() {
        if case .ready(let connection) = state { connection.close() }
        state = .closed
        settleWaiters(where: { _ in true }, .failure(Status.clientClosed))
    }
}

extension Status {
    static let clientClosed = Status.cancelled("The client was closed.", reason: "CLIENT_CLOSED")
}
