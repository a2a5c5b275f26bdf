internal import Bytes
internal import Models
internal import Postgres
internal import ProtoRuntime
public import RPC
public import Schema
internal import Stores

/// Collections that move to another embedding model.
extension RetrievalService {
    public func listEmbeddingModels(
        _ request: Ragdz_V1_ListEmbeddingModelsRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListEmbeddingModelsResponse {
        _ = try context.requireCaller()
        var response = Ragdz_V1_ListEmbeddingModelsResponse()
        response.models = models.all.map { embedder in
            var model = Ragdz_V1_EmbeddingModel()
            model.name = embedder.model
            model.dimension = Int32(clamping: embedder.dimension)
            return model
        }
        return response
    }

    public func reembedCollection(
        _ request: Ragdz_V1_ReembedCollectionRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Reembedding {
        let caller = try context.requireCaller()
        guard let embedder = models.named(request.embeddingModel) else { throw Status.noSuchEmbeddingModel }
        return try await withDatabaseErrors(logger, context) {
            let collection = try await store.collection(caller, request.id)
            let begun = try await reembeddings.store.begin(
                caller, collection: collection.id, model: embedder.model, dimension: embedder.dimension,
                ChangeOrigin(context))
            switch begun {
            case .begun, .underWay: break
            case .noCollection: throw Status.collectionNotFound
            case .same:
                throw Status.failedPrecondition(
                    "The collection has this embedding model already.", reason: "EMBEDDING_MODEL_SAME")
            case .another:
                throw Status.failedPrecondition(
                    "The collection is on its way to another embedding model: wait for it, or cancel it first.",
                    reason: "REEMBEDDING_UNDER_WAY")
            }
            intake.signals.ringWorkers()
            return try await reembedding(of: collection, caller)
        }
    }

    public func getReembedding(
        _ request: Ragdz_V1_GetReembeddingRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Reembedding {
        let caller = try context.requireCaller()
        return try await withDatabaseErrors(logger, context) {
            try await reembedding(of: try await store.collection(caller, request.id), caller)
        }
    }

    /// Nothing is held in memory for a watcher, and no connection to the database while it waits.
    public func watchReembedding(
        _ request: Ragdz_V1_WatchReembeddingRequest, responses: ResponseWriter<Ragdz_V1_Reembedding>,
        context: ServerContext
    ) async throws {
        let caller = try context.requireCaller()
        var last: Ragdz_V1_Reembedding?
        while true {
            // Found anew each time: another one may have begun, under another name, and its caller may have lost it.
            let now = try await look(request.id, caller, context)
            guard let id = UUID128(now.id) else { throw Status.reembeddingNotFound }
            // The bell is there before the look that counts, so that no change falls between the two.
            let isOver = try await intake.signals.watching(id) { bell in
                while true {
                    try Task.checkCancellation()
                    let now = try await look(request.id, caller, context)
                    if now != last { try await responses.write(now) }
                    last = now
                    if now.isOver { return true }
                    if now.id != id.description { return false }
                    await bell.wait(atMost: IngestLimits.watchPoll)
                }
            }
            if isOver { return }
        }
    }

    private func look(
        _ collection: String, _ caller: Caller, _ context: ServerContext
    ) async throws -> Ragdz_V1_Reembedding {
        try await withDatabaseErrors(logger, context) {
            try await reembedding(of: try await store.collection(caller, collection), caller)
        }
    }

    public func cancelReembedding(
        _ request: Ragdz_V1_CancelReembeddingRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Reembedding {
        let caller = try context.requireCaller()
        return try await withDatabaseErrors(logger, context) {
            let collection = try await store.collection(caller, request.id)
            let found = try await reembeddings.store.find(caller, collection: collection.id)
            guard let found else { throw Status.reembeddingNotFound }
            let done = try await reembeddings.store.cancel(
                caller, collection: collection.id, reembedding: found.id, ChangeOrigin(context))
            intake.signals.ring(found.id)
            let now = try await reembedding(of: collection, caller)
            guard done || now.state == .cancelled else {
                throw Status.failedPrecondition("The re-embedding has ended already.", reason: "REEMBEDDING_OVER")
            }
            return now
        }
    }

    private func reembedding(
        of collection: StoredCollection, _ caller: Caller
    ) async throws -> Ragdz_V1_Reembedding {
        let found = try await reembeddings.store.find(caller, collection: collection.id)
        guard let found else { throw Status.reembeddingNotFound }
        return Ragdz_V1_Reembedding(found)
    }
}

extension Ragdz_V1_Reembedding {
    /// Before the last pass it is never whole.
    private static let almost: Int64 = 99

    /// A share, and no numbers: they would tell of chunks that the caller may not see.
    init(_ row: Queries.ReembeddingRow) {
        self.init()
        id = row.id.description
        collectionID = row.collectionID.description
        fromModel = row.fromModel
        embeddingModel = row.embeddingModel
        embeddingDimension = Int32(clamping: row.embeddingDimension)
        state = Ragdz_V1_IngestState(rawValue: Int32(row.state))
        percent = state == .succeeded ? 100 : Int32(min(Self.almost, 100 * row.chunksDone / max(row.chunkCount, 1)))
        if row.embeddingMicros > 0 {
            charactersPerSecond = Double(row.charactersEmbedded) * 1_000_000 / Double(row.embeddingMicros)
        }
        reason = row.reason
        message = row.message
        createTime = Google_Protobuf_Timestamp(unixMicros: row.createTime.unixMicros)
        updateTime = Google_Protobuf_Timestamp(unixMicros: row.updateTime.unixMicros)
        if state == .pending, !row.reason.isEmpty {
            nextAttemptTime = Google_Protobuf_Timestamp(unixMicros: row.dueAt.unixMicros)
        }
    }
}

extension Ragdz_V1_Reembedding {
    /// Whether it will not change any more.
    var isOver: Bool { state == .succeeded || state == .failed || state == .cancelled }
}

extension Status {
    static var noSuchEmbeddingModel: Status {
        .invalidArgument(
            "This server has no such embedding model; ListEmbeddingModels says which it has.",
            reason: "EMBEDDING_MODEL_UNKNOWN", field: "embedding_model")
    }

    static var reembeddingNotFound: Status {
        .notFound("The collection was never embedded anew.", reason: "REEMBEDDING_NOT_FOUND")
    }

    static var reembeddingCrashed: Status {
        .resourceExhausted(
            "The server ended several times while it embedded the collection; its operator must look at it.",
            reason: "REEMBEDDING_CRASHED")
    }

    static var embeddingModelUnknown: Status {
        .failedPrecondition(
            "The server's vectors of this model have another dimension by now.", reason: "EMBEDDING_MODEL_UNKNOWN")
    }
}
