/// Decides whether what was found can answer the question at all.
///
/// A logistic function of four features, with constants fitted on the calibration set of docs/retrieval.md: answering
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
    }

    var passageSimilarity = 6.0
    var sentenceSimilarity = 6.0
    var passageCoverage = 3.0
    var sentenceCoverage = 1.0
    var bias = -6.5
    /// Evidence from which the question is answered.
    var threshold = 0.5

    static var defaults: EvidenceGate { EvidenceGate() }

    static func features(
        passages: [Passage], sentences: [CandidateSentence], scores: SentenceScores
    ) -> Features {
        Features(
            passageSimilarity: passages.map(\.similarity).max() ?? 0,
            sentenceSimilarity: scores.scores.map(\.similarity).max() ?? 0,
            passageCoverage: passages.map(\.coverage).max() ?? 0,
            sentenceCoverage: scores.scores.map(\.coverage).max() ?? 0)
    }

    /// 0 (nothing speaks for an answer) to 1.
    func evidence(_ features: Features) -> Double {
        let sum =
            passageSimilarity * features.passageSimilarity + sentenceSimilarity * features.sentenceSimilarity
            + passageCoverage * features.passageCoverage + sentenceCoverage * features.sentenceCoverage + bias
        return 1 / (1 + Double.exponential(-sum))
    }

    func passes(_ features: Features) -> Bool { evidence(features) >= threshold }
}
