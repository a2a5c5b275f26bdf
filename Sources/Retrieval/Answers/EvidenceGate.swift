internal import Language

/// Decides whether what was found can answer the question at all.
///
/// A logistic function of what was found, with weights that evaluation/fit_gate.py fits on the tuning half of `make eval`:
/// answering from passages that are merely near would invent an answer out of true sentences.
struct EvidenceGate: Sendable {
    /// What the decision rests on. Where the question names places, only the passages that name most of them are evidence.
    struct Features: Sendable, Hashable {
        /// The best cosine of a passage and the question.
        var passageSimilarity = 0.0
        /// The best cosine of a sentence and the question.
        var sentenceSimilarity = 0.0
        /// The best share of the question's words in one passage, as telling as the words are in all documents.
        var passageCoverage = 0.0
        /// The same, as telling as the words are in the sentences read.
        var readCoverage = 0.0
        /// The best share of the question's words in one sentence.
        var sentenceCoverage = 0.0
        /// The best product of a passage's similarity and coverage.
        var agreement = 0.0
        /// The share of the question's words that no passage holds, although their names in all languages are known.
        var missingKnown = 0.0
        /// The share that no passage holds, but may hold in another language by a name that is not known.
        var missingUnknown = 0.0
        /// The share of the countries and cities of the question that no passage names.
        var missingPlaces = 0.0
        /// The share of the other names of the question that no passage holds.
        var missingNames = 0.0
        /// The share of the question's numbers that no passage holds.
        var missingNumbers = 0.0
        /// How far the best passage's similarity is above the mean of those read.
        var lead = 0.0
        /// How far the first passage's score is above the last one's, as a share of the most that a passage of this question can
        /// have: that grows with its words, and a long question is not better answered for it.
        var slope = 0.0
        /// 1 when the first passage is in another language than the question.
        var isForeign = 0.0
        /// 1 when the question asks for a figure and the best sentence has none.
        var missingFigure = 0.0
        /// The weight of the heaviest word that the best covering passage lacks, as a share of the question's.
        var heaviestMissing = 0.0
        /// 1 when the question asks how many there are of something and no sentence has a number beside it.
        var missingCount = 0.0
        /// 1 when the best sentence holds no figure of the kind that the question asks for.
        var missingKind = 0.0
        /// How well the best sentence answers, as answers are chosen.
        var bestSentence = 0.0
        /// The share of the question's words that no passage holds, each word counting the same.
        var missingWords = 0.0
        /// The weight of the heaviest word that the best covering passage lacks, as a share of what a word can weigh.
        var rarestMissing = 0.0
        /// Fewer passages were found than a search reads: there is no field in which the best could lead.
        var isFew = false

        /// In the order of `EvidenceGate.weights`.
        var values: [Double] {
            [
                passageSimilarity, sentenceSimilarity, passageCoverage, readCoverage, sentenceCoverage, agreement,
                missingKnown, missingUnknown, missingPlaces, missingNames, missingNumbers, lead, slope, isForeign,
                missingFigure, heaviestMissing, missingCount, missingKind, bestSentence, missingWords, rarestMissing,
            ]
        }
    }

    /// One for each of the features' values, as evaluation/fit_gate.py prints them.
    var weights = [
        -0.35, -0.54, 1.73, 1.29, -0.35, 2.22, -1.61, 1.34, -1.24, -0.88, -0.63, -0.94, 4.01, 0.51, 0.07, -2.73, -0.56,
        -0.82, 4.26, -1.89, 1.36,
    ]
    var bias = -4.81
    /// Evidence from which the question is answered.
    var threshold = 0.1

    /// The weights were fitted where many passages compete. Among a handful, shares of missing words and distances to
    /// the rest say nothing: there similarity, coverage and the places decide, with weights found on small collections.
    private enum Few {
        static let weights = [3.1, 4.1, 2.6, 0, 0, 0, 0, 0, -4.2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        static let bias = -2.9
        static let threshold = 0.55
    }

    static var defaults: EvidenceGate { EvidenceGate() }

    static func features(
        passages: [Passage], sentences: [CandidateSentence], scores: SentenceScores, query: AnalysedQuery
    ) -> Features {
        let named = named(query.places, by: passages)
        let most = named.max() ?? 0
        let near = passages.indices.filter { named[$0] == most }
        let own = sentences.indices.filter { named[sentences[$0].passage] == most }
        let read = Array(Set(sentences.map(\.passage))).sorted()
        let nearRead = read.filter { near.contains($0) }
        let words = scores.words
        let similarities = passages.map(\.similarity)
        let mean = similarities.reduce(0, +) / Double(max(1, similarities.count))
        let lead = (similarities.max() ?? 0) - mean
        let slope =
            ((passages.first?.score ?? 0) - (passages.last?.score ?? 0)) / FusionWeights().most(for: query.terms)
        let isFew = passages.count < RetrievalLimits.defaultPassages
        let said = own.filter { !sentences[$0].isLeadIn }
        let best = (said.isEmpty ? own : said).max { scores.scores[$0].total < scores.scores[$1].total }
        let bestCovering = nearRead.max { words.coverage(ofPassage: $0) < words.coverage(ofPassage: $1) }
        let isCounted = query.terms.counted.map { term in
            own.contains { words.holdsBesideNumber(term, sentence: sentences[$0]) }
        }
        let wantsFigure = QuestionCues.asksForFigure(query.text)
        return Features(
            passageSimilarity: near.map { similarities[$0] }.max() ?? 0,
            sentenceSimilarity: own.map { scores.scores[$0].similarity }.max() ?? 0,
            passageCoverage: near.map { passages[$0].coverage }.max() ?? 0,
            readCoverage: nearRead.map(words.coverage(ofPassage:)).max() ?? 0,
            sentenceCoverage: own.map { scores.scores[$0].coverage }.max() ?? 0,
            agreement: nearRead.map { similarities[$0] * words.coverage(ofPassage: $0) }.max() ?? 0,
            missingKnown: words.missingShare(of: query.terms.known, from: read),
            missingUnknown: words.missingShare(of: query.terms.unknown, from: read), missingPlaces: 1 - most,
            missingNames: words.missing(query.terms.names, from: read),
            missingNumbers: words.missing(query.terms.numbers, from: read),
            lead: lead, slope: slope,
            isForeign: passages.first.map { query.terms.isForeign($0.language) ? 1 : 0 } ?? 0,
            missingFigure: wantsFigure && !(best.map { sentences[$0].hasFigure } ?? false) ? 1 : 0,
            heaviestMissing: bestCovering.map(words.heaviestMissing(fromPassage:)) ?? 0,
            missingCount: isCounted == false ? 1 : 0, missingKind: missingKind(query, best.map { sentences[$0] }),
            bestSentence: best.map { scores.scores[$0].total } ?? 0,
            missingWords: words.missingCount(from: read),
            rarestMissing: bestCovering.map(words.rarestMissing(fromPassage:)) ?? 0, isFew: isFew)
    }

    /// The share of the places that each passage names; 1 where there are none.
    static func named(_ places: Set<Int>, by passages: [Passage]) -> [Double] {
        passages.map { passage in
            places.isEmpty
                ? 1.0
                : Double(places.intersection(PlaceNames.places(in: passage.placed)).count) / Double(places.count)
        }
    }

    private static func missingKind(_ query: AnalysedQuery, _ best: CandidateSentence?) -> Double {
        guard let asked = AnswerKind.asked(by: query.text) else { return 0 }
        return best?.kinds.contains(asked) == true ? 0 : 1
    }

    /// 0 (nothing speaks for an answer) to 1; `threshold` is where an answer begins.
    func evidence(_ features: Features) -> Double {
        guard features.isFew else { return Self.logistic(weights, bias, features) }
        // On the scale of the many: what passes there passes here.
        let few = Self.logistic(Few.weights, Few.bias, features)
        return few < Few.threshold
            ? few / Few.threshold * threshold : 1 - (1 - few) / (1 - Few.threshold) * (1 - threshold)
    }

    private static func logistic(_ weights: [Double], _ bias: Double, _ features: Features) -> Double {
        let sum = zip(weights, features.values).reduce(bias) { $0 + $1.0 * $1.1 }
        return 1 / (1 + Double.exponential(-sum))
    }

    func passes(_ features: Features) -> Bool { evidence(features) >= threshold }
}

extension Passage {
    /// All that says what the passage is about.
    var placed: String { "\(title)\n\(titlePath)\n\(content)" }
}
