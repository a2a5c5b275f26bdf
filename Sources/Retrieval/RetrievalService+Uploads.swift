internal import Bytes
internal import Postgres
public import ProtoRuntime
public import RPC
public import Schema
internal import Stores

/// Files that come in parts, so that who loses the connection goes on where the server has them to.
extension RetrievalService {
    public func startUpload(
        _ request: Ragdz_V1_StartUploadRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Upload {
        let caller = try context.requireCaller()
        guard let header = request.header else {
            throw Status.invalidArgument("An upload begins with its header.", reason: "HEADER_MISSING", field: "header")
        }
        let filename = try RetrievalRules.filename(header.filename)
        let attributes = try RetrievalRules.attributes(header.attributes, field: "header.attributes")
        try RetrievalRules.mayChange([], to: attributes.groups, caller)
        guard request.byteSize > 0 else {
            throw Status.invalidArgument(
                "Say how many bytes the file has: at least one.", reason: "UPLOAD_SIZE_MISSING", field: "byte_size")
        }
        guard request.byteSize <= Int64(RetrievalLimits.uploadBytes) else {
            throw Status.invalidArgument(
                "A document has at most \(RetrievalLimits.uploadBytes) bytes: split it.", reason: "UPLOAD_TOO_LARGE",
                field: "byte_size")
        }
        return try await withDatabaseErrors(logger, context) {
            let collection = try await store.collection(caller, header.collection)
            let id = try await intake.start(
                caller, into: collection, header, filename: filename, attributes: attributes, size: request.byteSize)
            return try await upload(id, caller)
        }
    }

    public func appendUpload(
        _ request: Ragdz_V1_AppendUploadRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Upload {
        let caller = try context.requireCaller()
        guard let id = UUID128(request.id) else { throw Status.uploadNotFound }
        guard (1...RetrievalLimits.uploadMessageBytes).contains(request.data.count) else {
            throw Status.invalidArgument(
                "A part has 1 to \(RetrievalLimits.uploadMessageBytes) bytes.", reason: "UPLOAD_PART_SIZE",
                field: "data")
        }
        var share = 0
        defer { memory.giveBack(&share) }
        try memory.take(request.data.count, for: &share)
        return try await withDatabaseErrors(logger, context) {
            let kept = try await Queries.appendPiece(
                store.database.as(caller.identity), data: request.data,
                patienceMicros: IngestLimits.partPatience.micros, id: id, partStart: request.offset)
            let now = try await upload(id, caller)
            if kept == 1 || now.finished { return now }
            guard request.offset <= now.receivedBytes else {
                throw Status.outOfRange(
                    "The server has \(now.receivedBytes) bytes: go on there.", reason: "UPLOAD_GAP", field: "offset")
            }
            guard request.offset < now.receivedBytes || now.receivedBytes + Int64(request.data.count) <= now.byteSize
            else {
                throw Status.invalidArgument(
                    "The part goes beyond the \(now.byteSize) bytes that the upload was begun with.",
                    reason: "UPLOAD_TOO_LARGE", field: "data")
            }
            return now
        }
    }

    public func getUpload(
        _ request: Ragdz_V1_GetUploadRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Upload {
        let caller = try context.requireCaller()
        guard let id = UUID128(request.id) else { throw Status.uploadNotFound }
        return try await withDatabaseErrors(logger, context) { try await upload(id, caller) }
    }

    public func finishUpload(
        _ request: Ragdz_V1_FinishUploadRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Document {
        let caller = try context.requireCaller()
        guard let id = UUID128(request.id) else { throw Status.uploadNotFound }
        return try await withDatabaseErrors(logger, context) {
            let found = try await Queries.findUpload(store.database.as(caller.identity), id: id)
            guard let found else { return try await finished(id, caller) }
            guard found.byteSize == found.declaredSize else {
                throw Status.failedPrecondition(
                    "The server has \(found.byteSize) of \(found.declaredSize) bytes: send the rest first.",
                    reason: "UPLOAD_INCOMPLETE")
            }
            let header = try Ragdz_V1_UploadHeader(json: Array(found.header.text.utf8))
            var upload = try await intake.whole(caller, id, found)
            guard request.sha256.isEmpty || request.sha256 == upload.sha256 else {
                throw Status.failedPrecondition(
                    "The bytes that came are not the file's: it has changed meanwhile. Delete the upload and start again.",
                    reason: "UPLOAD_DAMAGED")
            }
            let accepted: IngestIntake.Accepted
            do { accepted = try await upload.accept() } catch {
                // Somebody else has finished it, or taken it back.
                let row = try await intake.store.find(caller, id: id)
                guard row != nil else { throw error }
                return try await finished(id, caller)
            }
            return try await answer(caller, to: accepted, background: header.background)
        }
    }

    /// The document of an upload that was finished before.
    private func finished(_ id: UUID128, _ caller: Caller) async throws -> Ragdz_V1_Document {
        let row = try await intake.store.find(caller, id: id)
        guard let row else { throw Status.uploadNotFound }
        guard row.state == IngestState.succeeded.rawValue, let document = row.documentID else {
            return Ragdz_V1_Document(pending: row)
        }
        let stored = try await store.document(caller, id: document)
        guard let stored else { throw Status.documentGone }
        return Ragdz_V1_Document(stored, duplicate: row.duplicate)
    }

    public func deleteUpload(
        _ request: Ragdz_V1_DeleteUploadRequest, context: ServerContext
    ) async throws -> Google_Protobuf_Empty {
        let caller = try context.requireCaller()
        guard let id = UUID128(request.id) else { throw Status.uploadNotFound }
        return try await withDatabaseErrors(logger, context) {
            let wasThere = try await Queries.dropIngest(store.database.as(caller.identity), id: id)
            if wasThere == 0 { throw Status.uploadNotFound }
            return Google_Protobuf_Empty()
        }
    }

    private func upload(_ id: UUID128, _ caller: Caller) async throws -> Ragdz_V1_Upload {
        var upload = Ragdz_V1_Upload()
        upload.id = id.description
        if let found = try await Queries.findUpload(store.database.as(caller.identity), id: id) {
            upload.receivedBytes = found.byteSize
            upload.byteSize = found.declaredSize
            upload.expireTime = Google_Protobuf_Timestamp(unixMicros: found.dueAt.unixMicros)
            return upload
        }
        let row = try await intake.store.find(caller, id: id)
        guard let row else { throw Status.uploadNotFound }
        upload.receivedBytes = row.byteSize
        upload.byteSize = row.byteSize
        upload.finished = true
        return upload
    }
}

extension Status {
    static var uploadNotFound: Status {
        .notFound(
            "There is no such upload; what gets no part for an hour is forgotten.", reason: "UPLOAD_NOT_FOUND")
    }
}
