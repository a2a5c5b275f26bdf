internal import Bytes
internal import Language
internal import Postgres
public import ProtoRuntime
public import RPC
public import Schema
internal import Stores

// Sets of questions that are kept, and runs that are compared.

extension RetrievalService {
    private var sets: EvalStore { EvalStore(database: store.database) }

    var evaluations: EvalRunner {
        EvalRunner(store: sets, retrieval: store, answers: answers, meter: meter, logger: logger)
    }

    public func createEvalSet(
        _ request: Ragdz_V1_CreateEvalSetRequest, context: ServerContext
    ) async throws -> Ragdz_V1_EvalSet {
        let tenant = try context.requireTenant()
        let name = try RetrievalRules.evalSetName(request.name)
        if !request.cases.isEmpty { _ = try RetrievalRules.evaluationCases(request.cases) }
        return try await withDatabaseErrors(logger, context) {
            let made = try await sets.create(tenant, name: name, request.cases)
            guard let made else {
                throw Status.alreadyExists(
                    "There is a set of questions of this name already.", reason: "EVAL_SET_EXISTS")
            }
            return Ragdz_V1_EvalSet(made)
        }
    }

    public func getEvalSet(
        _ request: Ragdz_V1_GetEvalSetRequest, context: ServerContext
    ) async throws -> Ragdz_V1_EvalSet {
        let tenant = try context.requireTenant()
        return Ragdz_V1_EvalSet(try await evalSet(tenant, request.id, context))
    }

    public func listEvalSets(
        _ request: Ragdz_V1_ListEvalSetsRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListEvalSetsResponse {
        let tenant = try context.requireTenant()
        let size = try PageSize.resolve(request.pageSize)
        let after = try PageToken.read(request.pageToken, list: "eval-sets", parts: 1)?[0] ?? ""
        let found = try await withDatabaseErrors(logger, context) {
            try await sets.list(tenant, after: after, limit: size + 1)
        }
        var response = Ragdz_V1_ListEvalSetsResponse()
        response.sets = found.prefix(size).map { Ragdz_V1_EvalSet($0) }
        if found.count > size { response.nextPageToken = PageToken.make("eval-sets", [found[size - 1].name]) }
        return response
    }

    public func deleteEvalSet(
        _ request: Ragdz_V1_DeleteEvalSetRequest, context: ServerContext
    ) async throws -> Google_Protobuf_Empty {
        let tenant = try context.requireTenant()
        let set = try await evalSet(tenant, request.id, context)
        let gone = try await withDatabaseErrors(logger, context) { try await sets.delete(tenant, id: set.id) }
        guard gone else { throw Status.evalSetNotFound }
        return Google_Protobuf_Empty()
    }

    public func addEvalCases(
        _ request: Ragdz_V1_AddEvalCasesRequest, context: ServerContext
    ) async throws -> Ragdz_V1_EvalSet {
        let tenant = try context.requireTenant()
        _ = try RetrievalRules.evaluationCases(request.cases)
        let set = try await evalSet(tenant, request.id, context)
        _ = try await withDatabaseErrors(logger, context) {
            try await sets.add(tenant, to: set.id, request.cases, isFeedback: false)
        }
        return Ragdz_V1_EvalSet(try await evalSet(tenant, set.id.description, context))
    }

    public func listEvalCases(
        _ request: Ragdz_V1_ListEvalCasesRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListEvalCasesResponse {
        let tenant = try context.requireTenant()
        let size = try PageSize.resolve(request.pageSize)
        let after = try Self.position(request.pageToken, "eval-cases") ?? UUID128(hi: 0, lo: 0)
        let set = try await evalSet(tenant, request.id, context)
        let found = try await withDatabaseErrors(logger, context) {
            try await sets.cases(tenant, of: set.id, after: after, limit: size + 1)
        }
        var response = Ragdz_V1_ListEvalCasesResponse()
        response.cases = Array(found.prefix(size))
        if found.count > size { response.nextPageToken = PageToken.make("eval-cases", [found[size - 1].id]) }
        return response
    }

    public func giveFeedback(
        _ request: Ragdz_V1_GiveFeedbackRequest, context: ServerContext
    ) async throws -> Ragdz_V1_EvalCase {
        let caller = try context.requireCaller()
        let tenant = caller.tenant
        let made = try RetrievalRules.feedback(request).storable
        let checked = try RetrievalRules.evaluationCases([made])
        let set = try await evalSet(tenant, request.id, context)
        let documents = checked.first?.documents ?? []
        let ids = try await withDatabaseErrors(logger, context) {
            if try await sets.known(caller, documents) != documents { throw Status.documentNotFound }
            return try await sets.add(tenant, to: set.id, [made], isFeedback: true)
        }
        var answer = Ragdz_V1_EvalCase()
        answer.id = ids.first?.description ?? ""
        answer.case = made
        answer.feedback = true
        answer.createTime = Google_Protobuf_Timestamp(unixMicros: WallClock.nowMicros())
        return answer
    }

    public func runEval(
        _ request: Ragdz_V1_RunEvalRequest, context: ServerContext
    ) async throws -> Ragdz_V1_EvalRun {
        let caller = try context.requireCaller()
        let tenant = caller.tenant
        let label = try RetrievalRules.evalLabel(request.label)
        try RetrievalRules.checkRequestID(request.requestID)
        let set = try await evalSet(tenant, request.id, context)
        guard set.caseCount > 0 else {
            throw Status.failedPrecondition("The set has no questions: add some.", reason: "EVAL_SET_EMPTY")
        }
        let groups = context.identity.tenantScopes.groups
        return try await withDatabaseErrors(logger, context) {
            let baseline = try await baseline(tenant, request.baselineRunID, of: set.id)
            let scope = try await store.scope(caller, request.collections)
            let run = NewEvalRun(
                id: UUID128.v7(), set: set.id, label: label, collections: request.collections,
                collectionIDs: scope.collections, groups: groups, judgesGate: request.gate, baseline: baseline,
                requestID: request.requestID)
            let id = try await sets.start(tenant, run)
            return try await sets.run(tenant, id.description)
        }
    }

    public func cancelEvalRun(
        _ request: Ragdz_V1_CancelEvalRunRequest, context: ServerContext
    ) async throws -> Ragdz_V1_EvalRun {
        let tenant = try context.requireTenant()
        guard let id = UUID128(request.id) else { throw Status.evalRunNotFound }
        return try await withDatabaseErrors(logger, context) {
            _ = try await sets.cancel(tenant, id)
            return try await sets.run(tenant, request.id)
        }
    }

    public func getEvalRun(
        _ request: Ragdz_V1_GetEvalRunRequest, context: ServerContext
    ) async throws -> Ragdz_V1_EvalRun {
        let tenant = try context.requireTenant()
        return try await withDatabaseErrors(logger, context) { try await sets.run(tenant, request.id) }
    }

    public func listEvalRuns(
        _ request: Ragdz_V1_ListEvalRunsRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListEvalRunsResponse {
        let tenant = try context.requireTenant()
        let size = try PageSize.resolve(request.pageSize)
        let before = try Self.position(request.pageToken, "eval-runs") ?? UUID128(hi: .max, lo: .max)
        let set = try await evalSet(tenant, request.id, context)
        let found = try await withDatabaseErrors(logger, context) {
            try await sets.runs(tenant, of: set.id, before: before, limit: size + 1)
        }
        var response = Ragdz_V1_ListEvalRunsResponse()
        response.runs = Array(found.prefix(size))
        if found.count > size { response.nextPageToken = PageToken.make("eval-runs", [found[size - 1].id]) }
        return response
    }

    public func compareEvalRuns(
        _ request: Ragdz_V1_CompareEvalRunsRequest, context: ServerContext
    ) async throws -> Ragdz_V1_EvalComparison {
        let tenant = try context.requireTenant()
        let (run, other) = try await withDatabaseErrors(logger, context) {
            (
                try await sets.run(tenant, request.id).succeeded(),
                try await sets.run(tenant, request.baselineRunID).succeeded()
            )
        }
        try other.checkSet(run.setID)
        return await withTaskExecutorPreference(globalConcurrentExecutor) {
            Ragdz_V1_EvalComparison(of: run.outcomes, with: other.outcomes, baseline: other.id)
        }
    }

    private func evalSet(
        _ tenant: UUID128, _ nameOrID: String, _ context: ServerContext
    ) async throws -> Queries.EvalSetRow {
        guard nameOrID.unicodeScalars.count <= EvalStore.Limits.name.upperBound, !nameOrID.utf8.contains(0) else {
            throw Status.evalSetNotFound
        }
        return try await withDatabaseErrors(logger, context) { try await sets.find(tenant, nameOrID) }
    }

    private func baseline(_ tenant: UUID128, _ id: String, of set: UUID128) async throws -> UUID128? {
        if id.isEmpty { return nil }
        let found = try await sets.run(tenant, id).succeeded()
        try found.checkSet(set.description)
        return UUID128(found.id)
    }

    private static func position(_ token: String, _ list: String) throws(Status) -> UUID128? {
        guard let parts = try PageToken.read(token, list: list, parts: 1) else { return nil }
        guard let id = UUID128(parts[0]) else { throw PageToken.invalid }
        return id
    }
}

extension RetrievalRules {
    static func evalSetName(_ name: String) throws(Status) -> String {
        let scalars = name.unicodeScalars
        guard EvalStore.Limits.name.contains(scalars.count), !scalars.allSatisfy(\.properties.isWhitespace),
            scalars.allSatisfy({ $0.properties.generalCategory != .control }), UUID128(name) == nil
        else {
            throw .invalidArgument(
                "The name of a set is 1 to 100 characters, without control characters, and no id.",
                reason: "EVAL_SET_NAME", field: "name")
        }
        return name
    }

    static func evalLabel(_ label: String) throws(Status) -> String {
        guard label.unicodeScalars.count <= EvalStore.Limits.label, !label.utf8.contains(0) else {
            throw .invalidArgument(
                "The label of a run has at most \(EvalStore.Limits.label) characters.", reason: "EVALUATION_LABEL",
                field: "label")
        }
        return label
    }

    /// The case that a word on an answer comes to.
    static func feedback(_ request: Ragdz_V1_GiveFeedbackRequest) throws(Status) -> Ragdz_V1_EvaluationCase {
        let isAnswered = request.verdict == .right || request.verdict == .wrong
        guard isAnswered || request.verdict == .unanswerable else {
            throw .invalidArgument(
                "verdict is FEEDBACK_VERDICT_RIGHT, FEEDBACK_VERDICT_WRONG or FEEDBACK_VERDICT_UNANSWERABLE.",
                reason: "FEEDBACK_VERDICT", field: "verdict")
        }
        guard isAnswered != request.documentIds.isEmpty, isAnswered || request.quote.isEmpty else {
            throw .invalidArgument(
                "Name the documents that answer, or say that nothing answers and name none.",
                reason: "FEEDBACK_DOCUMENTS", field: "document_ids")
        }
        var made = Ragdz_V1_EvaluationCase()
        made.question = request.question
        made.label = request.label
        made.documentIds = request.documentIds
        made.contains = request.quote
        return made
    }
}

extension Ragdz_V1_EvalRun {
    fileprivate func succeeded() throws(Status) -> Ragdz_V1_EvalRun {
        guard status == .succeeded else {
            throw .failedPrecondition("Only a run that has succeeded can be compared.", reason: "EVAL_RUN_UNFINISHED")
        }
        return self
    }

    fileprivate func checkSet(_ set: String) throws(Status) {
        guard setID == set else {
            throw .failedPrecondition("Only runs of the same set can be compared.", reason: "EVAL_SETS_DIFFER")
        }
    }
}
