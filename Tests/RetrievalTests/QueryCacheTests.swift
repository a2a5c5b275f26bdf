import Bytes
import Models
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support
import Synchronization
import Testing

@testable import Retrieval

/// What is remembered of queries is never stale and never crosses: proved on the node that changes something and on another one.
@Suite struct QueryCacheTests {
    /// Counts what is asked of the model.
    final class CountingEmbedder: TextEmbedder {
        let model = "counted \(UUID128.v4())"
        let dimension = 16
        private let texts = Mutex<[String]>([])
        var asked: [String] { texts.withLock { $0 } }

        func embed(_ texts: [String]) async throws(ModelError) -> [[Float]] {
            self.texts.withLock { $0 += texts }
            return try await WordEmbedder().embed(texts)
        }
    }

    /// Two services over one database: two nodes.
    struct Nodes {
        let one: RetrievalFixture
        let two: RetrievalFixture
        let embedder: CountingEmbedder

        static func make() async throws -> Nodes {
            let embedder = CountingEmbedder()
            let one = try await RetrievalFixture.make(embedder: embedder)
            let two = RetrievalFixture(
                service: RetrievalService(
                    database: one.test.database, embedder: embedder, chat: nil, extractor: nil,
                    logger: RetrievalFixture.quiet),
                test: one.test, tenant: one.tenant)
            return Nodes(one: one, two: two, embedder: embedder)
        }
    }

    private func search(
        _ fixture: RetrievalFixture, _ query: String = "directrice", filter: Ragdz_V1_Filter? = nil, limit: Int32 = 10,
        tenant: UUID128? = nil
    ) async throws -> (documents: [String], isCached: Bool) {
        var request = Ragdz_V1_SearchRequest()
        request.query = query
        request.limit = limit
        request.explain = true
        request.filter = filter
        let answer = try await fixture.service.search(request, context: fixture.context(tenant: tenant))
        return (answer.hits.map(\.documentID), answer.explanation?.resultCached ?? false)
    }

    @Test func theSameQueryIsReadAndSearchedOnce() async throws {
        let nodes = try await Nodes.make()
        try await nodes.one.createCollection("c")
        let document = try await nodes.one.upload(Array("La directrice parle.".utf8), to: "c", filename: "a.txt")
        #expect(try await search(nodes.one) == ([document.id], false))
        let count = nodes.embedder.asked.count
        for _ in 0..<3 { #expect(try await search(nodes.one) == ([document.id], true)) }
        #expect(nodes.embedder.asked.count == count)
        #expect(try await search(nodes.two) == ([document.id], false), "another node remembers for itself")
        var request = Ragdz_V1_SearchRequest()
        request.query = "directrice"
        request.explain = true
        let explained = try await nodes.one.service.search(request, context: nodes.one.context()).explanation
        #expect(explained?.embeddingCached == true && explained?.resultCached == true)
        #expect(explained?.resultHitRate == 0.8 && explained?.embeddingHitRate == 0.8)
    }

    @Test func everyChangeIsSeenByTheNextQueryOnBothNodes() async throws {
        let nodes = try await Nodes.make()
        let (one, two) = (nodes.one, nodes.two)
        let collection = try await one.createCollection("c")
        var first = ""
        var second = ""
        func update(_ paths: [String], _ attributes: Ragdz_V1_DocumentAttributes) async throws {
            var request = Ragdz_V1_UpdateDocumentRequest()
            request.id = first
            request.attributes = attributes
            request.updateMask = Google_Protobuf_FieldMask(paths: paths)
            _ = try await one.service.updateDocument(request, context: one.context())
        }
        var themed = Ragdz_V1_DocumentAttributes()
        themed.theme = "pay"
        themed.groups = ["hr"]
        let theme = FilterTests.oneOf(.theme(FilterTests.values("pay")))
        let member = one.member()
        let changes: [(String, () async throws -> Void)] = [
            ("upload", { first = try await one.upload(Array("La directrice parle.".utf8), to: "c", filename: "a").id }),
            (
                "second upload",
                { second = try await one.upload(Array("Une directrice écrit.".utf8), to: "c", filename: "b").id }
            ),
            ("theme", { try await update(["theme"], themed) }),
            ("limit", { try await update(["groups"], themed) }),
            ("free", { try await update(["groups"], Ragdz_V1_DocumentAttributes()) }),
            (
                "limit the collection",
                {
                    var request = Ragdz_V1_UpdateCollectionRequest()
                    request.id = collection.id
                    request.groups = ["hr"]
                    _ = try await one.service.updateCollection(request, context: one.context())
                }
            ),
            (
                "free the collection",
                {
                    var request = Ragdz_V1_UpdateCollectionRequest()
                    request.id = collection.id
                    _ = try await one.service.updateCollection(request, context: one.context())
                }
            ),
            (
                "delete",
                {
                    var request = Ragdz_V1_DeleteDocumentRequest()
                    request.id = second
                    _ = try await one.service.deleteDocument(request, context: one.context())
                }
            ),
            (
                "delete the collection",
                {
                    var request = Ragdz_V1_DeleteCollectionRequest()
                    request.id = collection.id
                    _ = try await one.service.deleteCollection(request, context: one.context())
                }
            ),
        ]
        // After each change: what the admin finds, what a member without groups finds, what the filter finds.
        let expected: [([Int], [Int], [Int])] = [
            ([1], [1], []), ([1, 2], [1, 2], []), ([1, 2], [1, 2], [1]), ([1, 2], [2], [1]), ([1, 2], [1, 2], [1]),
            ([1, 2], [], [1]), ([1, 2], [1, 2], [1]), ([1], [1], [1]), ([], [], []),
        ]
        for ((name, change), (all, open, filtered)) in zip(changes, expected) {
            for node in [one, two] { for _ in 0..<2 { _ = try await search(node) } }
            try await change()
            func ids(_ numbers: [Int]) -> Set<String> { Set(numbers.map { $0 == 1 ? first : second }) }
            for service in [one.service, two.service] {
                for round in 0..<2 {
                    let admin = RetrievalFixture(service: service, test: one.test, tenant: one.tenant)
                    let outsider = RetrievalFixture(
                        service: service, test: one.test, tenant: one.tenant, scopes: member.scopes)
                    let seen = try await search(admin)
                    #expect(Set(seen.documents) == ids(all), "\(name)")
                    #expect(Set(try await search(outsider).documents) == ids(open), "\(name), without groups")
                    #expect(Set(try await search(admin, filter: theme).documents) == ids(filtered), "\(name), filtered")
                    if round == 1 { #expect(seen.isCached, "\(name): nothing changed in between") }
                }
            }
        }
    }

    @Test func nothingCrosses() async throws {
        let nodes = try await Nodes.make()
        let (one, other) = (nodes.one, UUID128.v4())
        try await one.createCollection("c")
        let document = try await one.upload(Array("La directrice parle.".utf8), to: "c", filename: "a.txt")
        _ = try await search(one)
        let asked = nodes.embedder.asked.count
        #expect(try await search(one, tenant: other) == ([], false))
        #expect(nodes.embedder.asked.count == asked + 1, "a fast answer would tell that somebody else has asked")
        #expect(try await search(one.member()) == ([document.id], false), "other groups, another entry")
        #expect(try await search(one, limit: 5) == ([document.id], false))
        #expect(try await search(one, filter: FilterTests.oneOf(.official(true))) == ([], false))
        #expect(try await search(one) == ([document.id], true))
    }

    @Test func memoryIsBounded() {
        var cache = BoundedCache<Int, String>(limit: 1_000)
        for number in 0..<10_000 {
            cache.insert("\(number)", for: number, bytes: 10)
            #expect(cache.bytes <= 1_000)
            #expect(cache.value(for: 0) == "0", "what is used stays")
        }
        #expect(cache.count >= 50 && cache.count <= 100)
        #expect(cache.value(for: 9_999) == "9999" && cache.value(for: 5) == nil)
        cache.insert("large", for: -1, bytes: 501)
        #expect(cache.value(for: -1) == nil)
        cache.insert("changed", for: 9_999, bytes: 20)
        #expect(cache.value(for: 9_999) == "changed" && cache.bytes <= 1_000)
    }
}
