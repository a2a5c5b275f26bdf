import Language
import Testing

private func sentences(_ text: String) -> [String] {
    let scalars = ScalarText(text)
    return SentenceSegmenter.sentences(in: scalars).map { scalars[$0] }
}

@Suite struct SentenceSegmenterTests {
    @Test func fullStopsEndSentences() {
        #expect(sentences("Un. Deux! Trois ? Quatre…") == ["Un.", "Deux!", "Trois ?", "Quatre…"])
        #expect(sentences("هل هذا صحيح؟ نعم. انتهى!") == ["هل هذا صحيح؟", "نعم.", "انتهى!"])
    }

    @Test(arguments: [
        "Le taux est de 8.1 % depuis 2024.", "L'art. 12 al. 3 fixe le délai.", "M. Dupont et Mme. Durand signent.",
        "See e.g. the manual for details.", "J. K. Rowling wrote it.", "Il vaut 1.000.000 DA.",
        "Le capital, cf. art. 773 CO, est de 20 000 CHF.", "It ends... but goes on.",
    ])
    func stopsWithinSentencesDoNot(_ text: String) {
        #expect(sentences(text) == [text])
    }

    @Test func quotesGoWithTheirSentence() {
        #expect(sentences("Il dit « oui. » Elle part.") == ["Il dit « oui. »", "Elle part."])
        #expect(sentences("(Voir plus haut.) Ensuite.") == ["(Voir plus haut.)", "Ensuite."])
    }

    @Test func blankLinesAndItemsEndSentences() {
        #expect(sentences("Titre\n\nUne phrase\nsur deux lignes.") == ["Titre", "Une phrase\nsur deux lignes."])
        #expect(sentences("Il faut :\n- un nom\n- un siège") == ["Il faut :", "- un nom", "- un siège"])
        #expect(sentences("Étapes\n1. signer\n2. payer") == ["Étapes", "1. signer", "2. payer"])
    }

    @Test func aHeadingIsNoPartOfTheSentenceBelow() {
        let body =
            "La taxe est due par toute personne qui livre un bien ou rend un service à titre onéreux dans le pays, sauf exception."
        #expect(sentences("Qui doit la taxe\n\(body)") == ["Qui doit la taxe", body])
        let wrapped =
            "Une phrase qui est coupée par un éditeur de texte à la fin de la\nligne et qui continue ainsi sur la suivante."
        #expect(sentences(wrapped) == [wrapped])
    }

    @Test func sentencesCoverEverythingButWhiteSpace() {
        var generator = SplitMix(state: 7)
        for _ in 0..<100 {
            let text = randomText(&generator, length: 2_000)
            let ranges = SentenceSegmenter.sentences(in: text)
            var at = 0
            for range in ranges {
                #expect(range.lowerBound >= at)
                #expect(range.count <= SentenceSegmenter.Limits.scalarsPerSentence + 1)
                let between = text.trimmed(at..<range.lowerBound)
                #expect(between.isEmpty)
                at = range.upperBound
            }
            let rest = text.trimmed(at..<text.count)
            #expect(rest.isEmpty)
        }
    }

    @Test func aWordWithoutEndIsCut() {
        let ranges = SentenceSegmenter.sentences(in: ScalarText(String(repeating: "a", count: 10_000)))
        #expect(ranges.allSatisfy { $0.count <= SentenceSegmenter.Limits.scalarsPerSentence + 1 })
        #expect(ranges.map(\.count).reduce(0, +) == 10_000)
    }
}
