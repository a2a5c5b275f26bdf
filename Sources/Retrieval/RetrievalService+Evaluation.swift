internal import Bytes
internal import Language
internal import Postgres
public import RPC
public import Schema
internal import Stores

extension RetrievalService {
    public func evaluate(
        _ request: Ragdz_V1_EvaluateRequest, context: ServerContext
    ) async throws -> Ragdz_V1_EvaluationReport {
        let caller = try context.requireCaller()
        let cases = try RetrievalRules.evaluationCases(request.cases)
        // The call itself is one query already.
        let extra = Int64(cases.count - 1)
        let settle = try await extra > 0 ? meter.hold(.queries, extra, tenant: caller.tenant) : { _ in }
        defer { settle(extra) }
        return try await withDatabaseErrors(logger, context) {
            let scope = try await store.scope(caller, request.collections)
            let outcomes = try await SearchEvaluation(answers: answers).run(
                caller, cases, scope: scope, judgesGate: request.gate)
            return Ragdz_V1_EvaluationReport(outcomes, threshold: answers.gate.threshold)
        }
    }
}

extension RetrievalRules {
    static func evaluationCases(_ cases: [Ragdz_V1_EvaluationCase]) throws(Status) -> [EvaluationCase] {
        guard (1...SearchEvaluation.Limits.cases).contains(cases.count) else {
            throw .invalidArgument(
                "An evaluation has 1 to \(SearchEvaluation.Limits.cases) cases.", reason: "EVALUATION_SIZE",
                field: "cases")
        }
        var checked: [EvaluationCase] = []
        for (number, asked) in cases.enumerated() {
            let field = "cases[\(number)]"
            let question = try query(asked.question, field: "\(field).question")
            guard asked.label.unicodeScalars.count <= SearchEvaluation.Limits.label else {
                throw .invalidArgument(
                    "A label has at most \(SearchEvaluation.Limits.label) characters.", reason: "EVALUATION_LABEL",
                    field: "\(field).label")
            }
            guard asked.contains.unicodeScalars.count <= SearchEvaluation.Limits.words else {
                throw .invalidArgument(
                    "The words to find have at most \(SearchEvaluation.Limits.words) characters.",
                    reason: "EVALUATION_WORDS", field: "\(field).contains")
            }
            var documents: Set<UUID128> = []
            for text in asked.documentIds {
                guard let id = UUID128(text) else {
                    throw .invalidArgument(
                        "document_ids are ids of documents.", reason: "DOCUMENT_ID_INVALID",
                        field: "\(field).document_ids")
                }
                documents.insert(id)
            }
            checked.append(
                EvaluationCase(
                    question: question, label: asked.label, documents: documents, contains: asked.contains))
        }
        return checked
    }
}
