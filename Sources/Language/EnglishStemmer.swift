/// Light stemming of English words: plurals, -ed and -ing, final e and y.
enum EnglishStemmer {
    private static let shortestStem = 3
    private static let sibilants: [Affix] = ["sses", "xes", "ches", "shes", "zes"]

    static func stem(of word: [Unicode.Scalar]) -> [Unicode.Scalar] {
        if let known = LatinWords.english[word] { return known }
        var stemmed = StemmedWord(word)
        guard stemmed.count > shortestStem else { return word }
        plural(&stemmed)
        if let known = LatinWords.english[stemmed.scalars] { return known }
        participle(&stemmed)
        _ = stemmed.strip(suffix: "ly", leaving: 4)
        _ = stemmed.strip(suffix: "e", leaving: shortestStem)
        _ = stemmed.replace(suffix: "y", with: "i", leaving: 2)
        return stemmed.scalars
    }

    private static func plural(_ word: inout StemmedWord) {
        if word.replace(suffix: "ies", with: "y", leaving: 2) { return }
        for ending in sibilants where word.hasSuffix(ending) {
            _ = word.strip(suffix: "es", leaving: shortestStem)
            return
        }
        guard !word.hasSuffix("ss"), !word.hasSuffix("us"), !word.hasSuffix("is") else { return }
        _ = word.strip(suffix: "s", leaving: shortestStem)
    }

    private static func participle(_ word: inout StemmedWord) {
        let before = word
        guard word.strip(suffix: "ing", leaving: shortestStem) || word.strip(suffix: "ed", leaving: shortestStem)
        else { return }
        // "thing", "bred": what is left of a word without a vowel is no stem.
        guard word.letters.contains(where: { "aeiouy".unicodeScalars.contains($0) }) else {
            word = before
            return
        }
        if let last = word.last, !"lsz".unicodeScalars.contains(last) { word.undouble() }
    }
}
