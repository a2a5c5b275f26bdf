internal import Bytes
internal import Language
internal import Models
internal import RPC

/// A query with its vector, as both search and answers need it.
struct AnalysedQuery: Sendable {
    let text: String
    let terms: QueryTerms
    let vector: [Float]

    var language: LanguageCode { terms.detected.code }
}

/// Analyses queries and runs the hybrid search.
struct SearchEngine: Sendable {
    let store: RetrievalStore
    let embedder: any TextEmbedder
    var weights = FusionWeights()

    func analyse(_ query: String) async throws -> AnalysedQuery {
        let vectors: [[Float]]
        do { vectors = try await embedder.embed([query]) } catch { throw Status(embedding: error) }
        return AnalysedQuery(text: query, terms: QueryTerms(query), vector: vectors.first ?? [])
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
