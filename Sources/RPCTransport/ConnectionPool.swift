internal import HTTP2
internal import Logging
internal import LoopExecutor
internal import NIOCore
internal import NIOPosix
internal import RPC
internal import TLS

/// Does what `PoolState` says: resolves, connects, pauses, and lets calls wait.
///
/// Unchecked: everything but `connection` and `close`, which hop, happens on `loop`.
final class ConnectionPool: @unchecked Sendable {
    private struct Waiter {
        let id: Int
        let waitsForReady: Bool
        let continuation: UnsafeContinuation<ClientConnection, any Error>
        let timer: Scheduled<Void>?
    }

    let loop: any EventLoop
    let executor: LoopExecutor
    let configuration: RPCClient.Configuration
    private let target: RPCClient.Target
    private let logger: Logger
    private let scratch = OutputScratch()
    private var state: PoolState<ServerAddress>
    /// Connections that are up or being made; those that take no more calls leave when their last call is done.
    private var connections: [Int: ClientConnection] = [:]
    private var waiters: [Waiter] = []
    private var nextWaiter = 0
    private var isClosed = false
    private var resolveTimer: Scheduled<Void>?
    var budget: RetryBudget

    init(
        _ target: RPCClient.Target, _ configuration: RPCClient.Configuration, _ loop: any EventLoop, _ logger: Logger
    ) {
        self.target = target
        self.configuration = configuration
        self.loop = loop
        self.logger = logger
        budget = configuration.retryBudget
        executor = LoopExecutor.on(loop)
        state = PoolState(
            limits: .init(
                connectionsPerAddress: max(1, configuration.maximumConnectionsPerAddress),
                addresses: max(1, configuration.maximumAddresses)))
    }

    // MARK: - Calls

    /// A connection that takes one more call, on the loop.
    func connection(waitsForReady: Bool, deadline: Deadline?) async throws -> ClientConnection {
        if isClosed { throw Status.clientClosed }
        // Whoever came first is served first.
        if waiters.isEmpty {
            switch pick() {
            case .success(let connection?): return connection
            case .success(nil): break
            case .failure(let status): if !waitsForReady { throw status }
            }
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
                // What the first look set off may have come about at once.
                serve()
            }
        } onCancel: {
            loop.execute { self.giveUp(id, .cancelled()) }
        }
    }

    /// A connection, nil while one is on its way, or why there is none.
    private func pick() -> Result<ClientConnection?, Status> {
        let (pick, actions) = state.pick { connections[$0]?.room ?? 0 }
        actions.forEach(run)
        switch pick {
        case .use(let id): return .success(connections[id])
        case .wait: return .success(nil)
        case .fail(let status): return .failure(status)
        }
    }

    private func giveUp(_ id: Int, _ status: Status) {
        guard let index = waiters.firstIndex(where: { $0.id == id }) else { return }
        settle(waiters.remove(at: index), .failure(status))
    }

    private func settle(_ waiter: Waiter, _ result: Result<ClientConnection, any Error>) {
        waiter.timer?.cancel()
        waiter.continuation.resume(with: result)
    }

    /// Gives waiting calls what has become free, one call a tick and connection: a resumed call opens its stream only
    /// when it runs.
    private func serve() {
        var handedOut: [ObjectIdentifier: Int] = [:]
        while let first = waiters.first {
            let (pick, actions) = state.pick { id in
                guard let connection = connections[id] else { return 0 }
                return connection.room - (handedOut[ObjectIdentifier(connection)] ?? 0)
            }
            actions.forEach(run)
            switch pick {
            case .use(let id):
                guard let connection = connections[id] else { return }
                handedOut[ObjectIdentifier(connection), default: 0] += 1
                waiters.removeFirst()
                settle(first, .success(connection))
            case .wait: return
            case .fail(let status):
                let failed = waiters.filter { !$0.waitsForReady }
                waiters.removeAll { !$0.waitsForReady }
                for waiter in failed { settle(waiter, .failure(status)) }
                return
            }
        }
    }

    // MARK: - What the state wants

    private func run(_ action: PoolState<ServerAddress>.Action) {
        guard !isClosed else { return }
        switch action {
        case .connect(let id, let address): connect(id, address)
        case .pause(let address, let failures):
            later(configuration.backoff.pause(after: failures)) {
                self.perform(self.state.pauseEnded(address, isWaitedFor: !self.waiters.isEmpty))
            }
        case .resolve(let failures):
            if failures == 0 { return resolve() }
            later(configuration.backoff.pause(after: failures)) { self.resolve() }
        case .retire(let id): connections[id]?.retireGracefully()
        }
    }

    private func perform(_ actions: [PoolState<ServerAddress>.Action]) {
        actions.forEach(run)
        serve()
    }

    private func later(_ pause: Duration, _ body: @escaping () -> Void) {
        loop.assumeIsolated().scheduleTask(in: .nanoseconds(pause.wholeNanoseconds)) { [weak self] in
            if self?.isClosed == false { body() }
        }
    }

    private func resolve() {
        resolveTimer?.cancel()
        AddressResolver.resolve(target, on: loop).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let addresses) where !addresses.isEmpty:
                self.perform(self.state.resolved(addresses, isWaitedFor: !self.waiters.isEmpty))
                self.resolveAgainLater()
            case .success:
                self.perform(self.state.resolveFailed(.noAddress(self.target.authority)))
            case .failure(let error):
                self.perform(
                    self.state.resolveFailed(error as? Status ?? .noAddress("\(self.target.authority): \(error)")))
            }
        }
    }

    /// The system's resolver does not tell how long a name's addresses hold; a fixed time stands for it.
    private func resolveAgainLater() {
        guard target.needsLookUp else { return }
        resolveTimer = loop.assumeIsolated().scheduleTask(in: configuration.resolveInterval) { [weak self] in
            guard let self, !self.isClosed else { return }
            self.perform(self.state.shouldResolve())
        }
    }

    // MARK: - Connections

    private func connect(_ id: Int, _ address: ServerAddress) {
        let made: ClientConnection
        do {
            made = try ClientConnection(
                configuration, loop, scratch, address, logger: logger,
                onNews: { [weak self] news in self?.heard(news, of: id) })
        } catch {
            // The state must not change under its own feet.
            return loop.assumeIsolated().execute { self.connectFailed(id, Status(wrapping: error)) }
        }
        connections[id] = made
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(configuration.connectTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: address.socket.protocol == .unix ? 0 : 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.prepare(channel, made, address) }
            }
        bootstrap.connect(to: address.socket).assumeIsolated().whenFailure { error in
            self.connectFailed(
                id,
                .unavailable("Cannot connect to \(address.authority): \(error)", reason: Status.notConnectedReason))
        }
    }

    private func prepare(_ channel: any Channel, _ connection: ClientConnection, _ address: ServerAddress) throws {
        if let tls = configuration.tls {
            let handler = try TLSHandler(tls, hostname: configuration.tlsServerName ?? address.hostname)
            try channel.pipeline.syncOperations.addHandler(handler)
        }
        try channel.pipeline.syncOperations.addHandler(connection)
    }

    private func heard(_ news: ClientConnection.News, of id: Int) {
        switch news {
        case .ready:
            guard let connection = connections[id] else { return }
            if isClosed { return connection.close() }
            guard let service = configuration.healthCheckedService else {
                state.connected(id)
                return serve()
            }
            state.connected(id, isServing: nil)
            HealthWatch.start(service, on: connection, executor) { [weak self] isServing in
                self?.state.healthChanged(id, isServing: isServing)
                self?.serve()
            }
        case .failed(let status): connectFailed(id, status)
        case .retired:
            state.retired(id)
            if !waiters.isEmpty { serve() }
        case .roomForMore: if !waiters.isEmpty { serve() }
        case .gone:
            connections[id] = nil
            state.retired(id)
            if !waiters.isEmpty { serve() }
        }
    }

    private func connectFailed(_ id: Int, _ status: Status) {
        connections[id] = nil
        logger.debug("cannot connect", metadata: ["target": "\(target.authority)", "error": "\(status)"])
        perform(state.connectFailed(id, status))
    }

    /// Closes every connection; waiting and later calls fail.
    func close() {
        isClosed = true
        resolveTimer?.cancel()
        for connection in connections.values { connection.close() }
        let left = waiters
        waiters = []
        for waiter in left { settle(waiter, .failure(Status.clientClosed)) }
    }
}

extension Status {
    static let clientClosed = Status.cancelled("The client was closed.", reason: "CLIENT_CLOSED")

    static func noAddress(_ name: String) -> Status {
        .unavailable("The target \(name) has no address now.", reason: "NAME_NOT_RESOLVED")
    }
}
