import Language
import Testing

/// The lexemes of a text, main and variant readings together.
private func lexemes(_ text: String, _ language: LanguageCode) -> Set<String> {
    Set(LexicalAnalyzer.terms(in: ScalarText(text), language: language).flatMap { $0.lexemes.map(\.text) })
}

private func meet(_ one: String, _ other: String, _ language: LanguageCode) -> Bool {
    !lexemes(one, language).isDisjoint(with: lexemes(other, language))
}

@Suite struct LexicalAnalyzerTests {
    @Test(arguments: [
        ("والكتاب", "كتاب"), ("بالكتاب", "كتاب"), ("للكتاب", "كتاب"), ("وكتاب", "كتاب"), ("فكتاب", "الكتاب"),
        ("على", "علي"), ("مستشفى", "مستشفي"), ("المستشفى", "مستشفي"), ("كتب", "كتاب"), ("الكتب", "كتاب"),
        ("شركة", "الشركات"), ("شركته", "شركة"), ("ضرائب", "الضريبة"), ("الضرائب", "ضريبي"), ("قوانين", "القانون"),
        ("أُجُور", "الأجر"), ("وزارة", "الوزارة"), ("بنك", "البنوك"), ("وثائق", "الوثيقة"), ("حقوقهم", "الحق"),
        ("الإلتزام", "التزام"), ("ﺍﻟﺸﺮﻛﺔ", "شركة"), ("الشـــركة", "شركات"), ("مسؤولية", "المسؤولية"),
    ])
    func arabicWordsMeet(_ pair: (String, String)) {
        #expect(meet(pair.0, pair.1, .arabic), "\(lexemes(pair.0, .arabic)) \(lexemes(pair.1, .arabic))")
    }

    @Test(arguments: [
        ("l'entreprise", "entreprise"), ("L’Entreprise", "entreprises"), ("société", "SOCIETES"), ("impôts", "impot"),
        ("travaux", "travail"), ("sociale", "sociaux"), ("employés", "employée"), ("nationaux", "nationale"),
        ("cœur", "coeur"), ("payer", "payé"), ("qu'actionnaires", "actionnaire"), ("ﬁscal", "fiscales"),
        ("directrice", "directeur"), ("professionnelle", "professionnels"), ("taux", "taux"),
    ])
    func frenchWordsMeet(_ pair: (String, String)) {
        #expect(meet(pair.0, pair.1, .french), "\(lexemes(pair.0, .french)) \(lexemes(pair.1, .french))")
    }

    @Test(arguments: [
        ("companies", "company"), ("taxes", "tax"), ("registered", "registering"), ("files", "file"),
        ("packages", "package"), ("installed", "install"), ("stopped", "stop"), ("employees", "employee"),
        ("company's", "company"),
    ])
    func englishWordsMeet(_ pair: (String, String)) {
        #expect(meet(pair.0, pair.1, .english), "\(lexemes(pair.0, .english)) \(lexemes(pair.1, .english))")
    }

    @Test(arguments: [
        ("سجل", "تسجيل"), ("مبيعاتهم", "البيع"), ("معفيون", "الإعفاء"), ("ممنوع", "تمنع"),
        ("يتقاعد", "التقاعد"), ("يصرح", "التصريحات"), ("مستثمر", "الاستثمار"), ("استخدام", "مستخدم"),
        ("مراقبة", "يراقب"),
        ("انتقال", "ينتقل"), ("اشتراكات", "يشترك"), ("مستحق", "حق"), ("تحديد", "حدود"), ("بسجل", "مسجلة"),
        ("تعوض", "تعويض"), ("يعوض", "تعوض"), ("يجوز", "تجوز"), ("يقوم", "قام"), ("تكتسب", "اكتساب"), ("تدوم", "يدوم"),
    ])
    func wordsOfOneRootMeetByItAlone(_ pair: (String, String)) {
        func readings(_ word: String, _ isRoot: Bool) -> Set<String> {
            Set(
                LexicalAnalyzer.terms(in: ScalarText(word), language: .arabic).flatMap { term in
                    term.lexemes.filter { ($0.kind == .root) == isRoot }.map(\.text)
                })
        }
        let roots = (readings(pair.0, true), readings(pair.1, true))
        #expect(!roots.0.isDisjoint(with: roots.1), "\(roots)")
        // A root is no word of its own: what is spelled like it does not find it.
        #expect(readings(pair.0, false).isDisjoint(with: roots.1))
    }

    @Test(arguments: [
        ("إلكترونيا", "الإلكترونية"), ("سنويا", "سنوي"), ("يوما", "يوم"), ("شهرا", "الشهر"), ("مبيعاتهم", "مبيعات"),
        ("القانونيين", "قانوني"), ("مقدمو", "مقدم"), ("موظفو", "الموظف"), ("سويسرا", "سويسرا"),
    ])
    func endingsOfAdverbsAndPluralsComeOff(_ pair: (String, String)) {
        let stems = [pair.0, pair.1].map {
            LexicalAnalyzer.terms(in: ScalarText($0), language: .arabic).first?.lexemes.first?.text
        }
        #expect(stems[0] == stems[1], "\(stems)")
    }

    @Test func differentWordsStayApart() {
        func stems(_ word: String) -> [Lexeme] {
            LexicalAnalyzer.terms(in: ScalarText(word), language: .arabic).flatMap {
                $0.lexemes.filter { $0.kind != .root }
            }
        }
        #expect(Set(stems("كتاب")).isDisjoint(with: stems("كاتب")))
        #expect(!meet("impôt", "import", .french))
        #expect(!meet("tax", "text", .english))
        #expect(Set(stems("الوثيقة")).isDisjoint(with: stems("ثقة")))
    }

    @Test func stopWordsAreNoLexemes() {
        #expect(lexemes("les impôts de la société", .french) == lexemes("impôt société", .french))
        #expect(lexemes("the taxes of a company", .english) == lexemes("tax company", .english))
        #expect(lexemes("من هذه الشركة", .arabic) == lexemes("الشركة", .arabic))
        #expect(lexemes("des les et", .french).isEmpty)
    }

    @Test(arguments: [
        "1 000 000", "1.000.000", "1,000,000", "1\u{202F}000\u{202F}000", "1'000'000", "١٬٠٠٠٬٠٠٠", "1000000",
    ])
    func thousandsAreOneNumber(_ text: String) {
        #expect(lexemes(text, .french) == ["1000000"])
    }

    @Test func decimalsAreOneNumber() {
        #expect(lexemes("8,1 %", .french) == ["8.1"])
        #expect(lexemes("٨٫١", .arabic) == ["8.1"])
        #expect(lexemes("1 234,50", .french) == ["1234.50"])
        #expect(lexemes("المادة12", .arabic).contains("12"))
    }

    @Test func aCertainQueryIsReadLikeItsText() {
        let question = "Quel est le capital minimum d'une SARL ?"
        let detected = LanguageDetector.detect(question)
        #expect(detected.code == .french)
        let terms = LexicalAnalyzer.queryTerms(question, detected: detected)
        #expect(terms == LexicalAnalyzer.terms(in: ScalarText(question), language: .french))
    }

    @Test func anUncertainQueryMeetsBothLanguages() {
        let query = LexicalAnalyzer.queryTerms(
            "entreprises", detected: DetectedLanguage(code: .undetermined, confidence: 0))
        let read = Set(query.flatMap { $0.lexemes.map(\.text) })
        #expect(!read.isDisjoint(with: lexemes("l'entreprise", .french)))
        #expect(!read.isDisjoint(with: lexemes("enterprise entreprise", .english)))
    }

    @Test func rangesPointAtTheWord() {
        let text = ScalarText("La société « ÉCOLE » paie 1 000 dinars.")
        for term in LexicalAnalyzer.terms(in: text, language: .french) {
            let word = text[term.range]
            let again = LexicalAnalyzer.terms(in: ScalarText(word), language: .french)
            #expect(again.first?.lexemes == term.lexemes, "\(word)")
        }
    }
}
