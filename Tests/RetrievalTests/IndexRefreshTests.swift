import Bytes
import Language
import Postgres
import Schema
import Support
import Testing

@testable import Retrieval

@Suite struct IndexRefreshTests {
    @Test func whatAnOlderAnalyzerIndexedIsIndexedAnew() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder(), suite: "IndexRefresh")
        try await fixture.createCollection("law")
        let text =
            "# Loi\n\n## Taux\n\nLe taux de la taxe est de dix pour cent.\n\n## Délais\n\nLa déclaration est due en avril."
        let stored = try await fixture.upload(Array(text.utf8), to: "law", filename: "loi.md")
        let before = try await lexemes(fixture)
        #expect(!before.isEmpty)
        // As an older version left it, and of another tenant too.
        let other = RetrievalFixture(service: fixture.service, test: fixture.test, tenant: .v4())
        try await other.createCollection("law")
        _ = try await other.upload(Array(text.utf8), to: "law", filename: "loi.md")
        _ = try await fixture.test.asOwner(
            "update ragdz.chunks set lexemes = '''old'':1'::tsvector, lexeme_count = 1", [])
        _ = try await fixture.test.asOwner("update ragdz.documents set analyzer_version = 0", [])
        let refresh = IndexRefresh(store: fixture.service.store, logger: RetrievalFixture.quiet)
        #expect(try await refresh.refreshAll() == 2)
        #expect(try await lexemes(fixture) == before)
        #expect(try await lexemes(other) == before)
        #expect(try await refresh.refreshAll() == 0)
        #expect(try await fixture.search("taxe").first?.documentID == stored.id)
    }

    private func lexemes(_ fixture: RetrievalFixture) async throws -> [String] {
        try await fixture.test.asOwner(
            "select lexemes::text as l, lexeme_count from ragdz.chunks where tenant_id = $1 order by ordinal",
            [fixture.tenant]
        ).map { "\(try $0.get("l", as: String.self)) \(try $0.get("lexeme_count", as: Int.self))" }
    }

    @Test func everySearchGivesAsManyResultsAsThereAre() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder(), suite: "EverySearch")
        try await fixture.createCollection("a")
        for number in 0..<7 {
            _ = try await fixture.upload(
                Array("Texte numéro \(number) sur la taxe.".utf8), to: "a", filename: "\(number).txt")
        }
        #expect(try await fixture.search("rien de tel", limit: 5).count == 5)
        #expect(try await fixture.search("rien de tel", limit: 50).count == 7)
        // Vectors of another model are not compared, and yet every chunk is shown.
        _ = try await fixture.test.asOwner(
            "update ragdz.collections set embedding_model = 'other' where tenant_id = $1", [fixture.tenant])
        #expect(try await fixture.search("xyzzy", limit: 50).count == 7)
        #expect(try await fixture.search("taxe numéro", limit: 3).count == 3)
    }
}
