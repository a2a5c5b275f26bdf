public import Logging
public import Postgres

/// Workflows as `ragdzd` wires them: the service for callers, the engine for the work.
public struct WorkflowsFeature: Sendable {
    public let service: WorkflowsService
    public let engine: WorkflowEngine
    private let signals: WorkflowSignals

    public init(
        database: Database, actions: ActionRegistry, configuration: WorkflowEngine.Configuration = .defaults,
        logger: Logger
    ) {
        let store = RunStore(database: database)
        signals = WorkflowSignals(database: database, logger: logger)
        service = WorkflowsService(store: store, signals: signals, scopes: actions.scopes)
        engine = WorkflowEngine(
            store: store, signals: signals, actions: actions, configuration: configuration, logger: logger)
    }

    /// Works until the engine was drained (`engine.drain(grace:)`) or the task is cancelled.
    public func run() async {
        await withTaskGroup { group in
            group.addTask { await signals.run() }
            await engine.run()
            group.cancelAll()
        }
    }
}
