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
    /// A match of what a word of the same root is called in another language.
    private static let akinWeight = 0.3
    /// A match of another word of the same root.
    private static let rootWeight = 0.35
    /// A match of what a word of Darija means. A text holds it as its own word, and so counts it in full.
    private static let translationWeight = 0.9
    /// A match of another word for it, in the question's language.
    private static let synonymWeight = 0.3
    /// A match of its name in another language.
    private static let foreignWeight = 0.8

    /// `context` is what a question goes on from that does not stand alone: its words are looked for as well, after the question's
    /// own, and tell the language when the question does not.
    init(_ query: String, after context: String = "") {
        let own = LanguageDetector.detect(query)
        let before = context.isEmpty ? own : LanguageDetector.detect(context)
        detected = own.code == .undetermined ? before : own
        var seen: Set<String> = []
        add(query, read: detected, &seen)
        if !context.isEmpty { add(context, read: before, &seen) }
    }

    private mutating func add(_ query: String, read detected: DetectedLanguage, _ seen: inout Set<String>) {
        let asked = Self.asked(query, detected)
        let text = ScalarText(query)
        let cue = counted == nil ? QuestionCues.countedAfter(query) : nil
        let named = ConceptLexicon.shared.readings(of: asked, language: LexicalAnalyzer.language(of: detected))
        for (term, others) in zip(asked, named) {
            // The index cannot tell the preposition from the name علي; a question that is spelled so means the preposition.
            guard termCount < RetrievalLimits.queryTerms, let main = term.lexemes.first, text[term.range] != "على",
                seen.insert(main.text).inserted
            else { continue }
            termCount += 1
            if Self.isName(term, in: text, detected.code) { names.insert(termCount - 1) }
            if main.isNumber { numbers.insert(termCount - 1) }
            if counted == nil, let cue, cue < term.position, term.position <= cue + 2,
                !QuestionCues.isFigure(text[term.range])
            {
                counted = termCount - 1
            }
            if main.isNumber || others.contains(where: { $0.kind == .foreign }) {
                known.insert(termCount - 1)
            } else {
                unknown.insert(termCount - 1)
            }
            for lexeme in term.lexemes + others {
                lexemes.append(lexeme.text)
                terms.append(termCount)
                weights.append(Self.weight(lexeme.kind) * lexeme.share)
            }
        }
    }

    /// The words that are looked for. A question that is nothing but a frame is looked for as it stands.
    private static func asked(_ query: String, _ detected: DetectedLanguage) -> [Term] {
        let all = LexicalAnalyzer.queryTerms(query, detected: detected)
        let silent = QuestionFrames.places(in: query)
        let said = silent.isEmpty ? all : all.filter { !silent.contains($0.position) }
        return said.isEmpty ? all : said
    }

    /// Terms, from 0, that are known by their names in every language, as numbers are; and the others.
    private(set) var known: Set<Int> = []
    private(set) var unknown: Set<Int> = []
    /// Terms, from 0, that look like names: capital letters inside a Latin text, Latin letters inside an Arabic one.
    private(set) var names: Set<Int> = []
    /// The term, from 0, of which the question asks how many there are.
    private(set) var counted: Int?
    /// Terms, from 0, that are numbers.
    private(set) var numbers: Set<Int> = []

    private static func isName(_ term: Term, in text: ScalarText, _ language: LanguageCode) -> Bool {
        let first = text.scalars[term.range.lowerBound]
        if language == .arabic { return first.value < 0x250 && first.properties.isAlphabetic && term.range.count > 1 }
        // The first word of a sentence is written so too.
        let isFirst =
            text.scalars[..<term.range.lowerBound].reversed()
            .first { $0.properties.isAlphabetic || ".?!:".unicodeScalars.contains($0) }
            .map { !$0.properties.isAlphabetic } ?? true
        return first.properties.isUppercase && !isFirst
    }

    /// The share of the words that are not known in another language.
    var unknownShare: Double { termCount > 0 ? Double(unknown.count) / Double(termCount) : 0 }

    private static func weight(_ kind: Lexeme.Kind) -> Double {
        switch kind {
        case .main: 1
        case .variant: variantWeight
        case .root: rootWeight
        case .akin: akinWeight
        case .translation: translationWeight
        case .synonym: synonymWeight
        case .foreign: foreignWeight
        }
    }

    /// The language whose passages can share the query's words; "und" for Darija, whose words are asked for in Arabic and
    /// in French alike.
    var language: String {
        detected.variety == .standard ? detected.code.rawValue : LanguageCode.undetermined.rawValue
    }

    /// Whether a passage's language is surely another than the question's.
    func isForeign(_ passage: String) -> Bool {
        let undetermined = LanguageCode.undetermined.rawValue
        return passage != language && passage != undetermined && language != undetermined
    }

    /// The lexemes of each term, with what a match of them is worth.
    var readings: [[(lexeme: String, weight: Double)]] {
        var readings = [[(lexeme: String, weight: Double)]](repeating: [], count: termCount)
        for index in lexemes.indices { readings[terms[index] - 1].append((lexemes[index], weights[index])) }
        return readings
    }
}

extension Lexeme {
    /// Numbers are the same in every language.
    fileprivate var isNumber: Bool { text.unicodeScalars.first.map { (0x30...0x39).contains($0.value) } ?? false }
}
