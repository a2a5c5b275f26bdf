import Language
import Testing

private func lexemes(_ text: String) -> Set<String> {
    let language = LanguageDetector.detect(text).code
    return Set(LexicalAnalyzer.terms(in: ScalarText(text), language: language).flatMap { $0.lexemes.map(\.text) })
}

private func standard(_ text: String, _ language: LanguageCode) -> Set<String> {
    Set(LexicalAnalyzer.terms(in: ScalarText(text), language: language).flatMap { $0.lexemes.map(\.text) })
}

@Suite struct DarijaTests {
    @Test(arguments: [
        ("ch7al nkhalles dariba 3la charika", LanguageVariety.arabizi), ("kifach ndir registre de commerce", .arabizi),
        ("wach lazem bach nkhrej passport", .arabizi), ("3afak", .arabizi), ("win rahi lbaladiya", .arabizi),
        ("شحال نخلص على السجل التجاري", .darija), ("كيفاش ندير شركة", .darija), ("واش لازم باش نخرج الباسبور", .darija),
        ("وين نروح باش نصرح بالعمال", .darija), ("ماكتبتش", .darija),
        ("كيف أسجل شركة في الجزائر", .standard), ("ما هو الحد الأدنى لرأس المال", .standard),
        ("Quel est le taux de la TVA en Algérie ?", .standard), ("How to win a contract with the state", .standard),
        ("The G50 form and MP3 files, 5km away, 3rd edition", .standard), ("SARL", .standard),
        ("carte chifa", .standard),
    ])
    func varieties(_ sample: (String, LanguageVariety)) {
        let detected = LanguageDetector.detect(sample.0)
        #expect(detected.variety == sample.1, "\(sample.0): \(detected)")
        if sample.1 != .standard { #expect(detected.code == .arabic) }
    }

    /// The word of the dialect meets the standard word, in the language given.
    @Test(arguments: [
        ("3afak", "من فضلك", LanguageCode.arabic), ("3afak", "s'il vous plaît", .french), ("عفاك", "من فضلك", .arabic),
        ("b9adach", "السعر", .arabic), ("bqadech", "le prix", .french), ("بقداش", "prix", .french),
        ("kifach nkhalles", "الدفع", .arabic), ("kifach nkhalles", "le paiement", .french),
        ("drahem", "المال", .arabic), ("flouss", "argent", .french), ("wa9tach nkhales", "أجل", .arabic),
        ("ch7al lwra9", "وثائق", .arabic), ("kifach njib l'wra9", "documents", .french),
        ("kifach nkhrej passport", "جواز السفر", .arabic), ("win khedma", "العمل", .arabic),
        ("ch7al chehriya ta3 lkhedam", "الأجر", .arabic), ("ch7al chehriya", "salaire", .french),
        ("makanch khedma", "travail", .french), ("3lach dariba", "الضريبة", .arabic),
        ("kifah la retraite", "التقاعد", .arabic),
        ("شحال الشهرية", "salaires", .french), ("كيفاش ندير السجل", "registre du commerce", .french),
        ("وين نخلص لاسيرونس", "التأمين", .arabic), ("ch7al 9anoun", "القانون", .arabic),
        ("kifach nesta7fed mn tasri7", "التصريح", .arabic), ("kifach sbitar", "المستشفى", .arabic),
    ])
    func wordsMeetTheirMeaning(_ sample: (String, String, LanguageCode)) {
        let own = lexemes(sample.0)
        #expect(!own.isDisjoint(with: standard(sample.1, sample.2)), "\(sample.0): \(own.sorted())")
    }

    @Test(arguments: [
        ["b9adach", "bqadech", "b9edach", "bgadech"],
        ["khedma", "5edma", "khadma", "khdma", "lkhedma"],
        ["wa9tach", "waqtach", "wektach", "wa9tech"], ["drahem", "dra7em", "drahm"],
        ["nkhalles", "n5alles", "khalles", "tkhalles", "nkhalsou"], ["9anoun", "qanoun", "kanoun", "l9anoun"],
    ])
    func spellingsAreOneWord(_ spellings: [String]) {
        // Among words that tell the dialect, so that the spelling alone need not.
        let readings = spellings.map { spelling in
            LexicalAnalyzer.terms(in: ScalarText("wach ch7al kifach \(spelling)"), language: .arabic).last?.lexemes
                .filter { $0.kind == .translation }.map(\.text)
        }
        #expect(readings.allSatisfy { $0 == readings[0] && $0?.isEmpty == false }, "\(readings)")
    }

    @Test func questionWordsSpeakToTheModelAlone() {
        for spellings in [
            ["ch7al", "chhal", "sh7al", "cha7al", "chehal", "chhaal"], ["kifach", "kifech", "kifesh", "kifache"],
        ] {
            let glosses = spellings.map { DarijaGloss.glosses(of: "wach lazem \($0)", variety: .arabizi) }
            #expect(glosses.allSatisfy { $0 == glosses[0] && !$0.isEmpty }, "\(glosses)")
            #expect(lexemes("wach lazem \(spellings[0])").isEmpty)
        }
    }

    @Test func aPartOfAMeaningCountsLess() {
        let terms = LexicalAnalyzer.terms(in: ScalarText("ch7al rahi la TVA"), language: .arabic)
        let parts = terms.last?.lexemes.filter { $0.kind == .translation } ?? []
        #expect(parts.contains { $0.share < 0.5 } && parts.allSatisfy { $0.share <= 1 })
    }

    @Test func negationIsTakenOff() {
        #expect(!lexemes("ماكتبتش").isDisjoint(with: standard("كتب", .arabic)))
        #expect(!lexemes("makhdemtch wach ndir").isDisjoint(with: standard("العمل", .arabic)))
        #expect(!lexemes("ما خلصتش").isDisjoint(with: standard("دفع", .arabic)))
    }

    @Test func glossesSpeakTheStandardLanguages() {
        let glosses = DarijaGloss.glosses(of: "ch7al lazem drahem bach ndir charika", variety: .arabizi)
        #expect(glosses == ["كم يجب مال لكي فعل شركة", "combien falloir argent pour faire société"])
        #expect(DarijaGloss.glosses(of: "Quel est le taux ?", variety: .standard).isEmpty)
    }

    @Test func aStandardTextGetsNoMeanings() {
        for (text, language) in [
            ("يحدد القانون شروط خدمة الزبائن وسعر السلعة", LanguageCode.arabic),
            ("La société doit payer la taxe", .french), ("The company must pay the tax and win", .english),
        ] {
            let terms = LexicalAnalyzer.terms(in: ScalarText(text), language: language)
            #expect(!terms.flatMap(\.lexemes).contains { $0.kind == .translation }, "\(text)")
        }
    }

    @Test func numbersWithUnitsStayNumbers() {
        for text in ["20 km", "5km", "3rd", "2eme", "7 jours", "9h30", "3.5mm"] {
            let tokens = Tokenizer.tokens(in: NormalizedText(text))
            #expect(tokens.first?.script == .number, "\(text)")
        }
        #expect(
            Tokenizer.tokens(in: NormalizedText("3afak 9anoun 7anout")).map(\.text) == ["3afak", "9anoun", "7anout"])
    }

    @Test func mixedScriptsAreCutAtTheirEdge() {
        let tokens = Tokenizer.tokens(in: NormalizedText("شركةSARLفي2024المادة12 g50ضريبة"))
        #expect(tokens.map(\.text) == ["شركه", "sarl", "في", "2024", "الماده", "12", "g50", "ضريبه"])
    }

    @Test func theAnalyzerSeesOnlyTheText() {
        // The same words give the same lexemes whether a passage or a question holds them.
        let text = "kifach ndir bach nkhalles dariba"
        let query = LexicalAnalyzer.queryTerms(text, detected: LanguageDetector.detect(text))
        #expect(query == LexicalAnalyzer.terms(in: ScalarText(text), language: .arabic))
        #expect(query == LexicalAnalyzer.terms(in: ScalarText(text), language: .undetermined))
    }

    @Test func rangesPointAtTheWordAndWorkIsLinear() {
        var generator = SplitMix(state: 5)
        for _ in 0..<50 {
            let text = randomText(&generator, length: 400)
            for term in LexicalAnalyzer.terms(in: text, language: .arabic) {
                #expect(term.range.lowerBound >= 0 && term.range.upperBound <= text.count && !term.range.isEmpty)
                #expect(!term.lexemes.isEmpty)
            }
        }
        // Lexemes per word are bounded, whatever the word looks like.
        let hostile = [
            "ma" + String(repeating: "a", count: 200) + "ch",
            String(repeating: "n7", count: 500),
            "ما" + String(repeating: "ب", count: 300) + "ش",
        ]
        for word in hostile {
            let terms = LexicalAnalyzer.terms(in: ScalarText("wach kifach \(word)"), language: .arabic)
            #expect(terms.allSatisfy { $0.lexemes.count <= 16 })
        }
    }
}
