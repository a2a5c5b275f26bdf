internal import Bytes
internal import Language
internal import Models
internal import Postgres
internal import RPC

/// A lease on an ingest: what a worker writes counts only under its epoch.
struct IngestClaim: Sendable, Hashable {
    let tenant: UUID128
    let id: UUID128
    let epoch: Int64

    /// A worker does what a caller was allowed to begin, and answers nobody: it sees all groups.
    var identity: Identity { .tenant(tenant, groups: .all) }
}

/// The lease is another's by now, or the ingest was cancelled or deleted: nothing more is to be written.
struct IngestLost: Error {}

/// The collection has this model by now: nothing was stored.
struct ModelChanged: Error {
    let model: String
}

/// What was staged is not all there: the database has crashed. It is made again.
struct StagingLost: Error {}

/// A text that was read and kept.
struct KeptText: Sendable {
    let summary: TextSummary
    let pieces: Int
    /// The whole text, where it is one piece and in memory already.
    let only: TextPiece?
}

/// The statements of the queue of ingests, its bytes and what is kept between its stages.
struct IngestStore: Sendable {
    let database: Database

    typealias Row = Queries.IngestRow
    typealias Load = Queries.LoadIngestRow

    func claim(owner: UUID128, models: [String], wanted: Int, lease: Duration) async throws -> [IngestClaim] {
        try await Queries.claimDueIngests(
            database.as(.none), owner: owner, models: models, wanted: wanted, leaseMicros: lease.micros
        ).map { IngestClaim(tenant: $0.tenantID, id: $0.ingestID, epoch: $0.leaseEpoch) }
    }

    /// How many were forgotten.
    func forget() async throws -> Int64 {
        try await Queries.forgetIngests(database.as(.none), atMost: IngestLimits.forgottenAtOnce) ?? 0
    }

    func find(_ caller: Caller, id: UUID128) async throws -> Row? {
        try await Queries.findIngest(database.as(caller.identity), id: id)
    }

    func newest(_ caller: Caller, of document: UUID128) async throws -> Row? {
        try await Queries.findIngestOfDocument(database.as(caller.identity), documentID: document)
    }

    func active(_ caller: Caller, of document: UUID128) async throws -> Row? {
        try await Queries.findActiveIngest(database.as(caller.identity), documentID: document)
    }

    func list(
        _ caller: Caller, before id: UUID128, state: Int, collection: UUID128?, limit: Int
    ) async throws -> [Row] {
        try await Queries.listIngests(
            database.as(caller.identity), beforeID: id, state: state, collectionID: collection,
            pageSize: Int64(limit))
    }

    /// Whether there was something to cancel. Its bytes, text and chunks go at once.
    func cancel(_ caller: Caller, id: UUID128) async throws -> Bool {
        try await database.transaction(as: caller.identity) { try await Self.cancel(id, $0) }
    }

    private static func cancel(_ id: UUID128, _ transaction: Transaction) async throws -> Bool {
        let done = try await Queries.cancelIngest(
            transaction, retentionMicros: IngestLimits.retention.micros, id: id)
        guard done == 1 else { return false }
        try await Queries.dropStaging(transaction, ingestIDs: [id])
        try await Queries.notifyIngests(transaction, payloads: [id.description])
        return true
    }

    /// Whether it had failed in a way that can be tried again.
    func retry(_ caller: Caller, id: UUID128) async throws -> Bool {
        try await database.transaction(as: caller.identity) { try await Self.retry(id, $0) }
    }

    private static func retry(_ id: UUID128, _ transaction: Transaction) async throws -> Bool {
        let done = try await Queries.retryIngest(transaction, attemptLimit: IngestLimits.backgroundAttempts, id: id)
        guard done == 1 else { return false }
        try await Queries.notifyIngests(transaction, payloads: [id.description, IngestSignals.ready])
        return true
    }

    // MARK: - Under a lease

    /// Nil: the lease is lost.
    func load(_ claim: IngestClaim) async throws -> Load? {
        try await Queries.loadIngest(database.as(claim.identity), id: claim.id, epoch: claim.epoch)
    }

    /// False: the lease is lost.
    func renew(_ claim: IngestClaim, lease: Duration) async throws -> Bool {
        try await Queries.renewIngest(
            database.as(claim.identity), leaseMicros: lease.micros, id: claim.id, epoch: claim.epoch) == 1
    }

    func piece(_ claim: IngestClaim, _ ordinal: Int) async throws -> [UInt8]? {
        try await Queries.findPiece(database.as(claim.identity), ingestID: claim.id, ordinal: ordinal)
    }

    func setStage(_ claim: IngestClaim, _ stage: IngestStage, chunks: Int = 0) async throws {
        let done = try await Queries.setIngestStage(
            database.as(claim.identity), stage: stage.rawValue, chunkCount: chunks, id: claim.id,
            epoch: claim.epoch)
        guard done == 1 else { throw IngestLost() }
        try await notify(claim)
    }

    func notify(_ claim: IngestClaim) async throws {
        try await Queries.notifyIngests(database.as(claim.identity), payloads: [claim.id.description])
    }

    func putPiece(_ claim: IngestClaim, _ piece: TextPiece, ordinal: Int) async throws {
        let done = try await Queries.putTextPiece(
            database.as(claim.identity), id: claim.id, epoch: claim.epoch, ordinal: ordinal,
            startAt: Int64(piece.start),
            content: piece.string, pageStarts: piece.pageStarts.map { Int64($0) },
            headingStarts: piece.headings.map { Int64($0.range.lowerBound) },
            headingEnds: piece.headings.map { Int64($0.range.upperBound) }, headingLevels: piece.headings.map(\.level))
        guard done == 1 else { throw IngestLost() }
    }

    /// From here on the text is whole.
    func putText(_ claim: IngestClaim, _ text: TextSummary, last piece: TextPiece, ordinal: Int) async throws {
        let done = try await Queries.putIngestText(
            database.as(claim.identity), id: claim.id, epoch: claim.epoch, ordinal: ordinal,
            startAt: Int64(piece.start),
            content: piece.string, pageStarts: piece.pageStarts.map { Int64($0) },
            headingStarts: piece.headings.map { Int64($0.range.lowerBound) },
            headingEnds: piece.headings.map { Int64($0.range.upperBound) }, headingLevels: piece.headings.map(\.level),
            mediaType: text.mediaType.rawValue, title: text.title ?? "", characterCount: Int64(text.count),
            pageCount: text.pageCount)
        guard done == 1 else { throw IngestLost() }
        try await notify(claim)
    }

    func text(_ claim: IngestClaim) async throws -> KeptText? {
        let row = try await Queries.findIngestText(database.as(claim.identity), ingestID: claim.id)
        guard let row, let type = MediaType(rawValue: row.mediaType) else { return nil }
        let summary = TextSummary(
            mediaType: type, title: row.title.isEmpty ? nil : row.title, count: Int(row.characterCount),
            pageCount: row.pageCount)
        return KeptText(summary: summary, pieces: row.pieceCount, only: nil)
    }

    func textPiece(_ claim: IngestClaim, _ ordinal: Int) async throws -> TextPiece? {
        let row = try await Queries.findTextPiece(database.as(claim.identity), ingestID: claim.id, ordinal: ordinal)
        guard let row else { return nil }
        let ranges = zip(row.headingStarts, row.headingEnds).map { Int($0)..<Int($1) }
        return TextPiece(
            start: Int(row.startAt), scalars: Array(row.content.unicodeScalars),
            headings: zip(ranges, row.headingLevels).map { Heading(range: $0, level: Int($1)) },
            pageStarts: row.pageStarts.map { Int($0) })
    }

    /// Those that the stored version of the document has.
    func known(_ claim: IngestClaim, _ ids: [UUID128], _ embedder: any TextEmbedder) async throws -> Set<UUID128> {
        Set(
            try await Queries.knownChunks(
                database.as(claim.identity), chunkIDs: ids, model: embedder.model, dimension: embedder.dimension))
    }

    /// Back into the queue, to be embedded with the model that the collection has by now.
    func change(_ claim: IngestClaim, to model: String) async throws {
        _ = try await Queries.changeIngestModel(
            database.as(claim.identity), model: model, id: claim.id, epoch: claim.epoch)
    }

    /// Back into the queue, behind those that wait already.
    func release(_ claim: IngestClaim) async throws {
        _ = try await Queries.releaseIngest(database.as(claim.identity), id: claim.id, epoch: claim.epoch)
    }

    /// Back into the queue after a mishap, so that nobody waits for the lease to end.
    func giveBack(_ claim: IngestClaim, pause: Duration) async throws {
        _ = try await Queries.returnIngest(
            database.as(claim.identity), pauseMicros: pause.micros, id: claim.id, epoch: claim.epoch)
    }

    func postpone(_ claim: IngestClaim, _ failure: IngestFailure, pause: Duration) async throws {
        let status = failure.status
        let done = try await Queries.postponeIngest(
            database.as(claim.identity), code: status.code.rawValue, reason: status.reason ?? "",
            message: status.message, pauseMicros: pause.micros, id: claim.id, epoch: claim.epoch)
        if done == 1 { try await notify(claim) }
    }

    /// The end of it. What cannot be tried again leaves nothing but the reason.
    func fail(_ claim: IngestClaim, _ failure: IngestFailure) async throws {
        try await database.transaction(as: claim.identity) { try await Self.fail(claim, failure, $0) }
    }

    private static func fail(_ claim: IngestClaim, _ failure: IngestFailure, _ transaction: Transaction) async throws {
        let status = failure.status
        // Before: what keeps no bytes has none to be counted.
        if failure.isFinal { try await Queries.dropStaging(transaction, ingestIDs: [claim.id]) }
        let done = try await Queries.failIngest(
            transaction, code: status.code.rawValue, reason: status.reason ?? "", message: status.message,
            quotaDetail: failure.quotaDetail, retentionMicros: IngestLimits.retention.micros, id: claim.id,
            epoch: claim.epoch)
        guard done == 1 else { throw IngestLost() }
        try await Queries.notifyIngests(transaction, payloads: [claim.id.description])
    }
}
