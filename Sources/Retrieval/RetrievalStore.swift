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

    init(_ row: Queries.CollectionRow) {
        id = row.id
        name = row.name
        embeddingModel = row.embeddingModel
        embeddingDimension = row.embeddingDimension
        documentCount = row.documentCount
        chunkCount = row.chunkCount
        createMicros = row.createTime.unixMicros
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

    init(_ row: Queries.DocumentRow) {
        id = row.id
        collection = row.collectionID
        filename = row.filename
        title = row.title
        mediaType = row.mediaType
        language = row.language
        byteSize = row.byteSize
        characterCount = row.characterCount
        pageCount = row.pageCount
        chunkCount = row.chunkCount
        sha256 = row.sha256
        createMicros = row.createTime.unixMicros
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
        try await Queries.insertCollection(
            database.as(.tenant(tenant)), id: id, name: name, embeddingModel: model, embeddingDimension: dimension
        ).map(StoredCollection.init)
    }

    /// Those of the ids and names that exist. PostgreSQL's text has no NUL, so no collection is called so.
    func collections(_ tenant: UUID128, _ namesOrIDs: [String]) async throws -> [StoredCollection] {
        try await Queries.findCollections(
            database.as(.tenant(tenant)), ids: namesOrIDs.compactMap { UUID128($0) },
            names: namesOrIDs.filter { !$0.utf8.contains(0) }
        ).map(StoredCollection.init)
    }

    func listCollections(_ tenant: UUID128, after name: String, limit: Int) async throws -> [StoredCollection] {
        try await Queries.listCollections(database.as(.tenant(tenant)), afterName: name, pageSize: Int64(limit))
            .map(StoredCollection.init)
    }

    func deleteCollection(_ tenant: UUID128, id: UUID128) async throws -> Bool {
        try await Queries.deleteCollection(database.as(.tenant(tenant)), id: id) > 0
    }

    func document(_ tenant: UUID128, id: UUID128) async throws -> StoredDocument? {
        try await Queries.findDocument(database.as(.tenant(tenant)), id: id).map(StoredDocument.init)
    }

    func document(_ tenant: UUID128, collection: UUID128, sha256: String) async throws -> StoredDocument? {
        try await Queries.findDocumentByHash(database.as(.tenant(tenant)), collectionID: collection, sha256: sha256)
            .map(StoredDocument.init)
    }

    func text(_ tenant: UUID128, id: UUID128) async throws -> (content: String, pageStarts: [Int64])? {
        try await Queries.findDocumentText(database.as(.tenant(tenant)), id: id).map { ($0.content, $0.pageStarts) }
    }

    func listDocuments(
        _ tenant: UUID128, collection: UUID128, after id: UUID128, limit: Int
    ) async throws -> [StoredDocument] {
        try await Queries.listDocuments(
            database.as(.tenant(tenant)), collectionID: collection, afterID: id, pageSize: Int64(limit)
        ).map(StoredDocument.init)
    }

    func deleteDocument(_ tenant: UUID128, id: UUID128) async throws -> Bool {
        try await Queries.deleteDocument(database.as(.tenant(tenant)), id: id) > 0
    }

    /// The tenant's chunks of these ids; what is unknown is missing.
    func chunks(_ tenant: UUID128, _ ids: [UUID128]) async throws -> [UUID128: SourcePassage] {
        var chunks: [UUID128: SourcePassage] = [:]
        for row in try await Queries.findChunks(database.as(.tenant(tenant)), chunkIDs: ids) {
            chunks[row.id] = SourcePassage(
                chunkID: row.id, documentID: row.documentID, title: row.title, language: row.language,
                text: row.content, page: Int(row.page), start: Int(row.startAt), end: Int(row.endAt))
        }
        return chunks
    }

    /// The text at each place as it is stored now, and its page; nil where the document is gone.
    func parts(
        _ tenant: UUID128, _ places: [(document: UUID128, range: Range<Int>)]
    ) async throws -> [(quote: String, page: Int)?] {
        guard !places.isEmpty else { return [] }
        let rows = try await Queries.findDocumentParts(
            database.as(.tenant(tenant)), numbers: Array(0..<places.count), documentIDs: places.map(\.document),
            starts: places.map { Int64($0.range.lowerBound) }, ends: places.map { Int64($0.range.upperBound) })
        var parts = [(quote: String, page: Int)?](repeating: nil, count: places.count)
        for row in rows where parts.indices.contains(row.number) { parts[row.number] = (row.quote, row.page) }
        return parts
    }

    /// Throws what storing a document of this size would fail with, if it were stored now.
    func checkRoom(_ tenant: UUID128, bytes: Int) async throws {
        try await Queries.checkRoom(database.as(.tenant(tenant)), bytes: Int64(bytes))
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
        let counted = try await Queries.countDocument(
            transaction, documents: 1, chunks: Int64(chunkCount), id: document.collection)
        guard counted == 1 else { return .noCollection }
        let prepared = document.prepared
        let extracted = prepared.extracted
        let row = try await Queries.insertDocument(
            transaction, id: document.id, collectionID: document.collection, filename: document.filename,
            title: prepared.title, mediaType: extracted.mediaType.rawValue, language: prepared.language.rawValue,
            byteSize: Int64(document.byteSize), characterCount: Int64(extracted.text.count),
            pageCount: extracted.pageCount, pageStarts: extracted.pageStarts.map { Int64($0) },
            sha256: document.sha256, content: prepared.content, chunkCount: chunkCount,
            analyzerVersion: LexicalAnalyzer.version)
        guard let row else { throw DocumentExists() }
        for start in stride(from: 0, to: chunkCount, by: RetrievalLimits.chunksPerStatement) {
            let range = start..<min(start + RetrievalLimits.chunksPerStatement, chunkCount)
            try await insertChunks(document, range, in: transaction)
        }
        return .stored(StoredDocument(row))
    }

    private static func insertChunks(
        _ document: NewDocument, _ range: Range<Int>, in transaction: Transaction
    ) async throws {
        let rows = Array(document.prepared.rows[range])
        let ids = rows.map { DeterministicID.chunk(document: document.id, range: $0.chunk.range) }
        let languages = rows.map(\.chunk.language.rawValue)
        try await Queries.insertChunks(
            transaction, collectionID: document.collection, documentID: document.id, ids: ids,
            ordinals: rows.map(\.chunk.ordinal), pages: rows.map(\.chunk.page),
            starts: rows.map { Int64($0.chunk.range.lowerBound) }, ends: rows.map { Int64($0.chunk.range.upperBound) },
            utf16Starts: rows.map { Int64($0.utf16Start) }, languages: languages,
            titlePaths: rows.map { $0.chunk.titlePath.joined(separator: Self.pathSeparator) },
            contents: rows.map(\.content),
            lexemes: rows.map(\.terms.vector), lexemeCounts: rows.map(\.terms.count))
        try await Queries.insertVectors(
            transaction, collectionID: document.collection, chunkIDs: ids, languages: languages,
            embeddings: document.vectors[range].map { HalfVector($0) })
    }
}
