internal import Language

/// Finds the place in the passages that proves a sentence which a model wrote.
///
/// A model's claim to quote is worth nothing by itself: a quotation must stand in a passage letter by letter, and a
/// sentence in the model's own words needs a sentence of the passages that holds its numbers and its words, or, across
/// languages, its meaning. What has neither is unsupported.
struct CitationBinder: Sendable {
    enum Limits {
        /// A shorter quotation proves nothing.
        static let shortestQuote = 12
        /// The share of a sentence's words that its proof must hold.
        static let overlap = 0.5
        /// The cosine that a proof in another language must reach.
        static let similarity = 0.55
        /// The cosine that a proof must reach in any case.
        static let minimumSimilarity = 0.30
    }

    let passages: [Passage]
    let sentences: [CandidateSentence]
    let vectors: [[Float]]

    /// `claimed`: the numbers that the model put in brackets, from 1. They are looked at first, and others after them.
    func bind(_ sentence: WrittenSentence, vector: [Float]) -> Quote? {
        var quotes: [Quote] = []
        for quotation in sentence.quotations where quotation.unicodeScalars.count >= Limits.shortestQuote {
            // Who invents a quotation proves nothing with the rest of the sentence.
            guard let quote = place(of: quotation, claimed: sentence.claimed) else { return nil }
            quotes.append(quote)
        }
        if let first = quotes.first, holdNumbers(of: sentence, quotes) { return first }
        return proof(sentence, vector)
    }

    private func place(of quotation: String, claimed: [Int]) -> Quote? {
        let wanted = Array(quotation.unicodeScalars)
        for index in order(claimed) {
            let content = Array(passages[index].content.unicodeScalars)
            if let start = find(wanted, in: content) {
                return Quote(passage: index, range: start..<(start + wanted.count), text: quotation)
            }
        }
        return nil
    }

    /// A true quotation does not prove a figure beside it, unless the sentences that it is taken from hold it.
    private func holdNumbers(of sentence: WrittenSentence, _ quotes: [Quote]) -> Bool {
        var held: Set<String> = []
        for quote in quotes {
            held.formUnion(WordsOfSentence(quote.text).numbers)
            for candidate in sentences where candidate.passage == quote.passage && candidate.range.overlaps(quote.range)
            {
                held.formUnion(candidate.numbers)
            }
        }
        return WordsOfSentence(sentence.text).numbers.isSubset(of: held)
    }

    private func proof(_ written: WrittenSentence, _ vector: [Float]) -> Quote? {
        let words = WordsOfSentence(written.text)
        guard !words.main.isEmpty else { return nil }
        let denies = Negation.isIn(written.text)
        var best: (index: Int, score: Double)?
        for (index, candidate) in sentences.enumerated() {
            guard words.numbers.isSubset(of: candidate.numbers) else { continue }
            let found = words.main.count { reading in reading.contains { candidate.lexemes.contains($0) } }
            let overlap = Double(found) / Double(words.main.count)
            let similarity = SentenceScores.cosine(vector, vectors[index])
            guard similarity >= Limits.minimumSimilarity else { continue }
            let sameLanguage = passages[candidate.passage].language == words.language.rawValue
            guard overlap >= Limits.overlap || (!sameLanguage && similarity >= Limits.similarity) else { continue }
            // The words of "is" and of "is not" are nearly the same.
            guard Negation.isIn(candidate.text) == denies else { continue }
            let claimed = written.claimed.contains(candidate.passage + 1) ? 0.1 : 0
            let score = overlap + similarity + claimed
            if score > best?.score ?? 0 { best = (index, score) }
        }
        guard let best else { return nil }
        let candidate = sentences[best.index]
        return Quote(passage: candidate.passage, range: candidate.range, text: candidate.text)
    }

    private func order(_ claimed: [Int]) -> [Int] {
        let first = claimed.map { $0 - 1 }.filter { passages.indices.contains($0) }
        return first + passages.indices.filter { !first.contains($0) }
    }

    private func find(_ wanted: [Unicode.Scalar], in content: [Unicode.Scalar]) -> Int? {
        guard let first = wanted.first, wanted.count <= content.count else { return nil }
        for start in 0...(content.count - wanted.count) where content[start] == first {
            if content[start..<(start + wanted.count)].elementsEqual(wanted) { return start }
        }
        return nil
    }
}

/// The words of a sentence that a model wrote.
private struct WordsOfSentence {
    let language: LanguageCode
    /// The readings of each word.
    let main: [[String]]
    let numbers: Set<String>

    init(_ text: String) {
        let detected = LanguageDetector.detect(text)
        language = detected.code
        let terms = LexicalAnalyzer.queryTerms(text, detected: detected)
        main = terms.map { $0.lexemes.map(\.text) }
        numbers = Set(
            terms.compactMap { $0.lexemes.first?.text }.filter { text in
                text.unicodeScalars.first.map { (0x30...0x39).contains($0.value) } ?? false
            })
    }
}
