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
    var score: Double
    let denseRank: Int
    let lexicalRank: Int
    /// Cosine of the passage and the query.
    let similarity: Double
    /// The share of the query's weight of words that the passage holds, 0 to 1.
    let coverage: Double
    /// What the lexical leg ranks by; 0 when it did not find the passage.
    let relevance: Double
    /// What the score holds for the passage's language.
    var languageShift = 0.0
    /// It is of a corpus that is shared with the tenant.
    var isShared = false

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
        isShared = row.shared
    }
}

/// How the legs of the search are joined: similarity + lexicalWeight × coverage^1.5 + rankWeight × relevance / best relevance, and
/// what `LanguageBalance` adds for the passage's language.
/// The figures were chosen on the tuning halves of docs/retrieval.md, for the embedding model that ships; another model's
/// similarities may be spread otherwise.
struct FusionWeights: Sendable, Hashable {
    /// What holding one more word of the query is worth, where the similarity goes from -1 to 1. To hold all of many words tells
    /// more than to hold all of two.
    var termWeight = 0.15
    /// What holding all words of a query is worth at most.
    var mostLexicalWeight = 0.9
    /// What being the best of the lexical leg is worth.
    var rankWeight = 0.2
    /// The share of both that a passage in another language is given at least, when no word of the query is known in that
    /// language. The more are known, the less: at half of them a quarter.
    var foreignCoverage = 0.13
    /// The share of `rankWeight` that is for the best of a passage's own language, not for the best of all.
    var languageShare = 0.5
    /// What is taken from a passage in another language than the question's: who asks in a language reads it best.
    var foreignMalus = 0.02

    /// What holding all words of this query is worth.
    func lexicalWeight(for terms: QueryTerms) -> Double { min(mostLexicalWeight, termWeight * Double(terms.termCount)) }

    /// The score of a passage that is the query itself.
    func most(for terms: QueryTerms) -> Double { 1 + lexicalWeight(for: terms) + rankWeight }

    /// The share that passages in another language get for this query.
    func foreignCoverage(for terms: QueryTerms) -> Double {
        foreignCoverage * terms.unknownShare * terms.unknownShare
    }
}

/// What a search looks at.
struct SearchScope: Sendable, Hashable {
    /// nil: all that the caller may see.
    var collections: [UUID128]?
    /// Of passages; empty: all.
    var languages: [String] = []
    var filter: CompiledFilter?
    /// Beside the tenant's own: what is shared with it.
    var includesShared = true
}

/// What a search found, and how.
struct SearchResult: Sendable {
    var passages: [Passage] = []
    /// Changes with whatever the same search could find.
    var version = ""
    /// How vectors were compared: "exact", "hnsw", "hnsw, then exact".
    var plan = ""
    /// Models of collections in scope that this search left out.
    var otherModels: [String] = []
    /// It was found before, and the database says that it still holds.
    var isCached = false
}

extension RetrievalStore {
    /// Candidates of each leg.
    private static let candidates = 100

    /// Collections of the models `others` are left out, because they are searched by calls of their own; with `isAlone`, those of
    /// every model but `model` are. What no model of this server has embedded is found by its words.
    func search(
        _ caller: Caller, vector: [Float], terms: QueryTerms, model: String, scope: SearchScope, limit: Int,
        weights: FusionWeights, known: SearchResult? = nil, leavingOut others: [String] = [], isAlone: Bool = false
    ) async throws -> SearchResult {
        // Among passages of one language there is nothing to balance.
        let field = scope.languages.count == 1 ? 0 : LanguageBalance.field
        let rows = try await Queries.searchChunks(
            database.as(caller.identity), queryVector: HalfVector(vector), lexemes: terms.lexemes, terms: terms.terms,
            weights: terms.weights, language: terms.language, model: model, leftOut: others, onlyModel: isAlone,
            collections: scope.collections,
            languages: scope.languages.isEmpty ? nil : scope.languages, documents: scope.filter?.documents,
            filterPath: scope.filter?.path, filterValues: scope.filter?.values, knownVersion: known?.version,
            withShared: scope.includesShared && scope.collections == nil,
            candidates: max(Self.candidates, limit), resultLimit: max(field, limit),
            lexicalWeight: weights.lexicalWeight(for: terms), rankWeight: weights.rankWeight,
            foreignCoverage: weights.foreignCoverage(for: terms))
        var result = SearchResult()
        for row in rows {
            if row.place > 0 {
                result.passages.append(Passage(row))
            } else {
                result.version = row.corpusVersion
                result.plan = row.plan
                result.otherModels = row.otherModels
            }
        }
        result.passages = Array(
            LanguageBalance.balanced(result.passages, terms: terms, weights: weights).prefix(limit))
        // The version that was sent is the corpus's: nothing was searched.
        if result.plan == Self.knownPlan, var known {
            known.isCached = true
            known.otherModels = result.otherModels
            return known
        }
        return result
    }

    private static let knownPlan = "known"
}
