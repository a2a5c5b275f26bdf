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

/// A collection moves to another embedding model while it is used.
@Suite(.timeLimit(.minutes(15))) struct ReembeddingTests {
    /// Also with vectors of the same length, which nothing but their model tells apart.
    @Test(arguments: [24, 16]) func searchesSeeTheOldVectorsAndThenTheNewOnes(dimension: Int) async throws {
        let scene = try await ReembeddingScene.make(dimension: dimension)
        let worker = scene.worker()
        let stored = try await scene.fill(6)
        let chunks = stored.reduce(0) { $0 + Int($1.chunkCount) }
        let before = try await scene.seen()
        #expect(before.count == min(30, chunks))
        scene.new.close()
        let begun = try await scene.reembed()
        #expect(begun.fromModel == "old" && begun.embeddingModel == "new@2" && begun.percent == 0)
        while scene.new.inside == 0 { try await aMoment() }
        #expect(try await scene.seen() == before)
        scene.new.open()
        var heard: [[String]] = []
        while try await scene.now().state != .succeeded { heard.append(try await scene.seen()) }
        let after = try await scene.seen()
        #expect(after.count == before.count && after != before)
        // Whoever searched saw one of the two, whole, and the old one never again after the new one.
        #expect(heard.allSatisfy { $0 == before || $0 == after })
        if let first = heard.firstIndex(of: after) { #expect(heard[first...].allSatisfy { $0 == after }) }
        #expect(try await scene.now().percent == 100)
        try await scene.removeRetired()
        #expect(try await scene.vectors(of: scene.old) == (0, 0))
        #expect(try await scene.vectors(of: scene.new) == (chunks, chunks))
        #expect(try await scene.seen() == after)
        // What comes now is of the new model.
        _ = try await scene.upload("Une phrase nouvelle sur le blé.", "n.md")
        #expect(try await scene.vectors(of: scene.new).count == chunks + 1)
        #expect(try await scene.fixture.search("blé", limit: 1).first?.denseRank == 1)
        withExtendedLifetime(worker) {}
    }

    @Test(arguments: ReembeddingEngine.Moment.allCases)
    func aWorkerThatDiesLosesNothing(moment: ReembeddingEngine.Moment) async throws {
        let scene = try await ReembeddingScene.make()
        var worker: IngestWorker? = scene.worker()
        let stored = try await scene.fill(4)
        let chunks = stored.reduce(0) { $0 + Int($1.chunkCount) }
        worker = nil
        try await scene.reembed()
        let rounds = Mutex(0)
        let died = Mutex(false)
        let dying = ReembeddingScene.service(scene.test, scene.old, scene.new) { now in
            guard now == moment else { return false }
            // In the middle, not at the first batch.
            if now == .kept || now == .embedded {
                let round = rounds.withLock { rounds in
                    rounds += 1
                    return rounds
                }
                if round < 2 { return false }
            }
            died.withLock { $0 = true }
            return true
        }
        var first: IngestWorker? = IngestWorker(dying)
        while !died.withLock({ $0 }) { try await aMoment() }
        first = nil
        #expect(try await scene.seen().count == min(30, chunks))
        let asked = scene.new.texts.count
        worker = scene.worker()
        if moment != .switched {
            // Again and again: the dead one's last renewal may still have been on its way.
            while try await scene.now().state != .succeeded {
                try await scene.endLease(of: dying)
                try await aMoment()
            }
        }
        #expect(try await scene.end().state == .succeeded)
        #expect(try await scene.vectors(of: scene.new) == (chunks, chunks))
        if moment == .kept {
            #expect(scene.new.texts.count - asked <= chunks - 8 + 1, "what was kept is not made again")
        }
        withExtendedLifetime((worker, first)) {}
    }

    @Test func aCollectionBeginsOnTheModelThatItNames() async throws {
        let scene = try await ReembeddingScene.make()
        let worker = scene.worker()
        var request = Ragdz_V1_CreateCollectionRequest()
        request.name = "d"
        request.embeddingModel = "new@2"
        let made = try await scene.fixture.service.createCollection(request, context: scene.fixture.context())
        #expect(made.embeddingModel == "new@2" && made.embeddingDimension == 24)
        _ = try await scene.upload("Une phrase sur le blé.", "n.md", to: "d")
        #expect(scene.old.texts.isEmpty)
        #expect(try await scene.vectors(of: scene.new) == (1, 1))
        #expect(try await scene.fixture.search("blé", collections: ["d"], limit: 1).first?.denseRank == 1)
        request.name = "e"
        request.embeddingModel = "absent"
        let refused = await status {
            try await scene.fixture.service.createCollection(request, context: scene.fixture.context())
        }
        #expect(refused?.code == .invalidArgument && refused?.reason == "EMBEDDING_MODEL_UNKNOWN")
        withExtendedLifetime(worker) {}
    }

    private actor Heard {
        var all: [Ragdz_V1_Reembedding] = []
        func add(_ now: Ragdz_V1_Reembedding) { all.append(now) }
    }

    private func watch(_ scene: ReembeddingScene, _ heard: Heard) async throws {
        var request = Ragdz_V1_WatchReembeddingRequest()
        request.id = "c"
        try await scene.fixture.service.watchReembedding(
            request, responses: ResponseWriter { await heard.add($0) }, context: scene.fixture.context())
    }

    /// Each state once, the last one last; a stream that breaks off is taken up by asking again.
    @Test func itIsWatchedToItsEnd() async throws {
        let scene = try await ReembeddingScene.make()
        let worker = scene.worker()
        _ = try await scene.fill(3)
        let before = await status { try await self.watch(scene, Heard()) }
        #expect(before?.code == .notFound)
        scene.new.close()
        try await scene.reembed()
        let (first, second) = (Heard(), Heard())
        let broken = Task { try await self.watch(scene, first) }
        while await first.all.isEmpty { try await aMoment() }
        broken.cancel()
        _ = await broken.result
        let watching = Task { try await self.watch(scene, second) }
        while await second.all.isEmpty { try await aMoment() }
        scene.new.open()
        try await watching.value
        let heard = await second.all
        #expect(heard.first?.state != .succeeded)
        #expect(heard.last?.state == .succeeded && heard.last?.percent == 100)
        #expect(zip(heard, heard.dropFirst()).allSatisfy { $0 != $1 && $0.percent <= $1.percent })
        // What has ended is told once.
        let after = Heard()
        try await watch(scene, after)
        #expect(await after.all == [try #require(heard.last)])
        withExtendedLifetime(worker) {}
    }

    @Test func aWatcherHearsOfACancellation() async throws {
        let scene = try await ReembeddingScene.make()
        let worker = scene.worker()
        _ = try await scene.fill(2)
        scene.new.close()
        try await scene.reembed()
        let heard = Heard()
        let watching = Task { try await self.watch(scene, heard) }
        while await heard.all.isEmpty { try await aMoment() }
        _ = try await scene.cancel()
        try await watching.value
        #expect(await heard.all.last?.state == .cancelled)
        scene.new.open()
        withExtendedLifetime(worker) {}
    }

    @Test func whatComesAndGoesMeanwhileComesAndGoesInBoth() async throws {
        let scene = try await ReembeddingScene.make()
        let worker = scene.worker()
        let stored = try await scene.fill(4)
        scene.new.close()
        try await scene.reembed()
        while scene.new.inside == 0 { try await aMoment() }
        // The batch at the embedding server is of chunks that go, stay and change.
        var request = Ragdz_V1_DeleteDocumentRequest()
        for document in stored[0...1] {
            request.id = document.id
            _ = try await scene.fixture.service.deleteDocument(request, context: scene.fixture.context())
        }
        var change = Ragdz_V1_UpdateDocumentRequest()
        change.id = stored[2].id
        change.attributes = Ragdz_V1_DocumentAttributes()
        change.attributes?.groups = ["legal"]
        change.updateMask = Google_Protobuf_FieldMask(paths: ["groups"])
        _ = try await scene.fixture.service.updateDocument(change, context: scene.fixture.context())
        _ = try await scene.upload("Le blé arrive pendant ce temps.", "blé.md")
        #expect(try await scene.fixture.search("blé", limit: 1).first?.title == "blé")
        scene.new.open()
        #expect(try await scene.end().state == .succeeded)
        let left = try await scene.fixture.rows("chunks")
        #expect(try await scene.vectors(of: scene.new) == (left, left))
        // Nothing is left on the shelf of those who may not see it any more.
        let astray = try await scene.test.asOwner(
            """
            select 1 as n from ragdz.chunk_vectors v join ragdz.chunks c on c.tenant_id = v.tenant_id and c.id = v.chunk_id
            where c.shelf_id <> v.shelf_id
            """)
        #expect(astray.isEmpty)
        let open = try await scene.fixture.member(of: "hr").search("original sentence", limit: 50)
        #expect(!open.isEmpty && open.allSatisfy { $0.documentID != stored[2].id })
        let hit = try await scene.fixture.search("blé", limit: 1).first
        #expect(hit?.title == "blé" && hit?.denseRank == 1)
        try await scene.removeRetired()
        #expect(try await scene.vectors(of: scene.old).count == 0)
        withExtendedLifetime(worker) {}
    }

    /// A document that is being embedded for the old model when the collection changes is embedded for the new one.
    @Test func anUploadUnderWayFollowsItsCollection() async throws {
        let scene = try await ReembeddingScene.make()
        let worker = scene.worker()
        _ = try await scene.fill(1)
        scene.old.close()
        var header = Ragdz_V1_UploadHeader()
        header.collection = "c"
        header.filename = "tard.md"
        header.background = true
        var messages = [Ragdz_V1_UploadDocumentRequest(), Ragdz_V1_UploadDocumentRequest()]
        messages[0].part = .header(header)
        messages[1].part = .data(Array("Une phrase qui arrive tard.".utf8))
        let pending = try await scene.fixture.upload(messages)
        while scene.old.inside == 0 { try await aMoment() }
        try await scene.reembed()
        #expect(try await scene.end().state == .succeeded)
        scene.old.open()
        while try await scene.fixture.document(pending.id).state == .pending { try await aMoment() }
        let chunks = try await scene.fixture.rows("chunks")
        #expect(try await scene.vectors(of: scene.new) == (chunks, chunks))
        let hits = try await scene.fixture.search("phrase qui arrive tard", limit: 1)
        #expect(hits.first?.title == "tard" && hits.first?.denseRank == 1)
        withExtendedLifetime(worker) {}
    }

    @Test func cancellingKeepsTheOldModel() async throws {
        let scene = try await ReembeddingScene.make()
        let worker = scene.worker()
        _ = try await scene.fill(3)
        let before = try await scene.seen()
        scene.new.close()
        try await scene.reembed()
        while scene.new.inside == 0 { try await aMoment() }
        #expect(try await scene.cancel().state == .cancelled)
        #expect(try await scene.cancel().state == .cancelled)
        while scene.new.inside > 0 { try await aMoment() }
        scene.new.open()
        try await scene.removeRetired()
        #expect(try await scene.vectors(of: scene.new).count == 0)
        #expect(try await scene.seen() == before)
        // Back and forth: what is left of a set is used again.
        try await scene.reembed()
        #expect(try await scene.end().state == .succeeded)
        let late = await status { try await scene.cancel() }
        #expect(late?.reason == "REEMBEDDING_OVER")
        let asked = scene.old.texts.count
        try await scene.reembed("old")
        #expect(try await scene.end().state == .succeeded)
        #expect(try await scene.seen() == before)
        #expect(scene.old.texts.count - asked <= 4, "the old vectors were still there, but for the query's")
        withExtendedLifetime(worker) {}
    }

    @Test func anEmbeddingServerThatIsAwayIsWaitedForAndOneThatIsWrongEndsIt() async throws {
        let scene = try await ReembeddingScene.make()
        let worker = scene.worker()
        _ = try await scene.fill(2)
        let before = try await scene.seen()
        scene.new.fail([ModelError(.wrongDimension, "3 instead of 24")])
        try await scene.reembed()
        let failed = try await scene.end()
        #expect(failed.state == .failed && failed.reason == "EMBEDDINGS_WRONG_DIMENSION")
        #expect(try await scene.seen() == before)
        scene.new.fail([ModelError(.unavailable, "down"), ModelError(.timeout, "slow"), ModelError(.busy, "busy")])
        try await scene.reembed()
        #expect(try await scene.end().state == .succeeded)
        withExtendedLifetime(worker) {}
    }

    @Test func collectionsOfTwoModelsAreSearchedTogether() async throws {
        let scene = try await ReembeddingScene.make()
        let worker = scene.worker()
        try await scene.fixture.createCollection("d")
        for (collection, word) in [("c", "blé"), ("d", "orge")] {
            for number in 0..<4 {
                _ = try await scene.upload(
                    "Le \(word) numéro \(number) pousse ici.", "\(word)\(number).md", to: collection)
            }
        }
        try await scene.reembed()
        #expect(try await scene.end().state == .succeeded)
        let fixture = scene.fixture
        #expect(try await fixture.search("pousse").count == 8)
        #expect(try await fixture.search("pousse", limit: 3).count == 3)
        #expect(try await fixture.search("pousse").allSatisfy { $0.denseRank > 0 })
        #expect(try await fixture.search("orge", limit: 2).contains { $0.title.hasPrefix("orge") })
        #expect(try await fixture.search("pousse", collections: ["c"]).count == 4)
        var request = Ragdz_V1_SearchRequest()
        request.query = "numéro pousse"
        request.explain = true
        let first = try await fixture.service.search(request, context: fixture.context())
        let second = try await fixture.service.search(request, context: fixture.context())
        #expect(first.explanation?.resultCached == false && second.explanation?.resultCached == true)
        #expect(first.hits == second.hits)
        _ = try await scene.upload("Le blé numéro 5 pousse aussi.", "blé5.md")
        #expect(try await fixture.service.search(request, context: fixture.context()).hits.count == 9)
        withExtendedLifetime(worker) {}
    }

    /// A large tenant's vectors of each model have a partition and an index of their own.
    @Test func aLargeTenantGetsASecondHome() async throws {
        let scene = try await ReembeddingScene.make()
        let worker = scene.worker()
        try await scene.test.asOwner("select ragdz.stock_vector_homes(1, 16)")
        try await scene.test.asOwner("select ragdz.stock_vector_homes(1, 24)")
        let stored = try await scene.fill(3)
        let moves = VectorMoves(database: scene.test.database, logger: RetrievalFixture.quiet, threshold: 5)
        func move() async throws { while try await moves.step(batch: 5) {} }
        try await move()
        func homes(_ select: String) async throws -> [Int] {
            try await scene.test.asOwner("select home from ragdz.\(select) order by home").map { try $0.get("home") }
        }
        let first = try await homes("vector_homes")
        #expect(first.count == 1)
        #expect(try await homes("chunk_vectors group by home") == first)
        scene.new.close()
        try await scene.reembed()
        while scene.new.inside == 0 { try await aMoment() }
        try await move()
        scene.new.open()
        #expect(try await scene.end().state == .succeeded)
        try await move()
        let both = try await homes("vector_homes")
        #expect(both.count == 2)
        #expect(try await homes("chunk_vectors group by home") == both)
        var request = Ragdz_V1_SearchRequest()
        request.query = "original sentence 3"
        request.limit = 5
        request.explain = true
        let answer = try await scene.fixture.service.search(request, context: scene.fixture.context())
        #expect(answer.hits.count == 5 && answer.explanation?.densePlan.contains("hnsw") == true)
        try await scene.removeRetired()
        _ = try await moves.step(batch: 5)
        #expect(try await homes("vector_home_stock where taken") == both.filter { $0 != first[0] }, "the first is free")
        _ = stored
        withExtendedLifetime(worker) {}
    }

    @Test func whatCannotBeDoneIsRefused() async throws {
        let scene = try await ReembeddingScene.make()
        let refusals = [
            await status { try await scene.now() }, await status { try await scene.cancel() },
            await status { try await scene.reembed("nobody's") }, await status { try await scene.reembed("old") },
            await status { try await scene.reembed("new@2", "absent") },
        ]
        #expect(
            refusals.map { $0?.reason } == [
                "REEMBEDDING_NOT_FOUND", "REEMBEDDING_NOT_FOUND", "EMBEDDING_MODEL_UNKNOWN", "EMBEDDING_MODEL_SAME",
                "COLLECTION_NOT_FOUND",
            ])
        let begun = try await scene.reembed()
        #expect(try await scene.reembed().id == begun.id, "asked for twice, done once")
        let another = await status { try await scene.reembed("old") }
        #expect(another?.reason == "REEMBEDDING_UNDER_WAY")
        let fixture = scene.fixture
        let other = fixture.other()
        var foreign = Ragdz_V1_ReembedCollectionRequest()
        foreign.id = begun.collectionID
        foreign.embeddingModel = "new@2"
        let refused = await status { [foreign] in
            try await other.service.reembedCollection(foreign, context: other.context())
        }
        #expect(refused?.reason == "COLLECTION_NOT_FOUND")
        // An empty collection moves, too.
        let worker = scene.worker()
        #expect(try await scene.end().state == .succeeded)
        let actions = try await scene.test.asOwner(
            "select action from ragdz.audit_log where tenant_id = $1 order by sequence", [fixture.tenant]
        ).map { try $0.get("action", as: String.self) }
        #expect(actions == ["collection.create", "collection.reembed", "collection.embedding_model"])
        let models = try await fixture.service.listEmbeddingModels(
            Ragdz_V1_ListEmbeddingModelsRequest(), context: fixture.context()
        ).models
        #expect(models.map(\.name) == ["old", "new@2"] && models.map(\.dimension) == [16, 24])
        withExtendedLifetime(worker) {}
    }
}
