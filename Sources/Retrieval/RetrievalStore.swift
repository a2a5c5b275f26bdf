internal import Bytes
internal import Language
internal import Postgres

/// A collection as it is stored.
struct StoredCollection: Sendable {
    let id: UUID128
    let name: String
    let embeddingModel: String
    let embeddingDimension: Int
    let documentCount: Int64
    let chunkCount: Int64
    let createMicros: Int64

    init(_ row: Row) throws(PostgresError) {
        id = try row.get("id")
        name = try row.get("name")
        embeddingModel = try row.get("embedding_model")
        embeddingDimension = try row.get("embedding_dimension")
        documentCount = try row.get("document_count")
        chunkCount = try row.get("chunk_count")
        createMicros = try row.get("create_time", as: PostgresTimestamp.self).unixMicros
    }
}

/// A document as it is stored, without its text.
struct StoredDocument: Sendable {
    let id: UUID128
    let collection: UUID128
    let filename: String
    let title: String
    let mediaType: String
    let language: String
    let byteSize: Int64
    let characterCount: Int64
    let pageCount: Int
    let chunkCount: Int
    let sha256: String
    let createMicros: Int64

    init(_ row: Row) throws(PostgresError) {
        id = try row.get("id")
        collection = try row.get("collection_id")
        filename = try row.get("filename")
        title = try row.get("title")
        mediaType = try row.get("media_type")
        language = try row.get("language")
        byteSize = try row.get("byte_size")
        characterCount = try row.get("character_count")
        pageCount = try row.get("page_count")
        chunkCount = try row.get("chunk_count")
        sha256 = try row.get("sha256")
        createMicros = try row.get("create_time", as: PostgresTimestamp.self).unixMicros
    }
}

/// What is new about a document when it is stored.
struct NewDocument: Sendable {
    let id: UUID128
    let collection: UUID128
    let filename: String
    let byteSize: Int
    let sha256: String
    let prepared: PreparedDocument
    /// One for each chunk.
    let vectors: [[Float]]
}

/// How storing a document went.
enum StoreOutcome: Sendable {
    case stored(StoredDocument)
    /// The same bytes or the same id are there.
    case exists
    /// The collection is gone.
    case noCollection
}

/// The statements of retrieval. Each call names the tenant; the database sees to it that nothing else shows.
struct RetrievalStore: Sendable {
    let database: Database

    func insertCollection(
        _ tenant: UUID128, id: UUID128, name: String, model: String, dimension: Int
    ) async throws -> StoredCollection? {
        try await database.query(Queries.insertCollection, [id, name, model, dimension], as: .tenant(tenant))
            .first.map { row throws in try StoredCollection(row) }
    }

    /// Those of the ids and names that exist.
    func collections(_ tenant: UUID128, _ namesOrIDs: [String]) async throws -> [StoredCollection] {
        let ids = namesOrIDs.compactMap { UUID128($0) }
        return try await database.query(Queries.findCollections, [ids, namesOrIDs], as: .tenant(tenant))
            .map { row throws in try StoredCollection(row) }
    }

    func listCollections(_ tenant: UUID128, after name: String, limit: Int) async throws -> [StoredCollection] {
        try await database.query(Queries.listCollections, [name, limit], as: .tenant(tenant))
            .map { row throws in try StoredCollection(row) }
    }

    func deleteCollection(_ tenant: UUID128, id: UUID128) async throws -> Bool {
        try await database.execute(Queries.deleteCollection, [id], as: .tenant(tenant)) > 0
    }

    func document(_ tenant: UUID128, id: UUID128) async throws -> StoredDocument? {
        try await database.query(Queries.findDocument, [id], as: .tenant(tenant))
            .first.map { row throws in try StoredDocument(row) }
    }

    func document(_ tenant: UUID128, collection: UUID128, sha256: String) async throws -> StoredDocument? {
        try await database.query(Queries.findDocumentByHash, [collection, sha256], as: .tenant(tenant))
            .first.map { row throws in try StoredDocument(row) }
    }

    func text(_ tenant: UUID128, id: UUID128) async throws -> (content: String, pageStarts: [Int64])? {
        guard let row = try await database.query(Queries.findDocumentText, [id], as: .tenant(tenant)).first else {
            return nil
        }
        return (try row.get("content"), try row.get("page_starts"))
    }

    func listDocuments(
        _ tenant: UUID128, collection: UUID128, after id: UUID128, limit: Int
    ) async throws -> [StoredDocument] {
        try await database.query(Queries.listDocuments, [collection, id, limit], as: .tenant(tenant))
            .map { row throws in try StoredDocument(row) }
    }

    func deleteDocument(_ tenant: UUID128, id: UUID128) async throws -> Bool {
        try await database.execute(Queries.deleteDocument, [id], as: .tenant(tenant)) > 0
    }

    /// The text at each place as it is stored now, and its page; nil where the document is gone.
    func parts(
        _ tenant: UUID128, _ places: [(document: UUID128, range: Range<Int>)]
    ) async throws -> [(quote: String, page: Int)?] {
        guard !places.isEmpty else { return [] }
        let rows = try await database.query(
            Queries.findDocumentParts,
            [
                Array(0..<places.count), places.map(\.document), places.map { Int64($0.range.lowerBound) },
                places.map { Int64($0.range.upperBound) },
            ], as: .tenant(tenant))
        var parts = [(quote: String, page: Int)?](repeating: nil, count: places.count)
        for row in rows {
            let number = try row.get("number", as: Int.self)
            guard parts.indices.contains(number) else { continue }
            parts[number] = (try row.get("quote"), try row.get("page"))
        }
        return parts
    }

    /// Stores a document with its chunks and vectors, whole or not at all.
    func store(_ tenant: UUID128, _ document: NewDocument) async throws -> StoreOutcome {
        do {
            return try await database.transaction(as: .tenant(tenant)) { transaction in
                try await Self.store(document, in: transaction)
            }
        } catch is DocumentExists {
            return .exists
        }
    }

    /// Rolls the transaction back.
    private struct DocumentExists: Error {}

    private static func store(_ document: NewDocument, in transaction: Transaction) async throws -> StoreOutcome {
        let chunkCount = document.prepared.rows.count
        // Locks the collection, so that it cannot be deleted in the middle.
        let counted = try await transaction.execute(Queries.countDocument, [document.collection, 1, chunkCount])
        guard counted == 1 else { return .noCollection }
        let prepared = document.prepared
        let extracted = prepared.extracted
        let rows = try await transaction.query(
            Queries.insertDocument,
            [
                document.id, document.collection, document.filename, prepared.title, extracted.mediaType.rawValue,
                prepared.language.rawValue, document.byteSize, extracted.text.count, extracted.pageCount,
                extracted.pageStarts.map { Int64($0) }, document.sha256, prepared.content, chunkCount,
            ])
        guard let row = rows.first else { throw DocumentExists() }
        for start in stride(from: 0, to: chunkCount, by: RetrievalLimits.chunksPerStatement) {
            let range = start..<min(start + RetrievalLimits.chunksPerStatement, chunkCount)
            try await insertChunks(document, range, in: transaction)
        }
        return .stored(try StoredDocument(row))
    }

    private static func insertChunks(
        _ document: NewDocument, _ range: Range<Int>, in transaction: Transaction
    ) async throws {
        let rows = Array(document.prepared.rows[range])
        let ids = rows.map { DeterministicID.chunk(document: document.id, range: $0.chunk.range) }
        let languages = rows.map(\.chunk.language.rawValue)
        try await transaction.execute(
            Queries.insertChunks,
            [
                document.collection, document.id, ids, rows.map(\.chunk.ordinal), rows.map(\.chunk.page),
                rows.map { Int64($0.chunk.range.lowerBound) }, rows.map { Int64($0.chunk.range.upperBound) },
                rows.map { Int64($0.utf16Start) }, languages,
                rows.map { $0.chunk.titlePath.joined(separator: " › ") }, rows.map(\.content),
                rows.map(\.terms.vector), rows.map(\.terms.count),
            ])
        try await transaction.execute(
            Queries.insertVectors,
            [document.collection, ids, languages, document.vectors[range].map { HalfVector($0) }])
    }
}
