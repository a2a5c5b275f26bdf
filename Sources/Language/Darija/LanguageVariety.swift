/// How Arabic is written: the standard language, or the dialect of Algeria in Arabic or in Latin letters.
public enum LanguageVariety: String, Sendable, Hashable {
    case standard
    case darija
    /// Darija in Latin letters and digits, often with French words among it.
    case arabizi
}

extension LanguageVariety {
    enum Limits {
        /// Words of a text that the decision rests on.
        static let words = 400
        /// Words of Darija per word from which a text in Arabic letters is Darija: one in a question, more in a passage.
        static let darijaShare = 0.1
        /// The same for Latin letters, where every text is somebody's French or English too.
        static let arabiziShare = 0.3
    }

    /// The variety that the words show, and the share of them that shows it.
    static func detect(_ tokens: [Token]) -> (variety: LanguageVariety, share: Double) {
        let words = tokens.lazy.filter { $0.script == .arabic || ($0.script == .latin && $0.scalars.count > 1) }
            .prefix(Limits.words)
        var arabic = 0
        var latin = 0
        var darija = 0
        var arabizi = 0.0
        var french = 0.0
        var english = 0.0
        var afterNot = false
        var shared = 0
        // Known words with something attached, which count only beside one that tells.
        var attached = 0.0
        for word in words {
            if word.script == .arabic {
                arabic += 1
                let isNegated = afterNot && word.scalars.count > 3 && word.scalars.last == "ش"
                if isNegated || DarijaWord.isTelling(arabic: word.scalars) { darija += 1 }
                afterNot = word.scalars == ["م", "ا"]
                continue
            }
            latin += 1
            if isTelling(latin: word) {
                arabizi += 1
            } else if DarijaLexicon.shared.entry(exactly: word.scalars[...]) != nil {
                // "casnos", "tva": said in every language, and so no sign of any.
                shared += 1
            } else {
                let text = word.text
                if arabizi >= 1, !isStop(word.scalars), DarijaWord.sounds(like: word.scalars) { attached += 1 }
                if LanguageMarkers.frenchWords.contains(text) { french += 1 }
                if LanguageMarkers.englishWords.contains(text) { english += 1 }
            }
        }
        if latin > arabic, arabizi >= 1 {
            arabizi += attached
            let share = min(1, arabizi / Double(max(1, latin - shared)))
            if share >= Limits.arabiziShare, arabizi >= max(french, english) { return (.arabizi, share) }
        }
        if arabic >= latin, darija >= 1 {
            let share = Double(darija) / Double(arabic)
            if share >= Limits.darijaShare { return (.darija, share) }
        }
        return (.standard, 0)
    }

    private static func isTelling(latin word: Token) -> Bool {
        let letters = word.scalars
        if DarijaWord.hasArabicDigit(letters) { return true }
        guard letters.count > 2, !isStop(letters) else { return false }
        return DarijaLexicon.shared.isTelling(letters[...])
    }

    private static func isStop(_ word: [Unicode.Scalar]) -> Bool {
        StopWords.french.contains(word) || StopWords.english.contains(word)
    }
}
