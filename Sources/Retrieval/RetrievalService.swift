internal import Bytes
internal import Language
public import Logging
public import Models
public import Postgres
public import ProtoRuntime
public import RPC
public import Schema
internal import Stores

/// Collections, documents, search and cited answers: `ragdz.v1.Retrieval`.
///
/// The tenant comes from the call's identity alone. What belongs to another tenant is answered like what never was.
public struct RetrievalService: Ragdz_V1_Retrieval.ServiceProtocol {
    let store: RetrievalStore
    let intake: IngestIntake
    let ingests: IngestEngine
    let search: SearchEngine
    let answers: AnswerEngine
    let models: EmbeddingModels
    let reembeddings: ReembeddingEngine
    var embedder: any TextEmbedder { models.first }
    let meter: any UsageMeter
    let logger: Logger
    let memory = UploadMemory()

    /// Without a chat model, answers are made of the documents' own sentences.
    /// Without an extractor, only text, Markdown and HTML can be read.
    public init(
        database: Database, models: EmbeddingModels, chat: (any ChatModel)?, extractor: ExtractorProgram?,
        meter: any UsageMeter = NoMeter(), logger: Logger
    ) {
        self.init(
            database: database, models: models, chat: chat, extractor: TextExtractor(program: extractor),
            meter: meter, ingests: .defaults, logger: logger)
    }

    /// With one model for embeddings.
    public init(
        database: Database, embedder: any TextEmbedder, chat: (any ChatModel)?, extractor: ExtractorProgram?,
        meter: any UsageMeter = NoMeter(), logger: Logger
    ) {
        self.init(
            database: database, models: EmbeddingModels(embedder), chat: chat, extractor: extractor, meter: meter,
            logger: logger)
    }

    init(
        database: Database, models: EmbeddingModels, chat: (any ChatModel)?, extractor: TextExtractor,
        meter: any UsageMeter = NoMeter(), ingests configuration: IngestConfiguration, logger: Logger,
        dies: (@Sendable (IngestEngine.Moment, IngestClaim) -> Bool)? = nil,
        reembeddingDies: (@Sendable (ReembeddingEngine.Moment) -> Bool)? = nil
    ) {
        store = RetrievalStore(database: database)
        let queue = IngestStore(database: database)
        let signals = IngestSignals(database: database, logger: logger)
        intake = IngestIntake(store: queue, documents: store, signals: signals, models: models, logger: logger)
        ingests = IngestEngine(
            store: queue, signals: signals, models: models, extractor: extractor, configuration: configuration,
            logger: logger, dies: dies)
        reembeddings = ReembeddingEngine(
            store: ReembeddingStore(database: database), signals: signals, models: models, turns: ingests.turns,
            configuration: configuration, logger: logger, dies: reembeddingDies)
        search = SearchEngine(store: store, models: models)
        answers = AnswerEngine(search: search, chat: chat, logger: logger, meter: meter)
        self.meter = meter
        self.models = models
        self.logger = logger
    }

    /// Keeps the index at the version of this program's analyzer, until the task is cancelled.
    public func keepIndexFresh() async {
        await IndexRefresh(store: store, logger: logger).run()
    }

    /// Moves tenants that outgrow the exact scan to partitions with an index of their own, until the task is cancelled.
    public func keepVectorsIndexed() async {
        await VectorMoves(database: store.database, logger: logger).run()
    }

    /// Works on the runs of evaluations, until the task is cancelled.
    public func keepEvaluating() async { await evaluations.run() }

    /// Works on ingests and re-embeddings, and listens to what the database tells of them, until the task is cancelled.
    public func runIngests() async {
        await withTaskGroup { group in
            group.addTask { await intake.signals.run() }
            group.addTask { await reembeddings.run() }
            await ingests.run()
            group.cancelAll()
        }
    }

    /// Takes no new ingest; what runs is given back at its next step.
    public func drainIngests(grace: Duration) {
        reembeddings.drain()
        ingests.drain(grace: grace)
    }

    public func createCollection(
        _ request: Ragdz_V1_CreateCollectionRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Collection {
        let caller = try context.requireCaller()
        let name = try RetrievalRules.collectionName(request.name)
        let groups = try RetrievalRules.groups(request.groups, field: "groups")
        try RetrievalRules.mayChange([], to: groups, caller)
        let wanted = request.embeddingModel
        guard let embedder = wanted.isEmpty ? models.first : models.named(wanted) else {
            throw Status.noSuchEmbeddingModel
        }
        return try await withDatabaseErrors(logger, context) {
            let made = try await store.insertCollection(
                caller, id: UUID128.v7(), name: name, groups: groups, model: embedder.model,
                dimension: embedder.dimension, ChangeOrigin(context))
            guard let made else {
                throw Status.alreadyExists("There is a collection of this name already.", reason: "COLLECTION_EXISTS")
            }
            return Ragdz_V1_Collection(made)
        }
    }

    public func getCollection(
        _ request: Ragdz_V1_GetCollectionRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Collection {
        let caller = try context.requireCaller()
        return try await withDatabaseErrors(logger, context) {
            Ragdz_V1_Collection(try await store.collection(caller, request.id))
        }
    }

    public func listCollections(
        _ request: Ragdz_V1_ListCollectionsRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListCollectionsResponse {
        let caller = try context.requireCaller()
        let size = try PageSize.resolve(request.pageSize)
        var after = (name: "", id: UUID128(hi: 0, lo: 0))
        if let position = try PageToken.read(request.pageToken, list: "collections", parts: 2) {
            guard let id = UUID128(position[1]) else { throw PageToken.invalid }
            after = (position[0], id)
        }
        return try await withDatabaseErrors(logger, context) { [after] in
            let found = try await store.listCollections(caller, after: after, limit: size + 1)
            var response = Ragdz_V1_ListCollectionsResponse()
            response.collections = found.prefix(size).map { Ragdz_V1_Collection($0) }
            if found.count > size {
                let last = found[size - 1]
                response.nextPageToken = PageToken.make("collections", [last.name, last.id.description])
            }
            return response
        }
    }

    public func deleteCollection(
        _ request: Ragdz_V1_DeleteCollectionRequest, context: ServerContext
    ) async throws -> Google_Protobuf_Empty {
        let caller = try context.requireCaller()
        return try await withDatabaseErrors(logger, context) {
            let collection = try await store.collection(caller, request.id)
            let wasThere = try await store.deleteCollection(caller, id: collection.id, ChangeOrigin(context))
            if !wasThere { throw Status.collectionNotFound }
            return Google_Protobuf_Empty()
        }
    }

    public func search(
        _ request: Ragdz_V1_SearchRequest, context: ServerContext
    ) async throws -> Ragdz_V1_SearchResponse {
        let caller = try context.requireCaller()
        let text = try RetrievalRules.query(request.query, field: "query")
        let limit = try RetrievalRules.limit(
            request.limit, maximum: RetrievalLimits.searchHits, otherwise: RetrievalLimits.defaultSearchHits)
        let languages = try RetrievalRules.languages(request.languages)
        let filter = try RetrievalRules.filter(request.filter)
        return try await withDatabaseErrors(logger, context) {
            let scope = try await store.scope(
                caller, request.collections, languages: languages, filter, includesShared: !request.privateOnly)
            let query = try await search.analyse(text, for: caller)
            let found = try await search.search(caller, query, scope: scope, limit: limit)
            var response = Ragdz_V1_SearchResponse()
            response.hits = found.passages.map { Ragdz_V1_SearchHit($0) }
            response.queryLanguage = query.language.rawValue
            if request.explain {
                response.explanation = Ragdz_V1_SearchExplanation(
                    query, search.weights, found, search.cache.rates(of: caller.tenant))
            }
            return response
        }
    }
}

extension RetrievalStore {
    /// The collection of this id or name, or NOT_FOUND.
    func collection(_ caller: Caller, _ nameOrID: String) async throws -> StoredCollection {
        guard !nameOrID.isEmpty else {
            throw Status.invalidArgument("Name a collection, or give its id.", reason: "COLLECTION_MISSING")
        }
        guard nameOrID.unicodeScalars.count <= RetrievalLimits.collectionName else { throw Status.collectionNotFound }
        let found = try await collections(caller, [nameOrID])
        guard let first = found.first else { throw Status.collectionNotFound }
        guard found.count == 1 else { throw Status.collectionAmbiguous }
        return first
    }

    /// What a request means by the collections and the filter that it names. Without any, all of the tenant.
    func scope(
        _ caller: Caller, _ namesOrIDs: [String], languages: [String] = [], _ filter: SearchFilter? = nil,
        includesShared: Bool = true
    ) async throws -> SearchScope {
        let wanted = Set(namesOrIDs)
        guard wanted.count <= RetrievalLimits.collectionsPerRequest else {
            throw Status.invalidArgument(
                "At most \(RetrievalLimits.collectionsPerRequest) collections in one request.",
                reason: "TOO_MANY_COLLECTIONS", field: "collections")
        }
        let named = wanted.union(filter?.collections ?? [])
        var ids: [String: [String]] = [:]
        if !named.isEmpty {
            for collection in try await collections(caller, Array(named)) {
                ids[collection.name, default: []].append(collection.id.description)
                ids[collection.id.description] = [collection.id.description]
            }
            for name in named {
                guard let meant = ids[name] ?? ids[name.lowercased()] else { throw Status.collectionNotFound }
                guard meant.count == 1 else { throw Status.collectionAmbiguous }
                ids[name] = meant
            }
        }
        return SearchScope(
            collections: wanted.isEmpty ? nil : wanted.flatMap { ids[$0] ?? [] }.compactMap { UUID128($0) },
            languages: languages, filter: filter.map { CompiledFilter($0.naming(collections: ids)) },
            includesShared: includesShared)
    }
}
