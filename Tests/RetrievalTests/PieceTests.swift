import Bytes
import Glibc
import Language
import Testing

@testable import Retrieval

/// Numbers from a seed, so that what fails can be made again.
private struct Chance {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
    mutating func below(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(bound))
    }
    mutating func one<T>(_ of: [T]) -> T { of[below(of.count)] }
}

/// Texts with all that chunks, sentences and headings are decided by, and with what is hard for a text that comes in pieces.
private func text(_ seed: UInt64, pages: Bool) -> String {
    var chance = Chance(seed)
    let words = [
        "impôt", "la", "société", "عقد", "الإيجار", "ضريبة،", "p.", "art.", "M.", "3.14", "n°", "😀", "e\u{0301}", "«",
        "»", "rent",
        "The", "proof", "court;", "؛", "\u{FEFF}", "على", "\u{FEE3}\u{FEAE}\u{FEA3}", "2024",
    ]
    let ends = [". ", "! ", "? ", "؟ ", ".\n", "…", ".\" ", " » ", "; ", ".\u{0C}", "\n", "\n\n", ".\n\n", "\r\n"]
    let lines = [
        "\n\nArticle premier\n\n", "\n\nA short heading\n", "\n- item one\n- item two\n", "\n1. first\n2) second\n",
        "\n\n# Mark\n\n",
        "\n\n   \n", String(repeating: "!", count: 300), String(repeating: " ", count: 400),
        String(repeating: "x", count: 1_500),
        "\n\n" + String(repeating: "long line without an end ", count: 8), "\n=====\n", "\t|\t", "\u{0C}\u{0C}\u{0C}",
    ]
    var text = ""
    for _ in 0..<(30 + chance.below(500)) {
        switch chance.below(12) {
        case 0: text += chance.one(lines)
        case 1...3: text += chance.one(ends)
        default: text += chance.one(words) + " "
        }
    }
    return pages ? text : text.replacing("\u{0C}", with: " ")
}

private func pieces(of document: ExtractedText, size: Int) throws -> [TextPiece] {
    var whole = WholeText(document, size: size)
    var pieces: [TextPiece] = []
    while let piece = try whole.next() { pieces.append(piece) }
    return pieces
}

private func cut(_ pieces: [TextPiece], isPaged: Bool) -> [CutChunk] {
    var chunker = Chunker(isPaged: isPaged)
    return pieces.flatMap { chunker.take($0) } + chunker.finish()
}

private func spool(_ text: String) throws -> Spool {
    let spool = Spool()
    try spool.append(text.utf8)
    return spool
}

private func joined(_ pieces: [TextPiece], _ summary: TextSummary?) throws -> ExtractedText {
    let summary = try #require(summary)
    var place = 0
    for piece in pieces {
        #expect(piece.start == place)
        place += piece.scalars.count
        #expect(piece.headings.allSatisfy { $0.range.lowerBound >= piece.start && $0.range.upperBound <= place })
    }
    #expect(summary.count == place)
    return ExtractedText(
        mediaType: summary.mediaType, text: ScalarText(scalars: pieces.flatMap(\.scalars)),
        pageStarts: pieces.flatMap(\.pageStarts), pageCount: summary.pageCount, headings: pieces.flatMap(\.headings),
        title: summary.title)
}

private func expectSame(_ one: ExtractedText, _ other: ExtractedText, _ seed: UInt64) {
    #expect(one.text == other.text, "\(seed)")
    #expect(one.headings == other.headings, "\(seed)")
    #expect(one.pageStarts == other.pageStarts, "\(seed)")
    #expect(one.pageCount == other.pageCount && one.title == other.title && one.mediaType == other.mediaType, "\(seed)")
}

@Suite struct PieceTests {
    @Test func whereATextIsSplitMakesNoDifferenceToItsChunks() throws {
        for seed in 0..<16 as Range<UInt64> {
            let scalars = Array(text(seed, pages: true).unicodeScalars)
            let documents = [
                try? WholeDocument.paged(scalars), PlainText.extract(scalars, markdown: true),
                PlainText.extract(scalars, markdown: false),
            ].compactMap { $0 }
            for document in documents {
                let expected = WholeDocumentChunker.chunks(of: document)
                #expect(Chunker.chunks(of: document) == expected, "\(seed)")
                for size in [3, 64, 777, 5_000] {
                    let cuts = cut(try pieces(of: document, size: size), isPaged: document.pageCount > 0)
                    #expect(cuts.map(\.chunk) == expected, "\(seed) in pieces of \(size)")
                    for cut in cuts where cut.content != document.text[cut.chunk.range] {
                        Issue.record("\(seed): chunk \(cut.chunk.ordinal) has another text")
                    }
                    for cut in cuts where cut.utf16Start != document.text.utf16Length(0..<cut.chunk.range.lowerBound) {
                        Issue.record("\(seed): chunk \(cut.chunk.ordinal) starts elsewhere in UTF-16")
                    }
                }
            }
        }
    }

    @Test func aPDFIsReadInPiecesAsAsAWhole() throws {
        for seed in 0..<12 as Range<UInt64> {
            // Some fit in one piece, some do not; some are in visual order.
            var raw = (0..<(seed % 4 == 0 ? 16 : 1)).map { text(seed &+ UInt64($0) &* 1_000, pages: true) }.joined()
            if seed % 3 == 0 { raw += String(repeating: "\u{FEEA}\u{FEE0}\u{FECB} (a 12.5) ", count: 500) }
            var reader = try PDFText(try spool(raw + "\u{0C}"))
            var pieces: [TextPiece] = []
            while let piece = try reader.next() { pieces.append(piece) }
            let expected = try WholeDocument.paged(TextDecoding.clean(raw + "\u{0C}"))
            expectSame(try joined(pieces, reader.summary), expected, seed)
            #expect(cut(pieces, isPaged: true).map(\.chunk) == WholeDocumentChunker.chunks(of: expected), "\(seed)")
        }
    }

    @Test func aStructuredTextIsReadInPiecesAsAsAWhole() throws {
        for seed in 0..<12 as Range<UInt64> {
            var chance = Chance(seed)
            let isSheet = seed % 2 == 0
            var raw = isSheet ? "\n\u{02}\(MediaType.spreadsheet.rawValue)\n" : "\n\u{02}text/csv\n\u{03}A title\n"
            for _ in 0..<(seed % 4 == 0 ? 1_200 : 40) {
                switch chance.below(8) {
                case 0: raw += "\n\u{01}\(1 + chance.below(3))Heading \(chance.below(9))\n"
                case 1 where isSheet: raw += "\u{0C}"
                case 2: raw += String(repeating: "\n", count: chance.below(4))
                default: raw += "Produit: orge | Origine: Biskra | \(chance.below(1_000))\n\n"
                }
            }
            if seed % 5 == 0 { raw += "\n\u{0C}\n\n" }
            if !isSheet { raw = raw.replacing("\u{0C}", with: "") }
            var reader = StructuredText(try spool(raw))
            var pieces: [TextPiece] = []
            while let piece = try reader.next() { pieces.append(piece) }
            let expected = try WholeDocument.structured(raw)
            expectSame(try joined(pieces, reader.summary), expected, seed)
            #expect(
                cut(pieces, isPaged: isSheet).map(\.chunk) == WholeDocumentChunker.chunks(of: expected), "\(seed)")
        }
    }

    @Test func plannedChunksComeBackAsTheyWere() throws {
        let document = UUID128.v4()
        let source = PlainText.extract(
            Array((0..<8).map { text($0, pages: false) }.joined().unicodeScalars), markdown: true)
        let planner = ChunkPlanner(title: "T", document: document, isPaged: false)
        for piece in try pieces(of: source, size: 700) { try planner.take(piece) }
        let plan = try planner.finish()
        let expected = WholeDocumentChunker.chunks(of: source)
        #expect(plan.count == expected.count)
        let chunks = PlannedChunks(plan)
        let again = try (0..<plan.count).flatMap { _ in try chunks.next(1) }
        #expect(again.map(\.cut.chunk) == expected)
        #expect(again.map(\.cut.content) == expected.map { source.text[$0.range] })
        #expect(Set(again.map(\.id)).count == plan.count)
        let later = PlannedChunks(plan)
        try #require(plan.count > 8)
        try later.skip(5)
        #expect(try later.next(3).map(\.id) == again[5..<8].map(\.id))
        #expect(try chunks.next(1).isEmpty)
        // The rows count within the passage; what is indexed is the same as with places in the whole text.
        for (planned, chunk) in zip(again, expected).prefix(10) {
            let row = plan.row(planned)
            let headings = chunk.titlePath.first == "T" ? chunk.titlePath : ["T"] + chunk.titlePath
            let whole = IndexTerms(
                text: source.text, range: chunk.range, headings: headings, language: row.chunk.language)
            #expect(row.terms.vector == whole.vector && row.terms.count == whole.count)
        }
    }

    @Test func aSpoolGivesBackWhatItTook() throws {
        let spool = Spool()
        let bytes = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        for start in stride(from: 0, to: bytes.count, by: 65_537) {
            try spool.append(bytes[start..<min(start + 65_537, bytes.count)])
        }
        #expect(spool.count == bytes.count)
        for (place, count) in [(0, 10), (262_100, 200), (500_000, 300_000), (699_999, 5), (700_000, 1)] {
            #expect(try spool.bytes(at: place, count: count) == Array(bytes[place..<min(place + count, bytes.count)]))
        }
        let letters = Spool()
        let arabic = String(repeating: "ضريبة 😀 é", count: 16_000)
        try letters.append(arabic.utf8)
        var text = SpooledText(letters)
        var again = ""
        while let block = try text.next() { again += block }
        #expect(again == arabic)
        let broken = Spool()
        try broken.append([0x61, 0xD8])
        var half = SpooledText(broken)
        #expect(throws: SpooledText.InvalidUTF8.self) { try half.next() }
    }
}
