import Bytes
import Language
import Testing

@testable import Retrieval

/// Each figure of the evidence gate by itself, on passages and vectors that are given: who breaks one of them is told which.
@Suite struct GateFiguresTests {
    /// The cosine of a sentence and the question that is not given one.
    private static let far: Float = 0.1

    private static func passage(
        _ content: String, language: String = "en", title: String = "Notes", similarity: Double = 0.5,
        coverage: Double = 0.5, score: Double = 1
    ) -> Passage {
        Passage(
            Queries.SearchChunksRow(
                place: 0, corpusVersion: "", plan: "", shared: false, chunkID: .v4(), documentID: .v4(),
                collectionID: .v4(), title: title, titlePath: "", language: language, content: content, page: 0,
                startAt: 0, endAt: Int64(content.unicodeScalars.count), utf16Start: 0, score: score, denseRank: 1,
                lexicalRank: 1, similarity: similarity, coverage: coverage, relevance: 1, otherModels: []))
    }

    /// `near` has the cosine of the question and of each sentence that holds the words.
    private static func features(
        _ question: String, _ passages: [Passage], near: [(words: String, cosine: Float)] = []
    ) -> EvidenceGate.Features {
        let query = AnalysedQuery(
            text: question, context: "", terms: QueryTerms(question), vector: [1, 0], embedded: [question],
            places: PlaceNames.places(in: question))
        let sentences = CandidateSentence.all(in: passages)
        let vectors = sentences.map { sentence -> [Float] in
            let cosine = near.first { sentence.text.contains($0.words) }?.cosine ?? far
            return [cosine, (1 - cosine * cosine).squareRoot()]
        }
        let scores = SentenceScores(sentences, vectors: vectors, query: query)
        return EvidenceGate.features(passages: passages, sentences: sentences, scores: scores, query: query)
    }

    private static func isNear(_ one: Double, _ other: Double) -> Bool { abs(one - other) < 1e-6 }

    private static let three = [
        passage("The tax on cats is low.", similarity: 0.6, coverage: 0.7, score: 1.2),
        passage("Dogs bark at night.", similarity: 0.8, coverage: 0.2, score: 0.9),
        passage("Fish swim in water.", similarity: 0.1, coverage: 0, score: 0.4),
    ]

    @Test func passagesAreComparedWithTheQuestionAndWithEachOther() {
        let found = Self.features("Is the tax on cats low?", Self.three, near: [("Fish", 0.9)])
        #expect(found.passageSimilarity == 0.8)
        #expect(found.passageCoverage == 0.7)
        #expect(Self.isNear(found.sentenceSimilarity, 0.9))
        #expect(Self.isNear(found.lead, 0.3))
        // 0.8, of at most 1 for the cosine, 0.15 for each of three words and 0.2 for the rank.
        #expect(Self.isNear(found.slope, 0.8 / 1.65))
        // What agrees is one passage that is near and holds the words, not the nearest and the fullest.
        #expect(Self.isNear(found.readCoverage, 1))
        #expect(Self.isNear(found.agreement, 0.6))
        #expect(found.isFew)
        #expect(!Self.features("cats", Array(repeating: Self.three, count: 3).flatMap { $0 }).isFew)
    }

    @Test func wordsOfOneSentenceAreMoreThanWordsOfOnePassage() {
        let apart = Self.features("tax on cats", [Self.passage("The tax is low in winter. Some people have cats.")])
        let together = Self.features("tax on cats", [Self.passage("The tax on cats is low. Some people have dogs.")])
        #expect(Self.isNear(apart.readCoverage, 1) && Self.isNear(together.readCoverage, 1))
        #expect(apart.sentenceCoverage < 0.9)
        #expect(Self.isNear(together.sentenceCoverage, 1))
        let half = Self.features("tax on cats", [Self.passage("The tax is low in winter.")])
        #expect(half.readCoverage > 0 && half.readCoverage < 0.9)
    }

    @Test func theRarestMissingWordIsWeighedByItself() {
        #expect(Self.features("tax on cats", Self.three).rarestMissing == 0)
        // What no sentence holds weighs the most that a word can, however many other words there are.
        #expect(Self.isNear(Self.features("tax on frobnicators", Self.three).rarestMissing, 1))
        #expect(Self.isNear(Self.features("low tax on cats, frobnicators", Self.three).rarestMissing, 1))
        // What another passage holds weighs less.
        let elsewhere = Self.features("low tax on cats, fish", Self.three).rarestMissing
        #expect(elsewhere > 0.2 && elsewhere < 0.9)
    }

    @Test func theHeaviestMissingWordIsOne() {
        let two = Self.features("tax on frobnicators and zorglubs", Self.three)
        #expect(two.heaviestMissing > 0.3 && two.heaviestMissing < 0.5)
        #expect(Self.features("tax on cats", Self.three).heaviestMissing == 0)
    }

    @Test func missingWordsAreKnownOrUnknown() {
        let whole = Self.features("tax on cats", Self.three)
        let known = Self.features("tax and customs", Self.three)
        let unknown = Self.features("tax on frobnicators", Self.three)
        #expect(whole.missingKnown == 0 && whole.missingUnknown == 0)
        #expect(known.missingKnown > 0.3 && known.missingUnknown == 0)
        #expect(unknown.missingKnown == 0 && unknown.missingUnknown > 0.3)
    }

    @Test func placesAreEvidenceOrMissing() {
        let named = [
            Self.passage("The tax is low in Geneva.", similarity: 0.3, coverage: 0.4),
            Self.passage("The tax is low in Oran.", similarity: 0.9, coverage: 0.9),
        ]
        let held = Self.features("Is the tax low in Geneva?", named)
        #expect(held.missingPlaces == 0)
        // The other one is no evidence for Geneva, however near.
        #expect(held.passageSimilarity == 0.3 && held.passageCoverage == 0.4)
        #expect(Self.features("Is the tax low in Zurich?", named).missingPlaces == 1)
        let fuller = [
            named[0], Self.passage("The tax on cats and dogs is low in Oran.", similarity: 0.9, coverage: 0.9),
        ]
        let words = Self.features("Is the tax on cats and dogs low in Geneva?", fuller)
        #expect(words.readCoverage > 0.3 && words.readCoverage < 0.6)
        #expect(words.agreement < 0.2)
    }

    @Test func namesAndNumbersAreHeldOrMissing() {
        let passages = [Self.passage("The form of Zorglub has 17 pages.")]
        let held = Self.features("What is form 17 of Zorglub?", passages)
        #expect(held.missingNames == 0 && held.missingNumbers == 0)
        let name = Self.features("What is form 17 of Fantasio?", passages)
        #expect(name.missingNames == 1 && name.missingNumbers == 0)
        let number = Self.features("What is form 18 of Zorglub?", passages)
        #expect(number.missingNames == 0 && number.missingNumbers == 1)
    }

    @Test func theFirstPassageIsInTheQuestionsLanguageOrNot() {
        let french = Self.passage("La taxe sur les chats est faible.", language: "fr")
        #expect(Self.features("Is the tax on cats low?", [french] + Self.three).isForeign == 1)
        #expect(Self.features("Is the tax on cats low?", Self.three + [french]).isForeign == 0)
    }

    @Test func aFigureIsLookedForInTheBestSentence() {
        let near: [(words: String, cosine: Float)] = [("cats", 0.9)]
        let without = [Self.passage("The tax rate on cats is low. The form has 17 pages.")]
        #expect(Self.features("What is the tax rate on cats?", without, near: near).missingFigure == 1)
        #expect(Self.features("Why is there a tax on cats?", without, near: near).missingFigure == 0)
        let with = [Self.passage("The tax rate on cats is 17 percent.")]
        #expect(Self.features("What is the tax rate on cats?", with, near: near).missingFigure == 0)
    }

    @Test func theBestSentenceIsNoLeadIn() {
        let text = [Self.passage("Is the tax on cats low? Nobody knows about that.")]
        let lowly = Self.features("Is the tax on cats low?", text, near: [("tax", 0.9)])
        let well = Self.features("Is the tax on cats low?", Self.three, near: [("tax", 0.9)])
        #expect(lowly.bestSentence < well.bestSentence)
    }

    @Test func aTraceOfAWordIsNone() {
        // "Valeur" alone is one word of three of what the value added tax is called, and the land's value is none of it.
        let question = "ضريبة القيمة المضافة"
        let land = Self.features(question, [Self.passage("La valeur du terrain est grande.", language: "fr")])
        #expect(land.readCoverage == 0 && land.missingWords == 1 && land.missingKnown == 1)
        let tax = Self.features(question, [Self.passage("La taxe sur la valeur ajoutée est basse.", language: "fr")])
        #expect(tax.readCoverage > 0.5 && tax.missingWords == 0)
    }

    @Test func aWordThatIsHeldInPartIsNotCommon() {
        // Each of eight sentences holds another word for it. As common as the word itself, it would weigh next to nothing.
        func coverage(_ word: String) -> Double {
            let passages = (1...8).map { number in Self.passage("\(word) الشركة رقم \(number) كبير.", language: "ar") }
            return Self.features("تسجيل السيارة", passages).readCoverage
        }
        let whole = coverage("تسجيل")
        let part = coverage("سجل")
        #expect(coverage("باب") == 0)
        #expect(whole > 0 && part > whole)
    }

    @Test func eachFigureHasAWeightAndIsWeighed() {
        let gate = EvidenceGate.defaults
        #expect(gate.weights.count == EvidenceGate.Features().values.count)
        #expect(gate.weights.allSatisfy { $0 != 0 && $0.isFinite })
        #expect(gate.threshold > 0 && gate.threshold < 1)
    }
}
