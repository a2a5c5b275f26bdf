import Bytes
import Foundation
import Models
import RPC
import Schema
import Support
import Testing

@testable import Retrieval

@Suite struct UploadTests {
    private static let french = """
        # Le bail commercial

        Le bail commercial dure neuf ans au moins. Le locataire a droit au renouvellement.

        ## Le loyer

        Le loyer est fixé librement. Il est révisé tous les trois ans selon l'indice 🏠 des loyers.
        """

    @Test func aDocumentIsStoredWhole() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        let collection = try await fixture.createCollection("baux")
        let bytes = Array(Self.french.utf8)
        let document = try await fixture.upload(bytes, to: "baux", filename: "bail.md", piece: 7)
        #expect(document.title == "Le bail commercial")
        #expect(document.mediaType == "text/markdown")
        #expect(document.language == "fr")
        #expect(document.byteSize == Int64(bytes.count))
        #expect(document.collectionID == collection.id)
        #expect(document.chunkCount > 0 && document.pageCount == 0)
        #expect(document.sha256.count == 64 && !document.duplicate)
        let text = try await fixture.text(document.id)
        #expect(text.text == Self.french)
        #expect(document.characterCount == Int64(text.text.unicodeScalars.count))
        #expect(text.pageStarts == [0])
        #expect(try await fixture.document(document.id) == document)
        #expect(try await fixture.rows("chunks") == Int(document.chunkCount))
        #expect(try await fixture.rows("chunk_vectors") == Int(document.chunkCount))
        // Each hit's range is exactly its text.
        for hit in try await fixture.search("loyer révisé indice") {
            let scalars = Array(text.text.unicodeScalars)[Int(hit.start)..<Int(hit.end)]
            #expect(hit.text.unicodeScalars.elementsEqual(scalars))
        }
    }

    @Test func theSameBytesAreStoredOnce() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        try await fixture.createCollection("a")
        try await fixture.createCollection("b")
        let bytes = Array(Self.french.utf8)
        let first = try await fixture.upload(bytes, to: "a", filename: "one.md")
        let second = try await fixture.upload(bytes, to: "a", filename: "two.md")
        #expect(second.duplicate && second.id == first.id && second.filename == "one.md")
        let elsewhere = try await fixture.upload(bytes, to: "b", filename: "one.md")
        #expect(!elsewhere.duplicate && elsewhere.id != first.id)
        let at = try await withThrowingTaskGroup(of: Ragdz_V1_Document.self) { group in
            for _ in 0..<8 {
                group.addTask { try await fixture.upload(Array("Texte neuf.".utf8), to: "a", filename: "n.txt") }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(at.map(\.id)).count == 1)
        #expect(at.count { !$0.duplicate } == 1)
        var request = Ragdz_V1_GetCollectionRequest()
        request.id = "a"
        #expect(try await fixture.service.getCollection(request, context: fixture.context()).documentCount == 2)
    }

    @Test func deletingLeavesNothing() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        let made = try await fixture.createCollection("a")
        let kept = try await fixture.upload(Array("Le second texte reste en place.".utf8), to: "a", filename: "k.txt")
        let document = try await fixture.upload(Array(Self.french.utf8), to: "a", filename: "b.md")
        var delete = Ragdz_V1_DeleteDocumentRequest()
        delete.id = document.id
        _ = try await fixture.service.deleteDocument(delete, context: fixture.context())
        #expect(try await fixture.rows("documents") == 1)
        #expect(try await fixture.rows("chunks") == Int(kept.chunkCount))
        #expect(try await fixture.rows("chunk_vectors") == Int(kept.chunkCount))
        #expect(try await fixture.search("loyer bail commercial").allSatisfy { $0.documentID == kept.id })
        var request = Ragdz_V1_GetCollectionRequest()
        request.id = made.id
        let collection = try await fixture.service.getCollection(request, context: fixture.context())
        #expect(collection.documentCount == 1 && collection.chunkCount == Int64(kept.chunkCount))
        // The same bytes again are the same document again.
        #expect(try await fixture.upload(Array(Self.french.utf8), to: "a", filename: "b.md").id == document.id)
    }

    @Test func documentsComeInPages() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        try await fixture.createCollection("a")
        for number in 0..<5 {
            _ = try await fixture.upload(Array("Texte numéro \(number).".utf8), to: "a", filename: "f")
        }
        var request = Ragdz_V1_ListDocumentsRequest()
        request.collection = "a"
        request.pageSize = 2
        var ids: Set<String> = []
        repeat {
            let page = try await fixture.service.listDocuments(request, context: fixture.context())
            ids.formUnion(page.documents.map(\.id))
            request.pageToken = page.nextPageToken
        } while !request.pageToken.isEmpty
        #expect(ids.count == 5)
    }

    @Test func pdfPagesReachTheHits() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        try await fixture.createCollection("a")
        let pages = (1...3).map { page in
            (1...12).map { "Page \(page) line \($0) tells about subject\(page) and its many particular details here." }
        }
        let document = try await fixture.upload(SmallPDF.make(pages), to: "a", filename: "a.bin")
        #expect(document.mediaType == "application/pdf" && document.pageCount == 3)
        let hits = try await fixture.search("subject3 details")
        #expect(hits.first?.page == 3)
        #expect(hits.first?.language == "en")
    }

    @Test func badUploadsStoreNothing() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        try await fixture.createCollection("a")
        let cases: [([UInt8], String, String)] = [
            ([], "empty.txt", "EMPTY_FILE"), (Array("%PDF-1.7 none".utf8), "x.pdf", "INVALID_PDF"),
            ([0xFF, 0x41, 0x42], "x.txt", "UNSUPPORTED_ENCODING"), (Array(" \n".utf8), "x.txt", "NO_TEXT"),
            ([UInt8](repeating: 97, count: 50_000_000), "x.txt", "UPLOAD_TOO_LARGE"),
        ]
        for (bytes, filename, reason) in cases {
            let refused = await status { try await fixture.upload(bytes, to: "a", filename: filename) }
            #expect(refused?.code == .invalidArgument && refused?.reason == reason, "\(filename): \(refused as Any)")
        }
        let long = await status {
            try await fixture.upload([UInt8](repeating: 97, count: 2_000_000), to: "a", filename: "x", piece: 2_000_000)
        }
        #expect(long?.reason == "UPLOAD_MESSAGE_TOO_LARGE")
        let nameless = await status { try await fixture.upload([97], to: "a", filename: "") }
        #expect(nameless?.reason == "FILENAME_INVALID")
        let headless = await status { try await fixture.upload([]) }
        #expect(headless?.reason == "HEADER_MISSING")
        for table in ["documents", "chunks", "chunk_vectors"] { #expect(try await fixture.rows(table) == 0) }
    }

    @Test func aBrokenEmbeddingServerStoresNothing() async throws {
        let server = try FakeModelServer { _ in .init("") }
        var limits = HTTPRequest.Limits.defaults
        limits.totalMilliseconds = 300
        let embedder = EmbeddingClient(
            client: HTTPClient(), endpoint: ModelEndpoint(url: server.url, model: "fake", limits: limits), dimension: 4)
        let fixture = try await RetrievalFixture.make(embedder: embedder)
        try await fixture.createCollection("a")
        var slow = FakeModelServer.Reply("{}")
        slow.delayMilliseconds = 1_000
        let broken: [(FakeModelServer.Reply, Status.Code, String)] = [
            (slow, .unavailable, "EMBEDDINGS_TIMEOUT"),
            (.embeddings([[1, 2, 3]]), .failedPrecondition, "EMBEDDINGS_WRONG_DIMENSION"),
            (.init("{\"data\":[{\"embedding\":[1,null,2,3]}]}"), .unavailable, "EMBEDDINGS_INVALID"),
            (.init("{\"data\":[]}"), .unavailable, "EMBEDDINGS_INVALID"),
            (.init("oops", status: 503), .unavailable, "EMBEDDINGS_UNAVAILABLE"),
        ]
        for (reply, code, reason) in broken {
            server.setHandler { _ in reply }
            let upload = await status { try await fixture.upload(Array("Texte.".utf8), to: "a", filename: "t") }
            #expect(upload?.code == code && upload?.reason == reason, "\(upload as Any)")
            let search = await status { try await fixture.search("texte") }
            #expect(search?.reason == reason)
            let ask = await status { try await fixture.ask("texte ?") }
            #expect(ask?.reason == reason)
        }
        server.stop()
        let down = await status { try await fixture.upload(Array("Texte.".utf8), to: "a", filename: "t") }
        #expect(down?.code == .unavailable)
        for table in ["documents", "chunks", "chunk_vectors"] { #expect(try await fixture.rows(table) == 0) }
    }

    @Test func aCollectionOfAnotherModelIsNotMixed() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        try await fixture.createCollection("a")
        _ = try await fixture.upload(Array("Texte ancien du modèle.".utf8), to: "a", filename: "t")
        let newer = RetrievalService(
            database: fixture.test.database, embedder: WordEmbedder(model: "newer"), chat: nil,
            extractor: nil, logger: RetrievalFixture.quiet)
        let renewed = RetrievalFixture(service: newer, test: fixture.test, tenant: fixture.tenant)
        let refused = await status { try await renewed.upload(Array("Neuf.".utf8), to: "a", filename: "n") }
        #expect(refused?.reason == "EMBEDDING_MODEL_CHANGED")
        // Words still find it; the vectors of another model are left out.
        let hits = try await renewed.search("texte ancien")
        #expect(hits.count == 1 && hits.first?.denseRank == 0 && hits.first?.lexicalRank == 1)
    }

    @Test func aTextWithZeroBytesAndControlsIsStored() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder())
        try await fixture.createCollection("a")
        let document = try await fixture.upload(
            Array("Zéro\u{0} et 'quote' \\ \u{1F600} l'eau ʼʼ\u{202E}fin.".utf8), to: "a", filename: "'\\.txt")
        #expect(try await fixture.text(document.id).text == "Zéro et 'quote' \\ \u{1F600} l'eau ʼʼfin.")
    }
}
