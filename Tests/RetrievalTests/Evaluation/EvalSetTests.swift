import Bytes
import ProtoRuntime
import RPC
import Schema
import Synchronization
import Testing

@testable import Retrieval

/// Sets of questions that are kept, runs of them, and what people say of answers.
@Suite struct EvalSetTests {
    private static func fixture() async throws -> RetrievalFixture {
        try await RetrievalFixture.make(embedder: WordEmbedder())
    }

    private static func stored(_ fixture: RetrievalFixture, _ words: [String]) async throws -> [String] {
        try await fixture.createCollection("c")
        var ids: [String] = []
        for word in words {
            ids.append(
                try await fixture.upload(
                    Array("The \(word) is described here, and nothing but the \(word).".utf8), to: "c",
                    filename: "\(word).txt"
                ).id)
        }
        return ids
    }

    private static func cases(_ words: [String], _ ids: [String]) -> [Ragdz_V1_EvaluationCase] {
        zip(words, ids).map { word, id in
            var made = Ragdz_V1_EvaluationCase()
            made.question = "What is the \(word)?"
            made.label = "en"
            made.documentIds = [id]
            return made
        }
    }

    private static func create(
        _ fixture: RetrievalFixture, _ name: String, _ cases: [Ragdz_V1_EvaluationCase] = []
    ) async throws -> Ragdz_V1_EvalSet {
        var request = Ragdz_V1_CreateEvalSetRequest()
        request.name = name
        request.cases = cases
        return try await fixture.service.createEvalSet(request, context: fixture.context())
    }

    private static func run(
        _ fixture: RetrievalFixture, _ set: String, baseline: String = "", label: String = ""
    ) async throws -> Ragdz_V1_EvalRun {
        try await fixture.finished(try await fixture.runEval(set, baseline: baseline, label: label).id)
    }

    @Test func aSetIsKeptListedAndGone() async throws {
        let fixture = try await Self.fixture()
        let words = ["river", "bridge", "tower"]
        let ids = try await Self.stored(fixture, words)
        let set = try await Self.create(fixture, "first", Self.cases(words, ids))
        #expect(set.caseCount == 3)
        let taken = await status { try await Self.create(fixture, "first") }
        #expect(taken?.reason == "EVAL_SET_EXISTS")
        var add = Ragdz_V1_AddEvalCasesRequest()
        add.id = "first"
        add.cases = Self.cases(["gate"], [ids[0]])
        #expect(try await fixture.service.addEvalCases(add, context: fixture.context()).caseCount == 4)
        var list = Ragdz_V1_ListEvalCasesRequest()
        list.id = set.id
        list.pageSize = 3
        let first = try await fixture.service.listEvalCases(list, context: fixture.context())
        list.pageToken = first.nextPageToken
        let second = try await fixture.service.listEvalCases(list, context: fixture.context())
        #expect(
            (first.cases + second.cases).compactMap(\.case?.question) == [
                "What is the river?", "What is the bridge?", "What is the tower?", "What is the gate?",
            ])
        #expect(second.nextPageToken.isEmpty && first.cases.allSatisfy { !$0.feedback })
        // Another tenant's is like none.
        var get = Ragdz_V1_GetEvalSetRequest()
        get.id = set.id
        let foreign = await status { [get] in
            try await fixture.service.getEvalSet(get, context: fixture.other().context(tenant: .v4()))
        }
        get.id = UUID128.v4().description
        let absent = await status { [get] in try await fixture.service.getEvalSet(get, context: fixture.context()) }
        #expect(foreign != nil && foreign == absent)
        _ = try await Self.run(fixture, "first")
        var delete = Ragdz_V1_DeleteEvalSetRequest()
        delete.id = "first"
        _ = try await fixture.service.deleteEvalSet(delete, context: fixture.context())
        for table in ["eval_sets", "eval_cases", "eval_runs"] { #expect(try await fixture.rows(table) == 0) }
    }

    @Test func aRunIsKeptAndComparedCaseByCase() async throws {
        let fixture = try await Self.fixture()
        let parts = ["ba", "ko", "mi", "ru", "ta", "no"]
        let words = parts.prefix(5).flatMap { first in parts.map { first + $0 + "l" } }
        let ids = try await Self.stored(fixture, words)
        let set = try await Self.create(fixture, "grows", Self.cases(words, ids))
        let before = try await Self.run(fixture, set.id, label: "all there")
        #expect(before.status == .succeeded && before.doneCount == 30 && before.endTime != nil)
        #expect(before.outcomes.count == 30 && before.comparison == nil && before.label == "all there")
        let hybrid = try #require(before.report?.figures.last?.legs.last?.ndcgAt10)
        #expect(hybrid.mean > 0.9)
        // The same again is no change, and is not called one.
        let again = try await Self.run(fixture, set.id, baseline: before.id)
        let same = try #require(again.comparison?.differences.last { $0.leg == "hybrid" })
        #expect(same.cases == 30 && same.ndcgAt10?.mean == 0 && same.ndcgAt10?.low == 0 && !same.significant)
        // A third of the documents goes: so much is lost, and it is no accident.
        for id in ids.prefix(10) {
            var delete = Ragdz_V1_DeleteDocumentRequest()
            delete.id = id
            _ = try await fixture.service.deleteDocument(delete, context: fixture.context())
        }
        let after = try await Self.run(fixture, set.id, baseline: before.id)
        let lost = try #require(after.comparison?.differences.last { $0.leg == "hybrid" })
        #expect(lost.significant && (lost.ndcgAt10?.mean ?? 0) < -0.25 && (lost.ndcgAt10?.high ?? 0) < 0)
        #expect(lost.recallAt10?.mean ?? 0 < -0.3)
        var compare = Ragdz_V1_CompareEvalRunsRequest()
        compare.id = after.id
        compare.baselineRunID = before.id
        #expect(try await fixture.service.compareEvalRuns(compare, context: fixture.context()) == after.comparison)
        // It is kept as it was, and listed newest first without its outcomes.
        var get = Ragdz_V1_GetEvalRunRequest()
        get.id = after.id
        #expect(try await fixture.service.getEvalRun(get, context: fixture.context()) == after)
        var list = Ragdz_V1_ListEvalRunsRequest()
        list.id = "grows"
        let runs = try await fixture.service.listEvalRuns(list, context: fixture.context()).runs
        #expect(runs.map(\.id) == [after.id, again.id, before.id])
        #expect(runs.allSatisfy { $0.outcomes.isEmpty && $0.report != nil })
        let other = try await Self.create(fixture, "other set", Self.cases([words[20]], [ids[20]]))
        let mixed = await status { try await Self.run(fixture, other.id, baseline: before.id) }
        #expect(mixed?.reason == "EVAL_SETS_DIFFER")
    }

    @Test func whatPeopleSayOfAnAnswerBecomesACase() async throws {
        let fixture = try await Self.fixture()
        let ids = try await Self.stored(fixture, ["lake"])
        let set = try await Self.create(fixture, "feedback")
        func say(
            _ verdict: Ragdz_V1_FeedbackVerdict, _ documents: [String], quote: String = ""
        ) async throws -> Ragdz_V1_EvalCase {
            var request = Ragdz_V1_GiveFeedbackRequest()
            request.id = set.id
            request.question = "What is the lake?"
            request.verdict = verdict
            request.documentIds = documents
            request.quote = quote
            return try await fixture.service.giveFeedback(request, context: fixture.context())
        }
        let right = try await say(.right, ids, quote: "The lake is described here")
        #expect(
            right.feedback && right.case?.contains == "The lake is described here" && right.case?.documentIds == ids)
        #expect(try await say(.unanswerable, []).case?.documentIds == [])
        let unknown = await status { try await say(.wrong, [UUID128.v4().description]) }
        #expect(unknown?.reason == "DOCUMENT_NOT_FOUND")
        #expect(await status { try await say(.right, []) }?.reason == "FEEDBACK_DOCUMENTS")
        let unclear = await status { try await say(.unspecified, ids) }
        #expect(unclear?.reason == "FEEDBACK_VERDICT")
        let run = try await Self.run(fixture, "feedback")
        #expect(run.outcomes.map(\.answerable) == [true, false])
        #expect(run.outcomes.first?.places["hybrid"] == 1)
    }

    @Test func aSetHoldsAThousandCasesAtMost() async throws {
        let fixture = try await Self.fixture()
        var one = Ragdz_V1_EvaluationCase()
        one.question = "Is it full?"
        let set = try await Self.create(fixture, "full", [Ragdz_V1_EvaluationCase](repeating: one, count: 999))
        // Of racers for the last place one wins.
        let outcomes = await withTaskGroup(of: Status?.self) { group in
            for _ in 0..<8 {
                group.addTask { [one] in
                    var add = Ragdz_V1_AddEvalCasesRequest()
                    add.id = set.id
                    add.cases = [one]
                    return await status { [add] in
                        try await fixture.service.addEvalCases(add, context: fixture.context())
                    }
                }
            }
            return await group.reduce(into: [Status?]()) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == nil } == 1)
        #expect(outcomes.compactMap { $0 }.allSatisfy { $0.reason == "EVAL_SET_FULL" })
        #expect(try await fixture.rows("eval_cases") == 1_000)
    }
}

extension RetrievalFixture {
    func runEval(
        _ set: String, baseline: String = "", label: String = "", collections: [String] = [], requestID: String = ""
    ) async throws -> Ragdz_V1_EvalRun {
        var request = Ragdz_V1_RunEvalRequest()
        request.id = set
        request.baselineRunID = baseline
        request.label = label
        request.collections = collections
        request.requestID = requestID
        return try await service.runEval(request, context: context())
    }

    /// What a watcher hears up to the end, or until it has heard enough and its call is cancelled.
    func watchEvalRun(
        _ id: String, after last: String = "",
        until enough: @escaping @Sendable ([Ragdz_V1_EvalRun]) -> Bool = { _ in false }
    ) async throws -> [Ragdz_V1_EvalRun] {
        var request = Ragdz_V1_WatchEvalRunRequest()
        request.id = id
        request.afterCaseID = last
        let heard = Mutex<[Ragdz_V1_EvalRun]>([])
        do {
            try await service.watchEvalRun(
                request,
                responses: ResponseWriter { run in
                    let all = heard.withLock { all in
                        all.append(run)
                        return all
                    }
                    if enough(all) { throw CancellationError() }
                }, context: context())
        } catch is CancellationError {}
        return heard.withLock { $0 }
    }

    func evalRun(_ id: String) async throws -> Ragdz_V1_EvalRun {
        var request = Ragdz_V1_GetEvalRunRequest()
        request.id = id
        return try await service.getEvalRun(request, context: context())
    }

    func cancelEvalRun(_ id: String) async throws -> Ragdz_V1_EvalRun {
        var request = Ragdz_V1_CancelEvalRunRequest()
        request.id = id
        return try await service.cancelEvalRun(request, context: context())
    }

    /// The run when it is over. Whoever waits works, as the server does beside its calls.
    func finished(_ id: String) async throws -> Ragdz_V1_EvalRun {
        for _ in 0..<3_000 {
            let now = try await evalRun(id)
            if now.status != .running { return now }
            // Another test may be working on it.
            if try await !service.evaluations.step() { try await Task.sleep(for: .milliseconds(20)) }
        }
        Issue.record("the run \(id) does not end")
        return try await evalRun(id)
    }
}
