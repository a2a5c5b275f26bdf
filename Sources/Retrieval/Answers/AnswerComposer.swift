internal import Bytes
internal import Language
internal import Models

/// A place in a document that an answer quotes.
struct Quote: Sendable, Hashable {
    /// Index of the passage among those read.
    let passage: Int
    /// In the passage's content, in Unicode scalars.
    let range: Range<Int>
    let text: String
}

/// Picks the sentences of the passages that answer a question best.
struct AnswerComposer: Sendable {
    enum Limits {
        static let sentences = 4
        /// The first sentence says it; more only when they are nearly as good.
        static let share = 0.80
        /// The same for a gathered text.
        static let gatheredShare = 0.55
        /// Two sentences this alike say the same.
        static let redundancy = 0.95
        /// Characters after which no further sentence is added.
        static let length = 700
        /// A sentence in the language of the answer is preferred by this much.
        static let ownLanguage = 0.05
    }

    let passages: [Passage]
    let sentences: [CandidateSentence]
    let vectors: [[Float]]
    let scores: SentenceScores
    /// Places that the question names, by `PlaceNames`.
    var places: Set<Int> = []

    /// The best sentences, best first; empty when no sentence says anything.
    ///
    /// Where the question names places and some passages are about one of them, the others are not quoted: the tax rate of
    /// Algeria is no answer to who asks for that of Switzerland, however alike the sentences are.
    func best(language: LanguageCode) -> [Quote] {
        let elsewhere = passagesElsewhere
        let ranked = sentences.indices
            .filter { !sentences[$0].isLeadIn && !elsewhere.contains(sentences[$0].passage) }
            .map { (index: $0, total: total($0, language)) }
            .sorted { ($0.total, $1.index) > ($1.total, $0.index) }
        guard let first = ranked.first, first.total > 0 else { return [] }
        var chosen: [Int] = []
        var length = 0
        for (index, total) in ranked {
            guard chosen.count < Limits.sentences, length < Limits.length, total >= Limits.share * first.total else {
                break
            }
            guard chosen.allSatisfy({ !alike($0, index) }) else { continue }
            chosen.append(index)
            length += sentences[index].range.count
        }
        return chosen.map {
            Quote(passage: sentences[$0].passage, range: sentences[$0].range, text: sentences[$0].text)
        }
    }

    /// Up to `limit` sentences for a text that gathers what the passages say: less close to the best one than an
    /// answer's, but no lead-ins and nothing twice.
    func many(limit: Int) -> [Quote] {
        let ranked = sentences.indices.filter { !sentences[$0].isLeadIn }
            .sorted { (scores.scores[$0].total, $1) > (scores.scores[$1].total, $0) }
        guard let first = ranked.first else { return [] }
        var chosen: [Int] = []
        for index in ranked where chosen.count < limit {
            guard scores.scores[index].total >= Limits.gatheredShare * scores.scores[first].total else { break }
            if chosen.allSatisfy({ !alike($0, index) }) { chosen.append(index) }
        }
        return chosen.map {
            Quote(passage: sentences[$0].passage, range: sentences[$0].range, text: sentences[$0].text)
        }
    }

    /// The passages that name none of the question's places, when others name one.
    private var passagesElsewhere: Set<Int> {
        guard !places.isEmpty else { return [] }
        let elsewhere = passages.indices.filter { places.isDisjoint(with: PlaceNames.places(in: passages[$0].placed)) }
        return elsewhere.count < passages.count ? Set(elsewhere) : []
    }

    private func total(_ index: Int, _ language: LanguageCode) -> Double {
        let own = passages[sentences[index].passage].language == language.rawValue
        return scores.scores[index].total + (own ? Limits.ownLanguage : 0)
    }

    private func alike(_ one: Int, _ other: Int) -> Bool {
        sentences[one].text == sentences[other].text
            || SentenceScores.cosine(vectors[one], vectors[other]) > Limits.redundancy
    }
}
