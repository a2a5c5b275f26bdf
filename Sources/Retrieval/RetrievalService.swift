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
    let ingest: DocumentIngest
    let search: SearchEngine
    let answers: AnswerEngine
    let embedder: any TextEmbedder
    let meter: any UsageMeter
    let logger: Logger
    let memory = UploadMemory()

    /// Without a chat model, answers are made of the documents' own sentences.
    public init(
        database: Database, embedder: any TextEmbedder, chat: (any ChatModel)?, meter: any UsageMeter = NoMeter(),
        logger: Logger
    ) {
        store = RetrievalStore(database: database)
        ingest = DocumentIngest(store: store, embedder: embedder, logger: logger)
        search = SearchEngine(store: store, embedder: embedder)
        answers = AnswerEngine(search: search, chat: chat, logger: logger, meter: meter)
        self.meter = meter
        self.embedder = embedder
        self.logger = logger
    }

    /// Keeps the index at the version of this program's analyzer, until the task is cancelled.
    public func keepIndexFresh() async {
        await IndexRefresh(store: store, logger: logger).run()
    }

    public func createCollection(
        _ request: Ragdz_V1_CreateCollectionRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Collection {
        let tenant = try context.requireTenant()
        let name = try RetrievalRules.collectionName(request.name)
        return try await withDatabaseErrors(logger, context) {
            let made = try await store.insertCollection(
                tenant, id: UUID128.v7(), name: name, model: embedder.model, dimension: embedder.dimension)
            guard let made else {
                throw Status.alreadyExists("There is a collection of this name already.", reason: "COLLECTION_EXISTS")
            }
            return Ragdz_V1_Collection(made)
        }
    }

    public func getCollection(
        _ request: Ragdz_V1_GetCollectionRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Collection {
        let tenant = try context.requireTenant()
        return try await withDatabaseErrors(logger, context) {
            Ragdz_V1_Collection(try await store.collection(tenant, request.id))
        }
    }

    public func listCollections(
        _ request: Ragdz_V1_ListCollectionsRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListCollectionsResponse {
        let tenant = try context.requireTenant()
        let size = try PageSize.resolve(request.pageSize)
        let after = try PageToken.read(request.pageToken, list: "collections", parts: 1)?[0] ?? ""
        return try await withDatabaseErrors(logger, context) {
            let found = try await store.listCollections(tenant, after: after, limit: size + 1)
            var response = Ragdz_V1_ListCollectionsResponse()
            response.collections = found.prefix(size).map { Ragdz_V1_Collection($0) }
            if found.count > size { response.nextPageToken = PageToken.make("collections", [found[size - 1].name]) }
            return response
        }
    }

    public func deleteCollection(
        _ request: Ragdz_V1_DeleteCollectionRequest, context: ServerContext
    ) async throws -> Google_Protobuf_Empty {
        let tenant = try context.requireTenant()
        return try await withDatabaseErrors(logger, context) {
            let collection = try await store.collection(tenant, request.id)
            guard try await store.deleteCollection(tenant, id: collection.id) else { throw Status.collectionNotFound }
            return Google_Protobuf_Empty()
        }
    }

    public func search(
        _ request: Ragdz_V1_SearchRequest, context: ServerContext
    ) async throws -> Ragdz_V1_SearchResponse {
        let tenant = try context.requireTenant()
        let text = try RetrievalRules.query(request.query, field: "query")
        let limit = try RetrievalRules.limit(
            request.limit, maximum: RetrievalLimits.searchHits, otherwise: RetrievalLimits.defaultSearchHits)
        let languages = try RetrievalRules.languages(request.languages)
        return try await withDatabaseErrors(logger, context) {
            let scope = try await store.scope(tenant, request.collections)
            let query = try await search.analyse(text)
            let found = try await search.search(tenant, query, collections: scope, languages: languages, limit: limit)
            var response = Ragdz_V1_SearchResponse()
            response.hits = found.map { Ragdz_V1_SearchHit($0) }
            response.queryLanguage = query.language.rawValue
            if request.explain { response.explanation = Ragdz_V1_SearchExplanation(query, search.weights) }
            return response
        }
    }
}

extension RetrievalStore {
    /// The collection of this id or name, or NOT_FOUND.
    func collection(_ tenant: UUID128, _ nameOrID: String) async throws -> StoredCollection {
        guard !nameOrID.isEmpty else {
            throw Status.invalidArgument("Name a collection, or give its id.", reason: "COLLECTION_MISSING")
        }
        guard nameOrID.unicodeScalars.count <= RetrievalLimits.collectionName else { throw Status.collectionNotFound }
        guard let found = try await collections(tenant, [nameOrID]).first else { throw Status.collectionNotFound }
        return found
    }

    /// The ids of all collections named; nil, for all of the tenant, when none is.
    func scope(_ tenant: UUID128, _ namesOrIDs: [String]) async throws -> [UUID128]? {
        let wanted = Set(namesOrIDs)
        guard !wanted.isEmpty else { return nil }
        guard wanted.count <= RetrievalLimits.collectionsPerRequest else {
            throw Status.invalidArgument(
                "At most \(RetrievalLimits.collectionsPerRequest) collections in one request.",
                reason: "TOO_MANY_COLLECTIONS", field: "collections")
        }
        let found = try await collections(tenant, Array(wanted))
        let known = Set(found.flatMap { [$0.name, $0.id.description] })
        guard wanted.allSatisfy({ known.contains($0) || known.contains($0.lowercased()) }) else {
            throw Status.collectionNotFound
        }
        return found.map(\.id)
    }
}
