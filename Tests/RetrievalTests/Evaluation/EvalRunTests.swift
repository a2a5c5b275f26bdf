import Bytes
import Models
import Postgres
import RPC
import Schema
import Support
import Synchronization
import Testing

@testable import Retrieval

/// Runs of evaluations as work that outlives its call: servers that die in the middle, cancels, failures, and turns.
@Suite(.serialized) struct EvalRunTests {
    /// A set of so many questions, of which every third has its answer in the one document.
    private static func set(_ fixture: RetrievalFixture, _ count: Int) async throws -> Ragdz_V1_EvalSet {
        try await fixture.createCollection("law")
        let document = try await fixture.upload(
            Array("The tax is ten per cent.".utf8), to: "law", filename: "tax.txt")
        var request = Ragdz_V1_CreateEvalSetRequest()
        request.name = "questions"
        request.cases = (0..<count).map { number in
            var made = Ragdz_V1_EvaluationCase()
            made.question = "What is tax number \(number)?"
            made.label = number % 2 == 0 ? "en" : "fr"
            if number % 3 == 0 { made.documentIds = [document.id] }
            return made
        }
        return try await fixture.service.createEvalSet(request, context: fixture.context())
    }

    private static func fixture(_ embedder: any TextEmbedder = WordEmbedder()) async throws -> RetrievalFixture {
        try await RetrievalFixture.make(embedder: embedder, suite: "EvalRuns")
    }

    /// Claims run out now, whoever holds them.
    private static func endLeases(_ fixture: RetrievalFixture) async throws {
        _ = try await fixture.test.asOwner(
            "update ragdz.eval_runs set due_at = clock_timestamp() where due_at is not null", [])
    }

    @Test func anotherServerGoesOnWhereOneStopped() async throws {
        let fixture = try await Self.fixture()
        let set = try await Self.set(fixture, 45)
        let run = try await fixture.runEval(set.id)
        #expect(run.status == .running && run.caseCount == 45 && run.doneCount == 0 && run.report == nil)
        #expect(try await fixture.service.evaluations.step())
        let begun = try await fixture.evalRun(run.id)
        #expect(begun.status == .running && begun.doneCount == 20 && begun.outcomes.count == 20)
        // A server takes the next questions and is not heard of again.
        let store = EvalStore(database: fixture.test.database)
        let lost = try #require(try await store.claim(lease: .seconds(60)))
        let asked = try await store.pending(lost, limit: 20)
        #expect(asked.count == 20)
        #expect(try await !fixture.service.evaluations.step(), "nobody else takes what is claimed")
        try await Self.endLeases(fixture)
        let done = try await fixture.finished(run.id)
        #expect(done.status == .succeeded && done.doneCount == 45 && done.outcomes.count == 45)
        #expect(Set(done.outcomes.map(\.caseID)).count == 45)
        #expect(done.report?.figures.map(\.label) == ["en", "fr", ""])
        #expect(done.report?.figures.last?.answerable == 15)
        let hybrid = try #require(done.report?.figures.last?.legs.last?.recallAt10)
        #expect(hybrid.mean == 1 && hybrid.low == 1)
        // It comes back, too late.
        var outcome = Ragdz_V1_EvalOutcome()
        outcome.caseID = asked[0].id.description
        #expect(try await !store.keep(lost, [(asked[0].id, outcome)]))
        #expect(try await !store.end(lost, .failed(.internalError("late"))))
        #expect(try await fixture.evalRun(run.id) == done)
    }

    @Test func aRunThatIsStartedAgainIsFound() async throws {
        let fixture = try await Self.fixture()
        let set = try await Self.set(fixture, 5)
        let run = try await fixture.runEval(set.id, label: "a", requestID: "night 1")
        #expect(try await fixture.runEval(set.id, label: "a", requestID: "night 1").id == run.id)
        // By name, too, and when it is over.
        let done = try await fixture.finished(run.id)
        #expect(try await fixture.runEval("questions", label: "a", requestID: "night 1") == done)
        #expect(try await fixture.rows("eval_runs") == 1)
        let other = await status { try await fixture.runEval(set.id, label: "b", requestID: "night 1") }
        #expect(other?.code == .alreadyExists && other?.reason == "REQUEST_ID_REUSED")
        for bad in [String(repeating: "x", count: 101), "a\0"] {
            #expect(await status { try await fixture.runEval(set.id, requestID: bad) }?.reason == "REQUEST_ID")
        }
        let others = [
            try await fixture.runEval(set.id, label: "a", requestID: "night 2"),
            try await fixture.runEval(set.id, label: "a"), try await fixture.runEval(set.id, label: "a"),
        ]
        #expect(Set(others.map(\.id) + [run.id]).count == 4)
        for other in others { _ = try await fixture.cancelEvalRun(other.id) }
    }

    @Test func manyStartsUnderOneIdAreOneRun() async throws {
        let fixture = try await Self.fixture()
        let set = try await Self.set(fixture, 3)
        let ids = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<8 { group.addTask { try await fixture.runEval(set.id, requestID: "once").id } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(ids.count == 1)
        #expect(try await fixture.rows("eval_runs") == 1)
        for id in ids { _ = try await fixture.cancelEvalRun(id) }
    }

    /// Each outcome is heard once, also by who lost the stream in the middle; the last message is the end.
    @Test func aWatcherHearsEachOutcomeOnce() async throws {
        let fixture = try await Self.fixture()
        let set = try await Self.set(fixture, 45)
        let run = try await fixture.runEval(set.id)
        #expect(try await fixture.service.evaluations.step())
        let first = try await fixture.watchEvalRun(run.id, until: { !$0.isEmpty })
        #expect(first.first?.status == .running && first.first?.outcomes.count == 20)
        let last = try #require(first.last?.outcomes.last?.caseID)
        async let done = fixture.finished(run.id)
        let rest = try await fixture.watchEvalRun(run.id, after: last)
        let whole = try await done
        #expect(first.flatMap(\.outcomes) + rest.flatMap(\.outcomes) == whole.outcomes)
        #expect(rest.last?.status == .succeeded && rest.last?.report == whole.report && rest.last?.doneCount == 45)
        #expect(rest.dropLast().allSatisfy { $0.status == .running })
        // One that is over is told at once.
        let again = try await fixture.watchEvalRun(run.id)
        #expect(again == [whole])
        let bad = await status { try await fixture.watchEvalRun(run.id, after: "x") }
        #expect(bad?.reason == "EVAL_CASE_ID")
        for id in ["x", "", UUID128.v4().description] {
            #expect(await status { try await fixture.watchEvalRun(id) }?.reason == "EVAL_RUN_NOT_FOUND")
        }
        #expect(await status { try await fixture.other().watchEvalRun(run.id) }?.reason == "EVAL_RUN_NOT_FOUND")
    }

    @Test func aRunAsksWhatItsSetHeldAtItsStart() async throws {
        let fixture = try await Self.fixture()
        let set = try await Self.set(fixture, 5)
        let run = try await fixture.runEval(set.id)
        var add = Ragdz_V1_AddEvalCasesRequest()
        add.id = set.id
        var late = Ragdz_V1_EvaluationCase()
        late.question = "What came later?"
        add.cases = [late]
        _ = try await fixture.service.addEvalCases(add, context: fixture.context())
        #expect(try await fixture.finished(run.id).outcomes.count == 5)
        #expect(try await fixture.finished(try await fixture.runEval(set.id).id).outcomes.count == 6)
    }

    @Test func aCancelledRunTakesNothingMore() async throws {
        let fixture = try await Self.fixture()
        let set = try await Self.set(fixture, 45)
        let run = try await fixture.runEval(set.id)
        #expect(try await fixture.service.evaluations.step())
        let store = EvalStore(database: fixture.test.database)
        let claim = try #require(try await store.claim(lease: .seconds(60)))
        let asked = try await store.pending(claim, limit: 1)
        let cancelled = try await fixture.cancelEvalRun(run.id)
        #expect(cancelled.status == .cancelled && cancelled.outcomes.count == 20 && cancelled.endTime != nil)
        var outcome = Ragdz_V1_EvalOutcome()
        outcome.caseID = asked[0].id.description
        #expect(try await !store.keep(claim, [(asked[0].id, outcome)]), "what is under way is not kept")
        try await Self.endLeases(fixture)
        #expect(try await !fixture.service.evaluations.step())
        #expect(try await fixture.cancelEvalRun(run.id) == cancelled, "once more changes nothing")
        let refused = await status { try await fixture.runEval(set.id, baseline: run.id) }
        #expect(refused?.reason == "EVAL_RUN_UNFINISHED")
        // One that is over stays as it is.
        let done = try await fixture.finished(try await fixture.runEval(set.id).id)
        #expect(try await fixture.cancelEvalRun(done.id) == done && done.status == .succeeded)
    }

    @Test func anotherTenantsRunIsLikeNone() async throws {
        let fixture = try await Self.fixture()
        let set = try await Self.set(fixture, 3)
        let run = try await fixture.runEval(set.id)
        let stranger = fixture.other()
        for id in [run.id, UUID128.v4().description, "x"] {
            #expect(await status { try await stranger.evalRun(id) }?.reason == "EVAL_RUN_NOT_FOUND")
            #expect(await status { try await stranger.cancelEvalRun(id) }?.reason == "EVAL_RUN_NOT_FOUND")
        }
        #expect(await status { try await stranger.runEval(set.id) }?.reason == "EVAL_SET_NOT_FOUND")
        #expect(try await fixture.finished(run.id).status == .succeeded)
    }

    @Test func runsTakeTurns() async throws {
        let large = try await Self.fixture()
        let small = large.other()
        let long = try await large.runEval(try await Self.set(large, 200).id)
        let short = try await small.runEval(try await Self.set(small, 30).id)
        // Two turns for its questions and one for its report, and as many for the other one.
        for _ in 0..<6 { #expect(try await large.service.evaluations.step()) }
        #expect(try await small.evalRun(short.id).status == .succeeded)
        #expect(try await large.evalRun(long.id).status == .running)
        _ = try await large.cancelEvalRun(long.id)
    }

    @Test func aRunSeesWhatItsStarterSees() async throws {
        let admin = try await Self.fixture()
        let member = admin.member(of: "hr")
        try await admin.createCollection("pay")
        var about = Ragdz_V1_DocumentAttributes()
        about.groups = ["hr"]
        let secret = try await member.upload(
            Array("The salary of the director.".utf8), to: "pay", filename: "secret.txt", about: about)
        var request = Ragdz_V1_CreateEvalSetRequest()
        request.name = "pay"
        var asked = Ragdz_V1_EvaluationCase()
        asked.question = "What is the salary of the director?"
        asked.documentIds = [secret.id]
        request.cases = [asked]
        let set = try await admin.service.createEvalSet(request, context: admin.context())
        for (who, found) in [(admin, 1.0), (member, 1), (admin.member(), 0), (admin.member(of: "legal"), 0)] {
            let run = try await who.finished(try await who.runEval(set.id).id)
            #expect(run.report?.figures.last?.legs.last?.recallAt10?.mean == found)
        }
        // Nor can a document be named that is hidden.
        var feedback = Ragdz_V1_GiveFeedbackRequest()
        feedback.id = set.id
        feedback.question = "What is the salary of the director?"
        feedback.verdict = .right
        feedback.documentIds = [secret.id]
        let blind = admin.member(of: "legal")
        let refused = await status { [feedback] in
            try await blind.service.giveFeedback(feedback, context: blind.context())
        }
        #expect(refused?.reason == "DOCUMENT_NOT_FOUND")
    }

    @Test func aTenantHasAtMostFourRunsAtATime() async throws {
        let fixture = try await Self.fixture()
        let set = try await Self.set(fixture, 3)
        let outcomes = await withTaskGroup(of: Status?.self) { group in
            for _ in 0..<9 {
                group.addTask { await status { try await fixture.runEval(set.id) } }
            }
            return await group.reduce(into: [Status?]()) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == nil } == 4)
        #expect(outcomes.compactMap { $0 }.allSatisfy { $0.reason == "EVAL_RUNS_BUSY" })
        while try await fixture.service.evaluations.step() {}
        #expect(try await fixture.finished(try await fixture.runEval(set.id).id).status == .succeeded)
        var empty = Ragdz_V1_CreateEvalSetRequest()
        empty.name = "empty"
        let nothing = try await fixture.service.createEvalSet(empty, context: fixture.context())
        #expect(await status { try await fixture.runEval(nothing.id) }?.reason == "EVAL_SET_EMPTY")
    }

    @Test func aSetThatIsDeletedTakesItsRunsAlong() async throws {
        let fixture = try await Self.fixture()
        let set = try await Self.set(fixture, 45)
        let run = try await fixture.runEval(set.id)
        #expect(try await fixture.service.evaluations.step())
        var delete = Ragdz_V1_DeleteEvalSetRequest()
        delete.id = set.id
        _ = try await fixture.service.deleteEvalSet(delete, context: fixture.context())
        #expect(await status { try await fixture.evalRun(run.id) }?.reason == "EVAL_RUN_NOT_FOUND")
        #expect(try await !fixture.service.evaluations.step())
        #expect(try await fixture.rows("eval_outcomes") == 0)
    }

    /// Fails so often, then works.
    private struct FailingEmbedder: TextEmbedder {
        let words = WordEmbedder()
        var model: String { words.model }
        var dimension: Int { words.dimension }
        let failures = FailureCount()

        func embed(_ texts: [String]) async throws(ModelError) -> [[Float]] {
            if failures.take() { throw ModelError(.unavailable, "down") }
            return try await words.embed(texts)
        }
    }

    private final class FailureCount: Sendable {
        private let left = Mutex(0)
        func set(_ count: Int) { left.withLock { $0 = count } }
        func take() -> Bool {
            left.withLock { left in
                defer { left = max(0, left - 1) }
                return left > 0
            }
        }
    }

    @Test func whatFailsIsTriedAgainAndNotForever() async throws {
        let embedder = FailingEmbedder()
        let fixture = try await Self.fixture(embedder)
        let set = try await Self.set(fixture, 3)
        var runner = fixture.service.evaluations
        runner.firstWait = .zero
        embedder.failures.set(3)
        let passing = try await fixture.runEval(set.id)
        for _ in 0..<5 { #expect(try await runner.step()) }
        #expect(try await fixture.evalRun(passing.id).status == .succeeded)
        embedder.failures.set(1_000)
        let failing = try await fixture.runEval(set.id)
        for _ in 0..<EvalRunner.Limits.attempts { #expect(try await runner.step()) }
        let failed = try await fixture.evalRun(failing.id)
        #expect(failed.status == .failed && failed.failureReason == "EMBEDDINGS_UNAVAILABLE", "\(failed)")
        #expect(failed.report == nil && failed.outcomes.isEmpty && !failed.failureMessage.isEmpty)
        #expect(try await !runner.step())
        embedder.failures.set(0)
        // What cannot pass is not tried again.
        let gone = try await fixture.runEval(set.id, collections: ["law"])
        var delete = Ragdz_V1_DeleteCollectionRequest()
        delete.id = "law"
        _ = try await fixture.service.deleteCollection(delete, context: fixture.context())
        #expect(try await runner.step())
        #expect(try await fixture.evalRun(gone.id).failureReason == "COLLECTION_NOT_FOUND")
    }

    /// Counts, and refuses beyond a limit.
    private final class CountingMeter: UsageMeter {
        private let used = Mutex<Int64>(0)
        let allowed: Int64
        init(allowed: Int64) { self.allowed = allowed }
        var count: Int64 { used.withLock { $0 } }

        func hold(
            _ kind: MeteredUse, _ amount: Int64, tenant: UUID128
        ) async throws -> @Sendable (Int64) -> Void {
            if count + amount > allowed {
                throw Status.resourceExhausted("No more.", reason: "QUOTA_USED_UP")
            }
            return { [self] real in used.withLock { $0 += real } }
        }
    }

    @Test func everyQuestionCountsOnce() async throws {
        let fixture = try await Self.fixture()
        let set = try await Self.set(fixture, 45)
        for (allowed, ends, counted) in [(44, Ragdz_V1_EvalRunStatus.succeeded, 44), (30, .failed, 19)] {
            let meter = CountingMeter(allowed: Int64(allowed))
            let service = RetrievalService(
                database: fixture.test.database, embedder: fixture.service.embedder, chat: nil, extractor: nil,
                meter: meter, logger: RetrievalFixture.quiet)
            let metered = RetrievalFixture(service: service, test: fixture.test, tenant: fixture.tenant)
            let run = try await metered.finished(try await metered.runEval(set.id).id)
            #expect(run.status == ends)
            // The call that started it was the first one.
            #expect(meter.count == Int64(counted))
            if ends == .failed { #expect(run.failureReason == "QUOTA_USED_UP" && run.doneCount == 20) }
        }
    }

    @Test func theOldestRunsOfASetAreForgotten() async throws {
        let fixture = try await Self.fixture()
        let set = try await Self.set(fixture, 1)
        let first = try await fixture.finished(try await fixture.runEval(set.id).id)
        _ = try await fixture.test.asOwner(
            """
            insert into ragdz.eval_runs (tenant_id, id, set_id, label, collections, groups, judges_gate, state, case_count, report,
                end_time)
            select tenant_id, ('00000000-0000-7000-8000-' || lpad(number::text, 12, '0'))::uuid, set_id, '', '{}', '{}', false, state, 1, report, end_time
            from ragdz.eval_runs, generate_series(1, 120) number where tenant_id = $1
            """, [fixture.tenant])
        _ = try await fixture.finished(try await fixture.runEval(set.id).id)
        #expect(try await fixture.rows("eval_runs") == Int(EvalStore.Limits.keptRuns))
        #expect(try await fixture.evalRun(first.id) == first)
        let oldest = await status { try await fixture.evalRun("00000000-0000-7000-8000-000000000001") }
        #expect(oldest?.reason == "EVAL_RUN_NOT_FOUND")
    }
}
