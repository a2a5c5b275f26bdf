import Bytes
import Language
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support
import Synchronization
import Testing

@testable import Retrieval

/// The failures of calls that are made at the same time.
private final class Ends: Sendable {
    private let failures = Mutex<[String]>([])
    var all: [String] { failures.withLock { $0 } }

    func note(_ body: @Sendable () async throws -> Void) async {
        let failed = await status(body)
        if let failed { failures.withLock { $0.append("\(failed.reason ?? "") \(failed)") } }
    }
}

/// What changes a collection's groups touches everything in it; what changes a document touches what the collection's change does.
/// Nobody may wait in a circle, and nothing may be left behind with the groups of before.
@Suite(.timeLimit(.minutes(15))) struct LockOrderTests {
    private static let lock = Statement(name: "park", sql: "select from ragdz.documents where id = $1 for update")

    private static let limitAll = Statement(name: "limit all", sql: "update ragdz.collections set groups = '{hr}'")

    /// Documents in the order of their place in the table, which is the order in which a collection's change comes to them.
    private func scene() async throws -> (scene: ReembeddingScene, documents: [Ragdz_V1_Document], worker: IngestWorker)
    {
        let scene = try await ReembeddingScene.make()
        let worker = scene.worker()
        return (scene, try await scene.fill(3), worker)
    }

    /// Waits until so many transactions of the test's database wait for a lock.
    private func waiting(_ count: Int, _ scene: ReembeddingScene) async throws {
        while true {
            let now = try await scene.test.asOwner(
                """
                select count(*) as n from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock'
                """)
            if try now[0].get("n", as: Int.self) >= count { return }
            try await aMoment()
        }
    }

    private func limitCollection(_ scene: ReembeddingScene, to groups: [String]) async throws {
        var request = Ragdz_V1_UpdateCollectionRequest()
        request.id = "c"
        request.groups = groups
        _ = try await scene.fixture.service.updateCollection(request, context: scene.fixture.context())
    }

    private func limit(_ document: String, _ scene: ReembeddingScene, to groups: [String]) async throws {
        var change = Ragdz_V1_UpdateDocumentRequest()
        change.id = document
        change.attributes = Ragdz_V1_DocumentAttributes()
        change.attributes?.groups = groups
        change.updateMask = Google_Protobuf_FieldMask(paths: ["groups"])
        _ = try await scene.fixture.service.updateDocument(change, context: scene.fixture.context())
    }

    private func delete(_ document: String, _ scene: ReembeddingScene) async throws {
        var request = Ragdz_V1_DeleteDocumentRequest()
        request.id = document
        _ = try await scene.fixture.service.deleteDocument(request, context: scene.fixture.context())
    }

    /// Every row has the groups of what it stands in, and shelves count what stands on them.
    private func everythingIsConsistent(_ scene: ReembeddingScene) async throws {
        let wrong: [String: String] = [
            "documents": """
            select count(*) as n from ragdz.documents d join ragdz.collections c on c.id = d.collection_id
            where d.collection_groups <> c.groups
            """,
            "shelves": """
            select count(*) as n from ragdz.shelves s join ragdz.collections c on c.id = s.collection_id
            where s.collection_groups <> c.groups
            """,
            "shelves of documents": """
            select count(*) as n from ragdz.documents d join ragdz.shelves s on s.id = d.shelf_id where s.groups <> d.groups
            """,
            "chunks": """
            select count(*) as n from ragdz.chunks k join ragdz.documents d on d.id = k.document_id
            where k.shelf_id <> d.shelf_id
            """,
            "vectors": """
            select count(*) as n from ragdz.chunk_vectors v join ragdz.documents d on d.id = v.document_id
            where v.shelf_id <> d.shelf_id
            """,
            "counts": """
            select count(*) as n from ragdz.shelves s where (s.document_count, s.chunk_count) <> (
                select count(*), coalesce(sum(d.chunk_count), 0) from ragdz.documents d where d.shelf_id = s.id)
            """,
        ]
        for (what, query) in wrong {
            let count: Int = try await scene.test.asOwner(query)[0].get("n")
            #expect(count == 0, "\(what)")
        }
    }

    /// What is done beside a change of the collection's groups.
    enum Other: String, Sendable, CaseIterable {
        case groups, attributes, deletion, version, lexemes
    }

    /// The collection's change has the shelves and waits for the first document; the other one takes another document.
    @Test(arguments: Other.allCases) func aCollectionIsLimitedWhileADocumentChanges(other: Other) async throws {
        let (scene, documents, worker) = try await scene()
        let target = documents[2].id
        let all = Identity.tenant(scene.fixture.tenant, groups: .all)
        let changes = try await scene.test.database.transaction(as: all) { transaction in
            _ = try await transaction.query(Self.lock, [UUID128(documents[0].id)])
            // In a transaction, so that nothing of the other one stands behind it on its connection.
            let first = Task {
                try await scene.test.database.transaction(as: all) { _ = try await $0.execute(Self.limitAll) }
            }
            try await self.waiting(1, scene)
            let second = Task { try await self.run(other, on: target, scene) }
            try await self.waiting(2, scene)
            return [first, second]
        }
        for change in changes { try await change.value }
        try await everythingIsConsistent(scene)
        let groups = try await scene.test.asOwner("select collection_groups from ragdz.documents")
        #expect(groups.count == (other == .deletion ? 2 : 3))
        #expect(try groups.allSatisfy { try $0.get("collection_groups") == ["hr"] })
        withExtendedLifetime(worker) {}
    }

    private func run(_ other: Other, on target: String, _ scene: ReembeddingScene) async throws {
        switch other {
        case .groups: try await limit(target, scene, to: ["legal"])
        case .attributes:
            var change = Ragdz_V1_UpdateDocumentRequest()
            change.id = target
            change.attributes = Ragdz_V1_DocumentAttributes()
            change.attributes?.tags = ["tva"]
            change.updateMask = Google_Protobuf_FieldMask(paths: ["tags"])
            _ = try await scene.fixture.service.updateDocument(change, context: scene.fixture.context())
        case .deletion: try await delete(target, scene)
        case .version:
            var header = Ragdz_V1_UploadHeader()
            header.collection = "c"
            header.filename = "again.md"
            header.replaces = target
            var begin = Ragdz_V1_UploadDocumentRequest()
            begin.part = .header(header)
            var data = Ragdz_V1_UploadDocumentRequest()
            data.part = .data(Array("# Another version\n\nIt says something else.".utf8))
            _ = try await scene.fixture.upload([begin, data])
        case .lexemes:
            try await scene.fixture.service.store.replaceLexemes(
                scene.fixture.tenant, document: try #require(UUID128(target)), [], version: 1_000)
        }
    }

    /// A batch of vectors is about to be kept, and waits for the last document; another one's groups, then the collection's, change.
    @Test func groupsChangeWhileABatchIsKept() async throws {
        let (scene, documents, worker) = try await scene()
        let ordered = documents.map(\.id).sorted()
        let all = Identity.tenant(scene.fixture.tenant, groups: .all)
        let changes = try await scene.test.database.transaction(as: all) { transaction in
            // Batches lock their documents in the order of their ids.
            _ = try await transaction.query(Self.lock, [UUID128(ordered[0])])
            try await scene.reembed()
            try await self.waiting(1, scene)
            let first = Task { try await self.limit(ordered[2], scene, to: ["legal"]) }
            let second = Task { try await self.limitCollection(scene, to: ["hr"]) }
            try await self.waiting(2, scene)
            return [first, second]
        }
        for change in changes { try await change.value }
        #expect(try await scene.end().state == .succeeded)
        try await everythingIsConsistent(scene)
        let chunks = documents.reduce(0) { $0 + Int($1.chunkCount) }
        #expect(try await scene.vectors(of: scene.new) == (chunks, chunks))
        // Who has neither group sees nothing of it, in either set.
        let member = scene.fixture.member(of: "legal")
        #expect(try await member.search("original sentence", limit: 50).isEmpty)
        withExtendedLifetime(worker) {}
    }

    /// All at once, again and again, in whatever order they come.
    @Test func everythingAtOnceLeavesNothingBehind() async throws {
        let (scene, documents, worker) = try await scene()
        let ends = Ends()
        await withTaskGroup { group in
            group.addTask {
                for round in 0..<12 {
                    await ends.note { try await self.limitCollection(scene, to: round % 2 == 0 ? ["hr"] : []) }
                }
            }
            for document in documents.prefix(2) {
                group.addTask {
                    for round in 0..<12 {
                        await ends.note {
                            try await self.limit(document.id, scene, to: round % 3 == 0 ? [] : ["g\(round % 3)"])
                        }
                    }
                }
            }
            group.addTask {
                for round in 0..<6 {
                    await ends.note {
                        let made = try await scene.upload(
                            "Passage \(round). " + String(repeating: "Some words. ", count: 90), "x\(round).md")
                        try await self.delete(made.id, scene)
                    }
                }
            }
            group.addTask {
                for round in 0..<4 {
                    await ends.note { try await scene.reembed(round % 2 == 0 ? "new@2" : "old") }
                    _ = try? await scene.end()
                }
            }
        }
        _ = try? await scene.end()
        try await everythingIsConsistent(scene)
        // Two that changed the same groups are told so; nobody is told that the database gave up.
        let refused = ends.all.filter { !$0.hasPrefix("CHANGED_MEANWHILE") }
        #expect(refused.isEmpty, "\(refused)")
        withExtendedLifetime(worker) {}
    }
}
