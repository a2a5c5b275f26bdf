internal import Language

/// Which words of a question the sentences of the passages hold, by whichever name.
struct EvidenceWords: Sendable {
    /// How telling each word is among these sentences.
    let idf: [Double]
    /// For each sentence, what it holds of each word, 0 to 1.
    let own: [[Double]]
    /// For each passage, what its titles hold of each word.
    let titles: [[Double]]
    /// The sentence's passage.
    private let passages: [Int]
    private let readings: [Set<String>]

    init(_ sentences: [CandidateSentence], terms: QueryTerms) {
        let readings = terms.readings
        self.readings = readings.map { Set($0.map(\.lexeme)) }
        own = sentences.map { sentence in readings.map { Self.credit($0, sentence.lexemes) } }
        let count = (sentences.map(\.passage).max() ?? -1) + 1
        var titles = [[Double]](repeating: [Double](repeating: 0, count: readings.count), count: count)
        var done = -1
        for sentence in sentences where sentence.passage > done {
            done = sentence.passage
            titles[done] = readings.map { Self.credit($0, sentence.contextLexemes) }
        }
        self.titles = titles
        passages = sentences.map(\.passage)
        idf = readings.indices.map { [own] term in
            // Half of a word in a sentence is half a holder: else what is only akin would make a word common.
            Self.weight(holders: own.reduce(0) { $0 + $1[term] }, of: own.count)
        }
    }

    private static func weight(holders: Double, of count: Int) -> Double {
        Double.logarithm(1 + (Double(count) - holders + 0.5) / (holders + 0.5))
    }

    /// The share of the question's weight of words that a sentence holds; a word that only the titles hold counts `context`.
    func coverage(ofSentence index: Int, context: Double) -> Double {
        share(zip(own[index], titles[passages[index]]).map { max($0, context * $1) })
    }

    /// Whether a sentence names so many of what a term stands for.
    func holdsBesideNumber(_ term: Int, sentence: CandidateSentence) -> Bool {
        !readings[term].isDisjoint(with: sentence.besideNumbers)
    }

    /// The share of the question's weight of words that a passage holds, its titles too.
    func coverage(ofPassage index: Int) -> Double { share(holding([index])) }

    /// The share of the question's weight of words that none of the passages holds, as far as these terms go.
    func missingShare(of terms: Set<Int>, from passages: [Int]) -> Double {
        let held = holding(passages)
        return share(held.indices.map { terms.contains($0) ? 1 - held[$0] : 0 })
    }

    /// The weight of the heaviest word that a passage lacks, as a share of the question's.
    func heaviestMissing(fromPassage index: Int) -> Double {
        let whole = idf.reduce(0, +)
        return whole > 0 ? (zip(holding([index]), idf).map { (1 - $0) * $1 }.max() ?? 0) / whole : 0
    }

    /// The weight of the heaviest word that a passage lacks, as a share of what a word weighs that no sentence holds.
    func rarestMissing(fromPassage index: Int) -> Double {
        (zip(holding([index]), idf).map { (1 - $0) * $1 }.max() ?? 0) / Self.weight(holders: 0, of: own.count)
    }

    /// The share of the words, each counting the same, that no passage holds.
    func missingCount(from passages: [Int]) -> Double {
        let held = holding(passages)
        return held.isEmpty ? 0 : Double(held.count { $0 == 0 }) / Double(held.count)
    }

    /// Of the terms given, the share that none of the passages holds; 0 without terms.
    func missing(_ terms: Set<Int>, from passages: [Int]) -> Double {
        guard !terms.isEmpty else { return 0 }
        let held = holding(passages)
        return Double(terms.count { held[$0] == 0 }) / Double(terms.count)
    }

    private func holding(_ wanted: [Int]) -> [Double] {
        var held = [Double](repeating: 0, count: idf.count)
        for (index, passage) in passages.enumerated() where wanted.contains(passage) {
            for term in held.indices { held[term] = max(held[term], own[index][term], titles[passage][term]) }
        }
        return held
    }

    private func share(_ held: [Double]) -> Double {
        let whole = idf.reduce(0, +)
        return whole > 0 ? zip(held, idf).reduce(0) { $0 + $1.0 * $1.1 } / whole : 0
    }

    /// Less than this of a word is none of it: one word of an expression's other name, say. A synonym is a little more.
    private static let trace = 0.29

    /// Several parts of a meaning together are worth their sum, and never more than the whole.
    private static func credit(_ reading: [(lexeme: String, weight: Double)], _ held: Set<String>) -> Double {
        let sum = reading.reduce(0) { held.contains($1.lexeme) ? $0 + $1.weight : $0 }
        return sum < trace ? 0 : min(1, sum)
    }
}
