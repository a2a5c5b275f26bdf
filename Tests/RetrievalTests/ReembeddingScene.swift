import Bytes
import Models
import Postgres
import RPC
import Schema
import Support
import Testing

@testable import Retrieval

/// A collection that was embedded by one model, on a server that has a second one.
struct ReembeddingScene: Sendable {
    let test: TestDatabase
    let old: WatchedEmbedder
    let new: WatchedEmbedder
    /// The part of the service that takes calls; it works on nothing.
    let fixture: RetrievalFixture

    static func make(dimension: Int = 24) async throws -> ReembeddingScene {
        let test = try await TestDatabase.fresh()
        let old = WatchedEmbedder(model: "old")
        let new = WatchedEmbedder(model: "new@2", dimension: dimension, seed: 11)
        let service = Self.service(test, old, new)
        let scene = ReembeddingScene(
            test: test, old: old, new: new,
            fixture: RetrievalFixture(service: service, test: test, tenant: .v4()))
        try await scene.fixture.createCollection("c")
        return scene
    }

    static func service(
        _ test: TestDatabase, _ old: WatchedEmbedder, _ new: WatchedEmbedder,
        dies: (@Sendable (ReembeddingEngine.Moment) -> Bool)? = nil
    ) -> RetrievalService {
        var configuration = IngestConfiguration.defaults
        // No lease ends because the machine is slow: tests end those of dead workers by hand.
        configuration.lease = .seconds(600)
        configuration.renewal = .milliseconds(100)
        // Sets that nobody searches go when the test says so.
        configuration.sweep = .seconds(86_400)
        configuration.poll = .milliseconds(30)
        configuration.batch = 4
        configuration.firstPause = .milliseconds(20)
        return RetrievalService(
            database: test.database, models: EmbeddingModels(old, further: [new]), chat: nil,
            extractor: TextExtractor(program: RetrievalFixture.extractor), ingests: configuration,
            logger: RetrievalFixture.quiet, reembeddingDies: dies)
    }

    /// A worker that lives as long as it is held.
    func worker(dies: (@Sendable (ReembeddingEngine.Moment) -> Bool)? = nil) -> IngestWorker {
        IngestWorker(Self.service(test, old, new, dies: dies))
    }

    /// With a worker at hand.
    func upload(_ text: String, _ filename: String, to collection: String = "c") async throws -> Ragdz_V1_Document {
        try await fixture.upload(Array(text.utf8), to: collection, filename: filename)
    }

    /// Documents of a few chunks each.
    func fill(_ documents: Int) async throws -> [Ragdz_V1_Document] {
        var stored: [Ragdz_V1_Document] = []
        for number in 0..<documents {
            let text = String(decoding: IngestScene.text(3), as: UTF8.self)
            stored.append(try await upload("Document \(number).\n\n\(text)", "d\(number).md"))
        }
        return stored
    }

    @discardableResult
    func reembed(_ model: String = "new@2", _ collection: String = "c") async throws -> Ragdz_V1_Reembedding {
        var request = Ragdz_V1_ReembedCollectionRequest()
        request.id = collection
        request.embeddingModel = model
        return try await fixture.service.reembedCollection(request, context: fixture.context())
    }

    func now(_ collection: String = "c") async throws -> Ragdz_V1_Reembedding {
        var request = Ragdz_V1_GetReembeddingRequest()
        request.id = collection
        return try await fixture.service.getReembedding(request, context: fixture.context())
    }

    func cancel() async throws -> Ragdz_V1_Reembedding {
        var request = Ragdz_V1_CancelReembeddingRequest()
        request.id = "c"
        return try await fixture.service.cancelReembedding(request, context: fixture.context())
    }

    func end(_ collection: String = "c") async throws -> Ragdz_V1_Reembedding {
        while true {
            let now = try await now(collection)
            if now.state != .pending && now.state != .running { return now }
            try await aMoment()
        }
    }

    /// What somebody sees who searches: which documents, how near, in what order.
    func seen(_ query: String = "original sentence 3 subject", limit: Int32 = 30) async throws -> [String] {
        try await fixture.search(query, limit: limit).map { "\($0.chunkID) \($0.similarity) \($0.denseRank)" }
    }

    /// Vectors of the model in the collection, and its chunks that have exactly one.
    func vectors(of model: WatchedEmbedder) async throws -> (count: Int, chunks: Int) {
        let row = try await test.asOwner(
            """
            select (select count(*) from ragdz.chunk_vectors v where v.model_key = k) as count, (
                select count(*) from ragdz.chunks c where 1 = (
                    select count(*) from ragdz.chunk_vectors v
                    where v.tenant_id = c.tenant_id and v.chunk_id = c.id and v.model_key = k)) as chunks
            from ragdz.model_key($1, $2) k
            """, [model.model, model.dimension])[0]
        return (try row.get("count"), try row.get("chunks"))
    }

    func removeRetired() async throws {
        while try await fixture.service.reembeddings.store.removeRetired(atMost: 7) != nil {}
    }

    /// Ends the lease of a dead worker, as time would.
    func endLease(of service: RetrievalService) async throws {
        try await test.asOwner(
            "update ragdz.reembeddings set due_at = clock_timestamp() where state = 2 and lease_owner = $1",
            [service.reembeddings.owner])
    }
}
