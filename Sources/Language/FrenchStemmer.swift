/// Light stemming of French words without accents: number, gender, and the endings of the first conjugation.
enum FrenchStemmer {
    private static let shortestStem = 3

    static func stem(of word: [Unicode.Scalar]) -> [Unicode.Scalar] {
        if let known = LatinWords.french[word] { return known }
        var stemmed = StemmedWord(word)
        guard stemmed.count > shortestStem else { return word }
        if !stemmed.replace(suffix: "eaux", with: "eau", leaving: 2),
            !stemmed.replace(suffix: "aux", with: "al", leaving: 3)
        {
            _ = stemmed.strip(suffix: "x", leaving: shortestStem) || stemmed.strip(suffix: "s", leaving: shortestStem)
        }
        feminine(&stemmed)
        for ending: Affix in ["er", "ez", "ee", "e"] where stemmed.strip(suffix: ending, leaving: shortestStem) {
            break
        }
        stemmed.undouble()
        return stemmed.scalars
    }

    private static func feminine(_ word: inout StemmedWord) {
        _ =
            word.replace(suffix: "trice", with: "teur", leaving: 3)
            || word.replace(suffix: "euse", with: "eur", leaving: 3)
            || word.replace(suffix: "ive", with: "if", leaving: 3)
            || word.replace(suffix: "ere", with: "er", leaving: 3)
            || word.replace(suffix: "esse", with: "ess", leaving: 4)
    }
}
