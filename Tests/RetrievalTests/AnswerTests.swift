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
