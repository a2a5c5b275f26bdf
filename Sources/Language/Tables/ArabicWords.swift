/// Arabic words that rules alone get wrong. Spelled as people write them; normalised when loaded.
enum ArabicWords {
    /// Words whose own first letters look like the article. A word that starts with one of these keeps its beginning.
    static let radicalPrefixes: [[Unicode.Scalar]] = load(
        """
        التزام التحاق التماس التقاء التهاب التباس التفات إلغاء إلحاق إلزام إلكترون ألماني إلمام إلقاء التقاط التئام
        كالسيوم
        """)

    /// The same for short words, which only count as a whole because longer ones start with them by chance.
    static let radicalWords: Set<[Unicode.Scalar]> = Set(
        load("ألف ألفا ألم آلام الله بالغ بالغة بالغين بالون فالح والد والدة والدي والده والدها والدين والديه لله"))

    /// Plurals that change inside the word, each with its singular: `Lexicon/broken-plurals.tsv`.
    static let brokenPlurals: [[Unicode.Scalar]: [Unicode.Scalar]] = {
        var table: [[Unicode.Scalar]: [Unicode.Scalar]] = [:]
        for columns in LexiconData.rows(LexiconData.brokenPlurals) where columns.count == 2 {
            let singular = normal(columns[0])
            for plural in columns[1].split(separator: " ") where normal(plural) != singular {
                table[normal(plural)] = singular
            }
        }
        return table
    }()

    private static func normal(_ word: Substring) -> [Unicode.Scalar] { NormalizedText(word).scalars }

    private static func load(_ words: String) -> [[Unicode.Scalar]] {
        words.split(whereSeparator: \.isWhitespace).map(normal)
    }
}
