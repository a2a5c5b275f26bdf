import Bytes
import Models
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support
import Testing

@testable import Retrieval

@Suite struct CollectionTests {
    @Test func collectionsComeAndGo() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        let made = try await fixture.createCollection("Contrats & lois")
        #expect(made.embeddingModel == fixture.service.embedder.model && made.embeddingDimension == 16)
        #expect(made.documentCount == 0 && made.createTime != nil)
        for key in [made.id, made.name, made.id.uppercased()] {
            var request = Ragdz_V1_GetCollectionRequest()
            request.id = key
            #expect(try await fixture.service.getCollection(request, context: fixture.context()) == made)
        }
        let again = await status { try await fixture.createCollection("Contrats & lois") }
        #expect(again?.code == .alreadyExists && again?.reason == "COLLECTION_EXISTS")
        _ = try await fixture.upload(Array("Un texte court mais suffisant.".utf8), to: made.name, filename: "a.txt")
        var delete = Ragdz_V1_DeleteCollectionRequest()
        delete.id = made.name
        _ = try await fixture.service.deleteCollection(delete, context: fixture.context())
        for table in ["collections", "documents", "chunks", "chunk_vectors"] {
            #expect(try await fixture.rows(table) == 0, "\(table)")
        }
        let gone = await status { try await fixture.service.deleteCollection(delete, context: fixture.context()) }
        #expect(gone?.code == .notFound)
    }

    /// Who made and who removed what stands in the tenant's log, and of what was removed only which bytes they were.
    @Test func comingAndGoingIsLogged() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        let made = try await fixture.createCollection("lois")
        let text = "Un texte court mais suffisant."
        let document = try await fixture.upload(Array(text.utf8), to: "lois", filename: "a.txt")
        var gone = Ragdz_V1_DeleteDocumentRequest()
        gone.id = document.id
        _ = try await fixture.service.deleteDocument(gone, context: fixture.context())
        _ = await status { try await fixture.service.deleteDocument(gone, context: fixture.context()) }
        var delete = Ragdz_V1_DeleteCollectionRequest()
        delete.id = made.id
        _ = try await fixture.service.deleteCollection(delete, context: fixture.context())
        let rows = try await fixture.test.asOwner(
            """
            select action, target, actor, request_id, coalesce(before->>'sha256', '') as sha256,
                coalesce(before::text, '') || coalesce(after::text, '') as content
            from ragdz.audit_log where tenant_id = $1 order by sequence
            """, [fixture.tenant])
        let actions: [String] = try rows.map { try $0.get("action") }
        #expect(actions == ["collection.create", "document.delete", "collection.delete"])
        let targets: [String] = try rows.map { try $0.get("target") }
        #expect(targets == [made.id, document.id, made.id])
        for row in rows {
            #expect(try !row.get("actor", as: String.self).isEmpty && !row.get("request_id", as: String.self).isEmpty)
            #expect(try !row.get("content", as: String.self).contains("a.txt"))
        }
        let hashes: [String] = try rows.map { try $0.get("sha256") }
        #expect(hashes == ["", document.sha256, ""])
    }

    @Test func listsComeInPages() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        for number in 0..<7 { try await fixture.createCollection("c\(number)") }
        var names: [String] = []
        var request = Ragdz_V1_ListCollectionsRequest()
        request.pageSize = 3
        repeat {
            let page = try await fixture.service.listCollections(request, context: fixture.context())
            #expect(page.collections.count <= 3)
            names += page.collections.map(\.name)
            request.pageToken = page.nextPageToken
        } while !request.pageToken.isEmpty
        #expect(names == (0..<7).map { "c\($0)" })
        request.pageToken = "nonsense"
        let wrong = await status { try await fixture.service.listCollections(request, context: fixture.context()) }
        #expect(wrong?.reason == "INVALID_PAGE_TOKEN")
    }

    @Test(arguments: [
        "", " a", "a/b", "a\nb", "2f1c0f0e-0000-4000-8000-000000000000", String(repeating: "x", count: 101),
    ])
    func badNamesAreRefused(_ name: String) async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        let refused = await status { try await fixture.createCollection(name) }
        #expect(refused?.code == .invalidArgument)
    }

    @Test func aCallWithoutTenantIsRefused() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        let context = ServerContext(
            method: Ragdz_V1_Retrieval.Methods.search, identity: .platformOperator(name: "root"))
        var request = Ragdz_V1_SearchRequest()
        request.query = "texte"
        let refused = await status { try await fixture.service.search(request, context: context) }
        #expect(refused?.code == .permissionDenied)
    }
}

@Suite struct TenantIsolationTests {
    /// Another tenant's ids and ids that never were get the same answer on every method that takes one.
    @Test func foreignAndAbsentAreTheSame() async throws {
        let owner = try await RetrievalFixture.make(embedder: WordEmbedder())
        let collection = try await owner.createCollection("secret")
        let document = try await owner.upload(
            Array("Le code du coffre est gardé par la directrice.".utf8), to: "secret", filename: "coffre.txt")
        let thief = owner.other()
        let absent = UUID128.v4().description
        for (foreign, missing) in [(collection.id, absent), ("secret", "never")] {
            for call in thief.collectionCalls {
                let one = await status { try await call(foreign) }
                let other = await status { try await call(missing) }
                #expect(one?.code == .notFound)
                #expect(one == other)
            }
        }
        for call in thief.documentCalls {
            let one = await status { try await call(document.id) }
            let other = await status { try await call(absent) }
            let malformed = await status { try await call("no-uuid") }
            #expect(one?.code == .notFound)
            #expect(one == other && one == malformed)
        }
        #expect(try await thief.search("code coffre directrice").isEmpty)
        #expect(try await owner.search("code coffre directrice").count == 1)
        #expect(try await owner.document(document.id).id == document.id)
    }

    @Test func theSearchFunctionSeesNothingWithoutTenant() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        try await fixture.createCollection("c")
        _ = try await fixture.upload(Array("Une phrase visible seulement ici.".utf8), to: "c", filename: "a.txt")
        let terms = QueryTerms("phrase visible")
        let vector = try await WordEmbedder().embed(["phrase visible"])[0]
        let store = fixture.service.store
        let found = try await store.search(
            Caller(tenant: fixture.tenant), vector: vector, terms: terms, model: fixture.service.embedder.model,
            scope: SearchScope(),
            limit: 5,
            weights: FusionWeights())
        #expect(found.passages.count == 1)
        let foreign = try await store.search(
            Caller(tenant: .v4(), groups: .all), vector: vector, terms: terms, model: fixture.service.embedder.model,
            scope: SearchScope(collections: found.passages.map(\.collection)), limit: 5, weights: FusionWeights())
        #expect(foreign.passages.isEmpty)
    }
}

extension RetrievalFixture {
    /// Every method that takes a collection.
    var collectionCalls: [@Sendable (String) async throws -> Void] {
        let service = service
        let context = context()
        let fixture = self
        return [
            { id in
                var request = Ragdz_V1_WatchReembeddingRequest()
                request.id = id
                try await service.watchReembedding(request, responses: ResponseWriter { _ in }, context: context)
            },
            { id in
                var request = Ragdz_V1_GetCollectionRequest()
                request.id = id
                _ = try await service.getCollection(request, context: context)
            },
            { id in
                var request = Ragdz_V1_DeleteCollectionRequest()
                request.id = id
                _ = try await service.deleteCollection(request, context: context)
            },
            { id in
                var request = Ragdz_V1_UpdateCollectionRequest()
                request.id = id
                _ = try await service.updateCollection(request, context: context)
            },
            { id in
                var request = Ragdz_V1_ListDocumentsRequest()
                request.collection = id
                _ = try await service.listDocuments(request, context: context)
            },
            { id in _ = try await fixture.upload(Array("Texte.".utf8), to: id, filename: "a.txt") },
            { id in _ = try await fixture.search("texte", collections: [id]) },
            { id in _ = try await fixture.ask("texte", collections: [id]) },
        ]
    }

    /// Every method that takes a document.
    var documentCalls: [@Sendable (String) async throws -> Void] {
        let service = service
        let context = context()
        let fixture = self
        return [
            { id in _ = try await fixture.document(id) },
            { id in _ = try await fixture.text(id) },
            { id in
                var request = Ragdz_V1_UpdateDocumentRequest()
                request.id = id
                request.updateMask = Google_Protobuf_FieldMask(paths: ["theme"])
                _ = try await service.updateDocument(request, context: context)
            },
            { id in
                var request = Ragdz_V1_DeleteDocumentRequest()
                request.id = id
                _ = try await service.deleteDocument(request, context: context)
            },
        ]
    }
}
