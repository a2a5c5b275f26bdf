import Language
import Testing

@testable import Retrieval

private func extract(_ bytes: [UInt8], _ filename: String = "file") async throws -> ExtractedText {
    try await TextExtractor(program: RetrievalFixture.extractor).extract(bytes, filename: filename)
}

private func failure(_ bytes: [UInt8], _ filename: String = "file") async -> ExtractionError.Kind? {
    do {
        _ = try await extract(bytes, filename)
        return nil
    } catch { return (error as? ExtractionError)?.kind }
}

/// Texts, pages and PDF files that are made to cost or to mislead.
@Suite(.timeLimit(.minutes(15))) struct HostileTextTests {
    @Test func pdfBombsEndInTheirLimits() async throws {
        // Nested arrays by the hundred thousand, and a page tree that holds itself.
        let deep =
            "%PDF-1.4\n1 0 obj\n" + String(repeating: "[", count: 200_000) + "\nendobj\ntrailer<</Root 1 0 R>>\n%%EOF"
        #expect(await failure(Array(deep.utf8)) == .invalidPDF)
        let circle =
            "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Count 1000000000/Kids[2 0 R 2 0 R]>>endobj\ntrailer<</Root 1 0 R/Size 3>>\n%%EOF"
        let ended = await failure(Array(circle.utf8))
        #expect([.invalidPDF, .noText, .tooManyPages, .timeout].contains(ended), "\(String(describing: ended))")
    }

    /// Half a gigabyte of blanks in a page of half a megabyte: the child's limits end it, and nothing of it comes here.
    @Test func aCompressedPageEndsInItsLimits() async throws {
        let bomb = try await OfficeFiles.make(
            """
            import zlib
            packed = zlib.compressobj(1)
            data = b"".join(packed.compress(b" " * (1 << 20)) for _ in range(512)) + packed.flush()
            objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
                b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
                b"<</Filter/FlateDecode/Length %d>>stream\\n%s\\nendstream" % (len(data), data)]
            out.write(b"%PDF-1.4\\n")
            for number, body in enumerate(objects): out.write(b"%d 0 obj%s endobj\\n" % (number + 1, body))
            out.write(b"trailer<</Root 1 0 R/Size 5>>\\n%%EOF")
            """)
        #expect(bomb.count < 4 << 20)
        var limits = ChildLimits()
        limits.cpuSeconds = 1
        limits.seconds = 20
        limits.memoryBytes = 256 << 20
        let extractor = TextExtractor(program: RetrievalFixture.extractor, limits: limits)
        await #expect(throws: ExtractionError.self) { try await extractor.extract(bomb, filename: "a.pdf") }
    }

    @Test func tooManyPagesAreNamed() throws {
        let spool = Spool()
        for _ in 0...RetrievalLimits.documentPages { try spool.append("a\u{0C}".utf8) }
        #expect(throws: ExtractionError(.tooManyPages)) {
            var text = try PDFText(spool)
            while try text.next() != nil {}
        }
    }

    @Test func scriptsAndTagsByTheMegabyte() async throws {
        let script = "<html><body><script>while(1){}</script><p>Le texte.</p>"
        let page =
            script + String(repeating: "<div><b><i>", count: 600_000) + "fin"
            + String(repeating: "<!-- x", count: 100_000)
        let text = try await extract(Array(page.utf8), "a.html").text.string
        #expect(text.contains("Le texte.") && text.contains("fin") && !text.contains("while"))
    }

    @Test func declaredCharsetsAreBelieved() async throws {
        let arabic: [UInt8] = [0xC7, 0xE1, 0xDD, 0xC7, 0xCA, 0xE6, 0xD1, 0xC9]
        let head = Array("<html><head><meta charset=\"windows-1256\"></head><body><p>".utf8)
        let page = try await extract(head + arabic + Array("</p></body></html>".utf8), "a.html")
        #expect(page.mediaType == .html && page.text.string.contains("الفاتورة"))
        // The same bytes without a declaration would be guesswork.
        #expect(await failure(arabic, "a.txt") == .unsupportedEncoding)
        // A page that says otherwise and is UTF-8 all the same.
        let false8 = Array("<html><meta charset=iso-8859-1><p>Société الفاتورة</p>".utf8)
        #expect(try await extract(false8, "a.html").text.string.contains("Société الفاتورة"))
    }

    @Test func presentationFormsInVisualOrderAreTurned() async throws {
        // "kitab jadid 2024" as a DOS program stores it: shapes, from left to right.
        let logical = "كتاب جديد 2024"
        let visual = "2024 \u{FEAA}\u{FEF3}\u{FEAA}\u{FE9F} \u{FE8F}\u{FE8E}\u{FE98}\u{FEDB}"
        let text = try await extract(Array(visual.utf8), "a.txt").text.string
        #expect(text == logical)
        // The same shapes in logical order keep it.
        let shaped = "\u{FEDB}\u{FE98}\u{FE8E}\u{FE8F} ABC def"
        #expect(try await extract(Array(shaped.utf8), "a.txt").text.string == "كتاب ABC def")
        let mixed = "ABC def \u{FE8F}\u{FE8E}\u{FE98}\u{FEDB}"
        #expect(try await extract(Array(mixed.utf8), "a.txt").text.string == "كتاب ABC def")
    }

    @Test func whatCannotBeSeenIsDropped() async throws {
        let text = try await extract(
            Array("Fac\u{200B}ture\u{2060} n\u{00B0} \u{202E}12\u{202C} \u{2066}fin\u{2069}.".utf8), "a.txt")
        #expect(text.text.string == "Facture n° 12 fin.")
    }

    /// A line of a megabyte, with words and without.
    @Test func aLineWithoutEndIsCut() async throws {
        let line = String(repeating: "mot ", count: 250_000)
        let text = try await extract(Array(line.utf8), "a.txt")
        let chunks = Chunker.chunks(of: text)
        #expect(chunks.count > 500 && chunks.allSatisfy { $0.range.count <= 2 * Chunker.Limits.maximum })
        let whole = String(repeating: "m", count: 1_000_000)
        let pieces = Chunker.chunks(of: try await extract(Array(whole.utf8), "a.txt"))
        #expect(!pieces.isEmpty && pieces.allSatisfy { $0.range.count <= 2 * Chunker.Limits.maximum })
    }
}
