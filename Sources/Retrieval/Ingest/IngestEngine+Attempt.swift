internal import Bytes
internal import Language
internal import Logging
internal import Models
internal import Postgres
internal import ProtoRuntime
internal import RPC
internal import Schema
internal import Stores
internal import Synchronization

// One attempt of one ingest: from the last step that was kept to the document, or to a reason why not.

extension IngestEngine {
    func attempt(_ claim: IngestClaim) async {
        if isDying(.claimed, claim) { return }
        var log: Logger.Metadata = ["tenant": "\(claim.tenant)", "ingest": "\(claim.id)", "epoch": "\(claim.epoch)"]
        do {
            guard let load = try await store.load(claim) else { return }
            do { try await carry(claim, load) } catch let failure as IngestFailure {
                if isDead || Task.isCancelled { return }
                log["reason"] = "\(failure.status.reason ?? "")"
                logger.info("an ingest failed", metadata: log)
                try await record(failure, claim, load)
            }
        } catch is IngestLost {
            logger.info("an ingest was cancelled or went to another worker", metadata: log)
        } catch is StagingLost {
            // What is missing is made again.
            logger.notice("the chunks of an ingest are made again", metadata: log)
            await giveBack(claim)
        } catch let changed as ModelChanged {
            logger.info("an ingest is embedded anew, for its collection's new model", metadata: log)
            try? await store.change(claim, to: changed.model)
        } catch is CancellationError {
            return
        } catch {
            if Task.isCancelled || isDead { return }
            log["error"] = "\(error)"
            logger.error("an ingest could not be worked on", metadata: log)
            await giveBack(claim)
        }
    }

    /// When the database is away, the lease runs out instead, and the ingest is taken again: by then it may be back.
    private func giveBack(_ claim: IngestClaim) async {
        if !isDead { try? await store.giveBack(claim, pause: configuration.firstPause) }
    }

    private func record(_ failure: IngestFailure, _ claim: IngestClaim, _ load: IngestStore.Load) async throws {
        guard failure.isTransient, load.attempts < load.attemptLimit else {
            return try await store.fail(claim, failure)
        }
        let doublings = min(max(load.attempts - 1, 0), 10)
        let pause = min(configuration.firstPause * (1 << doublings), configuration.longestPause)
        try await store.postpone(claim, failure, pause: pause)
    }

    private func carry(_ claim: IngestClaim, _ load: IngestStore.Load) async throws {
        guard load.losses <= IngestLimits.losses else { throw IngestFailure.lost }
        guard load.embeddingModel == load.collectionModel else { throw ModelChanged(model: load.collectionModel) }
        let embedder = models.named(load.collectionModel, dimension: load.collectionDimension)
        guard let embedder else { throw IngestFailure(.embeddingModelGone(load.collectionModel)) }
        let header = try Ragdz_V1_UploadHeader(json: Array(load.header.text.utf8))
        let attributes = try RetrievalRules.attributes(header.attributes, field: "header.attributes")
        let text = try await text(claim, load)
        if isDying(.textKept, claim) { return }
        try await store.setStage(claim, .chunk)
        let title = Self.title(given: header.title, found: text.summary.title, filename: load.filename)
        let plan: ChunkPlan
        do { plan = try await self.plan(claim, text, title: title, document: load.documentID) } catch let error
            as ExtractionError
        { throw IngestFailure(error) }
        try await store.setStage(claim, .embed, chunks: plan.count)
        let embedding = BatchEmbedding(
            engine: self, claim: claim, embedder: embedder, plan: plan, reuses: !header.replaces.isEmpty)
        guard try await embedding.run(from: min(Int(load.staged), plan.count)) else {
            if isDead { return }
            return try await store.release(claim)
        }
        try await store.setStage(claim, .store, chunks: plan.count)
        if isDying(.beforeStore, claim) { return }
        let finished = FinishedIngest(
            claim: claim, collection: load.collectionID, document: load.documentID,
            replaces: !header.replaces.isEmpty, attributes: attributes, filename: load.filename,
            byteSize: load.byteSize,
            sha256: load.sha256, embedder: embedder, text: text.summary, plan: plan)
        do { try check(await store.finish(finished)) } catch let error as PostgresError {
            if let full = IngestFailure.quota(error) { throw full }
            throw error
        }
        signals.ring(claim.id)
        _ = isDying(.stored, claim)
    }

    private func check(_ outcome: IngestOutcome) throws(IngestFailure) {
        switch outcome {
        case .stored, .duplicate: return
        case .noCollection: throw IngestFailure(.collectionNotFound, isFinal: true)
        case .noDocument: throw IngestFailure(.documentNotFound, isFinal: true)
        case .conflict: throw IngestFailure(.documentExists, isFinal: true)
        }
    }

    /// What an attempt before has read, or what is read now and kept, piece by piece.
    private func text(_ claim: IngestClaim, _ load: IngestStore.Load) async throws -> KeptText {
        if load.hasText, let text = try await store.text(claim) { return text }
        try await store.setStage(claim, .detect)
        let store = store
        let source = ByteSource { ordinal in try await store.piece(claim, ordinal) }
        var pieces = 0
        // Each is kept when the next one is there: the last one is kept with what is known of the whole.
        var last: TextPiece?
        let summary: TextSummary
        do {
            summary = try await reading.pass(claim.tenant) {
                try await extractor.extract(
                    source, filename: load.filename, type: load.mediaType.flatMap { MediaType(rawValue: $0) }
                ) { stage in
                    try await store.setStage(claim, stage)
                } onPiece: { piece in
                    if let last { try await store.putPiece(claim, last, ordinal: pieces - 1) }
                    last = piece
                    pieces += 1
                }
            }
        } catch let error as ExtractionError {
            logger.info(
                "document refused", metadata: ["reason": "\(error.kind.rawValue)", "detail": "\(error.detail)"])
            throw IngestFailure(error)
        }
        if isDying(.extracted, claim) { throw IngestLost() }
        guard let last else { throw IngestFailure(ExtractionError(.noText)) }
        try await store.putText(claim, summary, last: last, ordinal: pieces - 1)
        return KeptText(summary: summary, pieces: pieces, only: pieces == 1 ? last : nil)
    }

    /// Cuts the text, reading it again piece by piece.
    private func plan(
        _ claim: IngestClaim, _ text: KeptText, title: String, document: UUID128
    ) async throws -> ChunkPlan {
        let planner = ChunkPlanner(title: title, document: document, isPaged: text.summary.pageCount > 0)
        for ordinal in 0..<text.pieces {
            var piece = text.only
            if piece == nil { piece = try await store.textPiece(claim, ordinal) }
            guard let piece else { throw StagingLost() }
            try await withTaskExecutorPreference(globalConcurrentExecutor) { try planner.take(piece) }
        }
        return try await withTaskExecutorPreference(globalConcurrentExecutor) { try planner.finish() }
    }

    static func title(given: String, found: String?, filename: String) -> String {
        let stem = filename.lastIndex(of: ".").map { String(filename[..<$0]) } ?? filename
        let title = [given, found ?? "", stem, filename].first { !$0.allSatisfy(\.isWhitespace) } ?? filename
        // Scalars are counted: one character can have a million combining marks.
        let start = title.unicodeScalars.drop { $0.properties.isWhitespace }.prefix(4 * RetrievalLimits.title)
        let line = String(Substring(start)).split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return String(String.UnicodeScalarView(line.unicodeScalars.prefix(RetrievalLimits.title)))
    }
}

/// The chunks of one ingest in batches: while one is at the embedding server the next is made and the one before is kept.
/// Batches may come back in any order; they are kept in theirs.
private struct BatchEmbedding: Sendable {
    let engine: IngestEngine
    let claim: IngestClaim
    let embedder: any TextEmbedder
    let plan: ChunkPlan
    /// Whether the stored version may have some of the vectors.
    let reuses: Bool

    private struct Batch: Sendable {
        let number: Int
        let rows: [(row: ChunkPlan.Row, vector: [Float]?)]
    }

    /// False: not finished, because others are to have their turn, or the process ends.
    func run(from start: Int) async throws -> Bool {
        let chunks = PlannedChunks(plan)
        try chunks.skip(start)
        let size = engine.configuration.batch
        let batches = (plan.count - start + size - 1) / size
        let begin = ContinuousClock.now
        return try await withThrowingTaskGroup(of: Batch.self) { group in
            var started = 0
            var kept = 0
            var early: [Int: Batch] = [:]
            var last = begin
            while started < min(IngestLimits.batchesUnderway, batches) {
                let (number, next) = (started, try chunks.next(size))
                group.addTask { try await batch(number, next) }
                started += 1
            }
            while let batch = try await group.next() {
                early[batch.number] = batch
                while let next = early.removeValue(forKey: kept) {
                    if engine.isDead { return false }
                    if started < batches {
                        let (number, next) = (started, try chunks.next(size))
                        group.addTask { try await self.batch(number, next) }
                        started += 1
                    }
                    let now = ContinuousClock.now
                    try await engine.store.stage(
                        claim, next.rows, of: plan.count, micros: last.duration(to: now).micros, by: embedder)
                    engine.signals.ring(claim.id)
                    last = now
                    kept += 1
                    if engine.isDying(.staged, claim) { return false }
                }
                if kept < batches, mustPause(since: begin) {
                    group.cancelAll()
                    return false
                }
            }
            return true
        }
    }

    private func mustPause(since begin: ContinuousClock.Instant) -> Bool {
        if !engine.isWorking { return true }
        return engine.isFull && begin.duration(to: .now) > engine.configuration.slice
    }

    private func batch(_ number: Int, _ chunks: [PlannedChunk]) async throws -> Batch {
        let rows = await withTaskExecutorPreference(globalConcurrentExecutor) { chunks.map(plan.row) }
        let known = reuses ? try await engine.store.known(claim, rows.map(\.id), embedder) : []
        let fresh = rows.filter { !known.contains($0.id) }
        let vectors = try await embed(fresh.map(\.embeddingInput))
        var index = 0
        var done: [(row: ChunkPlan.Row, vector: [Float]?)] = []
        for row in rows {
            if known.contains(row.id) {
                done.append((row, nil))
            } else {
                done.append((row, vectors[index]))
                index += 1
            }
        }
        return Batch(number: number, rows: done)
    }

    private func embed(_ texts: [String]) async throws -> [[Float]] {
        var vectors: [[Float]] = []
        while vectors.count < texts.count {
            let end = min(texts.count, vectors.count + engine.fit.withLock { $0.size })
            let part = Array(texts[vectors.count..<end])
            vectors += try await engine.turns.pass(claim.tenant) { try await self.request(part) }
        }
        return vectors
    }

    private func request(_ texts: [String]) async throws -> [[Float]] {
        let failure: ModelError
        do {
            let vectors = try await embedder.embed(texts)
            engine.fit.withLock { $0.answered() }
            return vectors
        } catch { failure = error }
        if failure.code == .cancelled { throw CancellationError() }
        engine.logger.error("embedding failed", metadata: ["error": "\(failure)", "texts": "\(texts.count)"])
        if failure.code == .timeout { engine.fit.withLock { $0.tookTooLong(texts.count) } }
        throw IngestFailure(failure)
    }
}
