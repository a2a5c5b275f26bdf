/// Words with one meaning in Arabic, French and English: what a question's words are called in the other languages, and by
/// which other words in its own.
///
/// It is for questions alone. The index holds what a text says and nothing else, so that a longer list needs no indexing anew.
public struct ConceptLexicon: Sendable {
    public enum Limits {
        /// Lexemes that one term gains in all; each is a look-up in the index.
        static let lexemesPerTerm = 16
        /// Words of an expression: "taxe valeur ajoutée", "société responsabilité limitée".
        static let words = 4
        /// Concepts that a root may lead to; one that leads to more tells nothing.
        static let conceptsPerRoot = 3
    }

    public static let shared = ConceptLexicon()

    /// What each term is called otherwise, in the order of the terms; empty for words that the lexicon does not hold.
    ///
    /// An expression of several words is read as one before its words are: each of its words then gains the whole
    /// expression's other names. A word of Darija is looked up by its meanings.
    public func readings(of terms: [Term], language: LanguageCode) -> [[Lexeme]] {
        var readings = [[Lexeme]](repeating: [], count: terms.count)
        var index = 0
        while index < terms.count {
            let (concepts, count) = longest(terms[index...], language)
            for (concept, source, share) in concepts {
                for position in index..<(index + count) {
                    add(concept, source, share, beside: terms[position], to: &readings[position])
                }
            }
            if concepts.isEmpty { addAkin(to: &readings[index], of: terms[index]) }
            index += max(1, count)
        }
        return readings
    }

    /// A verb or a participle that is no name of a concept itself: what nouns of its root are called.
    private func addAkin(to readings: inout [Lexeme], of term: Term) {
        guard let root = term.lexemes.first(where: { $0.kind == .root }), let akin = roots[root.text],
            akin.count <= Limits.conceptsPerRoot
        else { return }
        for concept in akin.sorted() {
            for language in [LanguageCode.french, .english] {
                for name in concepts[concept][language] ?? [] {
                    for text in name where !readings.contains(where: { $0.text == text }) {
                        guard readings.count < Limits.lexemesPerTerm else { return }
                        readings.append(Lexeme(text: text, kind: .akin, share: 1 / Double(name.count)))
                    }
                }
            }
        }
    }

    private typealias Match = (concept: Int, source: LanguageCode, share: Double)

    /// One name of a concept: the lexemes of its words.
    private typealias Name = [String]

    private var concepts: [[LanguageCode: [Name]]] = []
    /// By the first lexeme of a name: the others, and the concept.
    private var names: [LanguageCode: [String: [(rest: ArraySlice<String>, concept: Int)]]] = [:]
    /// By the root of an Arabic name of one word: the concepts.
    private var roots: [String: Set<Int>] = [:]

    private init() {
        for columns in LexiconData.rows(LexiconData.concepts) { add(columns, separator: "/") }
        // Countries and cities, with the adjectives.
        for columns in LexiconData.rows(LexiconData.places) { add(columns, separator: ",") }
    }

    private mutating func add(_ columns: [Substring], separator: Character) {
        let languages: [LanguageCode] = [.arabic, .french, .english]
        guard columns.count == languages.count else { return }
        var concept: [LanguageCode: [Name]] = [:]
        for (language, column) in zip(languages, columns) {
            for alternative in column.split(separator: separator) {
                let name = Self.lexemes(of: alternative, language)
                guard !name.isEmpty, name.count <= Limits.words, concept[language]?.contains(name) != true
                else { continue }
                concept[language, default: []].append(name)
                names[language, default: [:]][name[0], default: []].append((name.dropFirst(), concepts.count))
                if language == .arabic, name.count == 1, let root = Self.root(of: alternative) {
                    roots[root, default: []].insert(concepts.count)
                }
            }
        }
        concepts.append(concept)
    }

    private static func root(of word: Substring) -> String? {
        Tokenizer.tokens(in: NormalizedText(word)).first
            .flatMap { LexicalAnalyzer.lexemes(of: $0, language: .arabic).first { $0.kind == .root } }?.text
    }

    private static func lexemes(of words: Substring, _ language: LanguageCode) -> Name {
        Tokenizer.tokens(in: NormalizedText(words)).compactMap {
            LexicalAnalyzer.lexemes(of: $0, language: language).first?.text
        }
    }

    /// The concepts whose name starts the terms, of the longest name that does; and its length.
    private func longest(_ terms: ArraySlice<Term>, _ language: LanguageCode) -> ([Match], Int) {
        guard let first = terms.first else { return ([], 0) }
        var found: [Match] = []
        var length = 1
        for lexeme in first.lexemes where lexeme.kind != .root {
            for source in sources(of: lexeme, language) {
                for (rest, concept) in names[source]?[lexeme.text] ?? [] where rest.count + 1 >= length {
                    guard follows(rest, terms.dropFirst()) else { continue }
                    if rest.count + 1 > length {
                        length = rest.count + 1
                        found = []
                    }
                    guard !found.contains(where: { $0.concept == concept }) else { continue }
                    found.append((concept, source, lexeme.share * Self.worth(of: lexeme.kind)))
                }
            }
        }
        return (found, length)
    }

    /// What a reading by way of another reading is worth. A word of Darija has its meanings in Arabic and French already.
    private static func worth(of kind: Lexeme.Kind) -> Double {
        switch kind {
        case .main: 1
        case .variant: 0.8
        case .translation, .synonym, .foreign, .root, .akin: 0.35
        }
    }

    private func follows(_ rest: ArraySlice<String>, _ terms: ArraySlice<Term>) -> Bool {
        terms.count >= rest.count
            && zip(rest, terms).allSatisfy { word, term in term.lexemes.contains { $0.text == word } }
    }

    /// Where a lexeme may be a name: the letters tell Arabic; Latin words are of the text's language, or of either.
    private func sources(of lexeme: Lexeme, _ language: LanguageCode) -> [LanguageCode] {
        guard let scalar = lexeme.text.unicodeScalars.first else { return [] }
        if Tokenizer.script(of: scalar) == .arabic { return [.arabic] }
        switch language {
        case .french, .english: return [language]
        case .arabic: return [.french]
        case .undetermined: return [.french, .english]
        }
    }

    private func add(
        _ concept: Int, _ source: LanguageCode, _ share: Double, beside term: Term, to lexemes: inout [Lexeme]
    ) {
        for (language, others) in concepts[concept].sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            let kind: Lexeme.Kind = language == source ? .synonym : .foreign
            for name in others {
                for text in name where !term.lexemes.contains(where: { $0.text == text }) {
                    let worth = share / Double(name.count)
                    if let known = lexemes.firstIndex(where: { $0.text == text }) {
                        if lexemes[known].share < worth {
                            lexemes[known] = Lexeme(text: text, kind: lexemes[known].kind, share: worth)
                        }
                    } else if lexemes.count < Limits.lexemesPerTerm {
                        lexemes.append(Lexeme(text: text, kind: kind, share: worth))
                    }
                }
            }
        }
    }
}
