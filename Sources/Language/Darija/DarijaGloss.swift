/// A text of Darija word for word in standard Arabic and in French, for a model that knows only those.
public enum DarijaGloss {
    /// Two texts for Darija in either script, none for anything else. Words that are not known stay as they are, those
    /// with Arabic digits in Arabic letters.
    public static func glosses(of text: String, variety: LanguageVariety) -> [String] {
        guard variety != .standard else { return [] }
        var arabic: [String] = []
        var french: [String] = []
        for token in Tokenizer.tokens(in: NormalizedText(text)) {
            switch LexicalAnalyzer.darijaReading(of: token, variety: variety) {
            case .meaning(let entry):
                if let word = entry.arabic.first { arabic.append(word) }
                if let word = entry.french.first { french.append(word) }
            case .silent: continue
            case .unknown where token.script == .latin && DarijaWord.hasArabicDigit(token.scalars):
                let word = ArabiziSpelling.arabicSpellings(of: token.scalars).first.map { string($0) } ?? token.text
                arabic.append(word)
                french.append(word)
            case .unknown:
                arabic.append(token.text)
                french.append(token.text)
            }
        }
        return [arabic, french].filter { !$0.isEmpty }.map { $0.joined(separator: " ") }
    }

    private static func string(_ scalars: [Unicode.Scalar]) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }
}
