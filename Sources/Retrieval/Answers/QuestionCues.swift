internal import Language

/// Words by which a question shows that it asks for a figure: an amount, a rate, a date, an age, a number of things.
/// Spelled as people write them; compared in normalised form.
enum QuestionCues {
    private static let figures: Set<[Unicode.Scalar]> = load(
        """
        combien taux montant quand délai durée âge seuil plafond minimum maximum pourcentage prix date part
        many much rate amount when long age threshold percentage price date deadline share old minimum maximum
        كم نسبة معدل مبلغ متى مدة سن أجل آجال قيمة حد تاريخ عدد
        """)

    static func asksForFigure(_ question: String) -> Bool {
        Tokenizer.tokens(in: NormalizedText(question)).contains { figures.contains($0.scalars) }
    }

    private static func load(_ words: String) -> Set<[Unicode.Scalar]> {
        Set(words.split(whereSeparator: \.isWhitespace).map { NormalizedText($0).scalars })
    }
}
