import Bytes
import Logging
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support
import Synchronization
import Testing

@testable import Workflows

/// A database of its own with what a test plays on it: two tenants, the service, and engines as it asks for them.
struct Scene: Sendable {
    let database: Database
    let store: RunStore
    let signals: WorkflowSignals
    var service: WorkflowsService
    let world = World()
    let tenant = UUID128.v4()
    let stranger = UUID128.v4()

    static let logger = Logger(label: "workflows.tests") { _ in SwiftLogNoOpLogHandler() }

    /// Cuts every connection of the server, as a restart of the database does.
    let cutConnections: @Sendable () async throws -> Void

    /// Runs a statement as the superuser.
    let asOwner: @Sendable (String) async throws -> [Row]

    /// How long it is until the one step there is may be taken.
    func secondsUntilDue() async throws -> Double {
        try await asOwner("select extract(epoch from due_at - clock_timestamp())::float8 as n from ragdz.run_steps")[0]
            .get("n")
    }

    /// Makes the tenant what it is, or changes its status.
    func setTenant(_ status: String) async throws {
        _ = try await asOwner(
            """
            insert into ragdz.tenants (tenant_id, slug, name, region, timezone, default_language, plan, status, provisioned)
            values ('\(tenant)', 'scene', 'T', 'DZ', 'Africa/Algiers', 'fr', 'free', '\(status)', '{}')
            on conflict (tenant_id) do update set status = excluded.status
            """)
    }

    init(_ fresh: TestDatabase) {
        database = fresh.database
        asOwner = { try await fresh.asOwner($0) }
        cutConnections = {
            try await fresh.asOwner(
                """
                select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and usename = 'ragdz_app'
                """)
        }
        store = RunStore(database: database)
        signals = WorkflowSignals(database: database, logger: Self.logger)
        service = WorkflowsService(
            store: store, signals: signals,
            scopes: ActionRegistry(BriefActions.all(FakeSources())).scopes.merging(world.registry.scopes) { $1 })
    }

    func context(
        _ tenant: UUID128? = nil, language: String = "en", scopes: ScopeSet = .all
    ) -> ServerContext {
        ServerContext(
            method: Ragdz_V1_Workflows.Methods.getRun, metadata: ["accept-language": language],
            identity: .tenantKey(tenant: tenant ?? self.tenant, keyID: "key-1", scopes: scopes))
    }

    /// Looks often; its leases are long enough for a busy machine.
    static var quick: WorkflowEngine.Configuration {
        WorkflowEngine.Configuration(
            concurrentSteps: 8, lease: .seconds(6), renewal: .milliseconds(100), poll: .milliseconds(30),
            reportPatience: .seconds(5))
    }

    /// Short leases, so that a dead worker is replaced within half a second.
    static var mortal: WorkflowEngine.Configuration {
        WorkflowEngine.Configuration(
            concurrentSteps: 8, lease: .milliseconds(500), renewal: .milliseconds(100), poll: .milliseconds(30),
            reportPatience: .seconds(5))
    }

    /// Leases, looks and renewals far beyond a test: what happens with it happens because a notification said so.
    static var patient: WorkflowEngine.Configuration {
        WorkflowEngine.Configuration(
            concurrentSteps: 8, lease: .seconds(3_600), renewal: .seconds(3_600), poll: .seconds(3_600),
            reportPatience: .seconds(5))
    }

    /// Returns when the signals are connected: from then on each notification arrives.
    func listening() async throws {
        let listeners = """
            select 1 from pg_stat_activity
            where datname = current_database() and state = 'idle' and query ilike 'listen%\(WorkflowSignals.channel)%'
            """
        while try await asOwner(listeners).isEmpty { try await Task.sleep(for: .milliseconds(10)) }
    }

    func engine(
        _ configuration: WorkflowEngine.Configuration = Scene.quick, actions: [any StepAction] = [],
        dies: (@Sendable (WorkflowEngine.Moment, RunStore.Claim) -> Bool)? = nil
    ) -> WorkflowEngine {
        var registry = world.registry
        for action in actions { registry.add(action) }
        return WorkflowEngine(
            store: store, signals: signals, actions: registry, configuration: configuration, logger: Self.logger,
            dies: dies)
    }

    /// Runs an engine beside `body` and drains it afterwards.
    func working<R: Sendable>(_ engine: WorkflowEngine? = nil, _ body: () async throws -> R) async throws -> R {
        let engine = engine ?? self.engine()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await engine.run() }
            let result: R
            do { result = try await body() } catch {
                group.cancelAll()
                throw error
            }
            engine.drain(grace: .zero)
            return result
        }
    }

    func put(_ definition: Ragdz_V1_Definition, as tenant: UUID128? = nil) async throws {
        var request = Ragdz_V1_PutDefinitionRequest()
        request.definition = definition
        _ = try await service.putDefinition(request, context: context(tenant))
    }

    func start(
        _ workflow: String = "test", _ input: Google_Protobuf_Struct = [:], requestID: String = "",
        as tenant: UUID128? = nil, scopes: ScopeSet = .all
    ) async throws -> Ragdz_V1_Run {
        var request = Ragdz_V1_StartRunRequest()
        request.workflow = workflow
        request.input = input
        request.requestID = requestID
        return try await service.startRun(request, context: context(tenant, scopes: scopes))
    }

    /// Stores a definition and starts it.
    func start(_ definition: Ragdz_V1_Definition, _ input: Google_Protobuf_Struct = [:]) async throws -> Ragdz_V1_Run {
        try await put(definition)
        return try await start(definition.name, input)
    }

    func get(_ id: String, as tenant: UUID128? = nil) async throws -> Ragdz_V1_Run {
        var request = Ragdz_V1_GetRunRequest()
        request.id = id
        return try await service.getRun(request, context: context(tenant))
    }

    func approve(_ id: String, _ approved: Bool = true, step: String = "", comment: String = "") async throws
        -> Ragdz_V1_Run
    {
        var request = Ragdz_V1_ApproveRequest()
        request.id = id
        request.stepID = step
        request.approved = approved
        request.comment = comment
        return try await service.approve(request, context: context())
    }

    func cancel(_ id: String, reason: String = "") async throws -> Ragdz_V1_Run {
        var request = Ragdz_V1_CancelRunRequest()
        request.id = id
        request.reason = reason
        return try await service.cancelRun(request, context: context())
    }

    /// The events of a run up to its end, as WatchRun streams them.
    func watch(_ id: String, after: Int64 = 0) async throws -> [Ragdz_V1_RunEvent] {
        let box = EventBox()
        try await watch(id, after: after) { box.add($0) }
        return box.events
    }

    func watch(
        _ id: String, after: Int64 = 0, _ receive: @escaping @Sendable (Ragdz_V1_RunEvent) async throws -> Void
    ) async throws {
        var request = Ragdz_V1_WatchRunRequest()
        request.id = id
        request.afterSequence = after
        try await service.watchRun(request, responses: ResponseWriter(receive), context: context())
    }

    /// The run once `met` holds; an issue is recorded when that takes minutes.
    func run(_ id: String, until met: (Ragdz_V1_Run) -> Bool) async throws -> Ragdz_V1_Run {
        for _ in 0..<9_000 {
            let run = try await get(id)
            if met(run) { return run }
            try await Task.sleep(for: .milliseconds(20))
        }
        let run = try await get(id)
        Issue.record("the run does not get there: \(try run.jsonString())")
        return run
    }

    func ended(_ id: String) async throws -> Ragdz_V1_Run { try await run(id) { $0.isEnded } }
}

extension Ragdz_V1_Run {
    var isEnded: Bool { status == .succeeded || status == .failed || status == .cancelled }
    func step(_ id: String) -> Ragdz_V1_StepState? { steps.first { $0.id == id } }
}

final class EventBox: Sendable {
    private let received = Mutex<[Ragdz_V1_RunEvent]>([])
    func add(_ event: Ragdz_V1_RunEvent) { received.withLock { $0.append(event) } }
    var events: [Ragdz_V1_RunEvent] { received.withLock { $0 } }
}

/// Gives a test its scene and takes the connections away afterwards.
func withScene(_ body: (Scene) async throws -> Void) async throws {
    let fresh = try await TestDatabase.fresh()
    let scene = Scene(fresh)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await scene.signals.run() }
        do { try await body(scene) } catch {
            group.cancelAll()
            throw error
        }
        group.cancelAll()
    }
    await fresh.close()
}

func reason(_ body: () async throws -> Void) async -> String {
    do {
        try await body()
        return "none"
    } catch let status as Status {
        return "\(status.code.name) \(status.reason ?? "")"
    } catch { return "\(error)" }
}
