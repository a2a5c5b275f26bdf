internal import Bytes
internal import Postgres
internal import ProtoRuntime
internal import RPC
internal import Schema

/// Runs in the database. Every change goes one way: lock the run's row, load its state, let the rules change it,
/// write what changed with its events, commit.
struct RunStore: Sendable {
    let database: Database

    /// A run as it stands in its locked row.
    struct LockedRun: Sendable {
        let id: UUID128
        let graph: Graph
        let input: PostgresJSON
        var state: RunState
    }

    /// What a transition leaves to be written, and what its caller learns.
    struct Outcome<Value: Sendable>: Sendable {
        var value: Value
        var changes = RunState.Changes()
        var output: StepOutput?
    }

    struct StepOutput: Sendable {
        var place: Int
        var json: PostgresJSON
        var bytes: Int
    }

    /// Nil: the tenant has no such run. What `rules` throws rolls everything back.
    func transition<Value: Sendable>(
        of run: UUID128, tenant: UUID128, _ rules: @Sendable (inout LockedRun) throws -> Outcome<Value>
    ) async throws -> Value? {
        try await database.transaction(as: .tenant(tenant)) { transaction in
            guard var locked = try await lock(run, in: transaction) else { return nil }
            let outcome = try rules(&locked)
            if !outcome.changes.isEmpty {
                try await write(outcome.changes, of: locked, output: outcome.output, in: transaction)
            }
            return outcome.value
        }
    }

    func lock(_ run: UUID128, in transaction: Transaction) async throws -> LockedRun? {
        guard let row = try await Queries.lockRun(transaction, id: run) else { return nil }
        let definition = try Ragdz_V1_Definition(stored: row.graph)
        let graph = try Graph(definition)
        let steps = try await Queries.stepStates(transaction, runID: run)
        guard steps.count == graph.steps.count else {
            throw Status.dataLoss("The steps of run \(run) are not those of its graph.", reason: "RUN_DAMAGED")
        }
        let state = RunState(
            phase: RunState.Phase(status: row.status, stopping: row.stopping, error: row.error),
            steps: try steps.map(RunState.StepRecord.init(row:)))
        return LockedRun(id: run, graph: graph, input: row.input, state: state)
    }

    private func write(
        _ changes: RunState.Changes, of run: LockedRun, output: StepOutput?, in transaction: Transaction
    ) async throws {
        if !changes.steps.isEmpty {
            let columns = StepColumns(changes, of: run)
            try await Queries.updateSteps(
                transaction, ids: columns.ids, statuses: columns.phases, attempts: columns.attempts,
                failures: columns.failures, losses: columns.losses, errors: columns.errors, dueMicros: columns.due,
                runID: run.id)
        }
        if let output {
            try await Queries.setStepOutput(
                transaction, output: output.json, outputBytes: output.bytes, runID: run.id,
                stepID: run.graph.steps[output.place].id)
        }
        if run.state.phase == .ended(.succeeded) {
            let result = try await outputOfRun(run, in: transaction)
            try await Queries.setRunOutput(transaction, output: try PostgresJSON(storing: result), id: run.id)
        }
        if !changes.events.isEmpty { try await append(changes.events, to: run.id, in: transaction) }
        let columns = run.state.columns(in: run.graph)
        try await Queries.updateRun(
            transaction, status: columns.status, stopping: columns.stopping, error: columns.error, id: run.id)
        var signals: [WorkflowSignals.Signal] = changes.events.isEmpty ? [] : [.moved(run.id)]
        if changes.makesReady { signals.append(.ready) }
        if changes.stopsRunningSteps { signals.append(.stopping(run.id)) }
        try await Queries.notifyListeners(transaction, payloads: signals.map(\.payload))
    }

    private func append(_ events: [RunEvent], to run: UUID128, in transaction: Transaction) async throws {
        var data: [String] = []
        for event in events { data.append(try PostgresJSON(storing: event.data).text) }
        let added = try await Queries.appendEvents(
            transaction, types: events.map(\.type), runID: run, stepIDs: events.map(\.stepID), data: data)
        guard added == events.count else {
            throw Status.dataLoss("\(added) of \(events.count) events were stored.", reason: "RUN_DAMAGED")
        }
    }

    /// The output of the only last step, or, when there are several, one field for each of them.
    private func outputOfRun(
        _ run: LockedRun, in transaction: Transaction
    ) async throws -> Google_Protobuf_Struct {
        let sinks = run.graph.sinks.map { run.graph.steps[$0].id }
        let outputs = try await outputs(of: sinks, run: run.id, in: transaction)
        if sinks.count == 1 { return outputs[sinks[0]] ?? Google_Protobuf_Struct() }
        var all = Google_Protobuf_Struct()
        for sink in sinks { all.fields[sink] = .object(outputs[sink] ?? Google_Protobuf_Struct()) }
        return all
    }

    private func outputs(
        of steps: [String], run: UUID128, in transaction: Transaction
    ) async throws -> [String: Google_Protobuf_Struct] {
        var outputs: [String: Google_Protobuf_Struct] = [:]
        guard !steps.isEmpty else { return outputs }
        for row in try await Queries.stepOutputs(transaction, runID: run, stepIDs: steps) {
            outputs[row.id] = try Google_Protobuf_Struct(stored: row.output)
        }
        return outputs
    }
}

// MARK: - Starting

extension RunStore {
    struct NewRun: Sendable {
        var id: UUID128
        var definition: Ragdz_V1_Definition
        var graph: Graph
        var input: PostgresJSON
        /// Empty: none.
        var requestID: String
    }

    /// Nil: another call has just started a run under the same request id.
    func insert(_ new: NewRun, in transaction: Transaction) async throws -> UUID128? {
        let (state, changes) = RunState.started(
            new.graph, workflow: new.definition.name, version: Int(new.definition.version))
        let run = LockedRun(id: new.id, graph: new.graph, input: new.input, state: state)
        let inserted = try await Queries.insertRun(
            transaction, id: new.id, workflow: new.definition.name, workflowVersion: Int(new.definition.version),
            graph: try PostgresJSON(storing: new.definition), input: new.input,
            status: state.columns(in: new.graph).status, requestID: new.requestID)
        guard inserted != nil else { return nil }
        try await Queries.insertSteps(transaction, runID: new.id, stepIDs: new.graph.steps.map(\.id))
        try await write(changes, of: run, output: nil, in: transaction)
        return new.id
    }
}

// MARK: - What workers do

extension RunStore {
    struct Claim: Sendable, Hashable {
        var tenant: UUID128
        var run: UUID128
        var step: String
        var epoch: Int64
    }

    /// What an attempt works with.
    struct Attempt: Sendable {
        var number: Int
        var step: Graph.Step
        var scope: TemplateScope
    }

    func claim(upTo wanted: Int, owner: UUID128, lease: Duration) async throws -> [Claim] {
        try await Queries.claimDueSteps(
            database.as(.none), owner: owner, wanted: wanted, leaseMicros: lease.wholeMicroseconds
        ).map { Claim(tenant: $0.tenantID, run: $0.runID, step: $0.stepID, epoch: $0.leaseEpoch) }
    }

    /// Starts an attempt of a claimed step. Nil: there is nothing to run; a timer that was due has fired.
    func take(_ claim: Claim) async throws -> Attempt? {
        try await database.transaction(as: .tenant(claim.tenant)) { transaction -> Attempt? in
            guard var run = try await lock(claim.run, in: transaction),
                let place = run.graph.place(of: claim.step)
            else { return nil }
            let (taken, changes) = run.state.take(place, epoch: claim.epoch, in: run.graph)
            if !changes.isEmpty { try await write(changes, of: run, output: nil, in: transaction) }
            guard case .run(let number) = taken else { return nil }
            let step = run.graph.steps[place]
            let outputs = try await outputs(of: step.referencedSteps, run: run.id, in: transaction)
            let scope = TemplateScope(
                runID: run.id.description, input: try Google_Protobuf_Struct(stored: run.input), outputs: outputs)
            return Attempt(number: number, step: step, scope: scope)
        }
    }

    enum Lease: Sendable, Hashable { case held, heldButStopping, lost }

    func renew(_ claim: Claim, owner: UUID128, lease: Duration) async throws -> Lease {
        let stopping = try await Queries.renewLease(
            database.as(.tenant(claim.tenant)), leaseMicros: lease.wholeMicroseconds, runID: claim.run,
            stepID: claim.step, leaseEpoch: claim.epoch, leaseOwner: owner)
        guard let stopping else { return .lost }
        return stopping ? .heldButStopping : .held
    }

    /// Records how an attempt ended, with all that follows. False: the lease is not the worker's any more, or the
    /// run is gone; nothing was written.
    func report(
        _ report: RunState.Report, output: Google_Protobuf_Struct?, for claim: Claim, chance: Double
    ) async throws -> Bool {
        let json = try output.map(PostgresJSON.init(storing:))
        let written = try await transition(of: claim.run, tenant: claim.tenant) { run -> Outcome<Bool> in
            guard let place = run.graph.place(of: claim.step) else { return Outcome(value: false) }
            let present = run.state.steps.reduce(0) { $0 + $1.outputBytes }
            var report = report
            var stored = json
            if case .succeeded(let bytes) = report, present + bytes > Limits.runOutputBytes {
                report = .failed(.tooMuchOutput)
                stored = nil
            }
            let changes = run.state.report(
                report, of: place, epoch: claim.epoch, in: run.graph, chance: chance)
            guard let changes else { return Outcome(value: false) }
            let output = stored.map {
                StepOutput(place: place, json: $0, bytes: run.state.steps[place].outputBytes)
            }
            return Outcome(value: true, changes: changes, output: output)
        }
        return written ?? false
    }
}

extension StepFailure {
    fileprivate static let tooMuchOutput = StepFailure(
        .permanent, reason: "OUTPUT_TOO_LARGE",
        "The outputs of the run's steps together exceed \(Limits.runOutputBytes) bytes.")
}

extension Graph.Step {
    /// The steps that the parameters refer to.
    var referencedSteps: [String] {
        var found: [String] = []
        for (_, text) in TemplateScope.strings(in: parameters, at: "") {
            for reference in (try? Template(parsing: text))?.references ?? [] {
                if case .step(let id) = reference.root, !found.contains(id) { found.append(id) }
            }
        }
        return found
    }
}
