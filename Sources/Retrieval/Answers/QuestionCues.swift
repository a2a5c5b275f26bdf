internal import Language

/// Words by which a question shows that it asks for a figure: an amount, a rate, a date, an age, a number of things; and words
/// that are figures. Spelled as people write them; compared in normalised form.
enum QuestionCues {
    private static let figures: Set<[Unicode.Scalar]> = load(
        """
        combien temps taux montant quand délai durée âge seuil plafond minimum maximum pourcentage prix date part
        many much rate amount when long age threshold percentage price date deadline share old minimum maximum
        كم وقت الوقت نسبة معدل مبلغ متى مدة سن أجل آجال قيمة حد تاريخ عدد
        """)

    /// The lexemes of numbers written out.
    private static let numbers: Set<String> = {
        let words: [(LanguageCode, String)] = [
            (
                .french,
                """
                deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize vingt trente quarante
                cinquante soixante cent mille million moitié tiers quart double
                """
            ),
            (
                .english,
                """
                two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen twenty thirty
                forty fifty sixty hundred thousand million half third quarter double twice
                """
            ),
            (
                .arabic,
                """
                اثنان اثنين ثلاثة ثلاث أربعة أربع خمسة خمس ستة ست سبعة سبع ثمانية ثماني تسعة تسع عشرة عشر عشرون عشرين ثلاثون
                ثلاثين أربعون أربعين خمسون خمسين ستون ستين مئة مائة ألف مليون نصف ثلث ربع ضعف شهران شهرين سنتان سنتين
                """
            ),
        ]
        return Set(
            words.flatMap { language, list in
                LexicalAnalyzer.terms(in: ScalarText(list), language: language).compactMap { $0.lexemes.first?.text }
            })
    }()

    static func asksForFigure(_ question: String) -> Bool {
        Tokenizer.tokens(in: NormalizedText(question)).contains { figures.contains($0.scalars) }
    }

    /// After these a question names what is to be counted.
    private static let counts: Set<[Unicode.Scalar]> = load("combien nombre many number كم عدد شحال ch7al chhal")

    /// The place of the word, counted from 1 as terms are, after which a question names what is to be counted.
    static func countedAfter(_ question: String) -> Int? {
        Tokenizer.tokens(in: NormalizedText(question)).firstIndex { counts.contains($0.scalars) }.map { $0 + 1 }
    }

    /// Whether a word asks for a figure by itself: "مدة", "montant".
    static func isFigure(_ word: String) -> Bool { figures.contains(NormalizedText(word).scalars) }

    /// Whether a lexeme is a number written out.
    static func isNumber(_ lexeme: String) -> Bool { numbers.contains(lexeme) }

    private static func load(_ words: String) -> Set<[Unicode.Scalar]> {
        Set(words.split(whereSeparator: \.isWhitespace).map { NormalizedText($0).scalars })
    }
}
