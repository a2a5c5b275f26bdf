internal import Bytes
internal import Language
internal import Models
internal import RPC

/// A query with its vector, as both search and answers need it.
struct AnalysedQuery: Sendable {
    /// The question, and below it what it goes on from.
    let text: String
    /// What of earlier questions of the conversation belongs to it; mostly empty.
    let context: String
    let terms: QueryTerms
    var vector: [Float]
    /// What the vector was made from.
    let embedded: [String]
    /// The countries and cities that it names, as `PlaceNames` numbers them.
    let places: Set<Int>
    /// It was read and embedded before.
    var isCached = false

    var language: LanguageCode { terms.detected.code }
}

/// Analyses queries and runs the hybrid search.
struct SearchEngine: Sendable {
    let store: RetrievalStore
    let models: EmbeddingModels
    /// What reads questions and sentences, whatever the passages' own model is.
    var embedder: any TextEmbedder { models.first }
    var weights = FusionWeights()
    let cache = QueryCache()

    /// `context` is what a question goes on from that does not stand alone.
    func analyse(_ query: String, after context: String = "") async throws -> AnalysedQuery {
        let terms = QueryTerms(query, after: context)
        // The embedding model knows no Darija: it reads the words' meanings in the languages that it knows.
        let glosses = DarijaGloss.glosses(of: query, variety: terms.detected.variety)
        var texts = terms.detected.variety == .arabizi && !glosses.isEmpty ? glosses : [query] + glosses
        // What it goes on from counts as much as all its own readings together.
        if !context.isEmpty { texts += texts.map { "\($0)\n\(context)" } }
        let vectors: [[Float]]
        do { vectors = try await embedder.embed(texts) } catch { throw Status(embedding: error) }
        return AnalysedQuery(
            text: Self.text(query, context), context: context, terms: terms, vector: Self.mean(vectors),
            embedded: texts, places: PlaceNames.places(in: ([query] + glosses + [context]).joined(separator: "\n")))
    }

    private static func text(_ query: String, _ context: String) -> String {
        context.isEmpty ? query : "\(query)\n\(context)"
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

    /// The same, remembered for the tenant.
    func analyse(_ query: String, after context: String = "", for caller: Caller) async throws -> AnalysedQuery {
        let key = QueryCache.EmbeddingKey(
            tenant: caller.tenant, query: query, context: context, model: embedder.model,
            analyzer: LexicalAnalyzer.version)
        if var known = cache.query(key) {
            known.isCached = true
            return known
        }
        let analysed = try await analyse(query, after: context)
        cache.remember(analysed, for: key)
        return analysed
    }

    /// Searches every collection in scope with a vector of its own model.
    ///
    /// Similarities of two models cannot be compared: where there are collections of several, each model's are searched by
    /// themselves, and the results are joined by their ranks.
    func search(
        _ caller: Caller, _ query: AnalysedQuery, scope: SearchScope, limit: Int
    ) async throws -> SearchResult {
        let others = models.further.map(\.model)
        let found = try await search(
            caller, query, model: embedder.model, scope: scope, limit: limit, leavingOut: others)
        guard !found.otherModels.isEmpty else { return found }
        var results = [found]
        for other in models.further where found.otherModels.contains(other.model) {
            let same = try await self.query(query, by: other, for: caller)
            results.append(
                try await search(
                    caller, same, model: other.model, scope: scope, limit: limit, leavingOut: [], isAlone: true))
        }
        return SearchResult(byRank: results, limit: limit)
    }

    /// The query with another model's vector of the same texts.
    private func query(
        _ query: AnalysedQuery, by other: any TextEmbedder, for caller: Caller
    ) async throws -> AnalysedQuery {
        let key = QueryCache.EmbeddingKey(
            tenant: caller.tenant, query: query.text, context: query.context, model: other.model,
            analyzer: LexicalAnalyzer.version)
        if let known = cache.query(key) { return known }
        var same = query
        do { same.vector = Self.mean(try await other.embed(query.embedded)) } catch { throw Status(embedding: error) }
        cache.remember(same, for: key)
        return same
    }

    private func search(
        _ caller: Caller, _ query: AnalysedQuery, model: String, scope: SearchScope, limit: Int,
        leavingOut others: [String], isAlone: Bool = false
    ) async throws -> SearchResult {
        let key = QueryCache.ResultKey(
            caller: caller, query: query.text, context: query.context, scope: scope, limit: limit,
            model: model,
            analyzer: LexicalAnalyzer.version, weights: weights)
        let found = try await store.search(
            caller, vector: query.vector, terms: query.terms, model: model, scope: scope, limit: limit,
            weights: weights, known: cache.result(key), leavingOut: others, isAlone: isAlone)
        cache.note(caller.tenant, isHit: found.isCached)
        if !found.isCached { cache.remember(found, for: key) }
        return found
    }
}

extension SearchResult {
    /// The best of each, then the second of each…; of one rank, by score.
    init(byRank results: [SearchResult], limit: Int) {
        let longest = results.map(\.passages.count).max() ?? 0
        for rank in 0..<longest where passages.count < limit {
            let equals = results.filter { rank < $0.passages.count }.map { $0.passages[rank] }
            passages += equals.sorted { $0.score > $1.score }
        }
        passages = Array(passages.prefix(limit))
        version = results.map(\.version).joined(separator: " ")
        plan = results.map(\.plan).joined(separator: " + ")
        isCached = results.allSatisfy(\.isCached)
    }
}
