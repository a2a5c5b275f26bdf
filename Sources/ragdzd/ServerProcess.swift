internal import Bridge
internal import Keys
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import RPCTransport
internal import ServiceLifecycle
internal import Synchronization

/// The server from its start to its end: every part comes up after what it needs and goes down before it.
struct ServerProcess: Service {
    let settings: Settings
    let logger: Logger

    func run() async throws {
        // What is wrong with the certificate should not be found out only after the database is up.
        let credentials = try Credentials(settings.tls, logger: logger)
        let folder = try DataFolder(settings.dataFolder)
        try folder.lock()
        // A killed predecessor may have left its own.
        folder.remove("addresses.json")
        let group = MultiThreadedEventLoopGroup(numberOfThreads: settings.threads)
        try await closing({ try? await group.shutdownGracefully() }) {
            let storage = try await Storage.open(settings, folder: folder, group: group, logger: logger)
            try await closing(storage.close) {
                try await announceOperator(storage, folder)
                let needsModels = settings.features.contains(.retrieval) || settings.features.contains(.workflows)
                let models = needsModels ? try await ModelParts.start(settings, logger: logger) : nil
                try await closing({ await models?.stop() }) {
                    let assembly = try Assembly(
                        settings, storage, models, services: credentials.services, logger: logger)
                    try await serve(assembly, credentials, folder, group)
                }
            }
        }
    }

    /// Runs `body` and closes whatever comes of it.
    private func closing(_ close: () async -> Void, _ body: () async throws -> Void) async throws {
        do { try await body() } catch {
            await close()
            throw error
        }
        await close()
    }

    private struct Stopped: Error {}

    private func serve(
        _ assembly: Assembly, _ credentials: Credentials, _ folder: DataFolder, _ group: MultiThreadedEventLoopGroup
    ) async throws {
        var configuration = RPCServer.Configuration(host: settings.listen.host, port: settings.listen.port)
        configuration.tls = credentials.tls
        let server = RPCServer(configuration, router: assembly.router, group: group, logger: logger)
        let address: SocketAddress
        do { address = try await server.start() } catch {
            throw Settings.Invalid("The server cannot listen on \(settings.listen): \(error)")
        }
        let addresses = Addresses(rpc: address.listening, folder: folder, expectsBridge: settings.bridge != nil)
        let bridgeEnds = Latch(isOpen: settings.bridge == nil)
        defer { folder.remove("addresses.json") }
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for job in assembly.background + [credentials.answerSignals, credentials.watchFiles] {
                tasks.addTask { await job() }
            }
            if let bridge = bridge(assembly, group) {
                tasks.addTask {
                    defer { bridgeEnds.open() }
                    try await bridge.run { address in addresses.announce(bridge: address?.listening) }
                }
            } else {
                addresses.announce(bridge: nil)
            }
            tasks.addTask {
                try await gracefulShutdown()
                await stop(server, assembly, bridgeEnds)
                throw Stopped()
            }
            // Not waitForAll: it would wait for the rest before it tells of the first failure.
            do { while try await tasks.next() != nil {} } catch is Stopped {}
            tasks.cancelAll()
        }
    }

    /// No new work, time for the running one, then the end.
    private func stop(_ server: RPCServer, _ assembly: Assembly, _ bridgeEnds: Latch) async {
        let grace = Duration.seconds(settings.stopSeconds)
        let end = ContinuousClock.now.advanced(by: grace)
        logger.info("stopping", metadata: ["grace_seconds": "\(settings.stopSeconds)"])
        assembly.drain(grace: grace)
        await server.shutdown(grace: grace)
        while !bridgeEnds.isOpen, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(10)) }
        await assembly.close()
    }

    private func bridge(_ assembly: Assembly, _ group: MultiThreadedEventLoopGroup) -> Bridge? {
        guard let listen = settings.bridge else { return nil }
        return Bridge(
            configuration: .init(host: listen.host, port: listen.port, allowedOrigins: settings.bridgeOrigins),
            router: assembly.router, group: group,
            logger: logger, readiness: { assembly.readiness().map { .init(part: $0.part, isReady: $0.isReady) } })
    }

    /// Makes the first operator at the first start, and shows its credential this once.
    private func announceOperator(_ storage: Storage, _ folder: DataFolder) async throws {
        guard let credential = try await FirstOperator.create(database: storage.database, pepper: storage.pepper) else {
            return
        }
        try folder.write(credential + "\n", to: "operator-credential", mode: 0o600)
        // Standard output often ends up in a log; only a person at a terminal is shown the credential itself.
        var fields = [("event", "operator-created"), ("name", FirstOperator.name)]
        if Output.isTerminal { fields.append(("credential", credential)) }
        fields.append(("file", folder.file("operator-credential")))
        Output.line(JSONLine.object(fields))
    }
}

/// Opens once and stays open.
private final class Latch: Sendable {
    private let flag: Atomic<Bool>

    init(isOpen: Bool) { flag = Atomic(isOpen) }

    var isOpen: Bool { flag.load(ordering: .acquiring) }
    func open() { flag.store(true, ordering: .releasing) }
}

/// Where the process can be reached, told once it can: a line on standard output and a file, both JSON.
private final class Addresses: Sendable {
    private let rpc: String
    private let folder: DataFolder
    private let expectsBridge: Bool

    init(rpc: String, folder: DataFolder, expectsBridge: Bool) {
        self.rpc = rpc
        self.folder = folder
        self.expectsBridge = expectsBridge
    }

    func announce(bridge: String?) {
        if expectsBridge, bridge == nil { return }
        var fields = [("event", "ready"), ("rpc", rpc)]
        if let bridge { fields.append(("bridge", "http://\(bridge)")) }
        fields += [("data", folder.path), ("pid", "\(Output.processID)")]
        let line = JSONLine.object(fields)
        try? folder.write(line + "\n", to: "addresses.json", mode: 0o644)
        Output.line(line)
    }
}

extension SocketAddress {
    /// `host:port`, for people and scripts.
    fileprivate var listening: String { ListenAddress(host: ipAddress ?? "", port: port ?? 0).description }
}
