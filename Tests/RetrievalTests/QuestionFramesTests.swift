import Testing

@testable import Retrieval

/// What a question is looked for by: not by the words that only ask.
@Suite struct QuestionFramesTests {
    private static func words(_ question: String) -> [String] {
        QueryTerms(question).readings.compactMap { $0.first?.lexeme }
    }

    @Test(arguments: [
        ("How long does it take to found a company?", "company founding"),
        ("En combien de temps fonde-t-on une société ?", "société fondée"),
        ("Combien de temps prend la fondation ?", "fondation"),
        ("كم من الوقت يستغرق تأسيس الشركة؟", "تأسيس الشركة"),
        ("How high is the pension?", "pension"), ("What happens when a tenant leaves?", "tenant leaves"),
        ("Can one get a refund?", "refund"), ("À quoi ressemble le formulaire ?", "formulaire"),
    ])
    func framesAreNotLookedFor(question: String, said: String) {
        #expect(Set(Self.words(question)) == Set(Self.words(said)), "\(Self.words(question))")
    }

    @Test func theSameWordsElsewhereAreLookedFor() {
        #expect(Self.words("Quel temps fera-t-il demain ?").contains("temps"))
        #expect(Self.words("long term storage").contains("long"))
        #expect(Self.words("one-stop shop").contains("one"))
        #expect(Self.words("take a snapshot").contains("tak"))
        #expect(Self.words("وقت العمل").count == 2)
    }

    @Test func aQuestionThatIsNothingElseIsLookedForAsItStands() {
        #expect(!Self.words("How long does it take?").isEmpty)
        #expect(!Self.words("كم من الوقت؟").isEmpty)
    }

    @Test(arguments: [
        ("Quel est le taux de TVA ?", AnswerKind.percentage), ("What is the unemployment rate?", .percentage),
        ("كم هي نسبة الاشتراك؟", .percentage), ("Quand payer ?", .time), ("How long is the notice?", .time),
        ("كم سنة يحفظ السجل؟", .time), ("Combien coûte un brevet ?", .money), ("كم ثمن الرخصة؟", .money),
        ("Combien de cantons compte la Suisse ?", .number), ("How many members are there?", .number),
    ])
    func theKindThatIsAskedFor(question: String, kind: AnswerKind) {
        #expect(AnswerKind.asked(by: question) == kind)
    }

    @Test func aQuestionMayAskForNoFigure() {
        for question in ["Qui dirige la CNAS ?", "What is a cooperative?", "كيف تؤسس شركة؟"] {
            #expect(AnswerKind.asked(by: question) == nil, "\(question)")
        }
    }

    @Test func theKindsThatASentenceHolds() {
        func held(_ sentence: String) -> Set<AnswerKind> {
            AnswerKind.held(in: sentence, hasFigure: sentence.contains { $0.isNumber })
        }
        #expect(held("Le taux est de 19 %.") == [.percentage, .number])
        #expect(held("Law 18-07 applies.") == [.number])
        #expect(held("It is paid within 20 days.") == [.time, .number])
        #expect(held("حددت النسبة ب 15 بالمائة.") == [.percentage, .number])
        #expect(held("رأس المال 100000 دينار.") == [.money, .number])
        #expect(held("Everybody may ask.").isEmpty)
    }
}
