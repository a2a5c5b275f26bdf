/// Words whose full stop does not end a sentence. Without the stop, normalised when loaded.
enum Abbreviations {
    /// A longer word is none, however many marks it has.
    static let longest = 24
    static let words: Set<String> = Set(
        """
        m mm mme mmes mlle dr pr me st ste art arts al p pp ex cf n no nos vol chap fig tab éd env av bd tél
        réf sté cie ets janv févr avr juil sept oct nov déc b.o.s.s arr
        mr mrs ms prof sr jr inc ltd co corp e.g i.e eg ie vs approx dept est jan feb mar apr jun jul aug dec sec
        ص ج د م ق هـ
        """.split(whereSeparator: \.isWhitespace).map { NormalizedText($0).string })
}
