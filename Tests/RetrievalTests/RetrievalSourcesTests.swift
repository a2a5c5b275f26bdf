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
        let quotes = try await sources.quotes(about: topic, from: passages, limit: 5)
        #expect((2...5).contains(quotes.count))
        for quote in quotes {
            let text = Array(try await fixture.text(quote.documentID.description).text.unicodeScalars)
            #expect(quote.quote.unicodeScalars.elementsEqual(text[quote.start..<quote.end]))
        }
        #expect(try await sources.quotes(about: "la recette du couscous", from: passages, limit: 5).isEmpty)
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
