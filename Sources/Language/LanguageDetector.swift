/// Tells Arabic, French and English apart, from a few words up.
///
/// The script decides for Arabic. Between French and English frequent words decide, and in short texts without any,
/// accents and groups of letters. A Latin text that shows neither is undetermined.
public enum LanguageDetector {
    enum Limits {
        /// More text than this does not change the verdict.
        static let scalars = 20_000
        /// Share of Arabic letters above which a text is Arabic.
        static let arabicShare = 0.4
        /// Frequent words per word of text below which a long text is neither French nor English.
        static let markerShare = 0.06
        /// Words from which a text counts as long.
        static let longText = 12
    }

    public static func detect(_ text: String) -> DetectedLanguage {
        detect(ScalarText(String(text.unicodeScalars.prefix(Limits.scalars))))
    }

    public static func detect(_ text: ScalarText) -> DetectedLanguage {
        detect(text, range: 0..<text.count)
    }

    public static func detect(_ text: ScalarText, range: Range<Int>) -> DetectedLanguage {
        let range = range.prefix(Limits.scalars)
        let tokens = Tokenizer.tokens(in: NormalizedText(text, range: range))
        var arabic = 0
        var latin = 0
        var other = 0
        for token in tokens {
            switch token.script {
            case .arabic: arabic += token.scalars.count
            case .latin: latin += token.scalars.count
            case .other: other += token.scalars.count
            case .number: break
            }
        }
        let letters = arabic + latin + other
        guard letters > 0, other * 2 < letters else { return DetectedLanguage(code: .undetermined, confidence: 0) }
        let share = Double(arabic) / Double(letters)
        let (variety, darija) = LanguageVariety.detect(tokens)
        if share >= Limits.arabicShare {
            return DetectedLanguage(code: .arabic, confidence: share, variety: variety == .darija ? .darija : .standard)
        }
        if variety == .arabizi { return DetectedLanguage(code: .arabic, confidence: darija, variety: .arabizi) }
        return latinLanguage(tokens, text, range)
    }

    private static func latinLanguage(_ tokens: [Token], _ text: ScalarText, _ range: Range<Int>) -> DetectedLanguage {
        var french = 0.0
        var english = 0.0
        var words = 0
        for token in tokens where token.script == .latin {
            words += 1
            let word = token.text
            if LanguageMarkers.frenchWords.contains(word) { french += 1 }
            if LanguageMarkers.englishWords.contains(word) { english += 1 }
        }
        if words >= Limits.longText, max(french, english) < Limits.markerShare * Double(words) {
            return DetectedLanguage(code: .undetermined, confidence: 0)
        }
        let groups = groupScores(text, range.prefix(600))
        let certain = french + english > 0
        french += groups.french * (certain ? 0.25 : 0.5)
        english += groups.english * (certain ? 0.25 : 0.5)
        let total = french + english
        guard total > 0, french != english else { return DetectedLanguage(code: .undetermined, confidence: 0) }
        let lead = abs(french - english) / total
        // One weak sign is not a language.
        guard total >= 1 || lead == 1 else { return DetectedLanguage(code: .undetermined, confidence: 0) }
        let confidence = min(1, lead * min(1, total / 2))
        return DetectedLanguage(code: french > english ? .french : .english, confidence: confidence)
    }

    /// Counts on the lower-case text with its accents, because they are the strongest sign of all.
    private static func groupScores(_ text: ScalarText, _ range: Range<Int>) -> (french: Double, english: Double) {
        var letters: [Unicode.Scalar] = [" "]
        letters.reserveCapacity(range.count + 2)
        for index in range {
            let scalar = text.scalars[index]
            if scalar.properties.isAlphabetic {
                letters.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
            } else if scalar == "'" || scalar == "\u{2019}" {
                letters.append("'")
            } else if letters.last != " " {
                letters.append(" ")
            }
        }
        letters.append(" ")
        var french = 0.0
        var english = 0.0
        for start in letters.indices {
            let rest = letters[start...]
            for group in LanguageMarkers.frenchGroups where rest.starts(with: group) { french += 1 }
            for group in LanguageMarkers.englishGroups where rest.starts(with: group) { english += 1 }
        }
        let scale = max(1, Double(letters.count) / 60)
        return (french / scale, english / scale)
    }
}
