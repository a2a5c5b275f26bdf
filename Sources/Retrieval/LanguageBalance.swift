/// Puts passages of several languages on one scale (decision 0195).
///
/// The embedding model finds whatever is written in the question's own language nearer, and a word's names in other languages count
/// less than the word. So a passage is also measured by the best of its own language: similarities by how near the nearest are
/// there, relevance by the most relevant there. What is known of a language grows with the passages that were found in it.
struct LanguageBalance: Sendable {
    /// Passages that are weighed against each other, the best by score. A search finds so many, even when fewer are asked for.
    static let field = 40
    /// The nearest of a language that say how near its passages are.
    private static let nearest = 5

    private struct Level {
        var similarity = 0.0
        var relevance = 0.0
        /// 0 to 1: how much of what one passage is shows how all of its language are.
        var trust = 0.0
    }

    private let levels: [String: Level]
    private let best: Double
    private let terms: QueryTerms
    private let weights: FusionWeights

    init(_ passages: some Sequence<Passage>, terms: QueryTerms, weights: FusionWeights) {
        self.terms = terms
        self.weights = weights
        var best = 0.0
        levels = Dictionary(grouping: passages.filter(\.hasSimilarity), by: \.language).mapValues { passages in
            let nearest = passages.map(\.similarity).sorted(by: >).prefix(Self.nearest)
            let relevance = passages.map(\.relevance).max() ?? 0
            best = max(best, relevance)
            return Level(
                similarity: nearest.reduce(0, +) / Double(nearest.count), relevance: relevance,
                trust: Double(nearest.count) / Double(Self.nearest))
        }
        self.best = best
    }

    /// What a passage's score gains for the language that it is in.
    func shift(of passage: Passage) -> Double {
        guard passage.hasSimilarity, let level = levels[passage.language] else { return 0 }
        var shift = 0.0
        if level.relevance > 0, passage.relevance > 0 {
            shift +=
                weights.rankWeight * weights.languageShare * level.trust
                * (passage.relevance / level.relevance - passage.relevance / best)
        }
        if terms.isForeign(passage.language), let own = levels[terms.language] {
            shift += (own.similarity - level.similarity) * min(own.trust, level.trust) - weights.foreignMalus
        }
        return shift
    }

    /// The best passages in the order of the scores that they have with their shifts. What was found beyond them stays behind them, so that
    /// who asks for more gets the same first ones.
    static func balanced(_ passages: [Passage], terms: QueryTerms, weights: FusionWeights) -> [Passage] {
        let balance = LanguageBalance(passages.prefix(field), terms: terms, weights: weights)
        let shifted = passages.map { $0.shifted(by: balance.shift(of: $0)) }
        // Of equals, the one that was first.
        func ordered(_ part: ArraySlice<Passage>) -> [Passage] {
            part.enumerated().sorted { ($1.element.score, $0.offset) < ($0.element.score, $1.offset) }.map(\.element)
        }
        return ordered(shifted.prefix(field)) + ordered(shifted.dropFirst(field))
    }
}

extension Passage {
    /// A passage whose vector is of another model has none.
    fileprivate var hasSimilarity: Bool { similarity != 0 }

    fileprivate func shifted(by shift: Double) -> Passage {
        var copy = self
        copy.languageShift = shift
        copy.score += shift
        return copy
    }
}
