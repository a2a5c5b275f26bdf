import Bytes
import RPC
import Schema
import Testing

@testable import Retrieval

@Suite struct EvaluateCallTests {
    @Test func figuresComeByLabelAndForAll() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder(), suite: "EvaluateCall")
        try await fixture.createCollection("law")
        let tax = try await fixture.upload(Array("La taxe est de dix pour cent.".utf8), to: "law", filename: "a.txt")
        _ = try await fixture.upload(Array("Le bail dure trois ans.".utf8), to: "law", filename: "b.txt")
        var request = Ragdz_V1_EvaluateRequest()
        request.gate = true
        request.cases = [
            .asked("Quelle taxe ?", "fr", documents: [tax.id]),
            .asked("Combien dure le bail ?", "fr", contains: "trois ans"),
            .asked("What is the tax?", "en", contains: "nowhere to be found"), .asked("Norvège ?", "fr"),
        ]
        let report = try await fixture.service.evaluate(request, context: fixture.context())
        #expect(report.figures.map(\.label) == ["en", "fr", ""])
        #expect(report.figures.map(\.answerable) == [1, 2, 3])
        #expect(report.figures.map(\.unanswerable) == [0, 1, 1])
        #expect(report.figures[1].legs.map(\.leg) == ["dense", "lexical", "hybrid"])
        #expect(report.figures[1].legs[2].recallAt10?.mean == 1)
        #expect(report.figures[0].legs[2].recallAt10?.mean == 0)
        #expect(report.figures[0].gateAuroc == nil && report.figures[1].gateAuroc != nil)
        // What another tenant asks finds none of it.
        let foreign = try await fixture.service.evaluate(request, context: fixture.context(tenant: .v4()))
        #expect(foreign.figures.last?.legs[2].recallAt10?.mean == 0)
    }

    @Test func badSetsAreRefused() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder(), suite: "EvaluateCall")
        for (cases, reason) in [
            ([], "EVALUATION_SIZE"), ([.asked("", "fr")], "QUERY_EMPTY"),
            ([.asked("a", "fr", documents: ["x"])], "DOCUMENT_ID_INVALID"),
            ([.asked("a", String(repeating: "x", count: 33))], "EVALUATION_LABEL"),
            ([.asked("a", "fr", contains: String(repeating: "x", count: 1_001))], "EVALUATION_WORDS"),
            ([Ragdz_V1_EvaluationCase](repeating: .asked("a", "fr"), count: 1_001), "EVALUATION_SIZE"),
        ] as [([Ragdz_V1_EvaluationCase], String)] {
            var request = Ragdz_V1_EvaluateRequest()
            request.cases = cases
            let refused = await status { try await fixture.service.evaluate(request, context: fixture.context()) }
            #expect(refused?.reason == reason)
        }
    }

    @Test func metricsAreThoseOfTheBooks() {
        #expect(RankingMetrics.nDCG(places: [0], relevant: 1) == 1)
        #expect(abs(RankingMetrics.nDCG(places: [1], relevant: 1) - 0.6309) < 0.001)
        #expect(RankingMetrics.nDCG(places: [10], relevant: 1) == 0)
        #expect(RankingMetrics.recall(places: [0, 12], relevant: 2) == 0.5)
        #expect(RankingMetrics.reciprocalRank(places: [3, 1]) == 0.5)
        #expect(RankingMetrics.auroc(answerable: [0.9, 0.5], unanswerable: [0.5, 0.1]) == 0.875)
        let estimate = EstimatedMean([0, 1, 1, 1, 0, 1, 1, 0, 1, 1])
        #expect(estimate.mean == 0.7 && estimate.low < 0.5 && estimate.high > 0.85 && estimate.high <= 1)
        #expect(EstimatedMean([]).count == 0)
    }

    @Test func anExplanationSaysHowAQuestionWasRead() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder(), suite: "EvaluateCall")
        var request = Ragdz_V1_SearchRequest()
        request.query = "ch7al nkhalles dariba"
        request.explain = true
        let explanation = try await fixture.service.search(request, context: fixture.context()).explanation
        #expect(explanation?.variety == "arabizi" && explanation?.embedded.count == 2)
        #expect(explanation?.terms.contains { $0.readings.contains { $0.lexeme == "impot" } } == true)
        request.explain = false
        #expect(try await fixture.service.search(request, context: fixture.context()).explanation == nil)
    }
}

extension Ragdz_V1_EvaluationCase {
    fileprivate static func asked(
        _ question: String, _ label: String, documents: [String] = [], contains: String = ""
    ) -> Ragdz_V1_EvaluationCase {
        var asked = Ragdz_V1_EvaluationCase()
        asked.question = question
        asked.label = label
        asked.documentIds = documents
        asked.contains = contains
        return asked
    }
}
