import Bytes
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support
import Synchronization
import Testing

@testable import Retrieval

/// What a document is about, and who may see it, from the upload to the document and for all of the way between.
@Suite(.timeLimit(.minutes(15))) struct IngestAccessTests {
    private func about(_ groups: [String]) -> Ragdz_V1_DocumentAttributes {
        var attributes = Ragdz_V1_DocumentAttributes()
        attributes.groups = groups
        return attributes
    }

    private func scene(_ fixture: RetrievalFixture, like scene: IngestScene) -> IngestScene {
        IngestScene(test: scene.test, tenant: scene.tenant, watched: scene.watched, fixture: fixture)
    }

    private func list(_ fixture: RetrievalFixture) async throws -> [String] {
        try await fixture.service.listIngests(Ragdz_V1_ListIngestsRequest(), context: fixture.context()).ingests.map(
            \.id)
    }

    private func limit(_ id: String, to groups: [String], _ fixture: RetrievalFixture) async throws {
        var request = Ragdz_V1_UpdateDocumentRequest()
        request.id = id
        request.attributes = about(groups)
        request.updateMask = Google_Protobuf_FieldMask(paths: ["groups"])
        _ = try await fixture.service.updateDocument(request, context: fixture.context())
    }

    @Test func whatADocumentIsAboutSurvivesTheRun() async throws {
        let scene = try await IngestScene.make()
        var attributes = about(["hr", "legal"])
        attributes.country = "DZ"
        attributes.theme = "taxes"
        attributes.source = "JORADP"
        attributes.official = true
        attributes.date = Google_Protobuf_Timestamp(seconds: 1_700_000_000)
        attributes.tags = ["a", "b"]
        let pending = try await scene.send(IngestScene.text(3), "a.md", about: attributes)
        let hasDied = Mutex(false)
        let first = scene.worker { now, _ in
            guard now == .staged else { return false }
            hasDied.withLock { $0 = true }
            return true
        }
        while !hasDied.withLock({ $0 }) { try await aMoment() }
        await first.hasStopped()
        let second = scene.worker()
        try await scene.takeOver(pending.ingestID, epoch: 1)
        #expect(try await scene.end(pending.ingestID).state == .succeeded)
        let stored = try await scene.fixture.document(pending.id)
        #expect(stored.attributes == attributes)
        let shelves = try await scene.test.asOwner(
            """
            select count(*) as n from ragdz.chunks c
            join ragdz.chunk_vectors v on v.tenant_id = c.tenant_id and v.chunk_id = c.id
                and v.shelf_id = c.shelf_id and v.document_id = c.document_id
            join ragdz.shelves s on s.tenant_id = c.tenant_id and s.id = c.shelf_id and s.groups = '{hr,legal}'
            """)
        #expect(try shelves[0].get("n", as: Int.self) == Int(stored.chunkCount))
        withExtendedLifetime((first, second)) {}
    }

    @Test func whoLacksTheGroupLearnsNothingOfAnIngest() async throws {
        let scene = try await IngestScene.make()
        let (admin, blind) = (scene.fixture, scene.fixture.member(of: "legal"))
        let member = self.scene(admin.member(of: "hr"), like: scene)
        let pending = try await member.send(IngestScene.text(3), "secret.md", about: about(["hr"]))
        #expect(try await list(admin) == [pending.ingestID])
        #expect(try await list(member.fixture) == [pending.ingestID])
        #expect(try await list(blind).isEmpty)
        let absent = UUID128.v4().description
        for call in blind.ingestCalls {
            let hidden = await status { try await call(pending.ingestID) }
            let missing = await status { try await call(absent) }
            #expect(hidden?.code == .notFound && hidden == missing)
        }
        for call in blind.documentCalls { #expect(await status { try await call(pending.id) }?.code == .notFound) }
        for table in ["ingests", "ingest_pieces"] {
            let count = Statement(name: "count.\(table)", sql: "select count(*) as n from ragdz.\(table)")
            func seen(_ groups: AccessGroups) async throws -> Int {
                try await scene.test.database.query(count, as: .tenant(scene.tenant, groups: groups))[0].get("n")
            }
            #expect(try await seen(.none) == 0, "\(table)")
            #expect(try await seen(AccessGroups(["legal"])) == 0, "\(table)")
            #expect(try await seen(AccessGroups(["hr"])) == 1, "\(table)")
        }
        // The same bytes for everybody are a document of its own; nothing tells of the other one.
        let open = self.scene(blind, like: scene)
        let own = try await open.send(IngestScene.text(3), "mine.md")
        #expect(own.id != pending.id && !own.duplicate)
        let worker = scene.worker()
        #expect(try await scene.end(pending.ingestID).state == .succeeded)
        #expect(try await open.end(own.ingestID).state == .succeeded)
        #expect(try await scene.fixture.rows("documents") == 2)
        #expect(try await list(blind) == [own.ingestID])
        withExtendedLifetime(worker) {}
    }

    @Test func aVersionKeepsWhatIsKnownOfItsDocument() async throws {
        let scene = try await IngestScene.make()
        let worker = scene.worker()
        var attributes = about(["hr"])
        attributes.tags = ["a"]
        let first = try await scene.send(IngestScene.text(4), "a.md", about: attributes)
        #expect(try await scene.end(first.ingestID).state == .succeeded)
        let both = await status {
            try await scene.send(IngestScene.text(5), "a.md", replaces: first.id, about: about(["hr"]))
        }
        #expect(both?.reason == "VERSION_ATTRIBUTES")
        let blind = self.scene(scene.fixture.member(), like: scene)
        let hidden = await status { try await blind.send(IngestScene.text(5), "a.md", replaces: first.id) }
        #expect(hidden?.reason == "DOCUMENT_NOT_FOUND")
        scene.watched.close()
        let second = try await scene.send(IngestScene.text(5), "b.md", replaces: first.id)
        while scene.watched.inside == 0 { try await aMoment() }
        #expect(try await list(blind.fixture).isEmpty)
        // Its groups change while the version is on its way: the version is for those groups from then on.
        try await limit(first.id, to: ["legal"], scene.fixture)
        #expect(try await list(scene.fixture.member(of: "hr")).isEmpty)
        #expect(try await list(scene.fixture.member(of: "legal")).contains(second.ingestID))
        scene.watched.open()
        #expect(try await scene.end(second.ingestID).state == .succeeded)
        let stored = try await scene.fixture.document(first.id)
        #expect(stored.version == 2 && stored.attributes?.groups == ["legal"] && stored.attributes?.tags == ["a"])
        let lost = try await scene.test.asOwner(
            """
            select count(*) as n from ragdz.chunks c join ragdz.documents d on d.id = c.document_id
            join ragdz.chunk_vectors v on v.chunk_id = c.id
            where c.shelf_id <> d.shelf_id or v.shelf_id <> d.shelf_id
            """)
        #expect(try lost[0].get("n", as: Int.self) == 0)
        withExtendedLifetime(worker) {}
    }

    /// A new version takes the vectors of a stored document, and no search mixes the two.
    @Test func theNextQuerySeesTheNewVersion() async throws {
        let scene = try await IngestScene.make()
        let worker = scene.worker()
        let fixture = scene.fixture
        let first = try await scene.send(Array("La directrice parle.".utf8), "a.txt")
        _ = try await scene.end(first.ingestID)
        for round in 1...3 {
            #expect(try await fixture.search("directrice").map(\.documentID) == [first.id])
            #expect(
                try await fixture.search("directrice").first?.text
                    == (round == 1 ? "La directrice parle." : "La directrice parle \(round)."))
            let next = try await scene.send(
                Array("La directrice parle \(round + 1).".utf8), "a.txt", replaces: first.id)
            #expect(try await scene.end(next.ingestID).state == .succeeded)
        }
        #expect(try await fixture.search("directrice").map(\.text) == ["La directrice parle 4."])
        withExtendedLifetime(worker) {}
    }
}

extension RetrievalFixture {
    /// Every method that takes an ingest.
    var ingestCalls: [@Sendable (String) async throws -> Void] {
        let (service, context) = (service, context())
        return [
            { id in
                var request = Ragdz_V1_GetIngestRequest()
                request.id = id
                _ = try await service.getIngest(request, context: context)
            },
            { id in
                var request = Ragdz_V1_WatchIngestRequest()
                request.id = id
                try await service.watchIngest(request, responses: ResponseWriter { _ in }, context: context)
            },
            { id in
                var request = Ragdz_V1_CancelIngestRequest()
                request.id = id
                _ = try await service.cancelIngest(request, context: context)
            },
            { id in
                var request = Ragdz_V1_RetryIngestRequest()
                request.id = id
                _ = try await service.retryIngest(request, context: context)
            },
        ]
    }
}
