internal import Bytes
internal import Postgres
internal import ProtoRuntime
public import RPC
public import Schema

// Starting, reading and listing runs.

extension WorkflowsService {
    public func startRun(
        _ request: Ragdz_V1_StartRunRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Run {
        let tenant = try context.requireTenant()
        guard request.requestID.fits(Limits.requestIDLength) else {
            throw Status.invalidArgument(
                "A request id has 1 to \(Limits.requestIDLength) characters.", reason: "REQUEST_ID",
                field: "request_id")
        }
        // PostgreSQL's text has no NUL, so that no workflow is called so.
        guard !request.workflow.utf8.contains(0) else { throw Self.noWorkflow }
        let input = request.input ?? Google_Protobuf_Struct()
        if let defect = input.defect() { throw DefinitionRules.status(defect, field: "input") }
        let json = try PostgresJSON(storing: input)
        guard json.text.utf8.count <= Limits.inputBytes else {
            throw Status.invalidArgument(
                "An input has at most \(Limits.inputBytes) bytes as JSON.", reason: "INPUT_TOO_LARGE",
                field: "input")
        }
        let language = context.language
        let granted = context.identity.tenantScopes
        let id = try await answering {
            try await store.database.transaction(as: .tenant(tenant)) { transaction -> UUID128 in
                if let present = try await present(request, json, in: transaction) { return present }
                let definition = try await definition(request.workflow, language: language, in: transaction)
                let graph = try Graph(definition)
                try DefinitionRules.check(graph, mayBeStartedWith: granted, scopes: scopes)
                try DefinitionRules.check(input: input, for: graph)
                let new = RunStore.NewRun(
                    id: UUID128.v7(), definition: definition, graph: graph, input: json,
                    requestID: request.requestID)
                if let id = try await store.insert(new, in: transaction) { return id }
                // Another call with the same request id was faster by a hair; it has committed by now.
                if let present = try await present(request, json, in: transaction) { return present }
                throw Status.aborted("Two calls started the same run. Try again.", reason: "START_RACE")
            }
        }
        return try await run(id, tenant: tenant)
    }

    /// The run that was started under the request id before, if any.
    private func present(
        _ request: Ragdz_V1_StartRunRequest, _ input: PostgresJSON, in transaction: Transaction
    ) async throws -> UUID128? {
        guard !request.requestID.isEmpty else { return nil }
        let row = try await Queries.findRunByRequest(
            transaction, workflow: request.workflow, input: input, requestID: request.requestID)
        guard let row else { return nil }
        guard row.alike else {
            throw Status.alreadyExists(
                "Another run was started under this request id. Choose a new id for a new run.",
                reason: "REQUEST_ID_REUSED")
        }
        return row.id
    }

    private func definition(
        _ name: String, language: String, in transaction: Transaction
    ) async throws -> Ragdz_V1_Definition {
        if let builtIn = BuiltInDefinitions.named(name, language: language) { return builtIn }
        guard let row = try await Queries.newestDefinition(transaction, name: name) else { throw Self.noWorkflow }
        var definition = try Ragdz_V1_Definition(stored: row.definition)
        definition.version = Int32(clamping: row.version)
        return definition
    }

    public func getRun(
        _ request: Ragdz_V1_GetRunRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Run {
        let tenant = try context.requireTenant()
        return try await run(try runID(request.id), tenant: tenant)
    }

    func run(_ id: UUID128, tenant: UUID128) async throws -> Ragdz_V1_Run {
        let row = try await answering {
            try await Queries.getRun(store.database.as(.tenant(tenant)), id: id)
        }
        guard let row else { throw Self.noRun }
        // The steps come as the JSON of a run that has nothing else.
        var run = try Ragdz_V1_Run(stored: row.steps)
        Self.fill(&run, from: row)
        let input = try Google_Protobuf_Struct(stored: row.input)
        run.input = input
        if let output = row.output {
            run.output = try Google_Protobuf_Struct(stored: output)
        }
        let definition = try Ragdz_V1_Definition(stored: row.graph)
        let prompts = Dictionary(definition.steps.map { ($0.id, $0.prompt) }) { first, _ in first }
        var outputs: [String: Google_Protobuf_Struct] = [:]
        for step in run.steps { outputs[step.id] = step.output }
        let scope = TemplateScope(runID: run.id, input: input, outputs: outputs)
        for place in run.steps.indices {
            run.steps[place].prompt = scope.words(prompts[run.steps[place].id] ?? "")
        }
        return run
    }

    /// Runs, newest first, without input, output and steps: GetRun has them.
    public func listRuns(
        _ request: Ragdz_V1_ListRunsRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListRunsResponse {
        let tenant = try context.requireTenant()
        let size = try PageSize.resolve(request.pageSize)
        guard (0...5).contains(request.status.rawValue) else {
            throw Status.invalidArgument(
                "There is no run status \(request.status.rawValue).", reason: "STATUS", field: "status")
        }
        var before = UUID128(hi: .max, lo: .max)
        if let position = try PageToken.read(request.pageToken, list: "runs", parts: 1) {
            guard let id = UUID128(position[0]) else { throw PageToken.invalid }
            before = id
        }
        let rows = try await answering { [before] in
            try await Queries.listRuns(
                store.database.as(.tenant(tenant)), beforeID: before, status: Int(request.status.rawValue),
                pageSize: Int64(size) + 1)
        }
        var response = Ragdz_V1_ListRunsResponse()
        for row in rows.prefix(size) {
            var run = Ragdz_V1_Run()
            Self.fill(&run, from: row)
            response.runs.append(run)
        }
        if rows.count > size, let last = response.runs.last {
            response.nextPageToken = PageToken.make("runs", [last.id])
        }
        return response
    }

    /// The fields that a listing shows too.
    private static func fill(_ run: inout Ragdz_V1_Run, from row: some RunHead) {
        run.id = row.id.description
        run.workflow = row.workflow
        run.workflowVersion = Int32(clamping: row.workflowVersion)
        run.status = Ragdz_V1_RunStatus(rawValue: Int32(clamping: row.status))
        run.error = row.error
        run.lastSequence = row.lastSequence
        run.createTime = Google_Protobuf_Timestamp(unixMicros: row.createTime.unixMicros)
        run.endTime = row.endTime.map { Google_Protobuf_Timestamp(unixMicros: $0.unixMicros) }
    }
}

/// What every row of a run tells.
protocol RunHead {
    var id: UUID128 { get }
    var workflow: String { get }
    var workflowVersion: Int { get }
    var status: Int { get }
    var error: String { get }
    var lastSequence: Int64 { get }
    var createTime: PostgresTimestamp { get }
    var endTime: PostgresTimestamp? { get }
}

extension Queries.GetRunRow: RunHead {}
extension Queries.ListRunsRow: RunHead {}

extension TemplateScope {
    /// A prompt as people read it; as it was written when a reference leads nowhere yet.
    func words(_ prompt: String) -> String {
        guard prompt.utf8.contains(UInt8(ascii: "$")) else { return prompt }
        guard let resolved = try? resolve(["prompt": .string(prompt)]) else { return prompt }
        return resolved.fields["prompt"]?.stringValue ?? prompt
    }
}
