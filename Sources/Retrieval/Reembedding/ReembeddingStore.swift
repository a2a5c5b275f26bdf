internal import Bytes
internal import Models
internal import Postgres
internal import RPC

/// A lease on a re-embedding: what a worker writes counts only under its epoch.
struct ReembeddingClaim: Sendable, Hashable {
    let tenant: UUID128
    let id: UUID128
    let epoch: Int64

    /// A worker does what a caller was allowed to begin, and answers nobody: it sees all groups.
    var identity: Identity { .tenant(tenant, groups: .all) }
}

/// The lease is another's by now, or the re-embedding was cancelled, or the collection deleted.
struct ReembeddingLost: Error {}

/// The statements of collections that move to another embedding model.
struct ReembeddingStore: Sendable {
    let database: Database

    typealias Row = Queries.ReembeddingRow
    typealias Load = Queries.LoadReembeddingRow

    /// A chunk that has no vector of the new model.
    struct Chunk: Sendable {
        let id: UUID128
        /// As when the chunk was made.
        let embeddingInput: String
    }

    /// Where a request for another model led.
    enum Begun: Sendable {
        case begun
        /// The same was asked for before.
        case underWay
        case another
        case same
        case noCollection
    }

    func find(_ caller: Caller, collection: UUID128) async throws -> Row? {
        try await Queries.findReembedding(database.as(caller.identity), collectionID: collection)
    }

    func begin(
        _ caller: Caller, collection: UUID128, model: String, dimension: Int, _ origin: ChangeOrigin
    ) async throws -> Begun {
        try await database.transaction(as: caller.identity) { transaction in
            try await Self.begin(collection, model, dimension, origin, transaction)
        }
    }

    private static func begin(
        _ collection: UUID128, _ model: String, _ dimension: Int, _ origin: ChangeOrigin, _ transaction: Transaction
    ) async throws -> Begun {
        let stored = try await Queries.lockCollection(transaction, id: collection)
        guard let stored else { return .noCollection }
        if let last = try await Queries.findReembedding(transaction, collectionID: collection),
            last.state <= IngestState.running.rawValue
        {
            return last.embeddingModel == model ? .underWay : .another
        }
        if stored.embeddingModel == model, stored.embeddingDimension == dimension { return .same }
        try await Queries.endedReembeddings(transaction, collectionID: collection)
        _ = try await Queries.buildVectorSet(
            transaction, collectionID: collection, model: model, dimension: dimension)
        try await Queries.insertReembedding(
            transaction, id: UUID128.v7(), collectionID: collection, fromModel: stored.embeddingModel, model: model,
            dimension: dimension, actor: origin.actor, requestID: origin.requestID, peer: origin.peer)
        try await Queries.notifyIngests(transaction, payloads: [IngestSignals.ready])
        return .begun
    }

    /// Whether there was something to cancel.
    func cancel(
        _ caller: Caller, collection: UUID128, reembedding: UUID128, _ origin: ChangeOrigin
    ) async throws -> Bool {
        try await database.transaction(as: caller.identity) { transaction in
            try await Self.cancel(collection, reembedding, origin, transaction)
        }
    }

    private static func cancel(
        _ collection: UUID128, _ reembedding: UUID128, _ origin: ChangeOrigin, _ transaction: Transaction
    ) async throws -> Bool {
        _ = try await Queries.lockCollection(transaction, id: collection)
        let done = try await Queries.cancelReembedding(
            transaction, collectionID: collection, actor: origin.actor, requestID: origin.requestID,
            peer: origin.peer)
        guard done == 1 else { return false }
        try await Queries.retireBuildingSet(transaction, collectionID: collection)
        try await Queries.notifyIngests(transaction, payloads: [reembedding.description])
        return true
    }

    // MARK: - Across tenants

    func claim(owner: UUID128, models: [String], wanted: Int, lease: Duration) async throws -> [ReembeddingClaim] {
        try await Queries.claimDueReembeddings(
            database.as(.none), owner: owner, models: models, wanted: wanted, leaseMicros: lease.micros
        ).map { ReembeddingClaim(tenant: $0.tenantID, id: $0.reembeddingID, epoch: $0.leaseEpoch) }
    }

    /// How many vectors that no search looks at were removed; nil when there are none.
    func removeRetired(atMost count: Int) async throws -> Int64? {
        let gone = try await Queries.removeRetiredVectors(database.as(.none), atMost: count) ?? -1
        return gone < 0 ? nil : gone
    }

    // MARK: - Under a lease

    /// Nil: the lease is lost.
    func load(_ claim: ReembeddingClaim) async throws -> Load? {
        try await Queries.loadReembedding(database.as(claim.identity), id: claim.id, epoch: claim.epoch)
    }

    /// False: the lease is lost.
    func renew(_ claim: ReembeddingClaim, lease: Duration) async throws -> Bool {
        try await Queries.renewReembedding(
            database.as(claim.identity), leaseMicros: lease.micros, id: claim.id, epoch: claim.epoch) == 1
    }

    func chunks(_ claim: ReembeddingClaim, _ load: Load, after id: UUID128?, atMost count: Int) async throws -> [Chunk]
    {
        try await Queries.chunksToEmbed(
            database.as(claim.identity), collectionID: load.collectionID, after: id ?? UUID128(hi: 0, lo: 0),
            model: load.embeddingModel, dimension: load.embeddingDimension, batch: Int64(count)
        ).map { Chunk(id: $0.id, embeddingInput: ChunkPlan.input($0.title, $0.titlePath, $0.content)) }
    }

    /// Keeps a batch. What was deleted meanwhile is left out.
    func keep(
        _ claim: ReembeddingClaim, _ load: Load, _ chunks: [Chunk], _ vectors: [[Float]], micros: Int64
    ) async throws {
        try await database.transaction(as: claim.identity) { transaction in
            try await Self.keep(claim, load, chunks, vectors, micros, transaction)
        }
    }

    private static func keep(
        _ claim: ReembeddingClaim, _ load: Load, _ chunks: [Chunk], _ vectors: [[Float]], _ micros: Int64,
        _ transaction: Transaction
    ) async throws {
        // While it is locked nothing of the collection is stored or deleted.
        let collection = try await Queries.lockCollection(transaction, id: load.collectionID)
        if collection == nil { throw ReembeddingLost() }
        let mine = try await Queries.keepBatch(
            transaction, after: chunks.last?.id, chunks: Int64(chunks.count),
            characters: chunks.reduce(0) { $0 + Int64($1.embeddingInput.unicodeScalars.count) }, micros: micros,
            id: claim.id, epoch: claim.epoch)
        guard mine == 1 else { throw ReembeddingLost() }
        _ = try await Queries.lockDocumentsOfChunks(transaction, chunkIDs: chunks.map(\.id))
        _ = try await Queries.insertSetVectors(
            transaction, chunkIDs: chunks.map(\.id), embeddings: vectors.map { HalfVector($0) },
            model: load.embeddingModel, dimension: load.embeddingDimension)
    }

    /// Makes the new set the one that is searched, in one transaction; false when a document was stored meanwhile that is not in
    /// it yet.
    func finish(_ claim: ReembeddingClaim, _ load: Load) async throws -> Bool {
        try await database.transaction(as: claim.identity) { transaction in
            try await Self.finish(claim, load, transaction)
        }
    }

    private static func finish(
        _ claim: ReembeddingClaim, _ load: Load, _ transaction: Transaction
    ) async throws -> Bool {
        let (collection, model, dimension) = (load.collectionID, load.embeddingModel, load.embeddingDimension)
        let stored = try await Queries.lockCollection(transaction, id: collection)
        if stored == nil { throw ReembeddingLost() }
        let missing = try await Queries.chunksToEmbed(
            transaction, collectionID: collection, after: UUID128(hi: 0, lo: 0), model: model, dimension: dimension,
            batch: 1)
        guard missing.isEmpty else { return false }
        let mine = try await Queries.finishReembedding(transaction, id: claim.id, epoch: claim.epoch)
        guard mine == 1 else { throw ReembeddingLost() }
        _ = try await Queries.retireCurrentSet(transaction, collectionID: collection)
        let published = try await Queries.publishBuildingSet(
            transaction, collectionID: collection, model: model, dimension: dimension)
        guard published == 1 else { throw ReembeddingLost() }
        _ = try await Queries.switchCollection(transaction, model: model, dimension: dimension, id: collection)
        return true
    }

    /// Back into the queue: for others, after a mishap, or with the reason why an attempt failed.
    func giveBack(_ claim: ReembeddingClaim, _ failure: Status? = nil, pause: Duration = .zero) async throws {
        _ = try await Queries.returnReembedding(
            database.as(claim.identity), code: failure?.code.rawValue ?? 0, reason: failure?.reason ?? "",
            message: failure?.message ?? "", pauseMicros: pause.micros, id: claim.id, epoch: claim.epoch)
    }

    /// The end of it; what was embedded is removed.
    func fail(_ claim: ReembeddingClaim, _ load: Load, _ failure: Status) async throws {
        try await database.transaction(as: claim.identity) { transaction in
            try await Self.fail(claim, load, failure, transaction)
        }
    }

    private static func fail(
        _ claim: ReembeddingClaim, _ load: Load, _ failure: Status, _ transaction: Transaction
    ) async throws {
        _ = try await Queries.lockCollection(transaction, id: load.collectionID)
        let mine = try await Queries.failReembedding(
            transaction, code: failure.code.rawValue, reason: failure.reason ?? "", message: failure.message,
            id: claim.id, epoch: claim.epoch)
        if mine == 1 { try await Queries.retireBuildingSet(transaction, collectionID: load.collectionID) }
    }
}
