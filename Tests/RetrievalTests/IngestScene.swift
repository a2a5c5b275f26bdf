import Bytes
import Models
import Postgres
import RPC
import Schema
import Support
import Synchronization
import Testing

@testable import Retrieval

/// Between two looks at what a test waits for: the other tests need the processors. A test that is cancelled waits no longer.
func aMoment() async throws { try await Task.sleep(for: .milliseconds(3)) }

/// An embedder that counts what it is asked for, and that fails or waits when it is told to.
final class WatchedEmbedder: TextEmbedder {
    let model: String
    let dimension: Int
    private let seed: Int
    private struct State {
        var texts: [String] = []
        var failures: [ModelError] = []
        var isClosed = false
        var slowAbove = Int.max
        var inside = 0
        var most = 0
    }
    private let state = Mutex(State())

    init(model: String = "watched", dimension: Int = 16, seed: Int = 7) {
        self.seed = seed
        self.model = model
        self.dimension = dimension
    }

    var texts: [String] { state.withLock { $0.texts } }
    var most: Int { state.withLock { $0.most } }
    var inside: Int { state.withLock { $0.inside } }
    func forget() { state.withLock { $0.texts = [] } }
    func fail(_ errors: [ModelError]) { state.withLock { $0.failures = errors } }
    /// Whoever asks for more texts at a time gets no answer in time.
    func beSlow(above count: Int) { state.withLock { $0.slowAbove = count } }
    /// While it is closed, who asks waits.
    func close() { state.withLock { $0.isClosed = true } }
    func open() { state.withLock { $0.isClosed = false } }

    func embed(_ texts: [String]) async throws(ModelError) -> [[Float]] {
        state.withLock { state in
            state.inside += 1
            state.most = max(state.most, state.inside)
        }
        defer { state.withLock { $0.inside -= 1 } }
        while state.withLock({ $0.isClosed }) {
            if Task.isCancelled { throw ModelError(.cancelled, "cancelled") }
            try? await aMoment()
        }
        if state.withLock({ texts.count > $0.slowAbove }) { throw ModelError(.timeout, "slow") }
        let failure = state.withLock { $0.failures.isEmpty ? nil : $0.failures.removeFirst() }
        if let failure { throw failure }
        state.withLock { $0.texts += texts }
        return try await WordEmbedder(dimension: dimension, seed: seed).embed(texts)
    }
}

/// A database of its own, with workers that come and go.
struct IngestScene: Sendable {
    let test: TestDatabase
    let tenant: UUID128
    let watched: WatchedEmbedder
    /// The part of the service that takes calls; it works on nothing.
    let fixture: RetrievalFixture

    static func make(suite: String = #fileID) async throws -> IngestScene {
        let test = try await TestDatabase.fresh()
        let embedder = WatchedEmbedder()
        let tenant = UUID128.v4()
        let service = Self.service(test, embedder)
        let scene = IngestScene(
            test: test, tenant: tenant, watched: embedder,
            fixture: RetrievalFixture(service: service, test: test, tenant: tenant))
        try await scene.fixture.createCollection("c")
        return scene
    }

    static func service(
        _ test: TestDatabase, _ embedder: WatchedEmbedder,
        dies: (@Sendable (IngestEngine.Moment, IngestClaim) -> Bool)? = nil
    ) -> RetrievalService {
        var configuration = IngestConfiguration.defaults
        // No lease ends because the machine is slow: tests end those of dead workers by hand.
        configuration.lease = .seconds(600)
        configuration.renewal = .milliseconds(100)
        configuration.poll = .milliseconds(30)
        configuration.batch = 4
        configuration.firstPause = .milliseconds(20)
        return RetrievalService(
            database: test.database, models: EmbeddingModels(embedder), chat: nil,
            extractor: TextExtractor(program: RetrievalFixture.extractor), ingests: configuration,
            logger: RetrievalFixture.quiet, dies: dies)
    }

    /// A worker that lives as long as it is held.
    func worker(dies: (@Sendable (IngestEngine.Moment, IngestClaim) -> Bool)? = nil) -> IngestWorker {
        IngestWorker(Self.service(test, watched, dies: dies))
    }

    /// Sends a file and does not wait.
    func send(
        _ bytes: [UInt8], _ filename: String, replaces: String = "",
        about attributes: Ragdz_V1_DocumentAttributes? = nil
    ) async throws -> Ragdz_V1_Document {
        var header = Ragdz_V1_UploadHeader()
        header.collection = "c"
        header.filename = filename
        header.background = true
        header.replaces = replaces
        header.attributes = attributes
        var first = Ragdz_V1_UploadDocumentRequest()
        first.part = .header(header)
        var messages = [first]
        for start in stride(from: 0, to: bytes.count, by: 700_000) {
            var message = Ragdz_V1_UploadDocumentRequest()
            message.part = .data(Array(bytes[start..<min(start + 700_000, bytes.count)]))
            messages.append(message)
        }
        return try await fixture.upload(messages)
    }

    /// Ends the lease of this epoch as time would, once its worker is gone, and returns once another worker has taken the ingest.
    func takeOver(_ id: String, epoch: Int64) async throws {
        let wanted = UUID128(id)
        while true {
            // Again and again: the dead one's last renewal may still have been on its way.
            try await test.asOwner(
                "update ragdz.ingests set due_at = clock_timestamp() where id = $1 and lease_epoch = $2",
                [wanted, epoch])
            let now: Int64 = try await test.asOwner(
                "select lease_epoch as epoch from ragdz.ingests where id = $1", [wanted])[0].get("epoch")
            if now > epoch { return }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    func ingest(_ id: String) async throws -> Ragdz_V1_Ingest {
        var request = Ragdz_V1_GetIngestRequest()
        request.id = id
        return try await fixture.service.getIngest(request, context: fixture.context())
    }

    /// Everything that a watcher is told, up to the end.
    func watch(_ id: String) async throws -> [Ragdz_V1_Ingest] {
        var request = Ragdz_V1_WatchIngestRequest()
        request.id = id
        let heard = Heard()
        try await fixture.service.watchIngest(
            request, responses: ResponseWriter { await heard.add($0) }, context: fixture.context())
        return await heard.all
    }

    private actor Heard {
        var all: [Ragdz_V1_Ingest] = []
        func add(_ ingest: Ragdz_V1_Ingest) { all.append(ingest) }
    }

    func end(_ id: String) async throws -> Ragdz_V1_Ingest {
        try #require(try await watch(id).last)
    }

    /// Nothing of an ingest is left but its row.
    func nothingIsStaged() async throws -> Bool {
        for table in ["ingest_pieces", "ingest_texts", "ingest_text_pieces", "ingest_chunks"] {
            if try await fixture.rows(table) != 0 { return false }
        }
        return true
    }

    /// Sections of some hundred characters, each its own chunk.
    static func text(_ sections: Int, changed: Set<Int> = []) -> [UInt8] {
        var text = ""
        for section in 0..<sections {
            text += "## Section number \(section)\n\n"
            for sentence in 0..<12 {
                let word = changed.contains(section) ? "changed" : "original"
                text += "The \(word) sentence \(sentence) of section \(section) tells about subject \(section * 7). "
            }
            text += "\n\n"
        }
        return Array(text.utf8)
    }
}
