internal import Language

/// The lexemes of a chunk in the text form of a tsvector.
struct IndexTerms: Sendable {
    /// `'impot':3A,9A 'societ':4A`
    private(set) var vector = ""
    /// Words of the chunk's own text that are indexed.
    private(set) var count = 0

    /// Words of headings stand after the text's own and weigh less: B, where a text's main readings are A and its
    /// second readings D.
    private static let headingGap = 10
    /// PostgreSQL keeps no position above this.
    private static let lastPosition = 16_383

    init(text: ScalarText, range: Range<Int>, headings: [String], language: LanguageCode) {
        var places: [String: [String]] = [:]
        var last = 0
        for term in LexicalAnalyzer.terms(in: text, range: range, language: language) {
            count += 1
            last = term.position
            add(term, weight: "A", offset: 0, to: &places)
        }
        for heading in headings {
            let offset = last + Self.headingGap
            for term in LexicalAnalyzer.terms(in: ScalarText(heading), language: language) {
                last = offset + term.position
                add(term, weight: "B", offset: offset, to: &places)
            }
        }
        vector = places.sorted { $0.key < $1.key }
            .map { "'\(Self.quoted($0.key))':\($0.value.joined(separator: ","))" }.joined(separator: " ")
    }

    private func add(_ term: Term, weight: String, offset: Int, to places: inout [String: [String]]) {
        for lexeme in term.lexemes {
            let position = min(term.position + offset, Self.lastPosition)
            places[lexeme.text, default: []].append("\(position)\(lexeme.kind == .main ? weight : "D")")
        }
    }

    private static func quoted(_ lexeme: String) -> String {
        guard lexeme.contains(where: { $0 == "'" || $0 == "\\" }) else { return lexeme }
        return String(lexeme.flatMap { $0 == "'" || $0 == "\\" ? [$0, $0] : [$0] })
    }
}

/// A query as the lexical leg takes it: parallel arrays of lexemes, the terms that they read, and their weights.
struct QueryTerms: Sendable {
    private(set) var lexemes: [String] = []
    private(set) var terms: [Int] = []
    private(set) var weights: [Double] = []
    /// Distinct terms.
    private(set) var termCount = 0
    let detected: DetectedLanguage

    /// A match of a second reading counts this much.
    private static let variantWeight = 0.6
    /// A match of what a word of Darija means. A text holds it as its own word, and so counts it in full.
    private static let translationWeight = 0.9

    init(_ query: String) {
        detected = LanguageDetector.detect(query)
        var seen: Set<String> = []
        for term in LexicalAnalyzer.queryTerms(query, detected: detected) {
            guard termCount < RetrievalLimits.queryTerms, let main = term.lexemes.first, seen.insert(main.text).inserted
            else { continue }
            termCount += 1
            for lexeme in term.lexemes {
                lexemes.append(lexeme.text)
                terms.append(termCount)
                weights.append(Self.weight(lexeme.kind) * lexeme.share)
            }
        }
    }

    private static func weight(_ kind: Lexeme.Kind) -> Double {
        switch kind {
        case .main: 1
        case .variant: variantWeight
        case .translation: translationWeight
        }
    }

    /// The language whose passages can share the query's words; "und" for Darija, whose words are asked for in Arabic and
    /// in French alike.
    var language: String {
        detected.variety == .standard ? detected.code.rawValue : LanguageCode.undetermined.rawValue
    }

    /// The lexemes of each term.
    var readings: [[String]] {
        var readings = [[String]](repeating: [], count: termCount)
        for (lexeme, term) in zip(lexemes, terms) { readings[term - 1].append(lexeme) }
        return readings
    }
}
