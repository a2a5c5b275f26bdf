import Testing

@testable import Retrieval

/// What the evidence gate looks at, on texts that are made for it.
@Suite struct EvidenceGateTests {
    @Test func aCountIsLookedForBesideWhatIsCounted() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder(), suite: "Gate")
        try await fixture.createCollection("c")
        let text =
            "Switzerland is made of cantons. Each of the 26 cantons has a court. Its communes were founded in 1848."
        _ = try await fixture.upload(Array(text.utf8), to: "c", filename: "cantons.txt")
        for (question, missing) in [
            ("How many cantons does Switzerland have?", 0.0), ("Combien de cantons compte la Suisse ?", 0),
            ("How many courts does Switzerland have?", 1), ("How many communes are there in Switzerland?", 1),
            ("كم عدد مقاطعات سويسرا؟", 0), ("What are cantons?", 0), ("Combien de temps dure un procès ?", 0),
        ] {
            #expect(try await fixture.features(question).missingCount == missing, "\(question)")
        }
    }

    @Test func theHeaviestWordThatIsMissingIsWeighed() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder(), suite: "Gate")
        try await fixture.createCollection("c")
        _ = try await fixture.upload(
            Array("The tax on cats is low. The tax on dogs is high.".utf8), to: "c", filename: "tax.txt")
        let held = try await fixture.features("How is the tax on cats?")
        let missing = try await fixture.features("How is the tax on zebras?")
        #expect(held.heaviestMissing == 0)
        #expect(missing.heaviestMissing > 0.5 && missing.heaviestMissing < 1)
    }

    @Test func aFigureOfTheKindThatIsAskedForIsLookedFor() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder(), suite: "Gate")
        try await fixture.createCollection("c")
        let text =
            "The unemployment insurance was founded by law 94-11. The contribution rate is 1.5 percent of the wage."
        _ = try await fixture.upload(Array(text.utf8), to: "c", filename: "unemployment.txt")
        for (question, missing) in [
            ("What is the contribution rate of the wage?", 0.0),
            ("What is the rate of unemployment insurance founded by law?", 1),
            ("When was the unemployment insurance founded by law?", 1),
            ("Which law founded the unemployment insurance?", 0),
        ] {
            #expect(try await fixture.features(question).missingKind == missing, "\(question)")
        }
    }

    @Test func wordsThatNothingHoldsAreCounted() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder(), suite: "Gate")
        try await fixture.createCollection("c")
        _ = try await fixture.upload(
            Array("The tax on cats is low. The tax on dogs is high.".utf8), to: "c", filename: "tax.txt")
        #expect(try await fixture.features("tax cats").missingWords == 0)
        #expect(try await fixture.features("tax zebras").missingWords == 0.5)
        let held = try await fixture.features("Is the tax on cats low?")
        let other = try await fixture.features("Is the weather in winter cold?")
        #expect(held.bestSentence > other.bestSentence)
    }
}
