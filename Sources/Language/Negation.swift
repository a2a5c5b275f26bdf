/// Whether a text denies something: what a sentence and its proof must agree in.
///
/// Words only, no grammar: "pas", "never", "ليس", and ما…ش around a word of Darija. French "ne" alone is left out, since
/// "ne … que" denies nothing, and so is Arabic "ما", which is a pronoun more often.
public enum Negation {
    public static func isIn(_ text: String) -> Bool {
        Tokenizer.tokens(in: NormalizedText(text)).contains { token in
            words.contains(token.scalars) || isDarija(token.scalars)
        }
    }

    /// ماكتبتش: ما…ش around a word. "مفتش", an inspector, is none.
    private static func isDarija(_ word: [Unicode.Scalar]) -> Bool {
        word.count >= Limits.letters && word.starts(with: ["م", "ا"]) && word.last == "ش"
    }

    private enum Limits {
        static let letters = 6
    }

    /// As people write them; compared in normalised form.
    private static let words: Set<[Unicode.Scalar]> = Set(
        """
        pas jamais aucun aucune ni sans rien nul nulle non
        not no never none nor neither without cannot isn aren wasn weren don doesn didn won couldn shouldn wouldn hasn haven
        لا ولا فلا بلا لم ولم فلم لن ولن فلن ليس وليس فليس ليست وليست لست ليسوا غير بغير بدون دون ماشي مكانش ماكانش
        machi makanch makach
        """.split(whereSeparator: \.isWhitespace).map { NormalizedText($0).scalars })
}
