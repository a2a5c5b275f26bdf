public import Bytes
public import ProtoRuntime

/// What a worker hands to an action for one attempt of one step.
public struct StepInput: Sendable {
    public var tenant: UUID128
    public var runID: UUID128
    public var stepID: String
    /// From 1. A later attempt may follow one whose effect has happened already.
    public var attempt: Int
    /// The same for every attempt of this step of this run, and for no other step: the key under which an effect
    /// outside has to be made once only.
    public var idempotencyKey: String
    /// The step's `with`, its references replaced.
    public var parameters: Google_Protobuf_Struct

    public init(
        tenant: UUID128, runID: UUID128, stepID: String, attempt: Int, parameters: Google_Protobuf_Struct
    ) {
        self.tenant = tenant
        self.runID = runID
        self.stepID = stepID
        self.attempt = attempt
        self.idempotencyKey = "\(runID)/\(stepID)"
        self.parameters = parameters
    }
}

/// The code behind `action: "…"` of a step.
///
/// The contract of an action:
/// - It may run more than once for a step (a crash after its effect, a lost lease). An effect that outlives it must
///   be idempotent under `StepInput.idempotencyKey`. Its result is recorded once, whatever happens.
/// - It stops soon when its task is cancelled: that is how a time-out, a cancelled run and a shutdown reach it.
/// - It tells by the error that it throws whether trying again can help: see `StepFailure`.
/// - It holds no database transaction while it waits for anything else.
public protocol StepAction: Sendable {
    /// As definitions name it, e.g. `"retrieval.search"`; 1 to 100 characters.
    static var name: String { get }
    /// What a key must hold for the same work as a call of its own, e.g. `"retrieval.read"`: without it a key cannot
    /// start a run that has this action, so that a workflow is no way around a scope.
    static var scope: String { get }
    /// Does the work and returns the step's output: at most 256 KiB as JSON, nested at most 24 deep.
    func run(_ input: StepInput) async throws -> Google_Protobuf_Struct
}

/// The actions that this process can run. `ragdzd` fills it before the engine starts.
public struct ActionRegistry: Sendable {
    private var actions: [String: any StepAction] = [:]

    public init() {}
    public init(_ actions: [any StepAction]) { for action in actions { add(action) } }

    /// A later action of the same name takes the place of an earlier one.
    public mutating func add(_ action: any StepAction) {
        actions[type(of: action).name] = action
    }

    public var names: Set<String> { Set(actions.keys) }

    /// The scope that each action needs, by the action's name.
    public var scopes: [String: String] { actions.mapValues { type(of: $0).scope } }

    func action(_ name: String) -> (any StepAction)? { actions[name] }
}
