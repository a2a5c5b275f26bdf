internal import Language

/// How well each sentence answers a question. The vectors are those of the sentences under their titles.
struct SentenceScores: Sendable {
    struct Score: Sendable {
        /// Cosine of sentence and question.
        let similarity: Double
        /// The share of the question's weight of words that the sentence holds, 0 to 1.
        let coverage: Double
        let total: Double
    }

    private enum Weights {
        static let similarity = 0.6
        static let coverage = 0.35
        /// A word of the question that only the titles hold counts this much of one in the sentence.
        static let context = 0.6
        /// For a sentence with a figure, when the question asks for one.
        static let figure = 0.10
        /// Of the passage's place among the passages.
        static let passage = 0.12
        /// What a sentence takes over from the heading or question right before it.
        static let leadIn = 0.45
    }

    let scores: [Score]
    let words: EvidenceWords

    init(_ sentences: [CandidateSentence], vectors: [[Float]], query: AnalysedQuery) {
        words = EvidenceWords(sentences, terms: query.terms)
        let wantsFigure = QuestionCues.asksForFigure(query.text)
        var scores: [Score] = []
        var own: [Double] = []
        for (index, sentence) in sentences.enumerated() {
            let similarity = Self.cosine(vectors[index], query.vector)
            let coverage = words.coverage(ofSentence: index, context: Weights.context)
            var base = Weights.similarity * similarity + Weights.coverage * coverage
            if wantsFigure, sentence.hasFigure { base += Weights.figure }
            own.append(base)
            var total = base
            if let previous = sentence.previous, sentences[previous].isLeadIn, own[previous] > base {
                total = (1 - Weights.leadIn) * base + Weights.leadIn * own[previous]
            }
            total += Weights.passage / Double(sentence.passage + 1)
            scores.append(Score(similarity: similarity, coverage: coverage, total: total))
        }
        self.scores = scores
    }

    static func cosine(_ one: [Float], _ other: [Float]) -> Double {
        guard one.count == other.count else { return 0 }
        var sum: Float = 0
        for index in one.indices { sum += one[index] * other[index] }
        return Double(sum)
    }
}
