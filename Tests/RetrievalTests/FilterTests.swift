import Bytes
import Language
import Models
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support
import Testing

@testable import Retrieval

@Suite struct FilterTests {
    static func oneOf(_ condition: Ragdz_V1_Filter.OneOf_Condition) -> Ragdz_V1_Filter {
        var filter = Ragdz_V1_Filter()
        filter.condition = condition
        return filter
    }

    static func values(_ values: String...) -> Ragdz_V1_FilterValues {
        var set = Ragdz_V1_FilterValues()
        set.values = values
        return set
    }

    static func list(_ filters: [Ragdz_V1_Filter]) -> Ragdz_V1_Filters {
        var list = Ragdz_V1_Filters()
        list.filters = filters
        return list
    }

    /// Words of the query match nothing and all is in its language, so that the order is that of the vectors alone.
    private func search(
        _ reference: SearchReference, _ vector: [Float], groups: AccessGroups, _ filter: SearchFilter?, limit: Int
    ) async throws -> SearchResult {
        var weights = FusionWeights()
        weights.foreignCoverage = 0
        return try await reference.fixture.service.store.search(
            Caller(tenant: reference.fixture.tenant, groups: groups), vector: vector, terms: QueryTerms("zzz"),
            model: reference.fixture.service.embedder.model,
            scope: SearchScope(filter: filter.map { CompiledFilter($0) }), limit: limit,
            weights: weights)
    }

    @Test(arguments: [1, 2, 3])
    func everySearchFindsWhatComparingEverythingFinds(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        let reference = try await SearchReference.make(fixture, documents: 60, using: &random)
        var partial = 0
        for round in 0..<80 {
            let filter = round % 8 == 0 ? nil : reference.filter(depth: 3, using: &random)
            let groups = [AccessGroups.none, AccessGroups(["legal"]), AccessGroups(["hr"]), .all][round % 4]
            let limit = [1, 10, 200][round % 3]
            let vector = (0..<16).map { _ in Float.random(in: -1...1, using: &random) }
            let visible = reference.visible(to: groups, filter)
            let expected = try await reference.byDistance(to: vector).filter(visible.contains).prefix(limit)
            let found = try await search(reference, vector, groups: groups, filter, limit: limit)
            let path = filter.map { CompiledFilter($0).path } ?? "all"
            #expect(found.passages.map(\.chunk) == Array(expected), "round \(round): \(path)")
            if !visible.isEmpty && visible.count < reference.documents.flatMap(\.chunks).count { partial += 1 }
        }
        #expect(partial > 30, "most rounds look at a part")
    }

    /// The same for a tenant with a partition of its own, while it moves there and after.
    @Test func aTenantThatMovesIsSearchedWhole() async throws {
        var random = SeededGenerator(seed: 4)
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        var reference = try await SearchReference.make(fixture, documents: 80, using: &random)
        try await fixture.test.asOwner("select ragdz.stock_vector_homes(1, 16)")
        let moves = VectorMoves(
            database: fixture.test.database, logger: RetrievalFixture.quiet, threshold: 100)
        var wanted = 0
        var hits = 0
        var plans: Set<String> = []
        for round in 0..<60 {
            // A few vectors a step, so that most rounds search in the middle of the move; then new ones come in.
            if round < 30 { _ = try await moves.step(batch: 12) }
            if round > 40 { try await reference.add(1_000 + round, using: &random) }
            let filter = round % 3 == 0 ? nil : reference.filter(depth: 2, using: &random)
            let groups = [AccessGroups.none, AccessGroups(["hr"]), .all][round % 3]
            let vector = (0..<16).map { _ in Float.random(in: -1...1, using: &random) }
            let visible = reference.visible(to: groups, filter)
            let limit = [1, 10, 150][round % 3]
            let expected = try await reference.byDistance(to: vector).filter(visible.contains).prefix(limit)
            let found = try await search(reference, vector, groups: groups, filter, limit: limit)
            #expect(found.passages.count == min(limit, visible.count), "round \(round): \(found.plan)")
            #expect(found.passages.allSatisfy { visible.contains($0.chunk) })
            if found.plan == "exact" || found.plan == "hnsw, then exact" {
                #expect(found.passages.map(\.chunk) == Array(expected), "round \(round): \(found.plan)")
            }
            plans.insert(found.plan)
            wanted += expected.count
            hits += Set(expected).intersection(found.passages.map(\.chunk)).count
        }
        #expect(plans.isSuperset(of: ["exact", "hnsw", "hnsw, then exact"]))
        #expect(Double(hits) >= 0.95 * Double(wanted))
        // What came into the shared partition meanwhile follows.
        try await fixture.test.asOwner(
            "update ragdz.chunk_vectors set home = 0 where chunk_id = $1", [reference.documents[0].chunks[0]])
        var rest = 1
        for _ in 0..<20 where rest > 0 {
            _ = try await moves.step(batch: 12)
            let rows = try await fixture.test.asOwner(
                "select count(*) as n from ragdz.chunk_vectors where tenant_id = $1 and home = 0", [fixture.tenant])
            rest = try rows[0].get("n")
        }
        #expect(rest == 0)
    }

    @Test func attributesComeBackAndFilter() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        try await fixture.createCollection("laws")
        var attributes = Ragdz_V1_DocumentAttributes()
        attributes.country = "DZ"
        attributes.theme = "taxes"
        attributes.source = "JORADP"
        attributes.official = true
        attributes.date = Google_Protobuf_Timestamp(seconds: 1_700_000_000)
        attributes.tags = ["tva", "2024"]
        let law = try await fixture.upload(
            Array("La TVA est de dix-neuf pour cent.".utf8), to: "laws", filename: "a.txt", about: attributes)
        let note = try await fixture.upload(
            Array("La TVA nous coûte cher cette année.".utf8), to: "laws", filename: "b.txt")
        #expect(law.attributes == attributes)
        #expect(try await fixture.document(law.id).attributes == attributes)
        func found(_ condition: Ragdz_V1_Filter.OneOf_Condition) async throws -> Set<String> {
            Set(try await fixture.search("TVA", filter: Self.oneOf(condition)).map(\.documentID))
        }
        #expect(try await found(.country(Self.values("DZ", "CH"))) == [law.id])
        #expect(try await found(.not(Self.oneOf(.country(Self.values("DZ"))))) == [note.id])
        #expect(try await found(.official(true)) == [law.id])
        #expect(try await found(.tag(Self.values("2024"))) == [law.id])
        #expect(try await found(.source(Self.values("joradp"))) == [])
        #expect(try await found(.language(Self.values("fr"))) == [law.id, note.id])
        #expect(try await found(.collection(Self.values("laws"))) == [law.id, note.id])
        #expect(try await found(.document(Self.values(note.id.uppercased()))) == [note.id])
        #expect(try await found(.allOf(Self.list([]))) == [law.id, note.id])
        #expect(try await found(.anyOf(Self.list([]))) == [])
        var range = Ragdz_V1_TimeRange()
        range.start = Google_Protobuf_Timestamp(seconds: 1_700_000_000)
        #expect(try await found(.date(range)) == [law.id])
        range.start = nil
        range.end = Google_Protobuf_Timestamp(seconds: 1_700_000_000)
        #expect(try await found(.date(range)) == [])
        let asked = try await fixture.askFiltered("TVA dix-neuf pour cent", Self.oneOf(.document(Self.values(note.id))))
        #expect(asked.allSatisfy { $0 == note.id } && !asked.isEmpty)
    }

    @Test func updatesChangeWhatTheMaskNames() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        try await fixture.createCollection("laws")
        let document = try await fixture.upload(Array("Un texte sur la TVA.".utf8), to: "laws", filename: "a.txt")
        var request = Ragdz_V1_UpdateDocumentRequest()
        request.id = document.id
        var attributes = Ragdz_V1_DocumentAttributes()
        attributes.theme = "taxes"
        attributes.country = "CH"
        attributes.date = Google_Protobuf_Timestamp(seconds: 5)
        request.attributes = attributes
        request.updateMask = Google_Protobuf_FieldMask(paths: ["theme", "date"])
        let after = try await fixture.service.updateDocument(request, context: fixture.context())
        #expect(after.attributes?.theme == "taxes" && after.attributes?.country == "" && after.updateTime != nil)
        #expect(after.attributes?.date?.seconds == 5)
        #expect(try await fixture.search("TVA", filter: Self.oneOf(.theme(Self.values("taxes")))).count == 1)
        request.attributes = nil
        request.updateMask = Google_Protobuf_FieldMask(paths: ["theme", "date"])
        let cleared = try await fixture.service.updateDocument(request, context: fixture.context())
        #expect(cleared.attributes?.theme == "" && cleared.attributes?.date == nil)
        #expect(try await fixture.search("TVA", filter: Self.oneOf(.theme(Self.values("taxes")))).isEmpty)
        let masks: [([String], String)] = [([], "EMPTY_UPDATE_MASK"), (["title"], "INVALID_UPDATE_MASK")]
        for (paths, reason) in masks {
            request.updateMask = Google_Protobuf_FieldMask(paths: paths)
            let refused = await status { [request] in
                try await fixture.service.updateDocument(request, context: fixture.context())
            }
            #expect(refused?.reason == reason)
        }
    }

    @Test func badFiltersSayWhatIsWrong() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        var deep = Self.oneOf(.official(true))
        for _ in 0..<8 { deep = Self.oneOf(.not(deep)) }
        let wide = Self.oneOf(.anyOf(Self.list((0..<64).map { _ in Self.oneOf(.official(true)) })))
        var many = Ragdz_V1_FilterValues()
        many.values = (0..<129).map { "\($0)" }
        var backwards = Ragdz_V1_TimeRange()
        backwards.start = Google_Protobuf_Timestamp(seconds: 2)
        backwards.end = Google_Protobuf_Timestamp(seconds: 1)
        let cases: [(Ragdz_V1_Filter, String)] = [
            (deep, "FILTER_TOO_LARGE"), (wide, "FILTER_TOO_LARGE"), (Ragdz_V1_Filter(), "FILTER_EMPTY"),
            (Self.oneOf(.tag(many)), "FILTER_VALUES"), (Self.oneOf(.tag(Self.values())), "FILTER_VALUES"),
            (Self.oneOf(.tag(Self.values("a\u{0}b"))), "FILTER_VALUES"),
            (Self.oneOf(.date(backwards)), "FILTER_RANGE"),
            (Self.oneOf(.document(Self.values("x"))), "DOCUMENT_ID_INVALID"),
            (Self.oneOf(.language(Self.values("de"))), "LANGUAGE_UNKNOWN"),
            (Self.oneOf(.not(Self.oneOf(.collection(Self.values("nowhere"))))), "COLLECTION_NOT_FOUND"),
        ]
        for (filter, reason) in cases {
            #expect(await status { try await fixture.search("x", filter: filter) }?.reason == reason)
        }
    }

    @Test func whatCallersWriteIsNeverAPartOfThePath() {
        let hostile = ["\"] || true", "$.x ? (@ == 1)", "'; drop table ragdz.documents; --", "\\", "\"", "\\\"", "$v0"]
        let filter = SearchFilter.all([.oneOf(.theme, hostile), .not(.oneOf(.tags, hostile))])
        let compiled = CompiledFilter(filter)
        #expect(compiled.path == "($.theme[*] == $v0[*]) && (!($.tags[*] == $v1[*]))")
    }
}

extension RetrievalFixture {
    /// The documents of the sources that an answer to the question was made from.
    func askFiltered(_ question: String, _ filter: Ragdz_V1_Filter) async throws -> [String] {
        var request = Ragdz_V1_AskRequest()
        request.question = question
        request.filter = filter
        let events = EventLog()
        try await service.ask(request, responses: ResponseWriter { await events.add($0) }, context: context())
        return await events.all.flatMap { event -> [String] in
            if case .sources(let sources) = event { sources.hits.map(\.documentID) } else { [] }
        }
    }
}
