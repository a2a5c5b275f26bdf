internal import Embedded
internal import Keys
internal import Logging
internal import Members
internal import RPC
internal import RPCTransport
internal import Retrieval
internal import Schema
internal import Streams
internal import Tenancy
internal import Workflows

/// The services of one process behind their interceptors, and the work that goes on beside the calls.
struct Assembly: Sendable {
    let router: Router
    let health: HealthService
    private let authenticator: Authenticator
    private let sessions: MemberSessions
    private let sessionKeys: SessionKeyFile
    private let limiter: RateLimiter
    private let ledger: QuotaLedger
    private let journal: PostgresStreamJournal
    private let eraser: TenantEraser
    private let workflows: WorkflowsFeature?
    private let probe: DatabaseProbe
    private let retrieval: RetrievalService?
    private let ingests: RetrievalService?
    private let models: ModelParts?

    /// How often readiness is looked at.
    static let readinessInterval: Duration = .seconds(1)

    init(
        _ settings: Settings, _ storage: Storage, _ models: ModelParts?, services: ServiceDirectory, logger: Logger
    ) throws {
        probe = DatabaseProbe { await storage.isReady() }
        self.models = models
        health = HealthService()
        let database = storage.database
        journal = PostgresStreamJournal(database: database, logger: logger)
        sessionKeys = storage.sessionKeys
        sessions = MemberSessions(database: database, keys: sessionKeys.keys)
        authenticator = Authenticator(
            database: database, pepper: storage.pepper, sessions: SessionDoor(sessions: sessions), logger: logger)
        limiter = RateLimiter(database: database, logger: logger)
        ledger = QuotaLedger(database: database, logger: logger)
        eraser = TenantEraser(database: database, logger: logger) { [pepper = storage.pepper] hash in
            pepper.sign(hash, purpose: "tenant erasure")
        }
        // The order matters: everything is logged, the caller is known before anything looks at it, and no policy
        // is decided for a caller who is not known.
        var router = Router(interceptors: [
            RequestLog(logging: settings.callLogging, sink: .standardError),
            DatabasePatience(), AuthenticationInterceptor(authenticator, services: services, limiter: limiter),
            PolicyInterceptor(), QuotaInterceptor(ledger), TenantShare(),
        ])
        router.journal = journal
        router.add(health)
        try Self.addAccess(to: &router, settings, storage, authenticator, sessions, logger)
        var workflows: WorkflowsFeature?
        var served: RetrievalService?
        var ingests: RetrievalService?
        if let models {
            let retrieval = RetrievalService(
                database: database, models: models.embeddings, chat: models.chat,
                extractor: ExtractorProgram(python: Runtime().python, script: Runtime().extractor),
                meter: LedgerMeter(ledger, limiter), logger: logger)
            // Workflows store documents too.
            ingests = retrieval
            if settings.features.contains(.retrieval) {
                router.add(retrieval)
                served = retrieval
            }
            if settings.features.contains(.workflows) {
                let actions = BriefActions.all(RetrievalBriefSources(RetrievalSources(retrieval)))
                let feature = WorkflowsFeature(database: database, actions: ActionRegistry(actions), logger: logger)
                router.add(feature.service)
                workflows = feature
            }
        }
        router.add(ReflectionService(services: router.services, files: ContractDescriptors.files))
        self.workflows = workflows
        retrieval = served
        self.ingests = ingests
        self.router = router
    }

    /// The services that say who may call: tenants, keys and operators, members.
    private static func addAccess(
        to router: inout Router, _ settings: Settings, _ storage: Storage, _ authenticator: Authenticator,
        _ sessions: MemberSessions, _ logger: Logger
    ) throws {
        let database = storage.database
        if settings.features.contains(.tenants) {
            router.add(
                TenancyService(database: database, logger: logger) { tenant in
                    authenticator.forget(.tenant(tenant))
                })
        }
        if settings.features.contains(.keys) {
            router.add(
                KeysService(database: database, pepper: storage.pepper, logger: logger) { keyID in
                    authenticator.forget(.credential(.init(kind: .live, id: keyID)))
                })
            router.add(
                OperatorsService(database: database, pepper: storage.pepper, logger: logger) { id in
                    authenticator.forget(.credential(.init(kind: .platformOperator, id: id)))
                })
        }
        if settings.features.contains(.members) {
            router.add(
                MembersService(sessions: sessions, passwords: try PasswordWorkers(), logger: logger) {
                    change in authenticator.forget(change)
                })
        }
    }

    /// What goes on until its task is cancelled.
    var background: [@Sendable () async -> Void] {
        var jobs: [@Sendable () async -> Void] = [
            authenticator.run, limiter.run, ledger.run, eraser.run, journal.run, probe.run, watchReadiness,
            { [sessionKeys, sessions] in await sessionKeys.watch(sessions) },
        ]
        if let workflows { jobs.append(workflows.run) }
        if let retrieval {
            jobs += [
                retrieval.keepIndexFresh, retrieval.keepVectorsIndexed, retrieval.keepEvaluating,
                retrieval.keepConversationsBounded,
            ]
        }
        if let ingests { jobs.append(ingests.runIngests) }
        return jobs
    }

    /// Takes no new work; what runs has `grace` to end.
    func drain(grace: Duration) {
        health.setAll(.notServing)
        workflows?.engine.drain(grace: grace)
        ingests?.drainIngests(grace: grace)
    }

    /// After the last call: what was used up is written down.
    func close() async { await ledger.close() }

    /// Which parts are ready now.
    func readiness() -> [(part: String, isReady: Bool)] {
        var parts = [("database", probe.isReady)]
        if let models { parts.append(("embeddings", models.isReady)) }
        return parts
    }

    /// Keeps the health service true: a service is ready when everything is ready that it works with.
    private func watchReadiness() async {
        let services = router.services.filter { $0.hasPrefix("ragdz.") }
        while !Task.isCancelled {
            let parts = readiness()
            let database = parts.contains { $0.part == "database" && $0.isReady }
            let all = parts.allSatisfy(\.isReady)
            if Task.isCancelled { return }
            for service in services {
                let needsModels = service == "ragdz.v1.Retrieval"
                health.set(service, (needsModels ? all : database) ? .serving : .notServing)
            }
            health.set("", database ? .serving : .notServing)
            try? await Task.sleep(for: Self.readinessInterval)
        }
    }
}
