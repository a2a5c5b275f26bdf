import Bytes
import Models
import RPC
import Schema
import Support
import Synchronization
import Testing

@testable import Retrieval

@Suite(.timeLimit(.minutes(15))) struct IngestTests {
    @Test func anUploadAnswersAtOnceAndIsWatchedToItsEnd() async throws {
        let scene = try await IngestScene.make()
        let pending = try await scene.send(IngestScene.text(20), "a.md")
        #expect(pending.state == .pending && pending.chunkCount == 0 && !pending.ingestID.isEmpty)
        #expect(try await scene.fixture.document(pending.id) == pending)
        #expect(try await scene.fixture.rows("documents") == 0)
        let worker = scene.worker()
        let heard = try await scene.watch(pending.ingestID)
        let last = try #require(heard.last)
        #expect(last.state == .succeeded && last.percent == 100 && last.attempts == 1)
        #expect(heard.map(\.percent) == heard.map(\.percent).sorted(), "progress never goes back")
        #expect(last.chunksDone == last.chunkCount && last.chunkCount >= 20)
        let stored = try await scene.fixture.document(pending.id)
        #expect(stored.state == .stored && stored.chunkCount == last.chunkCount && stored.version == 1)
        #expect(stored.ingestID == pending.ingestID)
        #expect(try await scene.fixture.rows("chunk_vectors") == Int(stored.chunkCount))
        #expect(try await scene.nothingIsStaged())
        withExtendedLifetime(worker) {}
    }

    /// A worker dies at one moment, another one goes on: one document, each passage once, and none embedded again that was
    /// kept.
    @Test(arguments: IngestEngine.Moment.allCases)
    func aWorkerThatDiesLosesAndDoublesNothing(_ moment: IngestEngine.Moment) async throws {
        let scene = try await IngestScene.make()
        let pending = try await scene.send(IngestScene.text(30), "a.md")
        let deaths = Mutex(0)
        let first = scene.worker { now, _ in
            guard now == moment else { return false }
            return deaths.withLock { deaths in
                deaths += 1
                return moment != .staged || deaths == 3
            }
        }
        while deaths.withLock({ $0 }) < (moment == .staged ? 3 : 1) { try await aMoment() }
        await first.hasStopped()
        let kept = try await scene.fixture.rows("ingest_chunks")
        if moment == .staged { #expect(kept == 12) }
        let before = scene.watched.texts.count
        let second = scene.worker()
        // Who dies after the end has nothing left to be taken over.
        if moment != .stored { try await scene.takeOver(pending.ingestID, epoch: 1) }
        let last = try await scene.end(pending.ingestID)
        #expect(last.state == .succeeded)
        let stored = try await scene.fixture.document(pending.id)
        #expect(try await scene.fixture.rows("documents") == 1)
        #expect(try await scene.fixture.rows("chunks") == Int(stored.chunkCount))
        #expect(try await scene.fixture.rows("chunk_vectors") == Int(stored.chunkCount))
        // What the dead worker had under way may still arrive: two batches of four.
        if moment == .staged { #expect(scene.watched.texts.count - before <= Int(stored.chunkCount) - kept + 8) }
        var request = Ragdz_V1_GetCollectionRequest()
        request.id = "c"
        let collection = try await scene.fixture.service.getCollection(request, context: scene.fixture.context())
        #expect(collection.documentCount == 1 && collection.chunkCount == Int64(stored.chunkCount))
        #expect(try await scene.nothingIsStaged())
        withExtendedLifetime((first, second)) {}
    }

    @Test func aDocumentThatEndsEveryWorkerIsGivenUp() async throws {
        let scene = try await IngestScene.make()
        let pending = try await scene.send(IngestScene.text(3), "a.md")
        for number in 0...IngestLimits.losses {
            let died = Mutex(false)
            let worker = scene.worker { now, _ in
                guard now == .claimed else { return false }
                died.withLock { $0 = true }
                return true
            }
            if number > 0 { try await scene.takeOver(pending.ingestID, epoch: Int64(number)) }
            while !died.withLock({ $0 }) { try await aMoment() }
            await worker.hasStopped()
        }
        let worker = scene.worker()
        try await scene.takeOver(pending.ingestID, epoch: Int64(IngestLimits.losses + 1))
        let last = try await scene.end(pending.ingestID)
        #expect(last.state == .failed && last.reason == "INGEST_CRASHED")
        #expect(try await scene.fixture.rows("documents") == 0)
        #expect(try await scene.fixture.document(pending.id).state == .failed)
        withExtendedLifetime(worker) {}
    }

    @Test func cancellingLeavesNothing() async throws {
        let scene = try await IngestScene.make()
        scene.watched.close()
        let worker = scene.worker()
        let pending = try await scene.send(IngestScene.text(20), "a.md")
        while scene.watched.inside == 0 { try await aMoment() }
        var request = Ragdz_V1_CancelIngestRequest()
        request.id = pending.ingestID
        let cancelled = try await scene.fixture.service.cancelIngest(request, context: scene.fixture.context())
        #expect(cancelled.state == .cancelled && cancelled.reason == "CANCELLED")
        #expect(
            try await scene.fixture.service.cancelIngest(request, context: scene.fixture.context()).state == .cancelled)
        // The worker notices: nobody asks the embedding server for it any more.
        while scene.watched.inside > 0 { try await aMoment() }
        scene.watched.open()
        #expect(try await scene.nothingIsStaged())
        #expect(try await scene.fixture.rows("documents") == 0)
        // The same bytes can come again.
        let again = try await scene.send(IngestScene.text(20), "a.md")
        #expect(try await scene.end(again.ingestID).state == .succeeded)
        let over = await status {
            var late = Ragdz_V1_CancelIngestRequest()
            late.id = again.ingestID
            return try await scene.fixture.service.cancelIngest(late, context: scene.fixture.context())
        }
        #expect(over?.reason == "INGEST_OVER")
        withExtendedLifetime(worker) {}
    }

    @Test func anEmbeddingServerThatIsAwayIsTriedAgain() async throws {
        let scene = try await IngestScene.make()
        scene.watched.fail([ModelError(.unavailable, "down"), ModelError(.timeout, "slow")])
        let worker = scene.worker()
        let pending = try await scene.send(IngestScene.text(4), "a.md")
        let heard = try await scene.watch(pending.ingestID)
        #expect(heard.last?.state == .succeeded && (heard.last?.attempts ?? 0) >= 2)
        withExtendedLifetime(worker) {}
    }

    /// A server that is too slow for a whole request is asked for less at a time, and the document is stored.
    @Test func aSlowEmbeddingServerIsAskedForLess() async throws {
        let scene = try await IngestScene.make()
        scene.watched.beSlow(above: 1)
        let worker = scene.worker()
        let pending = try await scene.send(IngestScene.text(12), "a.md")
        let end = try await scene.end(pending.ingestID)
        #expect(end.state == .succeeded && end.chunksDone == end.chunkCount && end.chunkCount > 4, "\(end.reason)")
        withExtendedLifetime(worker) {}
    }

    @Test func requestsShrinkAtOnceAndGrowSeldom() {
        var fit = RequestFit(most: 64)
        fit.answered()
        #expect(fit.size == 64)
        fit.tookTooLong(64)
        #expect(fit.size == 32)
        // One that was on its way with more than is asked for by now says nothing new.
        fit.tookTooLong(64)
        #expect(fit.size == 32)
        fit.tookTooLong(20)
        #expect(fit.size == 10)
        for _ in 0..<RequestFit.trust - 1 { fit.answered() }
        #expect(fit.size == 10)
        fit.answered()
        #expect(fit.size == 20)
        for _ in 0..<10 { fit.tookTooLong(1) }
        #expect(fit.size == 1)
        for _ in 0..<10 * RequestFit.trust { fit.answered() }
        #expect(fit.size == 64)
    }

    @Test func aFailedIngestGoesOnAtTheStageThatFailed() async throws {
        let scene = try await IngestScene.make()
        scene.watched.fail([ModelError(.wrongDimension, "3 instead of 16"), ModelError(.wrongDimension, "again")])
        let worker = scene.worker()
        let pending = try await scene.send(IngestScene.text(4), "a.md")
        let failed = try await scene.end(pending.ingestID)
        #expect(failed.state == .failed && failed.reason == "EMBEDDINGS_WRONG_DIMENSION" && failed.stage == .embed)
        #expect(try await scene.fixture.rows("documents") == 0)
        // The text is kept: the bytes are not read again.
        #expect(try await scene.fixture.rows("ingest_texts") == 1)
        try await scene.test.asOwner("delete from ragdz.ingest_pieces where ordinal > 0")
        try await scene.test.asOwner("update ragdz.ingest_pieces set data = '%PDF-1.4 no more'")
        scene.watched.fail([])
        var request = Ragdz_V1_RetryIngestRequest()
        request.id = pending.ingestID
        _ = try await scene.fixture.service.retryIngest(request, context: scene.fixture.context())
        #expect(try await scene.end(pending.ingestID).state == .succeeded)
        #expect(try await scene.fixture.document(pending.id).mediaType == "text/markdown")
        let over = await status {
            try await scene.fixture.service.retryIngest(request, context: scene.fixture.context())
        }
        #expect(over?.reason == "INGEST_NOT_RETRYABLE")
        withExtendedLifetime(worker) {}
    }

    @Test func aFileThatCannotBeReadFailsForGood() async throws {
        let scene = try await IngestScene.make()
        let worker = scene.worker()
        let pending = try await scene.send(Array("%PDF-1.7 none".utf8), "a.txt")
        let failed = try await scene.end(pending.ingestID)
        #expect(failed.state == .failed && failed.reason == "INVALID_PDF" && failed.attempts == 1)
        #expect(try await scene.nothingIsStaged())
        var request = Ragdz_V1_RetryIngestRequest()
        request.id = pending.ingestID
        let refused = await status {
            try await scene.fixture.service.retryIngest(request, context: scene.fixture.context())
        }
        #expect(refused?.reason == "INGEST_NOT_RETRYABLE")
        withExtendedLifetime(worker) {}
    }

    /// Who had its turn, in order; places are kept until all are let go.
    private final class TurnLog: Sendable {
        private let state = Mutex<(order: [UUID128], isOpen: Bool)>(([], false))
        var order: [UUID128] { state.withLock { $0.order } }
        func open() { state.withLock { $0.isOpen = true } }

        func take(_ turns: FairTurns, _ tenant: UUID128) async throws {
            try await turns.pass(tenant) {
                state.withLock { $0.order.append(tenant) }
                while !state.withLock({ $0.isOpen }) { try await aMoment() }
            }
        }
    }

    @Test func tenantsShareTheEmbeddingServer() async throws {
        let turns = FairTurns(places: 1)
        let (many, one) = (UUID128.v4(), UUID128.v4())
        let log = TurnLog()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await log.take(turns, many) }
            while log.order.isEmpty { try await aMoment() }
            for number in 1...6 {
                let tenant = number == 6 ? one : many
                group.addTask { try await log.take(turns, tenant) }
                while turns.waitingNow < number { try await aMoment() }
            }
            log.open()
            try await group.waitForAll()
        }
        #expect(log.order == [many, many, one, many, many, many, many])
    }

    @Test func whoLeavesTheQueueIsNotWaitedFor() async throws {
        let turns = FairTurns(places: 1)
        let tenant = UUID128.v4()
        let isOpen = Mutex(false)
        let holder = Task {
            try await turns.pass(tenant) { while !isOpen.withLock({ $0 }) { try await aMoment() } }
        }
        let leaver = Task { try await turns.pass(tenant) {} }
        while turns.waitingNow == 0 { try await aMoment() }
        leaver.cancel()
        await #expect(throws: CancellationError.self) { try await leaver.value }
        #expect(turns.waitingNow == 0)
        isOpen.withLock { $0 = true }
        try await holder.value
        #expect(try await turns.pass(tenant) { 7 } == 7)
    }

    /// Who has a thousand waiting does not keep another tenant from its first.
    @Test func tenantsTakeTurnsInTheQueue() async throws {
        let scene = try await IngestScene.make()
        for number in 0..<6 { _ = try await scene.send(Array("Text number \(number).".utf8), "\(number).txt") }
        let other = RetrievalFixture(service: scene.fixture.service, test: scene.test, tenant: .v4())
        try await other.createCollection("c")
        let theirs = IngestScene(test: scene.test, tenant: other.tenant, watched: scene.watched, fixture: other)
        _ = try await theirs.send(Array("Text of another one.".utf8), "a.txt")
        let store = IngestStore(database: scene.test.database)
        let claims = try await store.claim(owner: .v4(), models: ["watched"], wanted: 2, lease: .seconds(60))
        #expect(Set(claims.map(\.tenant)) == [scene.tenant, other.tenant])
        let more = try await store.claim(owner: .v4(), models: ["watched"], wanted: 100, lease: .seconds(60))
        #expect(more.count == 5)
        #expect(try await store.claim(owner: .v4(), models: ["words"], wanted: 100, lease: .seconds(60)).isEmpty)
        // A claim of one tenant's is nothing under another's identity.
        let claim = try #require(claims.first { $0.tenant == scene.tenant })
        let stolen = IngestClaim(tenant: other.tenant, id: claim.id, epoch: claim.epoch)
        #expect(try await store.load(stolen) == nil)
        #expect(try await store.renew(stolen, lease: .seconds(1)) == false)
        #expect(try await store.renew(claim, lease: .seconds(60)))
        // And nothing under an older epoch.
        let old = IngestClaim(tenant: claim.tenant, id: claim.id, epoch: claim.epoch - 1)
        #expect(try await store.renew(old, lease: .seconds(1)) == false)
    }
}
