import Bytes
import RPC
import Schema
import Support
import Testing

@testable import Retrieval

@Suite struct RetrievalSourcesTests {
    @Test func workflowsFindQuoteAndStore() async throws {
        let fixture = try await CalibrationCorpus.shared.fixture()
        let sources = RetrievalSources(fixture.service)
        let topic = "les cotisations de sécurité sociale en Algérie"
        let passages = try await sources.passages(about: topic, in: ["corpus"], limit: 8, tenant: fixture.tenant)
        #expect(passages.count == 8)
        let quotes = try await sources.quotes(about: topic, from: passages, limit: 5, tenant: fixture.tenant)
        #expect((2...5).contains(quotes.count))
        for quote in quotes {
            let text = Array(try await fixture.text(quote.documentID.description).text.unicodeScalars)
            #expect(quote.quote.unicodeScalars.elementsEqual(text[quote.start..<quote.end]))
        }
        let none = try await sources.quotes(
            about: "la recette du couscous", from: passages, limit: 5, tenant: fixture.tenant)
        #expect(none.isEmpty)
    }

    /// A caller may write passages of his own into a workflow's input: nothing of them is believed.
    @Test func passagesThatNoDocumentHoldsAreRefused() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        try await fixture.createCollection("laws")
        _ = try await fixture.upload(
            Array("La taxe est de dix-neuf pour cent. Elle se paie chaque mois.".utf8), to: "laws",
            filename: "loi.txt", title: "Loi")
        let sources = RetrievalSources(fixture.service)
        let genuine = try #require(
            try await sources.passages(about: "la taxe", in: ["laws"], limit: 1, tenant: fixture.tenant).first)
        func refusal(_ change: (inout SourcePassage) -> Void, as tenant: UUID128? = nil) async -> String? {
            var passage = genuine
            change(&passage)
            return await status {
                try await sources.quotes(
                    about: "la taxe", from: [passage], limit: 3, tenant: tenant ?? fixture.tenant)
            }?.reason
        }
        #expect(await refusal { _ in } == nil)
        #expect(await refusal { $0.text = $0.text.replacing("dix-neuf", with: "quarante") } == "PASSAGE_CHANGED")
        #expect(await refusal { ($0.start, $0.end) = (Int.max - 60, Int.max) } == "PASSAGE_CHANGED")
        #expect(await refusal { $0.start = -1 } == "PASSAGE_CHANGED")
        #expect(await refusal { $0.documentID = .v4() } == "PASSAGE_CHANGED")
        #expect(await refusal { $0.chunkID = .v4() } == "PASSAGE_CHANGED")
        #expect(await refusal({ _ in }, as: .v4()) == "PASSAGE_CHANGED", "another tenant's chunk is no chunk")
        // A title that the caller made up does not stand in the brief either.
        var renamed = genuine
        (renamed.title, renamed.page) = ("Journal officiel", 7)
        let quotes = try await sources.quotes(about: "la taxe", from: [renamed], limit: 3, tenant: fixture.tenant)
        #expect(!quotes.isEmpty && quotes.allSatisfy { $0.title == "Loi" && $0.page == 0 })
    }

    /// A collection of notes, one line each and some without a full stop, holds what they say.
    @Test(arguments: ["La TVA en Algérie est de 19 %.", "TVA : taux normal de dix-neuf pour cent en Algérie"])
    func aTinyCorpusIsQuoted(_ note: String) async throws {
        let fixture = try await RetrievalFixture.real(suite: "tiny")
        let name = "tiny-\(UUID128.v4())".prefix(20)
        try await fixture.createCollection(String(name))
        _ = try await fixture.upload(Array(note.utf8), to: String(name), filename: "tva.txt", title: "TVA")
        _ = try await fixture.upload(
            Array("Les congés payés sont de trente jours par an.".utf8), to: String(name), filename: "conges.txt",
            title: "Congés")
        let sources = RetrievalSources(fixture.service)
        for topic in ["la TVA en Algérie", "TVA", "taux de TVA"] {
            let passages = try await sources.passages(
                about: topic, in: [String(name)], limit: 8, tenant: fixture.tenant)
            let quotes = try await sources.quotes(about: topic, from: passages, limit: 3, tenant: fixture.tenant)
            #expect(quotes.first?.quote == note, "\(topic)")
        }
    }

    @Test func storingIsIdempotent() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        try await fixture.createCollection("notes")
        let sources = RetrievalSources(fixture.service)
        func store(_ key: String) async throws -> UUID128 {
            try await sources.store(
                "# Note\n\nUne note de la marche \(key).", title: "Note", filename: "note.md", in: "notes",
                idempotencyKey: key, tenant: fixture.tenant)
        }
        let first = try await store("run/1")
        #expect(try await store("run/1") == first)
        #expect(try await store("run/2") != first)
        #expect(try await fixture.rows("documents") == 2)
        let missing = await status {
            try await sources.store(
                "x", title: "x", filename: "x", in: "absent", idempotencyKey: "k", tenant: fixture.tenant)
        }
        #expect(missing?.code == .notFound)
    }
}
