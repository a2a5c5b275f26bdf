/// How Darija becomes lexemes: the word itself, and what it means in standard Arabic and French.
extension LexicalAnalyzer {
    /// What the lexicon says to a word in a text of the variety.
    enum DarijaReading {
        case meaning(DarijaLexicon.Entry)
        /// A word that says nothing about a subject.
        case silent
        case unknown
    }

    static func darijaReading(of token: Token, variety: LanguageVariety) -> DarijaReading {
        let word = token.scalars
        let entry: DarijaLexicon.Entry?
        switch token.script {
        case .arabic:
            entry = DarijaWord.arabic(word)
            // "من", "على": what the standard language leaves out is left out here, unless the dialect means more by it.
            if StopWords.arabic.contains(word), entry == nil { return .silent }
        case .latin where variety == .arabizi:
            if word.count == 1 || particles.contains(word) { return .silent }
            let isStop = StopWords.french.contains(word) || StopWords.english.contains(word)
            entry = isStop ? DarijaLexicon.shared.entry(exactly: word[...]) : DarijaWord.latin(word)
            if isStop, entry == nil { return .silent }
        // "SPA", "casnos" among Arabic letters; other Latin words are the standard analysis's.
        case .latin: entry = DarijaLexicon.shared.entry(exactly: word[...])
        default: entry = nil
        }
        guard let entry else { return .unknown }
        return entry.isSilent ? .silent : .meaning(entry)
    }

    static func darijaLexemes(of token: Token, variety: LanguageVariety) -> [Lexeme] {
        let own = lexemes(of: token, language: token.script == .arabic ? .arabic : .undetermined)
        switch darijaReading(of: token, variety: variety) {
        case .silent: return []
        case .meaning(let entry):
            var lexemes = own.isEmpty ? [Lexeme(text: token.text, kind: .main)] : own
            guard !entry.lexemes.isEmpty else { return [] }
            for lexeme in entry.lexemes where !lexemes.contains(where: { $0.text == lexeme.text }) {
                lexemes.append(lexeme)
            }
            return lexemes
        case .unknown where token.script == .latin && variety == .arabizi:
            return own + transliterations(of: token.scalars)
        case .unknown: return own
        }
    }

    /// What the word is in Arabic letters, when it is an Arabic word that the lexicon does not hold.
    private static func transliterations(of word: [Unicode.Scalar]) -> [Lexeme] {
        var seen: Set<String> = []
        return ArabiziSpelling.arabicSpellings(of: word).flatMap { spelling -> [Lexeme] in
            guard spelling.count >= DarijaWord.Limits.letters else { return [] }
            let (stem, variants) = ArabicStemmer.stems(of: spelling)
            return ([stem] + variants).compactMap { reading in
                let text = string(reading)
                return seen.insert(text).inserted ? Lexeme(text: text, kind: .variant) : nil
            }
        }
    }

    /// Articles and prepositions of Darija in Latin letters.
    private static let particles: Set<[Unicode.Scalar]> = Set(
        "el al il fi fe ou wa bel fel lel wel ta mn mel ala ela hna dak dik had hadak".split(separator: " ")
            .map { Array($0.unicodeScalars) })
}
