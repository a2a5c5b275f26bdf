internal import Language

/// Decides whether what was found can answer the question at all.
///
/// A logistic function of five features, with constants fitted on the tuning half of docs/retrieval.md: answering
/// from passages that are merely near would invent an answer out of true sentences.
struct EvidenceGate: Sendable {
    /// What the decision rests on.
    struct Features: Sendable, Hashable {
        /// The best cosine of a passage and the question.
        var passageSimilarity = 0.0
        /// The best cosine of a sentence and the question.
        var sentenceSimilarity = 0.0
        /// The best share of the question's words in one passage.
        var passageCoverage = 0.0
        /// The best share of the question's words in one sentence.
        var sentenceCoverage = 0.0
        /// The share of the places that the question names and no passage does: of countries and cities.
        var missingPlaces = 0.0
    }

    var passageSimilarity = 3.1
    var sentenceSimilarity = 4.1
    var passageCoverage = 2.6
    var sentenceCoverage = 0.0
    var missingPlaces = -4.2
    var bias = -2.9
    /// Evidence from which the question is answered.
    var threshold = 0.55

    static var defaults: EvidenceGate { EvidenceGate() }

    /// Where the question names places, only the passages that name most of them are evidence.
    static func features(
        passages: [Passage], sentences: [CandidateSentence], scores: SentenceScores, places: Set<Int>
    ) -> Features {
        let named = passages.map { passage in
            places.isEmpty
                ? 1.0
                : Double(places.intersection(PlaceNames.places(in: passage.placed)).count) / Double(places.count)
        }
        let most = named.max() ?? 0
        let near = passages.indices.filter { named[$0] == most }
        let own = sentences.indices.filter { named[sentences[$0].passage] == most }.map { scores.scores[$0] }
        return Features(
            passageSimilarity: near.map { passages[$0].similarity }.max() ?? 0,
            sentenceSimilarity: own.map(\.similarity).max() ?? 0,
            passageCoverage: near.map { passages[$0].coverage }.max() ?? 0,
            sentenceCoverage: own.map(\.coverage).max() ?? 0, missingPlaces: 1 - most)
    }

    /// 0 (nothing speaks for an answer) to 1.
    func evidence(_ features: Features) -> Double {
        let sum =
            passageSimilarity * features.passageSimilarity + sentenceSimilarity * features.sentenceSimilarity
            + passageCoverage * features.passageCoverage + sentenceCoverage * features.sentenceCoverage
            + missingPlaces * features.missingPlaces + bias
        return 1 / (1 + Double.exponential(-sum))
    }

    func passes(_ features: Features) -> Bool { evidence(features) >= threshold }
}

extension Passage {
    /// All that says what the passage is about.
    fileprivate var placed: String { "\(title)\n\(titlePath)\n\(content)" }
}
