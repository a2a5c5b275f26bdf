internal import Bytes
internal import Postgres
internal import ProtoRuntime
public import RPC
public import Schema
internal import Stores

/// The RPCs of workflows: definitions, runs, their events and decisions.
///
/// Each method works in the tenant's name. An id of another tenant, one that does not exist and one that is no id
/// at all get the same NOT_FOUND.
public struct WorkflowsService: Ragdz_V1_Workflows.ServiceProtocol {
    let store: RunStore
    let signals: WorkflowSignals
    /// The actions that a definition may name, each with the scope that a key needs to start a run with it.
    let scopes: [String: String]

    /// How often WatchRun looks for events that no notification told it of.
    var watchPoll = Duration.seconds(2)

    // MARK: - Definitions

    public func putDefinition(
        _ request: Ragdz_V1_PutDefinitionRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Definition {
        let tenant = try context.requireTenant()
        guard var definition = request.definition else {
            throw Status.invalidArgument("Give the definition.", reason: "NO_DEFINITION", field: "definition")
        }
        _ = try DefinitionRules.check(definition, actions: Set(scopes.keys))
        guard BuiltInDefinitions.named(definition.name, language: context.language) == nil else {
            throw Status.invalidArgument(
                "\"\(definition.name)\" is built in. Choose another name.", reason: "RESERVED_NAME",
                field: "definition.name")
        }
        definition.version = 0
        definition.builtIn = false
        let json = try PostgresJSON(storing: definition)
        guard json.text.utf8.count <= Limits.definitionBytes else {
            throw Status.invalidArgument(
                "A definition has at most \(Limits.definitionBytes) bytes as JSON.", reason: "DEFINITION_TOO_LARGE",
                field: "definition")
        }
        let name = definition.name
        let version = try await answering {
            try await Queries.putDefinition(store.database.as(.tenant(tenant)), name: name, definition: json)
        }
        guard let version else { throw Status.internalError("The definition was not stored.") }
        definition.version = Int32(clamping: version)
        return definition
    }

    public func listDefinitions(
        _ request: Ragdz_V1_ListDefinitionsRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListDefinitionsResponse {
        let tenant = try context.requireTenant()
        let size = try PageSize.resolve(request.pageSize)
        let after = try PageToken.read(request.pageToken, list: "definitions", parts: 1)?[0]
        let rows = try await answering {
            try await Queries.listDefinitions(
                store.database.as(.tenant(tenant)), afterName: after ?? "", pageSize: Int64(size) + 1)
        }
        var response = Ragdz_V1_ListDefinitionsResponse()
        // The built-in ones stand before the tenant's own, and beside the count of the page.
        if after == nil { response.definitions = BuiltInDefinitions.all(language: context.language) }
        for row in rows.prefix(size) {
            var definition = try Ragdz_V1_Definition(stored: row.definition)
            definition.version = Int32(clamping: row.version)
            response.definitions.append(definition)
        }
        if rows.count > size, let last = response.definitions.last {
            response.nextPageToken = PageToken.make("definitions", [last.name])
        }
        return response
    }

    // MARK: - Decisions

    public func approve(
        _ request: Ragdz_V1_ApproveRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Run {
        let tenant = try context.requireTenant()
        let id = try runID(request.id)
        guard request.comment.fits(Limits.commentLength) else {
            throw Status.invalidArgument(
                "A comment has at most \(Limits.commentLength) characters, and no U+0000.", reason: "TOO_LONG",
                field: "comment")
        }
        var decision = Decision(approved: request.approved, comment: request.comment, decidedBy: "")
        switch context.identity {
        case .tenantKey(_, let keyID, _): decision.decidedBy = keyID
        case .member(let member): decision.decidedBy = "member:\(member.id)"
        default: break
        }
        let (made, json) = (decision, try PostgresJSON(storing: decision.output))
        let found: Void? = try await answering {
            try await store.transition(of: id, tenant: tenant) { run in
                do {
                    let place = try Self.approval(request.stepID, in: run)
                    let bytes = json.text.utf8.count
                    let changes = try run.state.decide(place, made, outputBytes: bytes, in: run.graph)
                    let output = RunStore.StepOutput(place: place, json: json, bytes: bytes)
                    return RunStore.Outcome(value: (), changes: changes, output: output)
                } catch let refusal as RunState.Refusal {
                    throw Self.status(refusal)
                }
            }
        }
        guard found != nil else { throw Self.noRun }
        return try await run(id, tenant: tenant)
    }

    private static func approval(_ stepID: String, in run: RunStore.LockedRun) throws -> Int {
        if stepID.isEmpty { return try run.state.soleApproval(in: run.graph) }
        guard let place = run.graph.place(of: stepID) else {
            throw Status.notFound("The run has no such step.", reason: "STEP_NOT_FOUND")
        }
        return place
    }

    public func cancelRun(
        _ request: Ragdz_V1_CancelRunRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Run {
        let tenant = try context.requireTenant()
        let id = try runID(request.id)
        guard request.reason.fits(Limits.commentLength) else {
            throw Status.invalidArgument(
                "A reason has at most \(Limits.commentLength) characters, and no U+0000.", reason: "TOO_LONG",
                field: "reason")
        }
        let found: Void? = try await answering {
            try await store.transition(of: id, tenant: tenant) { run in
                do {
                    return RunStore.Outcome(value: (), changes: try run.state.cancel(reason: request.reason))
                } catch let refusal as RunState.Refusal {
                    throw Self.status(refusal)
                }
            }
        }
        guard found != nil else { throw Self.noRun }
        return try await run(id, tenant: tenant)
    }

    static func status(_ refusal: RunState.Refusal) -> Status {
        switch refusal {
        case .runEnded:
            .failedPrecondition("The run has ended; this cannot change it any more.", reason: "RUN_ENDED")
        case .notAnApproval:
            .failedPrecondition("The step is no approval.", reason: "NOT_AN_APPROVAL")
        case .notYetWaiting:
            .failedPrecondition("The approval still waits for other steps.", reason: "NOT_YET_WAITING")
        case .decidedOtherwise:
            .failedPrecondition("The approval was decided the other way.", reason: "DECIDED_OTHERWISE")
        case .noneWaiting:
            .failedPrecondition("No approval of the run is waiting.", reason: "NOTHING_WAITING")
        case .manyWaiting:
            .failedPrecondition("Several approvals are waiting: name one by step_id.", reason: "STEP_ID_NEEDED")
        }
    }

    // MARK: - What methods share

    static let noRun = Status.notFound("There is no such run.", reason: "RUN_NOT_FOUND")

    static let noWorkflow = Status.notFound("There is no such workflow.", reason: "WORKFLOW_NOT_FOUND")

    /// What is no id at all is the id of no run.
    func runID(_ text: String) throws -> UUID128 {
        guard let id = UUID128(text) else { throw Self.noRun }
        return id
    }

    /// Tells a caller that the database is away in a way that invites another try.
    func answering<R>(_ body: () async throws -> R) async throws -> R {
        do { return try await body() } catch let error as PostgresError {
            if Task.isCancelled { throw Status.cancelled() }
            guard
                error.isTransient || error.isCancelled || error.holdsNullCharacter || error.quotaRefusal != nil
            else { throw error }
            throw Status(error)
        }
    }
}
