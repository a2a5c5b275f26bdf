import Bytes
import Language
import Testing

@testable import Retrieval

@Suite struct WrittenSentenceTests {
    @Test func marksAndQuotationsAreTakenApart() {
        let sentence = WrittenSentence("Le taux est de « 19 % » [2][13].")
        #expect(sentence.text == "Le taux est de « 19 % ».")
        #expect(sentence.claimed == [2, 13])
        #expect(sentence.quotations == ["19 %"])
        #expect(WrittenSentence("[x] and [1234] stay").text == "[x] and [1234] stay")
        #expect(WrittenSentence("It says \"one\" and “two”.").quotations == ["one", "two"])
    }

    /// The marks that readers see are ours: a model's own, in any script and bracket, only say where to look.
    @Test(arguments: [
        ("[1, 2]", [1, 2]), ("[1][3]", [1, 3]), ("[ 7 ]", [7]), ("【1】", [1]), ("［2］", [2]), ("[١٢]", [12]),
        ("[1-3]", [1, 3]),
        ("[1؛ 2]", [1, 2]), ("[\u{200B}1]", [1]), ("[999]", [999]),
    ])
    func marksInAnyFormAreTakenAway(_ sample: (String, [Int])) {
        let sentence = WrittenSentence("Le taux est de 19 % \(sample.0).")
        #expect(sentence.text == "Le taux est de 19 %.")
        #expect(sentence.claimed == sample.1)
    }

    @Test func whatOnlyLooksLikeAMarkStays() {
        for text in ["[1994]", "[a]", "[]", "[,]", "[1", "1]", "[1 and 2]"] {
            #expect(WrittenSentence("x \(text)").text == "x \(text)")
            #expect(WrittenSentence("x \(text)").claimed.isEmpty)
        }
    }

    @Test func whatNobodySeesIsLeftOut() {
        let sentence = WrittenSentence("a\u{202E}b\u{200B}c\u{0}d\u{2066}e\u{FEFF}f\u{AD}g\u{E0041}h\u{1B}i")
        #expect(sentence.text == "abcdefghi")
        // Arabic needs its joiners and marks of direction.
        #expect(WrittenSentence("می\u{200C}خواهم\u{200F}").text == "می\u{200C}خواهم\u{200F}")
        // A quotation is compared letter by letter, hidden ones too.
        #expect(WrittenSentence("« a\u{200B}b »").quotations == ["a\u{200B}b"])
    }

    @Test func quotationsReachOverSentences() {
        let first = WrittenSentence("Il est écrit : « Le taux est de 19 %.")
        #expect(first.quotations == ["Le taux est de 19 %."] && first.leavesQuotationOpen)
        let second = WrittenSentence("Il est réduit.", isQuoting: true)
        #expect(second.quotations == ["Il est réduit."] && second.leavesQuotationOpen)
        let third = WrittenSentence("À 9 % » selon la loi « de finances » [1].", isQuoting: true)
        #expect(third.quotations == ["À 9 %", "de finances"] && !third.leavesQuotationOpen)
        // An inch is no quotation without an end.
        #expect(!WrittenSentence("Un écran de 27\" coûte 300 francs.").leavesQuotationOpen)
    }

    /// The same sentences come out, however the stream is cut.
    @Test func cutsDoNotMatter() {
        let answer = "Le taux est de 19 %. [2] Il est réduit à 9 % [1]. [3][4] C'est « la loi. » Fin"
        let expected = ["Le taux est de 19 %. [2]", "Il est réduit à 9 % [1]. [3][4]", "C'est « la loi. »", "Fin"]
        for size in 1...answer.count {
            var buffer = SentenceBuffer()
            var sentences: [String] = []
            var rest = answer[...]
            while !rest.isEmpty {
                sentences += buffer.received(String(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            sentences += buffer.finished()
            #expect(sentences == expected, "pieces of \(size)")
        }
    }

    @Test func anEndlessSentenceIsCut() {
        var buffer = SentenceBuffer()
        var count = 0
        for _ in 0..<1_000 { count += buffer.received("mot ").count }
        #expect(count > 0)
    }
}

/// What proves a sentence, and what does not.
@Suite struct CitationBinderTests {
    static let content = "Le taux de l'IBS est de 19 % pour la production. Le taux est de 26 % pour le commerce."

    private func bind(_ raw: String, isQuoting: Bool = false) -> Quote? {
        let passage = Passage(
            chunk: .v4(), document: .v4(), title: "IBS", language: "fr", content: Self.content, page: 0, start: 0,
            end: Int64(Self.content.unicodeScalars.count))
        let sentences = CandidateSentence.all(in: [passage])
        let binder = CitationBinder(
            passages: [passage], sentences: sentences, vectors: sentences.map { _ in [1] })
        return binder.bind(WrittenSentence(raw, isQuoting: isQuoting), vector: [1])
    }

    @Test func quotationsStandLetterByLetter() {
        #expect(bind("Il dit : « 19 % pour la production » [1].")?.text == "19 % pour la production")
        // Its words prove the sentence, its quotation is invented.
        #expect(bind("Le taux de l'IBS est de « 19 % pour la protection » pour la production [1].") == nil)
        #expect(bind("« 19 % pour la production » et « 26 % pour la production » [1].") == nil)
        #expect(bind("Le taux de l'IBS est de « 19 % pour la produçtion et") == nil)
        #expect(bind("taux de l'IBS est de 19 % pour la production ou » [1].", isQuoting: true) == nil)
        // Too short to be a quotation: the words count.
        #expect(bind("Le taux de l'IBS est de « 19 % » pour la production [1].") != nil)
    }

    @Test func whatDeniesItsProofHasNone() {
        #expect(bind("Le taux de l'IBS est de 19 % pour la production [1].") != nil)
        #expect(bind("Le taux de l'IBS n'est pas de 19 % pour la production [1].") == nil)
        #expect(bind("Le taux de l'IBS n'est jamais de 26 % pour le commerce [1].") == nil)
    }

    @Test func aQuotationProvesNoOtherFigure() {
        #expect(bind("« 19 % pour la production », soit 190 dinars [1].") == nil)
        // The figure is in the sentence that the quotation is from.
        #expect(bind("19 % : « pour la production » [1].")?.text == "pour la production")
        // The figure is in another sentence: that one may be the proof, the quotation is not.
        #expect(bind("« pour la production », 26 % [1].")?.text != "pour la production")
    }
}

@Suite struct QueryTermsTests {
    @Test func termsAreDistinct() {
        let terms = QueryTerms("Quel impôt, quels impôts et l'IMPÔT des sociétés ?")
        #expect(terms.termCount == 2)
        #expect(terms.lexemes.count == terms.terms.count && terms.terms.count == terms.weights.count)
    }

    @Test func aHugeQueryIsBounded() {
        let words = (0..<2_000).map { "mot\($0)" }.joined(separator: " ")
        #expect(QueryTerms(words).termCount == RetrievalLimits.queryTerms)
    }

    @Test func vectorsAreWellFormed() {
        let text = ScalarText("Les impôts et l'impôt de la société")
        let terms = IndexTerms(text: text, range: 0..<text.count, headings: ["Loi d'impôt"], language: .french)
        #expect(terms.count == 3)
        #expect(terms.vector.contains("'impot':2A,5A"))
        #expect(terms.vector.contains("B"))
    }
}
