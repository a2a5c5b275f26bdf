/// A word as the index knows it.
public struct Lexeme: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        /// The word itself.
        case main
        /// A second reading of the word, for which a match counts less.
        case variant
        /// The root of an Arabic word, which other words share.
        case root
        /// What a word of Darija means in standard Arabic or French.
        case translation
        /// Another word of the same language for it.
        case synonym
        /// What it is called in another language.
        case foreign
        /// What another word of its root is called in another language.
        case akin
    }

    public let text: String
    public let kind: Kind
    /// How much of the word's meaning the lexeme is, up to 1: less for a part of a meaning of several words.
    public let share: Double

    public init(text: String, kind: Kind, share: Double = 1) {
        self.text = text
        self.kind = kind
        self.share = share
    }
}

/// The lexemes of one place in a text.
public struct Term: Sendable, Hashable {
    /// From 1; stop words take a position too.
    public let position: Int
    /// Where the word stands in the original text, in Unicode scalars.
    public let range: Range<Int>
    /// Never empty; the first is the main reading.
    public let lexemes: [Lexeme]
}

/// Turns text into lexemes, for the index and for the query alike.
///
/// A Latin word is stemmed by the rules of the text's language; when that is not known, by those of French and of
/// English, so that it meets either. Arabic words and numbers do not depend on the language given.
///
/// A text of Darija, in either script, also gets the lexemes of its words' meanings in standard Arabic and French. Whether
/// a text is Darija is decided here, from the text alone, so that index and query cannot disagree.
public enum LexicalAnalyzer {
    /// Changes whenever the same text gives other lexemes. What an older version indexed is indexed anew.
    public static let version = 4

    public static func terms(in text: ScalarText, language: LanguageCode) -> [Term] {
        terms(in: text, range: 0..<text.count, language: language)
    }

    /// The terms of a part of the text; their ranges count from the start of the whole text.
    public static func terms(in text: ScalarText, range: Range<Int>, language: LanguageCode) -> [Term] {
        let tokens = Tokenizer.tokens(in: NormalizedText(text, range: range))
        // A text that is French or English for sure has no Darija in it.
        let variety =
            language == .arabic || language == .undetermined ? LanguageVariety.detect(tokens).variety : .standard
        var terms: [Term] = []
        terms.reserveCapacity(tokens.count)
        for (offset, token) in tokens.enumerated() {
            let lexemes =
                variety == .standard
                ? lexemes(of: token, language: language) : darijaLexemes(of: token, variety: variety)
            guard !lexemes.isEmpty else { continue }
            terms.append(Term(position: offset + 1, range: token.range, lexemes: lexemes))
        }
        return terms
    }

    /// The terms of a question: as for a text, and each Latin word in its other reading as well when the language
    /// is not certain.
    public static func queryTerms(_ query: String, detected: DetectedLanguage) -> [Term] {
        terms(in: ScalarText(query), language: language(of: detected))
    }

    /// The language by whose rules a question is read.
    public static func language(of detected: DetectedLanguage) -> LanguageCode {
        let certain = detected.confidence >= certainty || detected.code == .arabic
        return certain ? detected.code : .undetermined
    }

    /// Below this confidence a query is read in both Latin languages.
    static let certainty = 0.5

    public static func lexemes(of token: Token, language: LanguageCode) -> [Lexeme] {
        switch token.script {
        case .number, .other: return [Lexeme(text: token.text, kind: .main)]
        case .arabic: return arabicLexemes(token.scalars)
        case .latin: return latinLexemes(token.scalars, language)
        }
    }

    private static func arabicLexemes(_ word: [Unicode.Scalar]) -> [Lexeme] {
        if StopWords.arabic.contains(word) { return [] }
        guard word.count > 1 else { return [] }
        let (stem, variants) = ArabicStemmer.stems(of: word)
        let readings = [main(stem)] + variants.map { Lexeme(text: string($0), kind: .variant) }
        // A stem that fits no pattern may begin with a clitic, which the last of its variants is without.
        guard let root = ArabicRoot.root(of: stem) ?? variants.last.flatMap(ArabicRoot.root) else { return readings }
        return readings + [Lexeme(text: rootMark + string(root), kind: .root)]
    }

    /// Keeps roots apart from words that are spelled the same.
    static let rootMark = "√"

    private static func latinLexemes(_ word: [Unicode.Scalar], _ language: LanguageCode) -> [Lexeme] {
        switch language {
        case .french:
            return StopWords.french.contains(word) ? [] : [main(FrenchStemmer.stem(of: word))]
        case .english:
            return StopWords.english.contains(word) ? [] : [main(EnglishStemmer.stem(of: word))]
        case .arabic, .undetermined:
            if StopWords.french.contains(word) || StopWords.english.contains(word) { return [] }
            let french = FrenchStemmer.stem(of: word)
            let english = EnglishStemmer.stem(of: word)
            return french == english ? [main(french)] : [main(french), main(english)]
        }
    }

    private static func main(_ scalars: [Unicode.Scalar]) -> Lexeme {
        Lexeme(text: string(scalars), kind: .main)
    }

    static func string(_ scalars: [Unicode.Scalar]) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }
}
