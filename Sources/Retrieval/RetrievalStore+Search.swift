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
    /// What the lexical leg ranks by; 0 when it did not find the passage.
    let relevance: Double

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
        (utf16Start, score, denseRank, lexicalRank, similarity, coverage, relevance) = (0, 0, 0, 0, 0, 0, 0)
    }

    init(_ row: Queries.SearchChunksRow) {
        chunk = row.chunkID
        document = row.documentID
        collection = row.collectionID
        title = row.title
        titlePath = row.titlePath
        language = row.language
        content = row.content
        page = row.page
        start = row.startAt
        end = row.endAt
        utf16Start = row.utf16Start
        score = row.score
        denseRank = row.denseRank
        lexicalRank = row.lexicalRank
        similarity = row.similarity
        coverage = row.coverage
        relevance = row.relevance
    }
}

/// How the legs of the search are joined: similarity + lexicalWeight × coverage^1.5 + rankWeight × relevance / best relevance.
/// The figures were chosen on the tuning halves of docs/retrieval.md, for the embedding model that ships; another model's
/// similarities may be spread otherwise.
struct FusionWeights: Sendable {
    /// What holding all words of the query is worth, where the similarity goes from -1 to 1.
    var lexicalWeight = 0.45
    /// What being the best of the lexical leg is worth.
    var rankWeight = 0.3
    /// The share of both that a passage in another language is given at least, when no word of the query is known in that
    /// language. The more are known, the less: at half of them a quarter.
    var foreignCoverage = 0.13

    /// The share that passages in another language get for this query.
    func foreignCoverage(for terms: QueryTerms) -> Double {
        foreignCoverage * terms.unknownShare * terms.unknownShare
    }
}

extension RetrievalStore {
    /// Candidates of each leg.
    private static let candidates = 100

    func search(
        _ tenant: UUID128, vector: [Float], terms: QueryTerms, model: String, collections: [UUID128]?,
        languages: [String]?, limit: Int, weights: FusionWeights
    ) async throws -> [Passage] {
        try await Queries.searchChunks(
            database.as(.tenant(tenant)), queryVector: HalfVector(vector), lexemes: terms.lexemes, terms: terms.terms,
            weights: terms.weights, language: terms.language, model: model, collections: collections,
            languages: languages, candidates: max(Self.candidates, limit), resultLimit: limit,
            lexicalWeight: weights.lexicalWeight, rankWeight: weights.rankWeight,
            foreignCoverage: weights.foreignCoverage(for: terms)
        ).map(Passage.init)
    }
}
