import Language
import Testing

@testable import Retrieval

private func document(_ text: String, markdown: Bool = true) -> ExtractedText {
    PlainText.extract(Array(text.unicodeScalars), markdown: markdown)
}

private func sentences(_ count: Int, _ word: String = "impôt") -> String {
    (1...count).map { "La phrase numéro \($0) parle de l'\(word) et de son paiement dans les délais fixés par la loi." }
        .joined(separator: " ")
}

@Suite struct ChunkerTests {
    @Test func chunksAreWholeSentencesOfBoundedLength() {
        let text = document("# Titre\n\n" + sentences(60))
        let chunks = Chunker.chunks(of: text)
        #expect(chunks.count > 5)
        for chunk in chunks {
            #expect(chunk.range.count <= Chunker.Limits.maximum + SentenceSegmenter.Limits.scalarsPerSentence)
            #expect(chunk.range.count <= Chunker.Limits.maximum)
            #expect(text.text[chunk.range].hasSuffix("."))
            #expect(chunk.titlePath == ["Titre"])
            #expect(chunk.language == .french)
            #expect(chunk.page == 0)
        }
        #expect(chunks.map(\.ordinal) == Array(0..<chunks.count))
    }

    @Test func neighboursShareOneSentence() {
        let text = document(sentences(40))
        let chunks = Chunker.chunks(of: text)
        for (one, next) in zip(chunks, chunks.dropFirst()) {
            let shared = one.range.clamped(to: next.range)
            #expect(!shared.isEmpty)
            #expect(SentenceSegmenter.sentences(in: text.text, range: shared).count == 1)
        }
    }

    @Test func everythingIsInAChunk() {
        let text = document(
            "# A\n\n\(sentences(9))\n\n## B\n\nCourt.\n\n### C\n\nAussi.\n\n## D\n\n\(sentences(15))\n\n## E")
        var covered = Set<Int>()
        for chunk in Chunker.chunks(of: text) { covered.formUnion(chunk.range) }
        for (index, scalar) in text.text.scalars.enumerated() where scalar.properties.isAlphabetic {
            #expect(covered.contains(index), "\(index)")
        }
    }

    @Test func headingsMakeThePathAndStayWithTheirText() {
        let text = document(
            "# A\n\n\(sentences(9))\n\n## B\n\n\(sentences(9, "emploi"))\n\n# C\n\n\(sentences(9, "argent"))")
        let chunks = Chunker.chunks(of: text)
        #expect(chunks.contains { $0.titlePath == ["A", "B"] })
        #expect(chunks.contains { $0.titlePath == ["C"] })
        for chunk in chunks {
            let passage = text.text[chunk.range]
            #expect(!passage.hasSuffix("## B") && !passage.hasSuffix("# C"))
        }
    }

    @Test func theSameTextGivesTheSameChunks() {
        let text = document("# A\n\n\(sentences(30))")
        #expect(Chunker.chunks(of: text) == Chunker.chunks(of: text))
    }

    @Test func aTextWithoutSentencesIsCut() {
        let text = document(String(repeating: "mot ", count: 5_000), markdown: false)
        let chunks = Chunker.chunks(of: text)
        #expect(chunks.count > 10)
        #expect(chunks.allSatisfy { $0.range.count <= Chunker.Limits.maximum })
    }

    @Test func pagesAreThoseOfTheStart() {
        var scalars: [Unicode.Scalar] = []
        for page in 1...4 { scalars += Array("\(sentences(8, "page\(page)"))\n\u{0C}".unicodeScalars) }
        let text = try? WholeDocument.paged(scalars)
        let chunks = text.map(Chunker.chunks) ?? []
        #expect(Set(chunks.map(\.page)) == [1, 2, 3, 4])
    }
}

@Suite struct HostileDocumentTests {
    /// Each heading used to be carried from chunk to chunk.
    @Test func aMillionHeadingsMakeNoMoreChunksThanTheirText() {
        let text = document(String(repeating: "# a\n", count: 20_000))
        let chunks = Chunker.chunks(of: text)
        #expect(chunks.count <= text.text.count / 300)
        #expect(chunks.reduce(0) { $0 + $1.range.count } <= 2 * text.text.count)
    }

    /// What stands in every title path has to be short, whatever a document calls a heading.
    @Test(arguments: [true, false]) func aHugeHeadingIsText(_ markdown: Bool) {
        let line = String(repeating: "titre ", count: 20_000)
        let source = markdown ? "# \(line)\n\n\(sentences(30))" : "<h1>\(line)</h1><p>\(sentences(30))</p>"
        let text = markdown ? document(source) : HTMLText.extract(Array(source.unicodeScalars))
        for chunk in Chunker.chunks(of: text) {
            #expect(chunk.range.count <= 2 * Chunker.Limits.maximum)
            #expect(chunk.titlePath.allSatisfy { $0.count <= Chunker.Limits.heading })
        }
    }

    @Test func aTitleIsCountedInScalars() {
        let long = "a" + String(repeating: "\u{0301}", count: 100_000)
        #expect(IngestEngine.title(given: long, found: nil, filename: "f.txt").unicodeScalars.count <= 300)
        #expect(IngestEngine.title(given: "  Un   titre ", found: nil, filename: "f.txt") == "Un titre")
        #expect(IngestEngine.title(given: " ", found: nil, filename: "f.txt") == "f")
    }

    @Test func lengthIsKnownBeforeDecoding() throws {
        let limit = RetrievalLimits.documentCharacters
        try TextDecoding.checkLength([UInt8](repeating: 0x61, count: limit))
        #expect(throws: ExtractionError(.tooLong)) {
            try TextDecoding.checkLength([UInt8](repeating: 0x61, count: limit + 1))
        }
        // Two bytes each: half as many characters.
        try TextDecoding.checkLength((0..<limit + 2).map { $0 % 2 == 0 ? 0xC3 : 0xA9 })
    }
}
