internal import Bytes
internal import Cryptography
internal import Logging
internal import Models
internal import Postgres
internal import ProtoRuntime
internal import RPC
internal import Schema

/// The way into the queue: bytes are kept as they come, and become an ingest when all are there.
struct IngestIntake: Sendable {
    let store: IngestStore
    let documents: RetrievalStore
    let signals: IngestSignals
    let models: EmbeddingModels
    let logger: Logger

    /// What came of an upload.
    enum Accepted: Sendable {
        /// The bytes are this document already.
        case known(StoredDocument)
        /// `joined`: another call has sent the same bytes, and its ingest serves both.
        case ingest(UUID128, joined: Bool)
    }

    /// The beginning of an upload: nothing is there yet but its place. `type` is set where the bytes are known, `document` where
    /// the id of what they become is.
    func begin(
        _ caller: Caller, into collection: StoredCollection, _ header: Ragdz_V1_UploadHeader, filename: String,
        attributes: DocumentAttributes = DocumentAttributes(), type: MediaType? = nil, document: UUID128? = nil
    ) async throws -> IngestUpload {
        try checkModel(of: collection)
        let replaced = try await replaced(caller, header, in: collection, attributes)
        let groups = replaced?.attributes.groups ?? attributes.groups
        let id = UUID128.v7()
        let kept = try Self.kept(header, collection).jsonString()
        do {
            try await insert(
                caller, id, PostgresJSON(kept), filename: filename, groups: groups, into: collection, type: type,
                attempts: header.background ? IngestLimits.backgroundAttempts : 1)
        } catch let error as PostgresError where error.isForeignKeyViolation {
            // Deleted a moment ago.
            throw Status.collectionNotFound
        }
        return IngestUpload(
            intake: self, caller: caller, id: id, collection: collection.id, groups: groups,
            target: replaced?.id ?? document, replaces: replaced != nil)
    }

    /// The beginning of an upload in parts; its id. Throws the refusal of a quota when there is no room for it.
    func start(
        _ caller: Caller, into collection: StoredCollection, _ header: Ragdz_V1_UploadHeader, filename: String,
        attributes: DocumentAttributes, size: Int64
    ) async throws -> UUID128 {
        try checkModel(of: collection)
        let replaced = try await replaced(caller, header, in: collection, attributes)
        let groups = replaced?.attributes.groups ?? attributes.groups
        let id = UUID128.v7()
        let kept = try Self.kept(header, collection).jsonString()
        do {
            try await insertInParts(
                caller, id, PostgresJSON(kept), filename: filename, groups: groups, into: collection,
                version: replaced?.id, attempts: header.background ? IngestLimits.backgroundAttempts : 1, size: size)
        } catch let error as PostgresError where error.isForeignKeyViolation {
            // Deleted a moment ago.
            throw Status.collectionNotFound
        }
        return id
    }

    private func insertInParts(
        _ caller: Caller, _ id: UUID128, _ header: PostgresJSON, filename: String, groups: [String],
        into collection: StoredCollection, version document: UUID128?, attempts: Int, size: Int64
    ) async throws {
        try await Queries.insertUpload(
            store.database.as(caller.identity), id: id, collectionID: collection.id, documentID: document,
            header: header, filename: filename, groups: groups, embeddingModel: collection.embeddingModel,
            attemptLimit: attempts, declaredSize: size, patienceMicros: IngestLimits.partPatience.micros)
    }

    /// An upload whose parts are all here, as if it had come in one call.
    func whole(_ caller: Caller, _ id: UUID128, _ upload: Queries.FindUploadRow) async throws -> IngestUpload {
        var whole = IngestUpload(
            intake: self, caller: caller, id: id, collection: upload.collectionID, groups: upload.groups,
            target: upload.documentID, replaces: upload.documentID != nil)
        try await whole.readAgain()
        return whole
    }

    private func insert(
        _ caller: Caller, _ id: UUID128, _ header: PostgresJSON, filename: String, groups: [String],
        into collection: StoredCollection, type: MediaType?, attempts: Int
    ) async throws {
        try await Queries.insertIngest(
            store.database.as(caller.identity), id: id, collectionID: collection.id, header: header, filename: filename,
            groups: groups, embeddingModel: collection.embeddingModel, mediaType: type?.rawValue,
            attemptLimit: attempts,
            patienceMicros: IngestLimits.patience.micros)
    }

    /// What the worker needs of a header, within limits: the database's JSON has no NUL.
    private static func kept(
        _ header: Ragdz_V1_UploadHeader, _ collection: StoredCollection
    ) -> Ragdz_V1_UploadHeader {
        var kept = header
        kept.collection = collection.id.description
        kept.mediaType = ""
        kept.title = String(
            String.UnicodeScalarView(
                header.title.unicodeScalars.lazy.filter { $0 != "\0" }.prefix(8 * RetrievalLimits.title)))
        return kept
    }

    /// The document whose new version the upload is; nil when it is a document of its own.
    private func replaced(
        _ caller: Caller, _ header: Ragdz_V1_UploadHeader, in collection: StoredCollection,
        _ attributes: DocumentAttributes
    ) async throws -> StoredDocument? {
        if header.replaces.isEmpty { return nil }
        guard attributes == DocumentAttributes() else { throw Status.versionAttributes }
        guard let id = UUID128(header.replaces) else { throw Status.documentNotFound }
        let found = try await documents.document(caller, id: id)
        guard let found, found.collection == collection.id else { throw Status.documentNotFound }
        return found
    }

    private func checkModel(of collection: StoredCollection) throws(Status) {
        let embedder = models.named(collection.embeddingModel, dimension: collection.embeddingDimension)
        guard embedder == nil else { return }
        throw .embeddingModelGone(collection.embeddingModel)
    }

    /// Waits until the ingest has ended, and gives the document.
    func document(_ caller: Caller, of id: UUID128) async throws -> (document: StoredDocument, duplicate: Bool) {
        let row = try await end(caller, of: id)
        guard row.state == IngestState.succeeded.rawValue, let document = row.documentID else {
            if row.state == IngestState.cancelled.rawValue {
                throw Status.aborted(row.message, reason: "INGEST_\(row.reason)")
            }
            throw Status.stored(row)
        }
        let found = try await documents.document(caller, id: document)
        guard let found else { throw Status.documentGone }
        return (found, row.duplicate)
    }

    private func end(_ caller: Caller, of id: UUID128) async throws -> IngestStore.Row {
        try await signals.watching(id) { bell in
            while true {
                let row = try await store.find(caller, id: id)
                // Deleted with its document or its collection.
                guard let row else { throw Status.documentGone }
                if row.state >= IngestState.succeeded.rawValue { return row }
                try Task.checkCancellation()
                await bell.wait(atMost: IngestLimits.watchPoll)
            }
        }
    }
}

/// One upload whose bytes arrive.
struct IngestUpload {
    let intake: IngestIntake
    let caller: Caller
    let id: UUID128
    let collection: UUID128
    /// Of the document.
    let groups: [String]
    let target: UUID128?
    let replaces: Bool
    private var hash = SHA256()
    private var count = 0
    private var pieces = 0
    private var gathered: [UInt8] = []

    init(
        intake: IngestIntake, caller: Caller, id: UUID128, collection: UUID128, groups: [String], target: UUID128?,
        replaces: Bool
    ) {
        self.intake = intake
        self.caller = caller
        self.id = id
        self.collection = collection
        self.groups = groups
        self.target = target
        self.replaces = replaces
    }

    /// Bytes that are in memory.
    var held: Int { gathered.count }

    private var database: some QueryRunner { intake.store.database.as(caller.identity) }

    /// Keeps some bytes. At most a piece of them is in memory: who sends faster than the database writes has to wait.
    mutating func add(_ bytes: [UInt8]) async throws {
        guard count + bytes.count <= RetrievalLimits.uploadBytes else {
            throw Status.invalidArgument(
                "A document has at most \(RetrievalLimits.uploadBytes) bytes: split it.", reason: "UPLOAD_TOO_LARGE",
                field: "data")
        }
        count += bytes.count
        hash.update(bytes)
        gathered.append(contentsOf: bytes)
        if gathered.count >= RetrievalLimits.uploadMessageBytes { try await flush() }
    }

    private mutating func flush() async throws {
        guard !gathered.isEmpty else { return }
        let kept = try await Queries.insertPiece(
            database, data: gathered, patienceMicros: IngestLimits.patience.micros, id: id, ordinal: pieces)
        guard kept == 1 else { throw Status.collectionNotFound }
        pieces += 1
        gathered.removeAll(keepingCapacity: true)
    }

    /// Takes what the database has of it for what came.
    fileprivate mutating func readAgain() async throws {
        while let piece = try await Queries.findPiece(database, ingestID: id, ordinal: pieces) {
            hash.update(piece)
            count += piece.count
            pieces += 1
        }
    }

    /// Of all that came, which ends here.
    var sha256: String { Hex.encode(hash.finalize()) }

    /// Forgets what was kept: the upload came to nothing.
    func abandon() async {
        _ = try? await Queries.dropIngest(database, id: id)
    }

    /// All bytes are there. Throws the refusal of a quota when there is no room for them.
    mutating func accept() async throws -> IngestIntake.Accepted {
        guard count > 0 else { throw Status(ExtractionError(.emptyFile)) }
        try await flush()
        let sha256 = Hex.encode(hash.finalize())
        if let known = try await known(sha256) {
            await abandon()
            return .known(known)
        }
        let document = try await documentID(sha256)
        do { try await queue(document, sha256) } catch let error as PostgresError where error.isUniqueViolation {
            // Another call has sent the same bytes at the same time.
            if let joined = try await join(document) {
                await abandon()
                return joined
            }
            // Its document is limited to groups since, and the caller is not to learn of it.
            try await queue(DeterministicID.anotherDocument(), sha256)
        }
        intake.signals.ringWorkers()
        return .ingest(id, joined: false)
    }

    private func queue(_ document: UUID128, _ sha256: String) async throws {
        let (id, groups) = (id, replaces ? nil : groups)
        try await intake.store.database.transaction(as: caller.identity) { transaction in
            try await Self.queue(id, document, sha256, groups, in: transaction)
        }
    }

    /// Without groups it is a version, which has those of its document.
    private static func queue(
        _ id: UUID128, _ document: UUID128, _ sha256: String, _ groups: [String]?, in transaction: Transaction
    ) async throws {
        var moved = [id.description, IngestSignals.ready]
        var now = groups
        if groups == nil {
            now = try await Queries.lockDocument(transaction, id: document)?.groups
            let older = try await Queries.supersedeIngests(
                transaction, retentionMicros: IngestLimits.retention.micros, documentID: document, id: id)
            if !older.isEmpty { try await Queries.dropStaging(transaction, ingestIDs: older) }
            moved += older.map(\.description)
        }
        guard let now else { throw Status.documentNotFound }
        let done = try await Queries.acceptIngest(
            transaction, documentID: document, sha256: sha256, groups: now, id: id)
        if done != 1 { throw Status.collectionNotFound }
        try await Queries.notifyIngests(transaction, payloads: moved)
    }

    private func known(_ sha256: String) async throws -> StoredDocument? {
        if let target, !replaces { return try await intake.documents.document(caller, id: target) }
        let same = try await intake.documents.document(
            caller, collection: collection, sha256: sha256, groups: groups)
        if replaces, let same, same.id != target { throw Status.documentExists }
        return same
    }

    /// The id that these bytes have in this collection, unless that of another document by now, which the caller may not even
    /// see.
    private func documentID(_ sha256: String) async throws -> UUID128 {
        if let target, replaces { return target }
        let id = target ?? DeterministicID.document(collection: collection, sha256: sha256, groups: groups)
        let everything = Caller(tenant: caller.tenant, groups: .all)
        let taken = try await intake.documents.document(everything, id: id)
        return taken == nil ? id : DeterministicID.anotherDocument()
    }

    /// What another call makes of the document; nil when the caller sees nothing of it.
    private func join(_ document: UUID128) async throws -> IngestIntake.Accepted? {
        if let active = try await intake.store.active(caller, of: document) { return .ingest(active.id, joined: true) }
        if let known = try await intake.documents.document(caller, id: document) { return .known(known) }
        return nil
    }
}
