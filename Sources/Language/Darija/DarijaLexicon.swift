/// The words of Darija that the platform knows, with their meanings in standard Arabic and French.
struct DarijaLexicon: Sendable {
    struct Entry: Sendable {
        /// Standard Arabic, the usual meaning first; empty when the word says nothing about a subject.
        let arabic: [String]
        let french: [String]
        /// The lexemes of all meanings, as a standard text holds them. None for words that say nothing about a subject.
        let lexemes: [Lexeme]

        var isSilent: Bool { arabic.isEmpty && french.isEmpty }
    }

    static let shared = DarijaLexicon()

    private(set) var entries: [Entry] = []
    private var exact: [[Unicode.Scalar]: Int] = [:]
    private var folded: [[Unicode.Scalar]: Int] = [:]
    private var skeletons: [[Unicode.Scalar]: Int] = [:]
    /// Spellings that no standard language has: where they stand, Darija is written.
    private var telling: Set<[Unicode.Scalar]> = []

    /// More than one entry has the skeleton.
    private static let ambiguous = -1
    /// Two consonants are too few to tell a word by.
    private static let shortestSkeleton = 3

    private init() {
        for columns in LexiconData.rows(LexiconData.darija) where columns.count == 3 {
            let isSearched = !columns[1].hasPrefix("?")
            let arabic = Self.meanings(isSearched ? columns[1] : columns[1].dropFirst())
            let french = Self.meanings(columns[2])
            let lexemes =
                isSearched ? Self.lexemes(of: arabic, .arabic) + Self.lexemes(of: french, .french) : []
            entries.append(Entry(arabic: arabic, french: french, lexemes: lexemes))
            for spelling in columns[0].split(separator: " ") {
                let isTelling = !spelling.hasPrefix("~")
                let word = NormalizedText(isTelling ? spelling : spelling.dropFirst()).scalars
                add(word, entry: entries.count - 1, isTelling: isTelling)
            }
        }
    }

    private mutating func add(_ word: [Unicode.Scalar], entry: Int, isTelling: Bool) {
        guard let first = word.first else { return }
        if exact[word] == nil { exact[word] = entry }
        if isTelling { telling.insert(word) }
        let skeleton: [Unicode.Scalar]
        if Tokenizer.script(of: first) == .arabic {
            skeleton = ArabiziSpelling.skeleton(arabic: word)
        } else {
            let sounds = ArabiziSpelling.folded(word[...])
            if folded[sounds] == nil { folded[sounds] = entry }
            skeleton = ArabiziSpelling.skeleton(sounds)
        }
        guard skeleton.count >= Self.shortestSkeleton else { return }
        if let known = skeletons[skeleton], known != entry {
            skeletons[skeleton] = Self.ambiguous
        } else {
            skeletons[skeleton] = entry
        }
    }

    func entry(exactly word: ArraySlice<Unicode.Scalar>) -> Entry? {
        exact[Array(word)].map { entries[$0] }
    }

    /// By sound; for Latin letters.
    func entry(soundingLike word: ArraySlice<Unicode.Scalar>) -> Entry? {
        folded[ArabiziSpelling.folded(word)].map { entries[$0] }
    }

    /// By consonants, when they are those of one entry alone; for Latin letters.
    func entry(withConsonantsOf word: ArraySlice<Unicode.Scalar>) -> Entry? {
        let skeleton = ArabiziSpelling.skeleton(ArabiziSpelling.folded(word))
        guard skeleton.count >= Self.shortestSkeleton, let found = skeletons[skeleton], found != Self.ambiguous else {
            return nil
        }
        return entries[found]
    }

    func isTelling(_ word: ArraySlice<Unicode.Scalar>) -> Bool { telling.contains(Array(word)) }

    private static func meanings(_ column: Substring) -> [String] {
        column == "-" ? [] : column.split(separator: "/").map(String.init)
    }

    /// One word of a meaning of several says only a part of it: "valeur" is no value added tax.
    private static func lexemes(of meanings: [String], _ language: LanguageCode) -> [Lexeme] {
        var lexemes: [Lexeme] = []
        for meaning in meanings {
            let texts = Tokenizer.tokens(in: NormalizedText(meaning)).compactMap {
                LexicalAnalyzer.lexemes(of: $0, language: language).first?.text
            }
            for text in texts {
                let share = 1 / Double(texts.count)
                if let known = lexemes.firstIndex(where: { $0.text == text }) {
                    if lexemes[known].share < share {
                        lexemes[known] = Lexeme(text: text, kind: .translation, share: share)
                    }
                } else {
                    lexemes.append(Lexeme(text: text, kind: .translation, share: share))
                }
            }
        }
        return lexemes
    }
}
