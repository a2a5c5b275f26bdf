import Testing

@testable import Language

@Suite struct ConceptLexiconTests {
    /// The lexemes that a question's word gains, and what a match of each is worth.
    private func gained(_ question: String, _ language: LanguageCode) -> [[String: Double]] {
        let terms = LexicalAnalyzer.terms(in: ScalarText(question), language: language)
        return ConceptLexicon.shared.readings(of: terms, language: language).map { readings in
            Dictionary(readings.map { ($0.text, $0.share) }, uniquingKeysWith: max)
        }
    }

    private func stem(_ word: String, _ language: LanguageCode) -> String {
        LexicalAnalyzer.terms(in: ScalarText(word), language: language).first?.lexemes.first?.text ?? ""
    }

    @Test func wordsAreKnownInTheOtherLanguages() {
        #expect(gained("facture", .french)[0][stem("invoice", .english)] == 1)
        #expect(gained("facture", .french)[0][stem("فاتورة", .arabic)] == 1)
        #expect(gained("والفواتير", .arabic).first?[stem("invoice", .english)] == 1)
        #expect(gained("Algeria", .english)[0][stem("الجزائر", .arabic)] == 1)
        #expect(gained("xyzzy", .english)[0].isEmpty)
    }

    @Test func synonymsAndForeignNamesAreToldApart() {
        let terms = LexicalAnalyzer.terms(in: ScalarText("wage"), language: .english)
        let readings = ConceptLexicon.shared.readings(of: terms, language: .english)[0]
        #expect(readings.first { $0.text == stem("salary", .english) }?.kind == .synonym)
        #expect(readings.first { $0.text == stem("salaire", .french) }?.kind == .foreign)
        #expect(!readings.contains { $0.text == stem("wage", .english) })
    }

    @Test func anExpressionIsReadBeforeItsWords() {
        let words = gained("la taxe sur la valeur ajoutée", .french)
        #expect(words.count == 3)
        #expect(words.allSatisfy { $0[stem("VAT", .english)] == 1 && $0[stem("TVA", .french)] == 1 })
        // A part of the other name is a part of the meaning.
        #expect(words[0][stem("value", .english)].map { $0 < 0.5 } == true)
        // Alone, the word has its own meaning.
        #expect(gained("valeur", .french)[0][stem("value", .english)] == 1)
    }

    @Test func darijaReachesEnglishByItsMeanings() {
        let detected = LanguageDetector.detect("ch7al nkhalles dariba")
        let terms = LexicalAnalyzer.queryTerms("ch7al nkhalles dariba", detected: detected)
        let readings = ConceptLexicon.shared.readings(of: terms, language: LexicalAnalyzer.language(of: detected))
        let tax = readings.flatMap { $0 }.first { $0.text == stem("tax", .english) }
        #expect(tax.map { $0.kind == .foreign && $0.share < 1 } == true)
    }

    @Test func noTermGainsWithoutBound() {
        for word in ["droit", "compte", "service", "paiement", "عقد", "use"] {
            for language in LanguageCode.allCases {
                let most = gained(word, language).map(\.count).max() ?? 0
                #expect(most <= ConceptLexicon.Limits.lexemesPerTerm)
            }
        }
    }

    @Test func everyRowOfTheListSaysSomethingInEachLanguage() {
        for columns in LexiconData.rows(LexiconData.concepts) {
            #expect(columns.count == 3, "\(columns)")
            #expect(columns.allSatisfy { !$0.isEmpty && !$0.hasPrefix("/") && !$0.hasSuffix("/") }, "\(columns)")
        }
    }
}
