import Testing

@testable import Language

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

/// Work is counted, not timed: texts that were written to be slow cost as much for each scalar as any other.
@Suite struct HostileTextTests {
    /// Each is repeated until the text is long.
    static let pieces = [
        "!", ".", "?!", "!a", ".a", "! ", ". ", "...   ", "!»", " »", "! »", "\"", "([{", ")]", "\u{0301}", "a\u{0301}",
        "\n", "\n ", "\n\t", "a\n", "- \n", "1. ", "12.", "؛", "؟", "a.b.", "x. y", ".\u{00A0}", "ـ", "#", "# a\n", "•",
        "!!!!!!!!!!a", "........ b", "«", "’", "\u{0C}",
    ]

    @Test(arguments: pieces) func theWorkIsLinear(_ piece: String) {
        let text = ScalarText(String(repeating: piece, count: 60_000 / piece.unicodeScalars.count))
        #expect(SentenceSegmenter.steps(in: text) <= 32 * text.count)
    }

    /// A long run of stops, then a long run of spaces: neither is walked once for each scalar of the other.
    @Test func runsOfTwoKindsAreLinearToo() {
        for (one, other) in [
            (".", " "), ("!", " "), (".", "\t"), ("!", "»"), (" ", "»"), ("\n", " "), (".", "\u{2003}"),
        ] {
            let text = ScalarText(
                "a" + String(repeating: one, count: 30_000) + String(repeating: other, count: 30_000) + "b")
            #expect(SentenceSegmenter.steps(in: text) <= 32 * text.count, "\(one)\(other)")
        }
    }

    @Test func randomMixesOfThemAreLinear() {
        var state: UInt64 = 7
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        for _ in 0..<40 {
            var text = ""
            while text.utf8.count < 20_000 {
                text += String(repeating: Self.pieces[random(Self.pieces.count)], count: 1 + random(3_000))
            }
            let scalars = ScalarText(text)
            #expect(SentenceSegmenter.steps(in: scalars) <= 32 * scalars.count)
        }
    }

    @Test func runsOfMarksAreCutAsBefore() {
        #expect(sentences("Quoi ?!?! Rien !!! Bon...») Fin.") == ["Quoi ?!?!", "Rien !!!", "Bon...»)", "Fin."])
        #expect(sentences("« Oui ! » dit-il. « Non. » Puis rien.").count == 4)
    }
}
