import Bytes
import Embedded
import Foundation
import Language
import Logging
import Models
import Postgres
import RPC
import Schema
import Support
import Testing

@testable import Retrieval

/// The service over a real database, called the way the server calls it.
struct RetrievalFixture: Sendable {
    let service: RetrievalService
    let test: TestDatabase
    let tenant: UUID128
    /// Of the key that calls.
    var scopes: ScopeSet = ["*"]
    var keyID = "test"
    var worker: IngestWorker?

    static var quiet: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }

    static func make(
        embedder: any TextEmbedder, chat: (any ChatModel)? = nil, suite: String = #fileID, tenant: UUID128 = .v4()
    ) async throws -> RetrievalFixture {
        let test = try await TestDatabase.shared(suite)
        let service = RetrievalService(
            database: test.database, embedder: embedder, chat: chat, extractor: extractor, logger: quiet)
        return RetrievalFixture(service: service, test: test, tenant: tenant, worker: IngestWorker(service))
    }

    /// Of the runtime folder, with the script as it is in the checkout.
    static var extractor: ExtractorProgram {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return ExtractorProgram(
            python: Runtime().python, script: root.appendingPathComponent("scripts/extractor.py").path)
    }

    /// With the embedding model that ships.
    static func real(chat: (any ChatModel)? = nil, suite: String = #fileID) async throws -> RetrievalFixture {
        try await make(embedder: try await RealEmbedder.shared.client(), chat: chat, suite: suite)
    }

    func context(
        _ method: MethodDescriptor = Ragdz_V1_Retrieval.Methods.search, tenant: UUID128? = nil,
        metadata: Metadata = Metadata()
    ) -> ServerContext {
        ServerContext(
            method: method, metadata: metadata,
            identity: .tenantKey(tenant: tenant ?? self.tenant, keyID: keyID, scopes: scopes))
    }

    /// The same service as another tenant sees it.
    func other() -> RetrievalFixture {
        RetrievalFixture(service: service, test: test, tenant: .v4(), worker: worker)
    }

    /// The same service as another key of the tenant sees it: it reads and writes, and has these groups.
    func member(of groups: String...) -> RetrievalFixture {
        var member = self
        member.scopes = ScopeSet(["retrieval.*"] + groups.map { "group.\($0)" })
        return member
    }

    @discardableResult
    func createCollection(_ name: String, groups: [String] = []) async throws -> Ragdz_V1_Collection {
        var request = Ragdz_V1_CreateCollectionRequest()
        request.name = name
        request.groups = groups
        return try await service.createCollection(request, context: context())
    }

    func upload(
        _ bytes: [UInt8], to collection: String, filename: String, title: String = "", piece: Int = 500_000,
        about attributes: Ragdz_V1_DocumentAttributes? = nil
    ) async throws -> Ragdz_V1_Document {
        var header = Ragdz_V1_UploadHeader()
        header.collection = collection
        header.filename = filename
        header.title = title
        header.attributes = attributes
        var messages: [Ragdz_V1_UploadDocumentRequest] = []
        var first = Ragdz_V1_UploadDocumentRequest()
        first.part = .header(header)
        messages.append(first)
        for start in stride(from: 0, to: bytes.count, by: piece) {
            var message = Ragdz_V1_UploadDocumentRequest()
            message.part = .data(Array(bytes[start..<min(start + piece, bytes.count)]))
            messages.append(message)
        }
        return try await upload(messages)
    }

    func upload(_ messages: [Ragdz_V1_UploadDocumentRequest]) async throws -> Ragdz_V1_Document {
        let stream = AsyncStream { continuation in
            for message in messages { continuation.yield(message) }
            continuation.finish()
        }
        return try await service.uploadDocument(RequestStream(stream), context: context())
    }

    func search(
        _ query: String, collections: [String] = [], limit: Int32 = 10, languages: [String] = [],
        filter: Ragdz_V1_Filter? = nil
    ) async throws -> [Ragdz_V1_SearchHit] {
        var request = Ragdz_V1_SearchRequest()
        request.query = query
        request.collections = collections
        request.limit = limit
        request.languages = languages
        request.filter = filter
        return try await service.search(request, context: context()).hits
    }

    func ask(
        _ question: String, collections: [String] = [], language: String = "", extractive: Bool = false
    ) async throws -> [Ragdz_V1_AskEvent.OneOf_Event] {
        var request = Ragdz_V1_AskRequest()
        request.question = question
        request.collections = collections
        request.answerLanguage = language
        request.extractive = extractive
        let events = EventLog()
        try await service.ask(request, responses: ResponseWriter { await events.add($0) }, context: context())
        return await events.all
    }

    func document(_ id: String) async throws -> Ragdz_V1_Document {
        var request = Ragdz_V1_GetDocumentRequest()
        request.id = id
        return try await service.getDocument(request, context: context())
    }

    func text(_ id: String) async throws -> Ragdz_V1_DocumentText {
        var request = Ragdz_V1_GetDocumentTextRequest()
        request.id = id
        return try await service.getDocumentText(request, context: context())
    }

    func filename(of id: String) async throws -> String { try await document(id).filename }

    func features(_ question: String) async throws -> EvidenceGate.Features {
        let query = try await service.search.analyse(question)
        let passages = try await service.search.search(
            Caller(tenant: tenant), query, scope: SearchScope(), limit: RetrievalLimits.defaultPassages
        ).passages
        return try await service.answers.evidence(for: query, in: passages).features
    }

    /// Rows of a table, whoever they belong to.
    func rows(_ table: String) async throws -> Int {
        let rows = try await test.asOwner("select count(*) as n from ragdz.\(table) where tenant_id = $1", [tenant])
        return try rows[0].get("n")
    }
}

/// Works on the ingests of a service as long as somebody holds it.
final class IngestWorker: Sendable {
    private let task: Task<Void, Never>

    init(_ service: RetrievalService) { task = Task { await service.runIngests() } }
    deinit { task.cancel() }

    /// Returns once a worker that dies has nothing under way: a claim that it had asked for would go to nobody.
    func hasStopped() async { await task.value }
}

actor EventLog {
    private(set) var all: [Ragdz_V1_AskEvent.OneOf_Event] = []
    func add(_ event: Ragdz_V1_AskEvent) {
        if let event = event.event { all.append(event) }
    }
}

/// The status that a call ends with.
func status<R>(_ body: () async throws -> R) async -> Status? {
    do {
        _ = try await body()
        return nil
    } catch { return error as? Status ?? Status(.unknown, "\(error)") }
}

/// A cheap embedder for tests that are not about meaning: words count, in 16 numbers.
struct WordEmbedder: TextEmbedder {
    /// Each its own, so that the worker of one test leaves the ingests of others alone where tests share a database.
    var model = "words \(UUID128.v4())"
    var dimension = 16
    /// Models of the same dimension have vectors of their own.
    var seed = 7

    func embed(_ texts: [String]) async throws(ModelError) -> [[Float]] {
        texts.map { text in
            var vector = [Float](repeating: 0.01, count: dimension)
            for word in text.lowercased().split(whereSeparator: { !$0.isLetter && !$0.isNumber }) {
                let sum = word.unicodeScalars.reduce(seed) { ($0 &* 31 &+ Int($1.value)) & 0xFFFF }
                vector[sum % dimension] += 1
            }
            let length = vector.map { $0 * $0 }.reduce(0, +).squareRoot()
            return vector.map { $0 / length }
        }
    }
}

/// The embedding server that ships, started once for the process.
actor RealEmbedder {
    static let shared = RealEmbedder()
    private var starting: Task<EmbeddingServer, any Error>?
    private let http = HTTPClient()
    var memory: RememberingEmbedder?

    func client() async throws -> EmbeddingClient {
        if starting == nil {
            starting = Task { try await EmbeddingServer.start(logger: RetrievalFixture.quiet) }
        }
        guard let server = try await starting?.value else { throw CancellationError() }
        return EmbeddingClient(
            client: http, endpoint: ModelEndpoint(url: server.url, model: EmbeddingServer.model),
            dimension: EmbeddingServer.dimensions)
    }
}
