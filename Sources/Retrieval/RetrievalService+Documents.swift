internal import Bytes
internal import Postgres
public import ProtoRuntime
public import RPC
public import Schema
internal import Stores

extension RetrievalService {
    public func uploadDocument(
        _ requests: RequestStream<Ragdz_V1_UploadDocumentRequest>, context: ServerContext
    ) async throws -> Ragdz_V1_Document {
        let caller = try context.requireCaller()
        var messages = requests.makeAsyncIterator()
        guard case .header(let header)? = try await messages.next()?.part else {
            throw Status.invalidArgument(
                "The first message of an upload holds `header`.", reason: "HEADER_MISSING", field: "header")
        }
        let filename = try RetrievalRules.filename(header.filename)
        let attributes = try RetrievalRules.attributes(header.attributes, field: "header.attributes")
        try RetrievalRules.mayChange([], to: attributes.groups, caller)
        return try await withDatabaseErrors(logger, context) {
            // Before the bytes, so that an upload into nowhere costs nothing.
            let collection = try await store.collection(caller, header.collection)
            var upload = try await intake.begin(
                caller, into: collection, header, filename: filename, attributes: attributes)
            let accepted: IngestIntake.Accepted
            do {
                try await receive(&messages, into: &upload)
                accepted = try await upload.accept()
            } catch {
                await upload.abandon()
                throw error
            }
            return try await answer(caller, to: accepted, background: header.background)
        }
    }

    func answer(
        _ caller: Caller, to accepted: IngestIntake.Accepted, background: Bool
    ) async throws -> Ragdz_V1_Document {
        switch accepted {
        case .known(let document): return Ragdz_V1_Document(document, duplicate: true)
        case .ingest(let id, let joined):
            if background {
                let row = try await intake.store.find(caller, id: id)
                guard let row else { throw Status.documentGone }
                return Ragdz_V1_Document(pending: row)
            }
            let (document, duplicate) = try await intake.document(caller, of: id)
            return Ragdz_V1_Document(document, duplicate: duplicate || joined)
        }
    }

    private func receive(
        _ messages: inout RequestStream<Ragdz_V1_UploadDocumentRequest>.AsyncIterator, into upload: inout IngestUpload
    ) async throws {
        var share = 0
        defer { memory.giveBack(&share) }
        while let message = try await messages.next() {
            guard case .data(let data)? = message.part else {
                throw Status.invalidArgument(
                    "After the header, every message of an upload holds `data`.", reason: "DATA_MISSING", field: "data")
            }
            guard data.count <= RetrievalLimits.uploadMessageBytes else {
                throw Status.invalidArgument(
                    "One message of an upload holds at most \(RetrievalLimits.uploadMessageBytes) bytes: send smaller "
                        + "pieces.", reason: "UPLOAD_MESSAGE_TOO_LARGE", field: "data")
            }
            try memory.take(data.count, for: &share)
            try await upload.add(data)
            memory.giveBack(&share, keeping: upload.held)
        }
    }

    public func getDocument(
        _ request: Ragdz_V1_GetDocumentRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Document {
        let caller = try context.requireCaller()
        guard let id = UUID128(request.id) else { throw Status.documentNotFound }
        // The closures here only ask: with a guard around the await, Swift 6.3's optimiser crashes while it splits them.
        let found = try await withDatabaseErrors(logger, context) { try await store.document(caller, id: id) }
        if let found { return Ragdz_V1_Document(found, duplicate: false) }
        let pending = try await withDatabaseErrors(logger, context) { try await intake.store.newest(caller, of: id) }
        guard let pending else { throw Status.documentNotFound }
        if pending.state != IngestState.succeeded.rawValue { return Ragdz_V1_Document(pending: pending) }
        // It was stored between the two looks, unless it was deleted a moment ago.
        let stored = try await withDatabaseErrors(logger, context) { try await store.document(caller, id: id) }
        guard let stored else { throw Status.documentNotFound }
        return Ragdz_V1_Document(stored, duplicate: false)
    }

    public func getDocumentText(
        _ request: Ragdz_V1_GetDocumentTextRequest, context: ServerContext
    ) async throws -> Ragdz_V1_DocumentText {
        let caller = try context.requireCaller()
        guard let id = UUID128(request.id) else { throw Status.documentNotFound }
        let found = try await withDatabaseErrors(logger, context) { try await store.text(caller, id: id) }
        guard let found else { throw Status.documentNotFound }
        var text = Ragdz_V1_DocumentText()
        text.documentID = id.description
        text.text = found.content
        text.pageStarts = found.pageStarts
        return text
    }

    public func listDocuments(
        _ request: Ragdz_V1_ListDocumentsRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListDocumentsResponse {
        let caller = try context.requireCaller()
        let size = try PageSize.resolve(request.pageSize)
        var after = UUID128(hi: 0, lo: 0)
        if let position = try PageToken.read(request.pageToken, list: "documents", parts: 1) {
            guard let id = UUID128(position[0]) else { throw PageToken.invalid }
            after = id
        }
        return try await withDatabaseErrors(logger, context) {
            let collection = try await store.collection(caller, request.collection)
            let found = try await store.listDocuments(caller, collection: collection.id, after: after, limit: size + 1)
            var response = Ragdz_V1_ListDocumentsResponse()
            response.documents = found.prefix(size).map { Ragdz_V1_Document($0, duplicate: false) }
            if found.count > size {
                response.nextPageToken = PageToken.make("documents", [found[size - 1].id.description])
            }
            return response
        }
    }

    public func deleteDocument(
        _ request: Ragdz_V1_DeleteDocumentRequest, context: ServerContext
    ) async throws -> Google_Protobuf_Empty {
        let caller = try context.requireCaller()
        guard let id = UUID128(request.id) else { throw Status.documentNotFound }
        // Not in one guard with the id: the optimiser of Swift 6.3.1 crashes on it (signal 11, coroutine splitting).
        return try await withDatabaseErrors(logger, context) {
            let wasThere = try await store.deleteDocument(caller, id: id, ChangeOrigin(context))
            if !wasThere { throw Status.documentNotFound }
            return Google_Protobuf_Empty()
        }
    }
}
