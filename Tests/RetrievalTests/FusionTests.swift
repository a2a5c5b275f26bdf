import Testing

@testable import Retrieval

@Suite struct FusionTests {
    /// The score that a hit explains is the one that it was ranked by.
    @Test func scoresAreWhatTheirPartsAddUpTo() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder(), suite: "Fusion")
        try await fixture.createCollection("c")
        for (name, text) in [
            ("a", "La taxe est de dix pour cent pour la taxe locale."), ("b", "Une taxe sur les chats."),
            ("c", "Le bail dure trois ans."), ("d", "The lease of the house lasts three years, and the tax is low."),
            ("e", "Nobody knows the weather here, and the rain is what it is."),
        ] {
            _ = try await fixture.upload(Array(text.utf8), to: "c", filename: "\(name).txt")
        }
        let engine = fixture.service.search
        let weights = engine.weights
        for question in ["Quelle est la taxe sur les chats ?", "Combien dure le bail zzyzx ?", "rain"] {
            let query = try await engine.analyse(question)
            let found = try await engine.search(
                Caller(tenant: fixture.tenant), query, scope: SearchScope(), limit: 10
            ).passages
            #expect(found.count == 5)
            let best = found.map(\.relevance).max() ?? 0
            for passage in found {
                let strength = best > 0 ? passage.relevance / best : 0
                let coverage = passage.coverage * passage.coverage.squareRoot()
                let lexical = weights.lexicalWeight(for: query.terms)
                let words = lexical * coverage + weights.rankWeight * strength
                let floor =
                    query.terms.isForeign(passage.language)
                    ? weights.foreignCoverage(for: query.terms) * (lexical + weights.rankWeight) : 0
                #expect(abs(passage.score - passage.similarity - max(words, floor) - passage.languageShift) < 0.000_001)
            }
            #expect(found.map(\.score) == found.map(\.score).sorted(by: >))
        }
    }

    @Test func whatIsKnownInOtherLanguagesNeedsNoFloor() {
        let weights = FusionWeights()
        #expect(QueryTerms("facture impôt").unknownShare == 0)
        #expect(weights.foreignCoverage(for: QueryTerms("facture impôt")) == 0)
        #expect(QueryTerms("facture zzyzx 2024").unknownShare == 1.0 / 3)
        #expect(abs(weights.foreignCoverage(for: QueryTerms("zzyzx quuxly")) - weights.foreignCoverage) < 1e-9)
    }

    @Test func namesAndNumbersOfAQuestionAreFound() {
        func words(_ question: String) -> (names: [String], numbers: [String]) {
            let terms = QueryTerms(question)
            func main(_ index: Int) -> String { terms.readings[index].first?.lexeme ?? "" }
            return (terms.names.sorted().map(main), terms.numbers.sorted().map(main))
        }
        #expect(words("Comment payer une facture Sonelgaz en 2024 ?") == (["sonelgaz"], ["2024"]))
        #expect(words("Quel est le délai ?") == ([], []))
        #expect(words("كيف أدفع فاتورة Sonelgaz عبر الإنترنت؟").names == ["sonelgaz"])
    }
}
