internal import Language

/// Whether a question can be understood by itself, or goes on from those before it in its conversation.
///
/// Words only, no model: the same question is always judged alike, in Arabic, French, English and Darija.
enum FollowUp: Sendable, Hashable {
    /// It names what it is about.
    case standsAlone
    /// It begins with "and", points back with "it", or has no words of its own.
    case goesOn
    /// It is so short that it may be either: if the documents answer it by itself, it stands alone.
    case unclear

    enum Limits {
        /// Words of its own that a question has at most which goes on because of its first word.
        static let afterOpener = 6
        /// The same because of a pronoun: with more, the pronoun more likely points to one of these.
        static let withPronoun = 3
        /// The same for one that may be either.
        static let unclear = 2
    }

    init(_ question: String) {
        let text = ScalarText(question)
        let tokens = Tokenizer.tokens(in: NormalizedText(question))
        let language = LexicalAnalyzer.language(of: LanguageDetector.detect(question))
        let own = tokens.filter { token in
            !Self.empty.contains(token.scalars) && !LexicalAnalyzer.lexemes(of: token, language: language).isEmpty
        }
        let pointsBack = tokens.indices.contains { index in
            Self.pronouns.contains(tokens[index].scalars) && !Self.isFiller(index, of: tokens, in: text)
        }
        if own.isEmpty || Self.opens(tokens) && own.count <= Limits.afterOpener
            || pointsBack && own.count <= Limits.withPronoun
        {
            self = .goesOn
        } else {
            self = own.count <= Limits.unclear ? .unclear : .standsAlone
        }
    }

    private static func opens(_ tokens: [Token]) -> Bool {
        guard let first = tokens.first else { return false }
        if openers.contains(first.scalars) { return true }
        // "What about", "how about"; "qu'en est-il de".
        let start = tokens.prefix(4).map(\.text)
        return ["what", "how"].contains(first.text) && start.dropFirst().first == "about"
            || start.contains("en") && start.contains("est") && start.contains("il")
    }

    /// "Faut-il", "est-ce que", "il y a", "il faut", "ما هي": a pronoun that stands for nothing, or for what is named next.
    private static func isFiller(_ index: Int, of tokens: [Token], in text: ScalarText) -> Bool {
        let start = tokens[index].range.lowerBound
        if start > 0, "-‐‑".unicodeScalars.contains(text.scalars[start - 1]) { return true }
        if index > 0, [["م", "ا"], ["م", "ن"]].contains(tokens[index - 1].scalars) { return true }
        guard tokens.indices.contains(index + 1) else { return false }
        return fillers[tokens[index].text]?.contains(tokens[index + 1].text) ?? false
    }

    private static let fillers: [String: Set<String>] = [
        "il": ["y", "faut", "est", "existe", "s", "suffit"], "ce": ["que", "qu", "qui"],
        "it": ["possible", "necessary", "true", "take", "takes", "required", "allowed"],
        "that": ["the", "a", "an"],
    ]

    /// As people write them; compared in normalised form.
    private static let openers = load(
        """
        et mais alors donc puis sinon
        and but or so then otherwise
        و وماذا وما وهل وكم ومتى وأين وكيف ولماذا ومن وبالنسبة وإذا ولو ثم لكن ولكن إذن طيب أما بصح وشحال وعلاش ووقتاش ووين
        w wela besah bessah
        """)

    private static let pronouns = load(
        """
        il elle ils elles ce cet cette ces cela ça celui celle ceux celles leur leurs son sa ses lui
        it its they them their theirs he she his her this that these those
        هو هي هم هما هذا هذه ذلك تلك هؤلاء ذاك هاذا هاذي هادا هادي هاداك هاديك هاذاك هوما
        hada hadi hadak hadik houwa hiya houma
        """)

    /// What asks, and is no word of a question's own.
    private static let empty = load(
        """
        combien comment pourquoi quand quel quelle quels quelles qui que quoi où lequel laquelle est sont
        how much many when why what which who where long is are does do
        كم متى كيف لماذا ماذا ما من أين أي أية هل شحال علاش وقتاش وين كيفاش واش
        ch7al chhal 3lach alach wa9tach wa9tech win kifach kifech wach wech
        """
    ).union(openers).union(pronouns)

    private static func load(_ words: String) -> Set<[Unicode.Scalar]> {
        Set(words.split(whereSeparator: \.isWhitespace).map { NormalizedText($0).scalars })
    }
}
