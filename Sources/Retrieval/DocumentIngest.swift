internal import Bytes
internal import Cryptography
internal import Language
internal import Logging
internal import Models
internal import RPC
internal import Stores

/// From bytes to a stored document: read, chunk, embed, store. Nothing is stored before everything else has worked.
struct DocumentIngest: Sendable {
    let store: RetrievalStore
    let embedder: any TextEmbedder
    var extractor = TextExtractor()
    /// A large document takes hundreds of megabytes while it is read: only so many at a time.
    var gate = ExtractionGate()
    let logger: Logger

    /// The document that these bytes are, and whether it was there before.
    func ingest(
        _ caller: Caller, into collection: StoredCollection, bytes: [UInt8], filename: String, title: String,
        _ attributes: DocumentAttributes = DocumentAttributes()
    ) async throws -> (document: StoredDocument, duplicate: Bool) {
        try checkModel(of: collection)
        guard !bytes.isEmpty else { throw Status(ExtractionError(.emptyFile)) }
        let sha256 = await withTaskExecutorPreference(globalConcurrentExecutor) { Hex.encode(SHA256.hash(bytes)) }
        if let known = try await store.document(
            caller, collection: collection.id, sha256: sha256, groups: attributes.groups)
        {
            return (known, true)
        }
        // Before the work: who has no room is not told so after a minute. What decides is the storing itself.
        try await store.checkRoom(caller.tenant, bytes: bytes.count)
        let prepared: PreparedDocument
        do {
            prepared = try await gate.pass {
                let extracted = try await extractor.extract(bytes, filename: filename)
                return try await prepare(extracted, title: title, filename: filename)
            }
        } catch let error as ExtractionError {
            logger.info(
                "document refused", metadata: ["reason": "\(error.kind.rawValue)", "detail": "\(error.detail)"])
            throw Status(error)
        }
        let document = NewDocument(
            id: DeterministicID.document(collection: collection.id, sha256: sha256, groups: attributes.groups),
            collection: collection.id,
            filename: filename, byteSize: bytes.count, sha256: sha256, prepared: prepared,
            vectors: try await vectors(of: prepared), attributes: attributes)
        return try await save(caller, document)
    }

    /// The same for a text of our own under an id of its own: storing it again changes nothing.
    func ingest(
        _ caller: Caller, into collection: StoredCollection, id: UUID128, markdown text: String, filename: String,
        title: String
    ) async throws -> (document: StoredDocument, duplicate: Bool) {
        try checkModel(of: collection)
        if let known = try await store.document(caller, id: id) { return (known, true) }
        let prepared: PreparedDocument
        do {
            prepared = try await gate.pass {
                let scalars = try TextDecoding.clean(text)
                return try await prepare(
                    PlainText.extract(scalars, markdown: true), title: title, filename: filename)
            }
        } catch let error as ExtractionError { throw Status(error) }
        let bytes = Array(text.utf8)
        let document = NewDocument(
            id: id, collection: collection.id, filename: filename, byteSize: bytes.count,
            sha256: Hex.encode(SHA256.hash(bytes)), prepared: prepared, vectors: try await vectors(of: prepared))
        return try await save(caller, document)
    }

    private func checkModel(of collection: StoredCollection) throws(Status) {
        guard collection.embeddingModel == embedder.model, collection.embeddingDimension == embedder.dimension else {
            throw .failedPrecondition(
                "The collection was made for the embedding model \(collection.embeddingModel), which this server does "
                    + "not run: use a new collection.", reason: "EMBEDDING_MODEL_CHANGED")
        }
    }

    private func prepare(
        _ extracted: ExtractedText, title: String, filename: String
    ) async throws -> PreparedDocument {
        let chosen = Self.title(given: title, found: extracted.title, filename: filename)
        return try await withTaskExecutorPreference(globalConcurrentExecutor) {
            try PreparedDocument(extracted, title: chosen)
        }
    }

    static func title(given: String, found: String?, filename: String) -> String {
        let stem = filename.lastIndex(of: ".").map { String(filename[..<$0]) } ?? filename
        let title = [given, found ?? "", stem, filename].first { !$0.allSatisfy(\.isWhitespace) } ?? filename
        // Scalars are counted: one character can have a million combining marks.
        let start = title.unicodeScalars.drop { $0.properties.isWhitespace }.prefix(4 * RetrievalLimits.title)
        let line = String(Substring(start)).split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return String(String.UnicodeScalarView(line.unicodeScalars.prefix(RetrievalLimits.title)))
    }

    private func vectors(of prepared: PreparedDocument) async throws -> [[Float]] {
        do { return try await embedder.embed(prepared.rows.map(\.embeddingInput)) } catch {
            logger.error("embedding failed", metadata: ["error": "\(error)"])
            throw Status(embedding: error)
        }
    }

    private func save(
        _ caller: Caller, _ document: NewDocument
    ) async throws -> (document: StoredDocument, duplicate: Bool) {
        switch try await store.store(caller, document) {
        case .stored(let stored): return (stored, false)
        case .noCollection: throw Status.collectionNotFound
        case .exists:
            // Another call has stored the same in the meantime.
            if let known = try await store.document(caller, id: document.id) { return (known, true) }
            let same = try await store.document(
                caller, collection: document.collection, sha256: document.sha256, groups: document.attributes.groups)
            if let same { return (same, true) }
            // A document with this id was limited to groups since, and the caller is not to learn of it.
            var another = document
            another.id = DeterministicID.anotherDocument()
            guard case .stored(let stored) = try await store.store(caller, another) else {
                throw Status.aborted("The document was deleted meanwhile; send it again.")
            }
            return (stored, false)
        }
    }
}

extension Status {
    init(_ error: ExtractionError) {
        self =
            switch error.kind {
            case .extractorMissing: .failedPrecondition(error.message, reason: error.kind.rawValue)
            case .timeout: .resourceExhausted(error.message, reason: error.kind.rawValue)
            default: .invalidArgument(error.message, reason: error.kind.rawValue, field: "data")
            }
    }

    /// The same for what never was and for what another tenant has.
    static var collectionNotFound: Status {
        .notFound("There is no such collection.", reason: "COLLECTION_NOT_FOUND")
    }

    static var collectionAmbiguous: Status {
        .invalidArgument(
            "More than one collection has this name, for different groups: give its id.",
            reason: "COLLECTION_AMBIGUOUS", field: "collection")
    }

    static var documentNotFound: Status {
        .notFound("There is no such document.", reason: "DOCUMENT_NOT_FOUND")
    }
}
