internal import Bytes
internal import Postgres
internal import ProtoRuntime
public import RPC
public import Schema
internal import Stores

extension RetrievalService {
    public func getIngest(
        _ request: Ragdz_V1_GetIngestRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Ingest {
        try await ingest(request.id, try context.requireCaller(), context)
    }

    private func ingest(_ id: String, _ caller: Caller, _ context: ServerContext) async throws -> Ragdz_V1_Ingest {
        guard let id = UUID128(id) else { throw Status.ingestNotFound }
        let found = try await withDatabaseErrors(logger, context) { try await intake.store.find(caller, id: id) }
        guard let found else { throw Status.ingestNotFound }
        return Ragdz_V1_Ingest(found)
    }

    public func listIngests(
        _ request: Ragdz_V1_ListIngestsRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListIngestsResponse {
        let caller = try context.requireCaller()
        let size = try PageSize.resolve(request.pageSize)
        guard (0...5).contains(request.state.rawValue) else {
            throw Status.invalidArgument("There is no such state.", reason: "INGEST_STATE_UNKNOWN", field: "state")
        }
        var before = UUID128(hi: .max, lo: .max)
        if let position = try PageToken.read(request.pageToken, list: "ingests", parts: 1) {
            guard let id = UUID128(position[0]) else { throw PageToken.invalid }
            before = id
        }
        return try await withDatabaseErrors(logger, context) {
            var scope: UUID128?
            if !request.collection.isEmpty { scope = try await store.collection(caller, request.collection).id }
            let found = try await intake.store.list(
                caller, before: before, state: Int(request.state.rawValue), collection: scope, limit: size + 1)
            var response = Ragdz_V1_ListIngestsResponse()
            response.ingests = found.prefix(size).map { Ragdz_V1_Ingest($0) }
            if found.count > size {
                response.nextPageToken = PageToken.make("ingests", [found[size - 1].id.description])
            }
            return response
        }
    }

    /// Nothing is held in memory for a watcher, and no connection to the database while it waits.
    public func watchIngest(
        _ request: Ragdz_V1_WatchIngestRequest, responses: ResponseWriter<Ragdz_V1_Ingest>, context: ServerContext
    ) async throws {
        let caller = try context.requireCaller()
        guard let id = UUID128(request.id) else { throw Status.ingestNotFound }
        // The bell is there before the first look, so that no change falls between the two.
        try await intake.signals.watching(id) { bell in
            var last: Ragdz_V1_Ingest?
            while true {
                try Task.checkCancellation()
                let now = try await ingest(request.id, caller, context)
                if now != last { try await responses.write(now) }
                last = now
                if now.isOver { return }
                await bell.wait(atMost: IngestLimits.watchPoll)
            }
        }
    }

    public func cancelIngest(
        _ request: Ragdz_V1_CancelIngestRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Ingest {
        let caller = try context.requireCaller()
        guard let id = UUID128(request.id) else { throw Status.ingestNotFound }
        let done = try await withDatabaseErrors(logger, context) { try await intake.store.cancel(caller, id: id) }
        intake.signals.ring(id)
        let now = try await ingest(request.id, caller, context)
        guard done || now.state == .cancelled else {
            throw Status.failedPrecondition("The ingest has ended already.", reason: "INGEST_OVER")
        }
        return now
    }

    public func retryIngest(
        _ request: Ragdz_V1_RetryIngestRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Ingest {
        let caller = try context.requireCaller()
        guard let id = UUID128(request.id) else { throw Status.ingestNotFound }
        let done = try await withDatabaseErrors(logger, context) {
            do { return try await intake.store.retry(caller, id: id) } catch let error as PostgresError
                where error.isUniqueViolation
            {
                throw Status.failedPrecondition(
                    "The same document is on its way with another ingest.", reason: "INGEST_SUPERSEDED")
            }
        }
        intake.signals.ringWorkers()
        let now = try await ingest(request.id, caller, context)
        guard done || now.state == .pending || now.state == .running else {
            throw Status.failedPrecondition(
                "Only an ingest that failed for a reason that may pass can be tried again.",
                reason: "INGEST_NOT_RETRYABLE")
        }
        return now
    }
}

extension Ragdz_V1_Ingest {
    /// How much of the whole is done when a stage begins.
    private static let shares: [Int32] = [0, 0, 2, 6, 8, 10, 98]

    init(_ row: Queries.IngestRow) {
        self.init()
        id = row.id.description
        documentID = row.documentID?.description ?? ""
        collectionID = row.collectionID.description
        filename = row.filename
        byteSize = row.byteSize
        state = Ragdz_V1_IngestState(rawValue: Int32(row.state))
        stage = Ragdz_V1_IngestStage(rawValue: Int32(row.stage))
        chunkCount = Int32(clamping: row.chunkCount)
        chunksDone = Int32(clamping: min(row.chunksDone, row.chunkCount))
        chunksReused = Int32(clamping: row.chunksReused)
        percent = state == .succeeded ? 100 : Self.percent(row)
        if row.embeddingMicros > 0 {
            charactersPerSecond = Double(row.charactersEmbedded) * 1_000_000 / Double(row.embeddingMicros)
        }
        attempts = Int32(clamping: row.attempts)
        reason = row.reason
        message = row.message
        duplicate = row.duplicate
        createTime = Google_Protobuf_Timestamp(unixMicros: row.createTime.unixMicros)
        updateTime = Google_Protobuf_Timestamp(unixMicros: row.updateTime.unixMicros)
        if state == .pending, !row.reason.isEmpty {
            nextAttemptTime = Google_Protobuf_Timestamp(unixMicros: row.dueAt.unixMicros)
        }
    }

    private static func percent(_ row: Queries.IngestRow) -> Int32 {
        let start = shares[min(max(row.stage, 0), shares.count - 1)]
        guard row.stage == IngestStage.embed.rawValue, row.chunkCount > 0 else { return start }
        let share = Int32(88 * min(row.chunksDone, row.chunkCount) / row.chunkCount)
        return start + share
    }

    /// Whether it will not change any more by itself.
    var isOver: Bool { state == .succeeded || state == .failed || state == .cancelled }
}

extension Ragdz_V1_Document {
    /// Before it is stored: what is known of the upload.
    init(pending row: Queries.IngestRow) {
        self.init()
        id = row.documentID?.description ?? ""
        collectionID = row.collectionID.description
        filename = row.filename
        byteSize = row.byteSize
        ingestID = row.id.description
        createTime = Google_Protobuf_Timestamp(unixMicros: row.createTime.unixMicros)
        let over = row.state == IngestState.failed.rawValue || row.state == IngestState.cancelled.rawValue
        state = over ? .failed : .pending
    }
}
