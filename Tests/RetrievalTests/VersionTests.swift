import Bytes
import Postgres
import RPC
import Schema
import Support
import Testing

@testable import Retrieval

/// New versions of documents, and deletion while they are on their way.
@Suite(.timeLimit(.minutes(15))) struct VersionTests {
    private func chunkIDs(_ scene: IngestScene) async throws -> [String: String] {
        var ids: [String: String] = [:]
        for row in try await scene.test.asOwner("select id::text as id, content from ragdz.chunks") {
            ids[try row.get("content", as: String.self)] = try row.get("id", as: String.self)
        }
        return ids
    }

    @Test func onlyWhatHasChangedIsEmbeddedAgain() async throws {
        let scene = try await IngestScene.make()
        let worker = scene.worker()
        let first = try await scene.send(IngestScene.text(30), "a.md")
        #expect(try await scene.end(first.ingestID).state == .succeeded)
        let before = try await chunkIDs(scene)
        scene.watched.forget()
        let second = try await scene.send(IngestScene.text(30, changed: [11]), "a.md", replaces: first.id)
        #expect(second.id == first.id)
        let last = try await scene.end(second.ingestID)
        #expect(last.state == .succeeded && last.chunksReused > 20)
        #expect(last.chunksReused + Int32(scene.watched.texts.count) == last.chunkCount)
        #expect(scene.watched.texts.count < 8 && scene.watched.texts.allSatisfy { $0.contains("changed") })
        let stored = try await scene.fixture.document(first.id)
        #expect(stored.version == 2 && stored.chunkCount == last.chunkCount)
        let after = try await chunkIDs(scene)
        #expect(after.count == Int(stored.chunkCount))
        for (content, id) in after where !content.contains("changed") { #expect(before[content] == id) }
        #expect(try await scene.fixture.rows("chunk_vectors") == after.count)
        #expect(try await scene.fixture.rows("documents") == 1)
        var request = Ragdz_V1_GetCollectionRequest()
        request.id = "c"
        let collection = try await scene.fixture.service.getCollection(request, context: scene.fixture.context())
        #expect(collection.documentCount == 1 && collection.chunkCount == Int64(stored.chunkCount))
        withExtendedLifetime(worker) {}
    }

    @Test func theOldVersionAnswersUntilTheNewOneIsStored() async throws {
        let scene = try await IngestScene.make()
        let worker = scene.worker()
        let first = try await scene.send(IngestScene.text(6), "a.md")
        _ = try await scene.end(first.ingestID)
        scene.watched.close()
        let second = try await scene.send(IngestScene.text(6, changed: [0, 1, 2, 3, 4, 5]), "a.md", replaces: first.id)
        while scene.watched.inside == 0 { try await aMoment() }
        let during = try await scene.fixture.document(first.id)
        #expect(during.version == 1 && during.state == .stored)
        #expect(try await scene.fixture.text(first.id).text.contains("original"))
        scene.watched.open()
        #expect(try await scene.end(second.ingestID).state == .succeeded)
        let text = try await scene.fixture.text(first.id).text
        #expect(text.contains("changed") && !text.contains("original"))
        // The bytes of the first version are a new document now, with an id of its own.
        let third = try await scene.send(IngestScene.text(6), "a.md")
        #expect(try await scene.end(third.ingestID).state == .succeeded && third.id != first.id)
        // Bytes that another document has cannot become a version.
        let refused = await status {
            try await scene.send(IngestScene.text(6), "a.md", replaces: first.id)
        }
        #expect(refused?.reason == "DOCUMENT_EXISTS")
        withExtendedLifetime(worker) {}
    }

    @Test func aNewerVersionOvertakesOneThatIsOnItsWay() async throws {
        let scene = try await IngestScene.make()
        let worker = scene.worker()
        let first = try await scene.send(IngestScene.text(4), "a.md")
        _ = try await scene.end(first.ingestID)
        scene.watched.close()
        let second = try await scene.send(IngestScene.text(4, changed: [0]), "a.md", replaces: first.id)
        let third = try await scene.send(IngestScene.text(4, changed: [1]), "a.md", replaces: first.id)
        scene.watched.open()
        let overtaken = try await scene.end(second.ingestID)
        #expect(overtaken.state == .cancelled && overtaken.reason == "SUPERSEDED")
        #expect(try await scene.end(third.ingestID).state == .succeeded)
        #expect(try await scene.fixture.document(first.id).version == 2)
        #expect(try await scene.fixture.text(first.id).text.contains("changed sentence 0 of section 1"))
        withExtendedLifetime(worker) {}
    }

    @Test(arguments: [true, false]) func deletingWhileItIsOnItsWayLeavesNothing(_ wholeCollection: Bool) async throws {
        let scene = try await IngestScene.make()
        let worker = scene.worker()
        scene.watched.close()
        let pending = try await scene.send(IngestScene.text(20), "a.md")
        while scene.watched.inside == 0 { try await aMoment() }
        if wholeCollection {
            var request = Ragdz_V1_DeleteCollectionRequest()
            request.id = "c"
            _ = try await scene.fixture.service.deleteCollection(request, context: scene.fixture.context())
        } else {
            var request = Ragdz_V1_DeleteDocumentRequest()
            request.id = pending.id
            _ = try await scene.fixture.service.deleteDocument(request, context: scene.fixture.context())
        }
        while scene.watched.inside > 0 { try await aMoment() }
        scene.watched.open()
        for table in [
            "ingests", "ingest_pieces", "ingest_texts", "ingest_text_pieces", "ingest_chunks", "documents", "chunks",
        ] {
            #expect(try await scene.fixture.rows(table) == 0, "\(table)")
        }
        let gone = await status { try await scene.fixture.document(pending.id) }
        #expect(gone?.reason == "DOCUMENT_NOT_FOUND")
        withExtendedLifetime(worker) {}
    }

    /// Many versions, deletions and crashes at once: the totals are those of what is there.
    @Test func totalsHoldWhateverHappensAtOnce() async throws {
        let scene = try await IngestScene.make()
        let workers = [scene.worker(), scene.worker()]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<6 {
                group.addTask {
                    var last = try await scene.send(IngestScene.text(2 + lane), "a.md")
                    for round in 0..<4 {
                        if round % 2 == 0 {
                            last = try await scene.send(
                                IngestScene.text(2 + lane, changed: [round]) + [UInt8](Array("\(lane)\(round)".utf8)),
                                "a.md", replaces: round == 0 ? "" : last.id)
                        } else {
                            _ = try await scene.end(last.ingestID)
                        }
                        if round == 3 && lane % 2 == 0 {
                            var request = Ragdz_V1_DeleteDocumentRequest()
                            request.id = last.id
                            _ = try await scene.fixture.service.deleteDocument(
                                request, context: scene.fixture.context())
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        while try await scene.test.asOwner("select 1 as n from ragdz.ingests where state in (1, 2)").count > 0 {
            try await Task.sleep(for: .milliseconds(20))
        }
        let sums = try await scene.test.asOwner(
            """
            select c.document_count = (select count(*) from ragdz.documents) as documents,
                c.chunk_count = (select count(*) from ragdz.chunks) as chunks,
                (select count(*) from ragdz.chunks) = (select count(*) from ragdz.chunk_vectors) as vectors
            from ragdz.collections c
            """)
        #expect(try sums[0].get("documents", as: Bool.self))
        #expect(try sums[0].get("chunks", as: Bool.self))
        #expect(try sums[0].get("vectors", as: Bool.self))
        #expect(try await scene.nothingIsStaged())
        withExtendedLifetime(workers) {}
    }
}
