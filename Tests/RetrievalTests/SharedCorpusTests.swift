import Bytes
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support
import Testing

@testable import Retrieval

/// Official texts that the tenants of a country read beside their own. Each test has a database of its own: what is shared with
/// everybody would show in another one's searches.
@Suite struct SharedCorpusTests {
    private static let law = "Le registre du commerce est tenu par le centre national."

    /// A tenant with a row of its own, in a region.
    private func tenant(_ region: String, _ fixture: RetrievalFixture) async throws -> RetrievalFixture {
        let tenant = UUID128.v4()
        try await fixture.test.asOwner(
            """
            insert into ragdz.tenants (tenant_id, slug, name, region, timezone, default_language, plan, status, provisioned)
            values ($1, $2, 'T', $3, 'Africa/Algiers', 'fr', 'free', 'active', '{}')
            """, [tenant, "t-\(tenant)", region])
        return RetrievalFixture(service: fixture.service, test: fixture.test, tenant: tenant)
    }

    private func share(_ corpus: RetrievalFixture, country: String, stop: Bool = false) async throws {
        var request = Ragdz_V1_ShareCorpusRequest()
        request.tenantID = corpus.tenant.description
        request.country = country
        request.stop = stop
        let context = ServerContext(
            method: Ragdz_V1_Retrieval.Methods.shareCorpus, identity: .platformOperator(name: "root"))
        let shared = try await corpus.service.shareCorpus(request, context: context)
        #expect(shared.shared == !stop)
    }

    private func privateOnly(_ query: String, _ fixture: RetrievalFixture) async throws -> [String] {
        var request = Ragdz_V1_SearchRequest()
        request.query = query
        request.privateOnly = true
        return try await fixture.service.search(request, context: fixture.context()).hits.map(\.documentID)
    }

    @Test func tenantsOfTheCountryReadItBesideTheirOwn() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder(), suite: "shared corpora 1")
        let corpus = try await tenant("DZ", fixture)
        let (algiers, geneva) = (try await tenant("DZ", fixture), try await tenant("CH", fixture))
        try await corpus.createCollection("laws")
        try await algiers.createCollection("mine")
        let law = try await corpus.upload(Array(Self.law.utf8), to: "laws", filename: "law.txt", title: "Loi")
        let own = try await algiers.upload(Array("Notre registre du commerce.".utf8), to: "mine", filename: "a.txt")
        #expect(try await algiers.search("registre du commerce").map(\.documentID) == [own.id])
        try await share(corpus, country: "DZ")
        let found = try await algiers.search("registre du commerce")
        #expect(Set(found.map(\.documentID)) == [own.id, law.id])
        for hit in found { #expect(hit.shared == (hit.documentID == law.id)) }
        #expect(try await privateOnly("registre du commerce", algiers) == [own.id])
        #expect(try await algiers.search("registre du commerce", collections: ["mine"]).map(\.documentID) == [own.id])
        #expect(try await algiers.document(law.id).title == "Loi")
        #expect(try await algiers.text(law.id).text == Self.law)
        let answer = try await algiers.ask("Qui tient le registre du commerce ?", extractive: true)
        let sources = answer.flatMap { event -> [String] in
            if case .sources(let sources) = event { sources.hits.map(\.documentID) } else { [] }
        }
        #expect(sources.contains(law.id))
        // Read, not written; and what is listed is one's own.
        for call in algiers.documentCalls.dropFirst(2) {
            #expect(await status { try await call(law.id) }?.code == .notFound)
        }
        var list = Ragdz_V1_ListCollectionsRequest()
        list.pageSize = 10
        let listed = try await algiers.service.listCollections(list, context: algiers.context()).collections
        #expect(listed.map(\.name) == ["mine"])
        // Another country, and its documents, are another matter.
        #expect(try await geneva.search("registre du commerce").isEmpty)
        for call in geneva.documentCalls { #expect(await status { try await call(law.id) }?.code == .notFound) }
        try await share(corpus, country: "")
        #expect(try await geneva.search("registre du commerce").map(\.documentID) == [law.id])
        try await share(corpus, country: "DZ", stop: true)
        #expect(try await geneva.search("registre du commerce").isEmpty)
        #expect(try await algiers.search("registre du commerce").map(\.documentID) == [own.id])
        #expect(await status { try await algiers.document(law.id) }?.code == .notFound)
    }

    @Test func whatACorpusLimitsStaysItsOwn() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder(), suite: "shared corpora 2")
        let (corpus, reader) = (try await tenant("DZ", fixture), try await tenant("DZ", fixture))
        try await corpus.createCollection("laws")
        try await corpus.createCollection("drafts", groups: ["hr"])
        var limited = Ragdz_V1_DocumentAttributes()
        limited.groups = ["hr"]
        let one = try await corpus.upload(
            Array(Self.law.utf8), to: "laws", filename: "a.txt", about: limited)
        let two = try await corpus.upload(Array(Self.law.utf8), to: "drafts", filename: "b.txt")
        try await share(corpus, country: "")
        for caller in [reader, reader.member(of: "hr")] {
            #expect(try await caller.search("registre").isEmpty)
            for id in [one.id, two.id] { #expect(await status { try await caller.text(id) }?.code == .notFound) }
        }
        for table in ["documents", "collections", "chunks", "chunk_vectors", "shelves"] {
            let count = Statement(
                name: "foreign.\(table)", sql: "select count(*) as n from ragdz.\(table) where tenant_id <> $1")
            for groups in [AccessGroups.none, .all] {
                let rows = try await fixture.test.database.query(
                    count, [reader.tenant], as: .tenant(reader.tenant, groups: groups))
                #expect(try rows[0].get("n", as: Int.self) == 0, "\(table)")
            }
        }
        // A suspended corpus is read by nobody; its own keys see everything of it.
        #expect(try await corpus.search("registre").count == 2)
        _ = try await corpus.upload(Array("Registre ouvert.".utf8), to: "laws", filename: "c.txt")
        #expect(try await reader.search("registre").count == 1)
        try await fixture.test.asOwner(
            "update ragdz.tenants set status = 'suspended' where tenant_id = $1", [corpus.tenant])
        #expect(try await reader.search("registre").isEmpty)
    }

    @Test func onlyWhatExistsIsShared() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder(), suite: "shared corpora 3")
        let nobody = fixture.other()
        #expect(await status { try await share(nobody, country: "DZ") }?.reason == "TENANT_NOT_FOUND")
        let corpus = try await tenant("DZ", fixture)
        #expect(await status { try await share(corpus, country: "Algeria") }?.reason == "COUNTRY_INVALID")
    }
}
