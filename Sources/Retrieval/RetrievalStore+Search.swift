internal import Bytes
internal import Language
internal import Postgres

/// A chunk that a search found.
struct Passage: Sendable {
    let chunk: UUID128
    let document: UUID128
    let collection: UUID128
    let title: String
    let titlePath: String
    let language: String
    let content: String
    let page: Int
    let start: Int64
    let end: Int64
    let utf16Start: Int64
    let score: Double
    let denseRank: Int
    let lexicalRank: Int
    /// Cosine of the passage and the query.
    let similarity: Double
    /// The share of the query's weight of words that the passage holds, 0 to 1.
    let coverage: Double

    /// A passage that a caller brings along; nothing is known of how it was found.
    init(
        chunk: UUID128, document: UUID128, title: String, language: String, content: String, page: Int, start: Int64,
        end: Int64
    ) {
        self.chunk = chunk
        self.document = document
        collection = UUID128(hi: 0, lo: 0)
        self.title = title
        titlePath = ""
        self.language = language
        self.content = content
        self.page = page
        self.start = start
        self.end = end
        (utf16Start, score, denseRank, lexicalRank, similarity, coverage) = (0, 0, 0, 0, 0, 0)
    }

    init(_ row: Row) throws(PostgresError) {
        chunk = try row.get("chunk_id")
        document = try row.get("document_id")
        collection = try row.get("collection_id")
        title = try row.get("title")
        titlePath = try row.get("title_path")
        language = try row.get("language")
        content = try row.get("content")
        page = try row.get("page")
        start = try row.get("start_at")
        end = try row.get("end_at")
        utf16Start = try row.get("utf16_start")
        score = try row.get("score")
        denseRank = try row.get("dense_rank")
        lexicalRank = try row.get("lexical_rank")
        similarity = try row.get("similarity")
        coverage = try row.get("coverage")
    }
}

/// How the legs of the search are joined: similarity + lexicalWeight × coverage. The figures are those of
/// docs/retrieval.md, for the embedding model that ships; another model's similarities may be spread otherwise.
struct FusionWeights: Sendable {
    /// What holding all words of the query is worth, where the similarity goes from -1 to 1.
    var lexicalWeight = 0.25
    /// The coverage that a passage in another language than the query is given at least.
    var foreignCoverage = 0.3
}

extension RetrievalStore {
    /// Candidates of each leg.
    private static let candidates = 100

    func search(
        _ tenant: UUID128, vector: [Float], terms: QueryTerms, model: String, collections: [UUID128]?,
        languages: [String]?, limit: Int, weights: FusionWeights
    ) async throws -> [Passage] {
        try await database.query(
            Queries.searchChunks,
            [
                HalfVector(vector), terms.lexemes, terms.terms, terms.weights, terms.detected.code.rawValue, model,
                collections, languages, max(Self.candidates, limit), limit, weights.lexicalWeight,
                weights.foreignCoverage,
            ], as: .tenant(tenant)
        ).map { row throws in try Passage(row) }
    }
}
