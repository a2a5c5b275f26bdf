internal import Bytes
internal import Language
internal import Models
internal import Postgres

/// A finished document, about to be stored.
struct FinishedIngest: Sendable {
    let claim: IngestClaim
    let collection: UUID128
    let document: UUID128
    /// A new version of a document that is there.
    let replaces: Bool
    /// Of a document that is new; a version keeps those that there are.
    let attributes: DocumentAttributes
    let filename: String
    let byteSize: Int64
    let sha256: String
    /// What the staged vectors were made with.
    let embedder: any TextEmbedder
    let text: TextSummary
    let plan: ChunkPlan
}

/// How storing went, when nothing was lost.
enum IngestOutcome: Sendable, Equatable {
    case stored
    /// The same bytes are there, as this document.
    case duplicate(UUID128)
    case noCollection
    /// What was to be replaced is gone.
    case noDocument
    /// The same bytes are another document of the collection, or the document's id is another one's.
    case conflict
}

extension IngestStore {
    /// Keeps finished chunks, in order; throws `IngestLost` when the lease is.
    func stage(
        _ claim: IngestClaim, _ rows: [(row: ChunkPlan.Row, vector: [Float]?)], of count: Int, micros: Int64,
        by embedder: any TextEmbedder
    ) async throws {
        let fresh = rows.compactMap { row in row.vector.map { (row.row, $0) } }
        let known = rows.filter { $0.vector == nil }.map(\.row)
        try await database.transaction(as: claim.identity) { transaction in
            try await Self.stage(claim, fresh, known, count, micros, embedder, transaction)
        }
    }

    private static func stage(
        _ claim: IngestClaim, _ fresh: [(ChunkPlan.Row, [Float])], _ known: [ChunkPlan.Row], _ count: Int,
        _ micros: Int64, _ embedder: any TextEmbedder, _ transaction: Transaction
    ) async throws {
        if !fresh.isEmpty {
            let staged = try await stageFresh(transaction, claim, fresh, count, micros)
            guard staged == fresh.count else { throw IngestLost() }
        }
        if !known.isEmpty {
            let staged = try await stageKnown(transaction, claim, known, count, embedder)
            if staged == 0 { throw IngestLost() }
            // The version that had the vectors was replaced or deleted in between.
            guard staged == known.count else { throw StagingLost() }
        }
        try await Queries.notifyIngests(transaction, payloads: [claim.id.description])
    }

    private static func stageFresh(
        _ transaction: Transaction, _ claim: IngestClaim, _ rows: [(ChunkPlan.Row, [Float])], _ count: Int,
        _ micros: Int64
    ) async throws -> Int {
        let chunks = rows.map(\.0.chunk)
        return try await Queries.stageChunks(
            transaction, chunkCount: count, chunkIDs: rows.map(\.0.id),
            characters: rows.reduce(0) { $0 + Int64($1.0.embeddingInput.unicodeScalars.count) }, micros: micros,
            id: claim.id, epoch: claim.epoch, ordinals: chunks.map(\.ordinal), pages: chunks.map(\.page),
            starts: chunks.map { Int64($0.range.lowerBound) }, ends: chunks.map { Int64($0.range.upperBound) },
            utf16Starts: rows.map { Int64($0.0.utf16Start) }, languages: chunks.map(\.language.rawValue),
            titlePaths: chunks.map { $0.titlePath.joined(separator: RetrievalStore.pathSeparator) },
            contents: rows.map(\.0.content), lexemes: rows.map(\.0.terms.vector),
            lexemeCounts: rows.map(\.0.terms.count), embeddings: rows.map { HalfVector($0.1) })
    }

    private static func stageKnown(
        _ transaction: Transaction, _ claim: IngestClaim, _ rows: [ChunkPlan.Row], _ count: Int,
        _ embedder: any TextEmbedder
    ) async throws -> Int {
        let chunks = rows.map(\.chunk)
        return try await Queries.stageKnownChunks(
            transaction, chunkCount: count, chunkIDs: rows.map(\.id), id: claim.id, epoch: claim.epoch,
            ordinals: chunks.map(\.ordinal), pages: chunks.map(\.page),
            starts: chunks.map { Int64($0.range.lowerBound) }, ends: chunks.map { Int64($0.range.upperBound) },
            utf16Starts: rows.map { Int64($0.utf16Start) }, languages: chunks.map(\.language.rawValue),
            titlePaths: chunks.map { $0.titlePath.joined(separator: RetrievalStore.pathSeparator) },
            contents: rows.map(\.content), lexemes: rows.map(\.terms.vector), lexemeCounts: rows.map(\.terms.count),
            model: embedder.model, dimension: embedder.dimension)
    }

    /// Makes the document of what is staged, in one transaction: the old version answers until its end, the new one from then
    /// on. Throws `IngestLost` or `StagingLost`, and then nothing has happened.
    func finish(_ finished: FinishedIngest) async throws -> IngestOutcome {
        do {
            return try await database.transaction(as: finished.claim.identity) { transaction in
                try await Self.finish(finished, transaction)
            }
        } catch let refused as Refused {
            return refused.outcome
        } catch let error as PostgresError where error.isUniqueViolation {
            return .conflict
        }
    }

    /// Rolls the transaction back.
    private struct Refused: Error {
        let outcome: IngestOutcome
    }

    private static func finish(_ finished: FinishedIngest, _ transaction: Transaction) async throws -> IngestOutcome {
        let collection = try await Queries.lockCollection(transaction, id: finished.collection)
        guard let collection else { throw Refused(outcome: .noCollection) }
        guard collection.embeddingModel == finished.embedder.model else {
            throw ModelChanged(model: collection.embeddingModel)
        }
        // The document before the ingest, as who deletes or changes one does.
        let old = try await Queries.lockDocument(transaction, id: finished.document)
        let claim = finished.claim
        let done = try await Queries.finishIngest(
            transaction, retentionMicros: IngestLimits.retention.micros, id: claim.id, epoch: claim.epoch)
        guard done == 1 else { throw IngestLost() }
        let known = try await put(finished, over: old, transaction)
        if let known { try await Queries.markDuplicate(transaction, documentID: known, id: claim.id) }
        try await Queries.dropStaging(transaction, ingestIDs: [claim.id])
        try await Queries.notifyIngests(transaction, payloads: [claim.id.description])
        return known.map { .duplicate($0) } ?? .stored
    }

    /// The document that holds the same bytes already; nil when it was stored.
    private static func put(
        _ finished: FinishedIngest, over old: Queries.LockDocumentRow?, _ transaction: Transaction
    ) async throws -> UUID128? {
        let groups = finished.replaces ? old?.groups : finished.attributes.groups
        guard let groups else { throw Refused(outcome: .noDocument) }
        let same = try await Queries.findDocumentByHash(
            transaction, collectionID: finished.collection, sha256: finished.sha256, groups: groups)
        if let same {
            guard same.id == finished.document || !finished.replaces else { throw Refused(outcome: .conflict) }
            return same.id
        }
        let count = finished.plan.count
        if finished.replaces {
            guard let old else { throw Refused(outcome: .noDocument) }
            try await Queries.deleteChunks(transaction, documentID: finished.document)
            try await update(finished, transaction)
            _ = try await Queries.countDocument(
                transaction, documents: 0, chunks: Int64(count - old.chunkCount), id: finished.collection)
        } else {
            guard old == nil, try await insert(finished, transaction) else { throw Refused(outcome: .conflict) }
            _ = try await Queries.countDocument(
                transaction, documents: 1, chunks: Int64(count), id: finished.collection)
        }
        let chunks = try await Queries.insertStagedChunks(
            transaction, ingestID: finished.claim.id, documentID: finished.document)
        let vectors = try await Queries.insertStagedVectors(
            transaction, model: finished.embedder.model, dimension: finished.embedder.dimension,
            ingestID: finished.claim.id, documentID: finished.document)
        guard chunks == count, vectors == count else { throw StagingLost() }
        return nil
    }

    private static func insert(_ finished: FinishedIngest, _ transaction: Transaction) async throws -> Bool {
        let (text, about) = (finished.text, finished.attributes)
        let row = try await Queries.insertDocument(
            transaction, id: finished.document, collectionID: finished.collection, filename: finished.filename,
            title: finished.plan.title, mediaType: text.mediaType.rawValue,
            language: finished.plan.language.rawValue, byteSize: finished.byteSize,
            characterCount: Int64(text.count), pageCount: text.pageCount, ingestID: finished.claim.id,
            sha256: finished.sha256, chunkCount: finished.plan.count, analyzerVersion: LexicalAnalyzer.version,
            groups: about.groups,
            country: about.country, theme: about.theme, source: about.source, official: about.isOfficial,
            documentTime: about.dateMicros.map { PostgresTimestamp(unixMicros: $0) }, tags: about.tags)
        return row != nil
    }

    private static func update(_ finished: FinishedIngest, _ transaction: Transaction) async throws {
        let text = finished.text
        try await Queries.updateDocumentVersion(
            transaction, filename: finished.filename, title: finished.plan.title, mediaType: text.mediaType.rawValue,
            language: finished.plan.language.rawValue, byteSize: finished.byteSize,
            characterCount: Int64(text.count), pageCount: text.pageCount, ingestID: finished.claim.id,
            sha256: finished.sha256, chunkCount: finished.plan.count, analyzerVersion: LexicalAnalyzer.version,
            id: finished.document)
    }
}
