import Foundation
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

@Suite struct TextExtractorTests {
    @Test func pdfPagesAreMapped() async throws {
        let bytes = SmallPDF.make([
            ["The first page speaks of taxes."], ["The second page speaks of wages."], ["The third one ends."],
        ])
        let text = try await extract(bytes, "anything.txt")
        #expect(text.mediaType == .pdf)
        #expect(text.pageCount == 3)
        #expect(text.pageStarts.count == 3)
        let whole = text.text.string
        for (page, word) in [(1, "taxes"), (2, "wages"), (3, "third")] {
            let at = try #require(whole.range(of: word))
            let offset = whole.unicodeScalars.distance(from: whole.startIndex, to: at.lowerBound)
            #expect(text.page(at: offset) == page)
        }
    }

    @Test func badFilesHaveTheirOwnReasons() async throws {
        #expect(await failure([]) == .emptyFile)
        #expect(await failure(Array("   \n\t ".utf8)) == .noText)
        #expect(await failure(Array("%PDF-1.4 this is none".utf8)) == .invalidPDF)
        #expect(await failure(Array("plain text".utf8), "report.pdf") == .invalidPDF)
        #expect(await failure([0x50, 0x4B, 0x03, 0x04, 1, 2, 3], "a.docx") == .invalidOffice)
        #expect(await failure([0xE9, 0x74, 0xE9, 0x20, 0x61], "latin1.txt") == .unsupportedEncoding)
        #expect(await failure([0xFF, 0xFE, 0x41], "odd.txt") == .unsupportedEncoding)
        #expect(await failure([UInt8](repeating: 1, count: 500), "binary") == .unsupportedType)
        #expect(await failure(SmallPDF.make([[""]])) == .noText)
    }

    @Test func aPasswordIsNamed() async throws {
        // An encryption dictionary that no empty password opens.
        var text = String(decoding: SmallPDF.make([["secret"]]), as: UTF8.self)
        let key = String(repeating: "41", count: 32)
        text.replace(
            "/Root 1 0 R",
            with: "/Root 1 0 R /ID [<00><00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <\(key)> /U <\(key)> >>")
        #expect(await failure(Array(text.utf8)) == .encryptedPDF)
    }

    @Test func utf16IsRead() async throws {
        let text = "Société à Genève – شركة"
        let little: [UInt8] = [0xFF, 0xFE] + text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        let big: [UInt8] = [0xFE, 0xFF] + text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        #expect(try await extract(little, "a.txt").text.string == text)
        #expect(try await extract(big, "a.txt").text.string == text)
        #expect(try await extract([0xEF, 0xBB, 0xBF] + Array(text.utf8), "a.txt").text.string == text)
    }

    @Test func htmlLosesItsMarkup() async throws {
        let page = """
            <!DOCTYPE html><html><head><title>La TVA &amp; vous</title><style>p{color:red}</style>
            <script>alert("</p>never")</script></head><body><h1>La TVA</h1><p>Le taux est de 8,1&nbsp;%.</p>
            <!-- hidden --><ul><li>un<li>deux</ul><h2 title="a > b">D&eacute;lais</h2><p>Trente&#32;jours &lt; 60.</p>
            <svg><text>no</text></svg></body></html>
            """
        let text = try await extract(Array(page.utf8), "page.txt")
        #expect(text.mediaType == .html)
        #expect(text.title == "La TVA")
        #expect(text.headings.map { text.text[$0.range] } == ["La TVA", "Délais"])
        let whole = text.text.string
        #expect(whole.contains("Le taux est de 8,1 %."))
        #expect(whole.contains("- un\n- deux"))
        #expect(whole.contains("Trente jours < 60."))
        for word in ["never", "color", "hidden", "no\n"] { #expect(!whole.contains(word), "\(word)") }
    }

    @Test func hostileHTMLIsLinear() async throws {
        let deep = "<html>" + String(repeating: "<div><b><i>", count: 200_000) + "fin"
        #expect(try await extract(Array(deep.utf8)).text.string.contains("fin"))
        let open = "<html><p>début</p>" + String(repeating: "<script ", count: 100_000)
        #expect(try await extract(Array(open.utf8)).text.string.contains("début"))
    }

    @Test func markdownHeadingsAreFound() async throws {
        let markdown = "# Titre\n\nTexte.\n\n## Partie un ##\n\n```\n# no heading\n```\n\nAutre\n-----\n\nFin."
        let text = try await extract(Array(markdown.utf8), "a.md")
        #expect(text.mediaType == .markdown)
        #expect(text.title == "Titre")
        #expect(text.headings.map { text.text[$0.range] } == ["Titre", "Partie un", "Autre"])
        #expect(text.headings.map(\.level) == [1, 2, 2])
    }

    @Test func controlsAreDropped() async throws {
        let text = try await extract(Array("a\u{0}b\r\nc\u{202B}d\u{202C}".utf8), "a.txt")
        #expect(text.text.string == "ab\ncd")
    }

    @Test func aChildThatSleepsIsKilled() async throws {
        var limits = ChildLimits()
        limits.seconds = 1
        let result = try await ChildProcess.run(["sleep", "30"], limits: limits)
        #expect(result.end == .timeout)
    }

    @Test func aChildThatWritesTooMuchIsKilled() async throws {
        var limits = ChildLimits()
        limits.outputBytes = 100_000
        let result = try await ChildProcess.run(["yes"], limits: limits)
        #expect(result.end == .outputTooLarge)
        #expect(result.output.count <= 100_000)
    }

    @Test func aCancelledChildIsKilled() async throws {
        let task = Task { try await ChildProcess.run(["sleep", "30"], limits: ChildLimits()) }
        try await Task.sleep(for: .milliseconds(100))
        task.cancel()
        #expect(try await task.value.end == .cancelled)
    }

    @Test func aMissingProgramIsSaid() async throws {
        let result = try await ChildProcess.run(["no-such-program-of-ours"], limits: ChildLimits())
        #expect(result.end == .exited(127))
    }
}
