internal import Bytes
internal import Postgres

/// A collection as it is stored.
struct StoredCollection: Sendable {
    let id: UUID128
    let name: String
    let embeddingModel: String
    let embeddingDimension: Int
    /// Of what the caller may see.
    let documentCount: Int64
    let chunkCount: Int64
    let createMicros: Int64
    let groups: [String]

    init(_ row: Queries.CollectionRow) {
        groups = row.groups
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
    let attributes: DocumentAttributes
    let updateMicros: Int64?
    let version: Int
    /// That made this version.
    let ingest: UUID128?

    init(_ row: Queries.DocumentRow) {
        attributes = DocumentAttributes(
            country: row.country, theme: row.theme, source: row.source, isOfficial: row.official,
            dateMicros: row.documentTime?.unixMicros, tags: row.tags, groups: row.groups)
        updateMicros = row.updateTime?.unixMicros
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
        version = row.version
        ingest = row.ingestID
    }
}

/// The statements of retrieval. Each call names its caller; the database sees to it that nothing else shows.
struct RetrievalStore: Sendable {
    let database: Database

    func insertCollection(
        _ caller: Caller, id: UUID128, name: String, groups: [String], model: String, dimension: Int,
        _ origin: ChangeOrigin
    ) async throws -> StoredCollection? {
        try await Queries.insertCollection(
            database.as(caller.identity), id: id, name: name, embeddingModel: model, embeddingDimension: dimension,
            groups: groups, actor: origin.actor, requestID: origin.requestID, peer: origin.peer
        ).map(StoredCollection.init)
    }

    /// Those of the ids and names that exist. PostgreSQL's text has no NUL, so no collection is called so.
    func collections(_ caller: Caller, _ namesOrIDs: [String]) async throws -> [StoredCollection] {
        try await Queries.findCollections(
            database.as(caller.identity), tenant: caller.tenant, ids: namesOrIDs.compactMap { UUID128($0) },
            names: namesOrIDs.filter { !$0.utf8.contains(0) }
        ).map(StoredCollection.init)
    }

    func listCollections(
        _ caller: Caller, after position: (name: String, id: UUID128), limit: Int
    ) async throws -> [StoredCollection] {
        try await Queries.listCollections(
            database.as(caller.identity), afterName: position.name, afterID: position.id, pageSize: Int64(limit)
        ).map(StoredCollection.init)
    }

    /// False when the collection is gone or its groups are others than `before` by now.
    func updateGroups(
        _ caller: Caller, collection: UUID128, from before: [String], to groups: [String], _ origin: ChangeOrigin
    ) async throws -> Bool {
        try await Queries.updateCollectionGroups(
            database.as(caller.identity), groups: groups, id: collection, expectedGroups: before, actor: origin.actor,
            requestID: origin.requestID, peer: origin.peer) > 0
    }

    func deleteCollection(_ caller: Caller, id: UUID128, _ origin: ChangeOrigin) async throws -> Bool {
        try await Queries.deleteCollection(
            database.as(caller.identity), id: id, actor: origin.actor, requestID: origin.requestID, peer: origin.peer)
            > 0
    }

    func document(_ caller: Caller, id: UUID128) async throws -> StoredDocument? {
        let database = database.as(caller.identity)
        if let own = try await Queries.findDocument(database, id: id) { return StoredDocument(own) }
        return try await Queries.findSharedDocument(database, id: id).map(StoredDocument.init)
    }

    /// The same bytes for the same groups.
    func document(
        _ caller: Caller, collection: UUID128, sha256: String, groups: [String]
    ) async throws -> StoredDocument? {
        try await Queries.findDocumentByHash(
            database.as(caller.identity), collectionID: collection, sha256: sha256, groups: groups
        ).map(StoredDocument.init)
    }

    /// Of one's own document; nil when there is none.
    func groups(_ caller: Caller, ofDocument id: UUID128) async throws -> [String]? {
        try await Queries.findGroups(database.as(caller.identity), id: id)
    }

    /// Nil when the document is gone or its groups are others than `before` by now. What is on its way to become a version of it
    /// gets the same groups.
    func update(
        _ caller: Caller, id: UUID128, from before: [String], _ change: DocumentChange, _ origin: ChangeOrigin
    ) async throws -> StoredDocument? {
        try await Queries.updateDocument(
            database.as(caller.identity), id: id, expectedGroups: before, groups: change.groups,
            country: change.country, theme: change.theme, source: change.source, official: change.isOfficial,
            tags: change.tags, setsTime: change.setsDate,
            documentTime: change.dateMicros.map { PostgresTimestamp(unixMicros: $0) }, actor: origin.actor,
            requestID: origin.requestID, peer: origin.peer
        ).map(StoredDocument.init)
    }

    func text(_ caller: Caller, id: UUID128) async throws -> (content: String, pageStarts: [Int64])? {
        let database = database.as(caller.identity)
        if let own = try await Queries.findDocumentText(database, id: id) { return (own.content, own.pageStarts) }
        return try await Queries.findSharedDocumentText(database, id: id).map { ($0.content, $0.pageStarts) }
    }

    func listDocuments(
        _ caller: Caller, collection: UUID128, after id: UUID128, limit: Int
    ) async throws -> [StoredDocument] {
        try await Queries.listDocuments(
            database.as(caller.identity), collectionID: collection, afterID: id, pageSize: Int64(limit)
        ).map(StoredDocument.init)
    }

    /// The document with all that is searched, and whatever is on its way to become a version of it, in one transaction.
    func deleteDocument(_ caller: Caller, id: UUID128, _ origin: ChangeOrigin) async throws -> Bool {
        try await database.transaction(as: caller.identity) { transaction in
            try await Self.deleteDocument(id, origin, in: transaction)
        }
    }

    private static func deleteDocument(
        _ id: UUID128, _ origin: ChangeOrigin, in transaction: Transaction
    ) async throws -> Bool {
        guard let collection = try await Queries.collectionOfDocument(transaction, documentID: id) else { return false }
        // Collection, document, ingests, as whoever stores does: nobody waits in a circle.
        _ = try await Queries.lockCollection(transaction, id: collection)
        _ = try await Queries.lockDocument(transaction, id: id)
        let ingests = try await Queries.deleteIngestsOfDocument(transaction, documentID: id)
        let documents = try await Queries.deleteDocument(
            transaction, id: id, actor: origin.actor, requestID: origin.requestID, peer: origin.peer)
        if !ingests.isEmpty { try await Queries.notifyIngests(transaction, payloads: ingests.map(\.description)) }
        return documents > 0 || !ingests.isEmpty
    }

    /// The tenant's chunks of these ids; what is unknown is missing.
    func chunks(_ caller: Caller, _ ids: [UUID128]) async throws -> [UUID128: SourcePassage] {
        var chunks: [UUID128: SourcePassage] = [:]
        for row in try await Queries.findChunks(database.as(caller.identity), tenant: caller.tenant, chunkIDs: ids) {
            chunks[row.id] = SourcePassage(
                chunkID: row.id, documentID: row.documentID, title: row.title, language: row.language,
                text: row.content, page: Int(row.page), start: Int(row.startAt), end: Int(row.endAt))
        }
        return chunks
    }

    /// The text at each place as it is stored now, and its page; nil where the document is gone.
    func parts(
        _ caller: Caller, _ places: [(document: UUID128, range: Range<Int>)]
    ) async throws -> [(quote: String, page: Int)?] {
        guard !places.isEmpty else { return [] }
        let database = database.as(caller.identity)
        let starts = places.map { Int64($0.range.lowerBound) }
        let ends = places.map { Int64($0.range.upperBound) }
        let documents = places.map(\.document)
        var parts = [(quote: String, page: Int)?](repeating: nil, count: places.count)
        let own = try await Queries.findDocumentParts(
            database, numbers: Array(places.indices), documentIDs: documents, starts: starts, ends: ends,
            tenant: caller.tenant)
        for row in own where parts.indices.contains(row.number) { parts[row.number] = (row.quote, row.page) }
        let missing = parts.indices.filter { parts[$0] == nil }
        guard !missing.isEmpty else { return parts }
        let shared = try await Queries.findSharedDocumentParts(
            database, numbers: missing, documentIDs: missing.map { documents[$0] },
            starts: missing.map { starts[$0] }, ends: missing.map { ends[$0] })
        for row in shared where parts.indices.contains(row.number) { parts[row.number] = (row.quote, row.page) }
        return parts
    }
}
