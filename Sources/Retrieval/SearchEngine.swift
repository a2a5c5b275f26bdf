internal import Bytes
internal import Language
internal import Models
internal import RPC

/// A query with its vector, as both search and answers need it.
struct AnalysedQuery: Sendable {
    let text: String
    let terms: QueryTerms
    let vector: [Float]
    /// What the vector was made from.
    let embedded: [String]
    /// The countries and cities that it names, as `PlaceNames` numbers them.
    let places: Set<Int>

    var language: LanguageCode { terms.detected.code }
}

/// Analyses queries and runs the hybrid search.
struct SearchEngine: Sendable {
    let store: RetrievalStore
    let embedder: any TextEmbedder
    var weights = FusionWeights()

    func analyse(_ query: String) async throws -> AnalysedQuery {
        let terms = QueryTerms(query)
        // The embedding model knows no Darija: it reads the words' meanings in the languages that it knows.
        let glosses = DarijaGloss.glosses(of: query, variety: terms.detected.variety)
        let texts = terms.detected.variety == .arabizi && !glosses.isEmpty ? glosses : [query] + glosses
        let vectors: [[Float]]
        do { vectors = try await embedder.embed(texts) } catch { throw Status(embedding: error) }
        return AnalysedQuery(
            text: query, terms: terms, vector: Self.mean(vectors), embedded: texts,
            places: PlaceNames.places(in: ([query] + glosses).joined(separator: "\n")))
    }

    /// The direction between vectors of length 1.
    private static func mean(_ vectors: [[Float]]) -> [Float] {
        guard var sum = vectors.first, vectors.count > 1 else { return vectors.first ?? [] }
        for vector in vectors.dropFirst() {
            for index in sum.indices where index < vector.count { sum[index] += vector[index] }
        }
        let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return length > 0 ? sum.map { $0 / length } : sum
    }

    /// `collections` nil: all of the tenant. Empty languages: all.
    func search(
        _ tenant: UUID128, _ query: AnalysedQuery, collections: [UUID128]?, languages: [String], limit: Int
    ) async throws -> [Passage] {
        try await store.search(
            tenant, vector: query.vector, terms: query.terms, model: embedder.model, collections: collections,
            languages: languages.isEmpty ? nil : languages, limit: limit, weights: weights)
    }
}
