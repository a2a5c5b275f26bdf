internal import Language

/// What kind of figure a question asks for, and which kinds a sentence holds: an answer to "quel taux" has a percentage in it, and a
/// law's number is none.
enum AnswerKind: CaseIterable, Sendable, Hashable {
    case percentage, time, money, number

    /// The kind that a question asks for; nil when it asks for no figure. A duration asked for as a number is one of time.
    static func asked(by question: String) -> AnswerKind? {
        let words = Set(Tokenizer.tokens(in: NormalizedText(question)).map(\.scalars))
        return [.time, .percentage, .money, .number].first { !words.isDisjoint(with: asking[$0] ?? []) }
    }

    /// The kinds of figures that a sentence holds.
    static func held(in sentence: String, hasFigure: Bool) -> Set<AnswerKind> {
        let words = Set(Tokenizer.tokens(in: NormalizedText(sentence)).map(\.scalars))
        var kinds = Set([AnswerKind.time, .money, .percentage].filter { !words.isDisjoint(with: holding[$0] ?? []) })
        if sentence.unicodeScalars.contains(where: { $0 == "%" || $0 == "٪" }) { kinds.insert(.percentage) }
        if hasFigure { kinds.insert(.number) }
        return kinds
    }

    private static let asking: [AnswerKind: Set<[Unicode.Scalar]>] = [
        .time: words(
            """
            temps durée délai quand date âge années jours mois heures semaines échéance
            when long soon fast deadline period age old days months years weeks hours date
            متى مدة أجل آجال مهلة تاريخ سن عمر وقت الوقت سنة يوما يوم شهر شهرا أيام سنوات يستغرق تدوم يدوم
            وقتاش wa9tach wa9t نهار شهور سنين youm nhar chhar
            """),
        .percentage: words("taux pourcentage rate percentage share نسبة معدل nisba nesba"),
        .money: words(
            """
            coûte coûtent coût prix montant salaire prime loyer amende capital cost costs price amount salary wage rent premium fine fee
            يكلف تكلف ثمن سعر مبلغ راتب أجر قسط غرامة إيجار رسم prix soum chehriya
            """),
        .number: words("combien nombre many much number كم عدد شحال ch7al chhal"),
    ]

    private static let holding: [AnswerKind: Set<[Unicode.Scalar]>] = [
        .time: words(
            """
            an ans année années mois jour jours semaine semaines heure heures exercice exercices
            janvier février mars avril mai juin juillet août septembre octobre novembre décembre
            year years month months day days week weeks hour hours
            january february april june july august september october november december
            سنة سنوات سنتين سنتان شهر شهرا أشهر شهرين شهران يوم يوما أيام يومين أسبوع أسابيع أسبوعين ساعة ساعات سنويا شهريا
            جانفي فيفري مارس أفريل ماي جوان جويلية أوت سبتمبر أكتوبر نوفمبر ديسمبر يناير فبراير أبريل مايو يونيو يوليو أغسطس
            """),
        .percentage: words("percent pourcent cent بالمائة بالمئة المائة المئة moitié tiers half third نصف ثلث"),
        .money: words(
            "dinar dinars franc francs euro euros dollar dollars da dzd chf eur دينار دينارا دنانير فرنك فرنكا يورو أورو دولار"
        ),
    ]

    private static func words(_ text: String) -> Set<[Unicode.Scalar]> {
        Set(Tokenizer.tokens(in: NormalizedText(text)).map(\.scalars))
    }
}
