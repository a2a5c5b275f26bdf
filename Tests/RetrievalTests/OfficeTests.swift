import Bytes
import Embedded
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

/// Office files, mails and tables, good and bad, through the confined extractor.
@Suite(.timeLimit(.minutes(15))) struct OfficeTests {
    @Test func theExtractorReachesNothing() async throws {
        let program = RetrievalFixture.extractor
        let result = try await ChildProcess.run(
            [program.python, "-I", program.script, "probe"], limits: ChildLimits())
        #expect(result.end == .exited(0), "\(String(decoding: result.errors, as: UTF8.self))")
        let reached = try result.output.bytes(at: 0, count: result.output.count)
        #expect(String(decoding: reached, as: UTF8.self) == "", "within reach of a hostile file")
    }

    @Test(arguments: ["contrat.docx", "contrat.pdf.txt", "photo"]) func docxIsReadWhateverItsName(_ name: String)
        async throws
    {
        let text = try await extract(try await OfficeFiles.letter(), name)
        #expect(text.mediaType == .wordDocument && text.title == "Contrat de bail")
        #expect(text.headings.map { text.text[$0.range] } == ["Le bail commercial", "Le loyer"])
        #expect(text.headings.map(\.level) == [1, 2])
        let whole = text.text.string
        #expect(whole.contains("Ville: Alger | Loyer: 90 000") && whole.contains("الإيجار يدفع كل شهر."))
        let chunks = Chunker.chunks(of: text)
        #expect(chunks.contains { $0.titlePath.contains("Le bail commercial") })
    }

    @Test func sheetsArePages() async throws {
        let bytes = try await OfficeFiles.make(
            """
            b = openpyxl.Workbook(); s = b.active; s.title = "Ventes"
            s.append(["Client", "Montant"])
            for n in range(40): s.append([f"Client {n}", n * 100])
            t = b.create_sheet("الأسعار"); t.append(["المنتج", "السعر"]); t.append(["قمح", 45])
            b.save(out)
            """)
        let text = try await extract(bytes, "x.txt")
        #expect(text.mediaType == .spreadsheet && text.pageCount == 2)
        #expect(text.headings.map { text.text[$0.range] } == ["Ventes", "الأسعار"])
        let whole = text.text.string
        #expect(whole.contains("Client: Client 7 | Montant: 700"))
        let wheat = try #require(whole.range(of: "قمح"))
        #expect(text.page(at: whole.unicodeScalars.distance(from: whole.startIndex, to: wheat.lowerBound)) == 2)
    }

    @Test func mailsAreReadWithTheirCharsets() async throws {
        var bytes = Array(
            "From: a@example.dz\r\nTo: b@example.ch\r\nSubject: =?utf-8?B?2YXYsdit2KjYpw==?=\r\nDate: Mon, 1 Jun 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=windows-1256\r\n\r\n"
                .utf8)
        bytes += [0xC7, 0xE1, 0xDD, 0xC7, 0xCA, 0xE6, 0xD1, 0xC9] + Array(" facture 12\r\n".utf8)
        let text = try await extract(bytes, "wrong.docx")
        #expect(text.mediaType == .mail && text.title == "مرحبا")
        #expect(text.text.string.contains("الفاتورة facture 12"))
        #expect(text.text.string.contains("From: a@example.dz"))
    }

    @Test func tablesCarryTheirColumns() async throws {
        let text = try await extract(Array("nom;ville\nAli;Oran\nZohra;Alger\n".utf8), "t.csv")
        #expect(text.mediaType == .csv && text.text.string.contains("nom: Zohra | ville: Alger"))
        // Prose that is called a table stays prose.
        #expect(try await extract(Array("Une phrase sans tableau.".utf8), "t.csv").mediaType == .plain)
    }

    /// A row is what answers a question: it must neither run into its neighbours nor be cut, however long it is and whatever its
    /// cells end with, and it is quoted as it stands in the text.
    @Test func eachRowIsASentence() async throws {
        let note = String(repeating: "remarque sans point ", count: 8) + "etc."
        let rows = (0..<30).map { "Client \($0);Oran;\(note)" } + ["zohra;Alger;M."]
        let text = try await extract(Array(("nom;ville;note\n" + rows.joined(separator: "\n")).utf8), "t.csv")
        let sentences = SentenceSegmenter.sentences(in: text.text).map { text.text[$0] }
        #expect(sentences.count == 32 && sentences.first == "nom | ville | note")
        #expect(sentences.dropFirst().allSatisfy { $0.hasPrefix("nom: ") })
        #expect(sentences.last == "nom: zohra | ville: Alger | note: M.")

        let book = try await OfficeFiles.make(
            """
            b = openpyxl.Workbook(); s = b.active
            s.append(["Produit", "Origine"])
            for n in ["blé", "orge", "dattes"]: s.append([n, "Biskra"])
            b.save(out)
            """)
        let sheet = try await extract(book, "x.xlsx")
        let passages = Chunker.chunks(of: sheet).map { chunk in
            Passage(
                chunk: .v4(), document: .v4(), title: "t", language: "fr", content: sheet.text[chunk.range], page: 1,
                start: Int64(chunk.range.lowerBound), end: Int64(chunk.range.upperBound))
        }
        let candidates = CandidateSentence.all(in: passages)
        // The row may be quoted, the names of the columns answer nothing.
        #expect(
            candidates.filter { !$0.isLeadIn }.map(\.text)
                == ["blé", "orge", "dattes"].map {
                    "Produit: \($0) | Origine: Biskra"
                })
    }

    @Test func officeFilesThatAreNoneHaveTheirReasons() async throws {
        #expect(await failure([0x50, 0x4B, 0x03, 0x04, 1, 2, 3], "a.docx") == .invalidOffice)
        let archive = try await OfficeFiles.make(#"zipfile.ZipFile(out, "w").writestr("a.txt", "hello")"#)
        #expect(await failure(archive, "a.docx") == .unsupportedType)
        let slides = try await OfficeFiles.make(
            #"z = zipfile.ZipFile(out, "w"); z.writestr("[Content_Types].xml", "<Types/>"); z.writestr("ppt/presentation.xml", "<p/>"); z.close()"#
        )
        #expect(await failure(slides, "a.docx") == .unsupportedType)
        let whole = try await OfficeFiles.letter()
        #expect(await failure(Array(whole.prefix(whole.count / 2))) == .invalidOffice)
        var encrypted: [UInt8] = [0xD0, 0xCF, 0x11, 0xE0] + [UInt8](repeating: 0, count: 600)
        encrypted += "EncryptedPackage".utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        #expect(await failure(encrypted, "a.docx") == .encryptedOffice)
    }

    @Test(arguments: [
        // One part that is far larger than the file.
        ##"z = parts(word(["x"]), lambda n, d: d); z.writestr("word/media/a.bin", b"\0" * (200 << 20)); z.close()"##,
        ##"z = parts(word(["x"]), lambda n, d: b" " * (120 << 20) if n == "word/document.xml" else d); z.close()"##,
        // Very many parts.
        ##"z = parts(word(["x"]), lambda n, d: d); [z.writestr(f"word/{n}.bin", b"") for n in range(5000)]; z.close()"##,
    ]) func archiveBombsAreNotOpened(_ script: String) async throws {
        #expect(await failure(try await OfficeFiles.make(script), "a.docx") == .archiveBomb)
    }

    /// A part that says it has a few bytes and has many: no more than it says is read, and its checksum tells.
    @Test func aPartThatLiesAboutItsSizeIsDamaged() async throws {
        let bytes = try await OfficeFiles.make(
            """
            z = parts(word(["x"]), lambda n, d: b" " * (64 << 20) if n == "word/document.xml" else d); z.close()
            data = bytearray(out.getvalue())
            for entry in zipfile.ZipFile(io.BytesIO(bytes(data))).infolist():
                if entry.filename != "word/document.xml": continue
                for mark in (b"PK\\x01\\x02", b"PK\\x03\\x04"):
                    at = data.find(mark)
                    while at >= 0:
                        name = at + (46 if mark[2] == 1 else 30)
                        if data[name:name + 17] == b"word/document.xml":
                            size = at + (24 if mark[2] == 1 else 22)
                            data[size:size + 4] = (100).to_bytes(4, "little")
                        at = data.find(mark, at + 4)
            out = io.BytesIO(bytes(data))
            """)
        #expect(await failure(bytes, "a.docx") == .invalidOffice)
    }

    @Test(arguments: [
        ("rapport.docx", "text/plain"), ("photo.jpg", "text/plain"), ("page.pdf.html", "text/plain"),
        ("tableau.xlsx", "text/plain"),
    ]) func aTextIsATextWhateverItsName(_ name: String, _ type: String) async throws {
        #expect(try await extract(Array("Une phrase simple.".utf8), name).mediaType.rawValue == type)
    }

    @Test func tablesInUTF16AreRead() async throws {
        let text = "nom;ville\nعلي;وهران\n"
        var bytes: [UInt8] = [0xFF, 0xFE]
        for unit in text.utf16 { bytes += [UInt8(unit & 0xFF), UInt8(unit >> 8)] }
        let table = try await extract(bytes, "t.csv")
        #expect(table.mediaType == .csv && table.text.string.contains("nom: علي | ville: وهران"))
    }

    @Test func archivesInArchivesStayClosed() async throws {
        let bytes = try await OfficeFiles.make(
            """
            inner = io.BytesIO(); i = zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED)
            i.writestr("a", b"\\0" * (60 << 20)); i.close()
            z = parts(word(["Le texte de dehors."]), lambda n, d: d)
            z.writestr("word/embeddings/inner.zip", inner.getvalue()); z.close()
            """)
        #expect(try await extract(bytes, "a.docx").text.string.contains("Le texte de dehors."))
    }

    @Test func xmlBombsAreRefused() async throws {
        let entities =
            #"b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><w:document/>'"#
        let bytes = try await OfficeFiles.make(
            "z = parts(word(['x']), lambda n, d: \(entities) if n == 'word/document.xml' else d); z.close()")
        #expect(await failure(bytes, "a.docx") == .invalidOffice)
        let deep = try await OfficeFiles.make(
            "z = parts(word(['x']), lambda n, d: d.replace(b'<w:body>', b'<w:body>' + b'<w:p>' * 100000) if n == 'word/document.xml' else d); z.close()"
        )
        #expect(await failure(deep, "a.docx") == .invalidOffice)
    }
}
