internal import Language

/// Words by which a question asks, and that no answer holds: "how long does it take", "combien de temps", "كم من الوقت". What they
/// ask for is a figure, which stands in its place; as words to look for they would only be missed.
enum QuestionFrames {
    /// Expressions that go as a whole.
    private static let expressions: [[[Unicode.Scalar]]] = load(
        """
        how long/how high/how much/how many/how old/how fast/how soon/how often/how far/how big/how large/how late/how early
        what time/up to what/up to which/by what/since when/what happens/what happens if/what happens when
        combien de temps/jusqu'à quand/depuis quand/à quoi ressemble/que se passe-t-il/qu'arrive-t-il
        كم من الوقت/كم من الزمن/كم من وقت/ماذا يحدث/ماذا يحصل/ماذا يقع/ما الذي يحدث/ماذا نسمي/ماذا يسمى/كم يبلغ/كم تبلغ
        quel est le nombre/what is the number/كم عدد/كم هو عدد/ما عدد/ما هو عدد/شحال من عدد
        كم يستغرق/كم تستغرق/كم يأخذ/كم تأخذ/شحال من وقت/شحال وقت/ch7al men wa9t/ch7al wa9t/chhal men wa9t
        """)

    /// After one of these, the verb that goes with it says nothing either: "how long does it take".
    private static let ofTime: Set<[Unicode.Scalar]> = words("long soon fast temps الوقت الزمن وقت wa9t")
    private static let takes: Set<[Unicode.Scalar]> = words(
        "take takes taken prend prennent prendre met mettre يستغرق تستغرق يأخذ تأخذ ياخذ ياخد")

    /// The verb of "combien de cantons compte la Suisse" is no account of a bank.
    private static let ofNumber: Set<[Unicode.Scalar]> = words("combien")
    private static let counts: Set<[Unicode.Scalar]> = words("compte comptent existe existent")
    /// After one of these it is an account.
    private static let ofNoun: Set<[Unicode.Scalar]> = words("un le ce du au de d mon son leur par sur chaque")

    /// Words that stand for nobody and nothing in particular, in a sentence that asks.
    private static let unspecific: Set<[Unicode.Scalar]> = words(
        "need needs needed get gets one someone somebody anyone anybody")

    /// The places of these words in a question, counted from 1 as terms are.
    static func places(in question: String) -> Set<Int> {
        let tokens = Tokenizer.tokens(in: NormalizedText(question)).map(\.scalars)
        var silent: Set<Int> = []
        for start in tokens.indices {
            for expression in expressions where tokens[start...].starts(with: expression) {
                silent.formUnion(start..<(start + expression.count))
            }
        }
        if silent.contains(where: { ofTime.contains(tokens[$0]) }) {
            silent.formUnion(tokens.indices.filter { takes.contains(tokens[$0]) })
        }
        if tokens.contains(where: ofNumber.contains) {
            silent.formUnion(
                tokens.indices.dropFirst().filter { counts.contains(tokens[$0]) && !ofNoun.contains(tokens[$0 - 1]) })
        }
        if question.unicodeScalars.contains(where: { $0 == "?" || $0 == "؟" }) {
            silent.formUnion(tokens.indices.filter { unspecific.contains(tokens[$0]) })
        }
        return Set(silent.map { $0 + 1 })
    }

    private static func load(_ text: String) -> [[[Unicode.Scalar]]] {
        text.split { $0 == "/" || $0 == "\n" }.map { Tokenizer.tokens(in: NormalizedText($0)).map(\.scalars) }
            .filter { !$0.isEmpty }
    }

    private static func words(_ text: String) -> Set<[Unicode.Scalar]> {
        Set(Tokenizer.tokens(in: NormalizedText(text)).map(\.scalars))
    }
}
