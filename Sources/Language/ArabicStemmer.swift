/// Light stemming of normalised Arabic words: article, clitics, pronouns, endings of number and gender.
///
/// The article and its compounds (ال وال بال كال فال لل) are always taken off. A single و ف ب ك ل س in front may
/// be a clitic or the word's own letter (وزارة, بنك); so the word keeps it and gets a second, weaker lexeme
/// without it. Both sides of a search do the same, and meet in one of the two.
enum ArabicStemmer {
    private static let articles: [(Affix, leaving: Int)] = [
        ("وبال", 3), ("وكال", 3), ("فبال", 3), ("ولل", 3), ("وال", 3), ("بال", 3), ("كال", 3), ("فال", 3),
        ("لل", 3), ("ال", 2),
    ]
    private static let clitics: [Affix] = ["وب", "ول", "وس", "فل", "و", "ف", "ب", "ك", "ل", "س"]
    private static let pronouns: [Affix] = ["هما", "كما", "هم", "هن", "ها", "كم", "نا", "ه"]
    private static let endings: [Affix] = ["يات", "ات", "يين", "ون", "ين", "ان", "يه", "وا", "يا", "ه", "ي", "ا"]
    /// Endings that are as often the word's own letter: كتابك, but شباك; كتبت, but بيت.
    private static let weakEndings: [Affix] = ["ك", "ت"]
    /// Fewer letters than this are no Arabic stem.
    private static let shortestStem = 3

    /// The stem, and others that the word may have: without a single clitic in front, without the pronoun ك or the ت of a
    /// verb at the end, without the negation of Darija around it.
    static func stems(of word: [Unicode.Scalar]) -> (stem: [Unicode.Scalar], variants: [[Unicode.Scalar]]) {
        var stemmed = StemmedWord(word)
        if startsWithRadical(word) { return (trimEnd(stemmed), []) }
        for (article, leaving) in articles where stemmed.strip(prefix: article, leaving: leaving) {
            return (trimEnd(stemmed), [])
        }
        let stem = trimEnd(stemmed)
        var variants: [[Unicode.Scalar]] = []
        func add(_ word: StemmedWord) {
            let variant = trimEnd(word)
            if variant != stem, !variants.contains(variant) { variants.append(variant) }
        }
        for ending in weakEndings where !stemmed.hasSuffix("ات") {
            var shorter = stemmed
            if shorter.strip(suffix: ending, leaving: shortestStem) { add(shorter) }
        }
        if let inner = DarijaWord.withoutNegation(word) {
            var verb = StemmedWord(inner)
            add(verb)
            if verb.strip(suffix: "ت", leaving: shortestStem) { add(verb) }
            if verb.strip(prefix: "ن", leaving: shortestStem) || verb.strip(prefix: "ي", leaving: shortestStem) {
                add(verb)
            }
        }
        for clitic in clitics where stemmed.strip(prefix: clitic, leaving: shortestStem) {
            add(stemmed)
            break
        }
        return (stem, variants)
    }

    private static func startsWithRadical(_ word: [Unicode.Scalar]) -> Bool {
        ArabicWords.radicalWords.contains(word) || ArabicWords.radicalPrefixes.contains { word.starts(with: $0) }
    }

    private static func trimEnd(_ word: StemmedWord) -> [Unicode.Scalar] {
        var word = word
        word = singular(of: word)
        for pronoun in pronouns where word.strip(suffix: pronoun, leaving: shortestStem) {
            // The ta marbuta of شركة shows again in شركته.
            if !word.hasSuffix("ات"), pronoun.letters.count > 1 || word.count > shortestStem {
                _ = word.strip(suffix: "ت", leaving: shortestStem)
            }
            break
        }
        word = singular(of: word)
        for ending in endings where word.strip(suffix: ending, leaving: shortestStem) { break }
        word = singular(of: word)
        _ = word.strip(suffix: "ه", leaving: shortestStem)
        _ = word.strip(suffix: "ء", leaving: shortestStem)
        // The plural before its complement: مقدمو الخدمات.
        _ = word.strip(suffix: "و", leaving: shortestStem + 1)
        return word.scalars
    }

    private static func singular(of word: StemmedWord) -> StemmedWord {
        ArabicWords.brokenPlurals[word.scalars].map(StemmedWord.init) ?? word
    }
}
