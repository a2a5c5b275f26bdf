public import Bytes
internal import Language
internal import RPC
internal import Schema
internal import Stores

/// A piece of a document. Places count Unicode scalars of the document's text, end exclusive.
public struct SourcePassage: Sendable, Hashable {
    public var chunkID: UUID128
    public var documentID: UUID128
    /// Of the document.
    public var title: String
    public var language: String
    public var text: String
    /// From 1; 0 when the document has no pages.
    public var page: Int
    public var start: Int
    public var end: Int

    public init(
        chunkID: UUID128, documentID: UUID128, title: String, language: String, text: String, page: Int, start: Int,
        end: Int
    ) {
        self.chunkID = chunkID
        self.documentID = documentID
        self.title = title
        self.language = language
        self.text = text
        self.page = page
        self.start = start
        self.end = end
    }
}

/// A sentence of a document, word for word.
public struct SourceQuote: Sendable, Hashable {
    public let documentID: UUID128
    public let chunkID: UUID128
    public let title: String
    public let page: Int
    public let start: Int
    public let end: Int
    public let quote: String
}

/// What other features may ask of retrieval without a call of their own: the actions of workflows, for instance.
/// `ragdzd` hands it to them. Errors are `Status`.
///
/// They see what every key of the tenant may see: what they make is there for all of these, so nothing that is limited to
/// groups may go into it.
public struct RetrievalSources: Sendable {
    private let service: RetrievalService

    public init(_ service: RetrievalService) { self.service = service }

    /// The passages that are nearest to the query, best first. Collections are ids or names; none means all.
    public func passages(
        about query: String, in collections: [String], limit: Int, tenant: UUID128
    ) async throws -> [SourcePassage] {
        try await statusErrors {
            let text = try RetrievalRules.query(query, field: "query")
            let caller = Caller(tenant: tenant)
            let scope = try await service.store.scope(caller, collections, includesShared: false)
            let analysed = try await service.search.analyse(text, for: caller)
            let found = try await service.search.search(
                caller, analysed, scope: scope, limit: min(max(limit, 1), RetrievalLimits.searchHits))
            return found.passages.map { passage in
                SourcePassage(
                    chunkID: passage.chunk, documentID: passage.document, title: passage.title,
                    language: passage.language, text: passage.content, page: passage.page, start: Int(passage.start),
                    end: Int(passage.end))
            }
        }
    }

    /// The sentences of the passages that say most about the topic, best first, each exactly as it stands there.
    /// None: the passages say nothing about it.
    ///
    /// The passages need not be of our making: each is read again under the tenant's identity and must be what the
    /// chunk that it names holds. One that is not ends in `FAILED_PRECONDITION`, reason `PASSAGE_CHANGED`, whether
    /// it was made up, belongs to somebody else or has been deleted since.
    public func quotes(
        about topic: String, from claimed: [SourcePassage], limit: Int, tenant: UUID128
    ) async throws -> [SourceQuote] {
        guard !claimed.isEmpty else { return [] }
        return try await statusErrors {
            let passages = try await stored(claimed, tenant: tenant)
            let query = try await service.search.analyse(try RetrievalRules.query(topic, field: "topic"))
            let read = passages.map { source in
                Passage(
                    chunk: source.chunkID, document: source.documentID, title: source.title,
                    language: source.language, content: source.text, page: source.page, start: Int64(source.start),
                    end: Int64(source.end))
            }
            let evidence = try await service.answers.evidence(for: query, in: read)
            // No passage was searched for here, so its own similarity is that of its best sentence.
            var features = evidence.features
            features.passageSimilarity = max(features.passageSimilarity, features.sentenceSimilarity)
            features.passageCoverage = max(features.passageCoverage, features.sentenceCoverage)
            // Nothing was ranked either, so there are no distances to weigh.
            features.isFew = true
            guard service.answers.gate.passes(features) else { return [] }
            return evidence.composer.many(limit: limit).map { quote in
                let source = passages[quote.passage]
                return SourceQuote(
                    documentID: source.documentID, chunkID: source.chunkID, title: source.title, page: source.page,
                    start: source.start + quote.range.lowerBound, end: source.start + quote.range.upperBound,
                    quote: quote.text)
            }
        }
    }

    /// The passages as they are stored now, with the title and the page that are true of them.
    private func stored(_ claimed: [SourcePassage], tenant: UUID128) async throws -> [SourcePassage] {
        let found = try await service.store.chunks(Caller(tenant: tenant), claimed.map(\.chunkID))
        return try claimed.map { claim in
            guard let chunk = found[claim.chunkID], chunk.documentID == claim.documentID,
                chunk.start == claim.start, chunk.end == claim.end,
                chunk.text.unicodeScalars.elementsEqual(claim.text.unicodeScalars)
            else {
                throw Status.failedPrecondition(
                    "A passage is not what its document holds at that place. Search again.",
                    reason: "PASSAGE_CHANGED")
            }
            return chunk
        }
    }

    /// Stores a Markdown text as a document and returns its id. The same key, collection and text always make the same
    /// document: doing it again changes nothing.
    public func store(
        _ text: String, title: String, filename: String, in collection: String, idempotencyKey: String,
        tenant: UUID128
    ) async throws -> UUID128 {
        try await statusErrors {
            let caller = Caller(tenant: tenant)
            let found = try await service.store.collection(caller, collection)
            let id = DeterministicID.make("stored", [found.id.description, idempotencyKey])
            let name = try RetrievalRules.filename(filename)
            var header = Ragdz_V1_UploadHeader()
            header.collection = found.id.description
            header.filename = name
            header.title = title
            var upload = try await service.intake.begin(
                caller, into: found, header, filename: name, type: .markdown, document: id)
            let accepted: IngestIntake.Accepted
            do {
                try await upload.add(Array(text.utf8))
                accepted = try await upload.accept()
            } catch {
                await upload.abandon()
                throw error
            }
            switch accepted {
            case .known(let document): return document.id
            case .ingest(let ingest, _): return try await service.intake.document(caller, of: ingest).document.id
            }
        }
    }

    private func statusErrors<R>(_ body: () async throws -> R) async throws -> R {
        do { return try await body() } catch { throw Status(database: error, service.logger) }
    }
}
