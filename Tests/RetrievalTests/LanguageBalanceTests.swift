import Bytes
import Testing

@testable import Retrieval

/// Passages of several languages on one scale.
@Suite struct LanguageBalanceTests {
    private static let weights = FusionWeights()
    /// English, of words that no list holds.
    private static let asked = QueryTerms("What is the name of the zzyzx?")

    private static func passage(
        _ language: String, _ similarity: Double, relevance: Double = 0, score: Double? = nil
    ) -> Passage {
        Passage(
            Queries.SearchChunksRow(
                place: 0, corpusVersion: "", plan: "", shared: false, chunkID: .v4(), documentID: .v4(),
                collectionID: .v4(), title: "", titlePath: "", language: language, content: "", page: 0, startAt: 0,
                endAt: 0, utf16Start: 0, score: score ?? similarity, denseRank: 1, lexicalRank: 1,
                similarity: similarity, coverage: 0, relevance: relevance, otherModels: []))
    }

    private static func balance(_ passages: [Passage], _ terms: QueryTerms = asked) -> LanguageBalance {
        LanguageBalance(passages, terms: terms, weights: weights)
    }

    private static func isNear(_ one: Double, _ other: Double) -> Bool { abs(one - other) < 1e-9 }

    /// Six in English about 0.5, and as many in French as `count` says, 0.2 below.
    private static func field(french count: Int = 6) -> [Passage] {
        (0..<6).map { passage("en", 0.5 + 0.01 * Double($0)) }
            + (0..<count).map { passage("fr", 0.3 + 0.01 * Double($0)) }
    }

    @Test func aLanguageThatIsFartherAsAWholeIsBroughtNear() {
        #expect(Self.asked.language == "en")
        let field = Self.field()
        let balance = Self.balance(field)
        #expect(field.prefix(6).allSatisfy { balance.shift(of: $0) == 0 })
        #expect(field.dropFirst(6).allSatisfy { Self.isNear(balance.shift(of: $0), 0.2 - Self.weights.foreignMalus) })
        // Of a language, the nearest five say how near it is: what is far from the question besides does not matter.
        let more = Self.balance(field + [Self.passage("fr", 0.01), Self.passage("en", 0.01)])
        #expect(Self.isNear(more.shift(of: field[6]), balance.shift(of: field[6])))
        // And the other way: one that is nearer as a whole is not preferred for it.
        let nearer = Self.balance(field.map { Self.passage($0.language == "en" ? "fr" : "en", $0.similarity) })
        #expect(Self.isNear(nearer.shift(of: Self.passage("fr", 0.5)), -0.2 - Self.weights.foreignMalus))
    }

    /// One passage may be as far as it is because it has nothing to do with the question.
    @Test func aFewPassagesSayLittleOfTheirLanguage() {
        let one = Self.balance(Self.field(french: 1))
        #expect(
            Self.isNear(
                one.shift(of: Self.passage("fr", 0.3)), (0.53 - 0.3) * 0.2 - Self.weights.foreignMalus))
        // Neither is one in the question's language a measure for the others.
        let own = Self.balance([Self.passage("en", 0.9)] + Self.field().suffix(6))
        #expect(
            Self.isNear(own.shift(of: Self.passage("fr", 0.3)), (0.9 - 0.33) * 0.2 - Self.weights.foreignMalus))
    }

    @Test func theMostRelevantOfALanguageIsItsMeasureByHalf() {
        let field =
            (0..<5).map { Self.passage("en", 0.5, relevance: 8 - Double($0)) }
            + (0..<5).map { Self.passage("fr", 0.5, relevance: 4 - Double($0)) }
        let balance = Self.balance(field)
        #expect(field.prefix(5).allSatisfy { balance.shift(of: $0) == 0 })
        // Half of 0.2, for 4 of 4 instead of 4 of 8 and for 2 of 4 instead of 2 of 8.
        #expect(Self.isNear(balance.shift(of: field[5]), 0.1 * 0.5 - Self.weights.foreignMalus))
        #expect(Self.isNear(balance.shift(of: field[7]), 0.1 * 0.25 - Self.weights.foreignMalus))
        #expect(Self.isNear(balance.shift(of: field[9]), -Self.weights.foreignMalus), "no word, nothing for words")
    }

    @Test func aQuestionOfNoOneLanguageHasNoForeignPassages() {
        let darija = QueryTerms("chhal lprix ta3 passport")
        #expect(darija.language == "und")
        let balance = Self.balance(Self.field(), darija)
        #expect(Self.field().allSatisfy { balance.shift(of: $0) == 0 })
    }

    /// Found by its words alone: there is no vector that could be near or far.
    @Test func aPassageWithoutVectorIsLeftAsItIs() {
        let bare = Self.passage("fr", 0, relevance: 100, score: 0.4)
        let field = Self.field()
        let balance = Self.balance(field + [bare])
        #expect(balance.shift(of: bare) == 0)
        #expect(Self.isNear(balance.shift(of: field[6]), Self.balance(field).shift(of: field[6])))
        #expect(LanguageBalance.balanced([], terms: Self.asked, weights: Self.weights).isEmpty)
    }

    @Test func theBestAreOrderedAnewAndStayTheBest() {
        // French ones that hold the words, below English ones that are only near.
        let field =
            (0..<20).map { Self.passage("en", 0.5, score: 1 - 0.01 * Double($0)) }
            + (0..<20).map { Self.passage("fr", 0.3, score: 0.785 - 0.001 * Double($0)) }
        let beyond = (0..<3).map { Self.passage("en", 0.6, score: 0.7 - 0.01 * Double($0)) }
        let found = LanguageBalance.balanced(field + beyond, terms: Self.asked, weights: Self.weights)
        #expect(found.prefix(40).map(\.score) == found.prefix(40).map(\.score).sorted(by: >))
        // 0.785 + 0.2 - 0.02 is more than 0.96.
        #expect(found.prefix(6).map(\.language) == ["en", "en", "en", "en", "fr", "fr"])
        #expect(found.suffix(3).map(\.chunk) == beyond.map(\.chunk), "what was beyond them stays there")
        #expect(Set(found.map(\.chunk)) == Set((field + beyond).map(\.chunk)))
        #expect(found.allSatisfy { Self.isNear($0.languageShift, $0.language == "fr" ? 0.18 : 0) })
        // Who asks for more has the same first ones.
        let fewer = LanguageBalance.balanced(field, terms: Self.asked, weights: Self.weights)
        #expect(fewer.map(\.chunk) == found.prefix(40).map(\.chunk))
        // Equals keep the order that the database gave them.
        let equal = (0..<5).map { _ in Self.passage("en", 0.5) }
        #expect(
            LanguageBalance.balanced(equal, terms: Self.asked, weights: Self.weights).map(\.chunk)
                == equal.map(\.chunk))
    }
}
