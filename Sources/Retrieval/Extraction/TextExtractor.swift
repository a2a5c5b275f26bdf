internal import Language

/// Reads the text out of an uploaded file, whatever its name claims it to be.
struct TextExtractor: Sendable {
    var child: ChildExtractor

    init(program: ExtractorProgram?, limits: ChildLimits = ChildLimits()) {
        child = ChildExtractor(program: program, limits: limits)
    }

    /// A text as a whole, for files that are known to be small.
    func extract(_ bytes: [UInt8], filename: String) async throws -> ExtractedText {
        var scalars: [Unicode.Scalar] = []
        var headings: [Heading] = []
        var starts: [Int] = []
        let summary = try await extract(ByteSource(bytes), filename: filename, onStage: { _ in }) { piece in
            scalars += piece.scalars
            headings += piece.headings
            starts += piece.pageStarts
        }
        return ExtractedText(
            mediaType: summary.mediaType, text: ScalarText(scalars: scalars), pageStarts: starts,
            pageCount: summary.pageCount, headings: headings, title: summary.title)
    }

    /// Reads the text and gives it away piece by piece, in order. `type` where it is known; otherwise the content says it.
    /// `onStage` is told what is done. What is thrown after some pieces makes all of them void.
    ///
    /// What the extractor reads is never in memory as a whole; text, Markdown and HTML are, as long as they are read here.
    func extract(
        _ source: ByteSource, filename: String, type: MediaType? = nil,
        onStage: (IngestStage) async throws -> Void, onPiece: (TextPiece) async throws -> Void
    ) async throws -> TextSummary {
        guard let head = try await source.piece(0), !head.isEmpty else { throw ExtractionError(.emptyFile) }
        let format = type == .markdown ? FileFormat.text : try FileFormat(head: head, filename: filename)
        try await onStage(.extract)
        let reader: TextReader
        switch format {
        case .pdf:
            let output = try await child.run(.pdf, on: source)
            try await onStage(.normalise)
            reader = try await offLoop { TextReader(try PDFText(output)) }
        case .office, .mail, .table:
            let kind: ChildExtractor.Kind = format == .office ? .office : format == .mail ? .mail : .table
            let output = try await child.run(kind, on: source)
            try await onStage(.normalise)
            reader = TextReader(StructuredText(output))
        case .text:
            let bytes = try await source.all()
            let text = try await decoded(bytes, source)
            try await onStage(.normalise)
            let whole = try await offLoop { try Self.read(text, filename: filename, type: type) }
            reader = TextReader(WholeText(whole))
        }
        do {
            while let piece = try await offLoop({ try reader.next() }) { try await onPiece(piece) }
        } catch is SpooledText.InvalidUTF8 {
            throw ExtractionError(format == .pdf ? .invalidPDF : .invalidFile, detail: "the extractor gave no UTF-8")
        }
        guard let summary = reader.summary else { throw ExtractionError(.noText) }
        return summary
    }

    private func offLoop<R: Sendable>(_ body: @Sendable () throws -> R) async throws -> R {
        try await withTaskExecutorPreference(globalConcurrentExecutor) { try body() }
    }

    /// UTF-8, UTF-16, or what an HTML page declares itself to be.
    private func decoded(_ bytes: [UInt8], _ source: ByteSource) async throws -> String {
        if let charset = DeclaredCharset.find(in: bytes) {
            return try await recoded(try await child.run(.recode(charset), on: source))
        }
        return try await offLoop { try TextDecoding.decode(bytes) }
    }

    private func recoded(_ output: Spool) async throws -> String {
        let bytes = try output.bytes(at: 0, count: output.count)
        try TextDecoding.checkLength(bytes)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ExtractionError(.invalidFile, detail: "the extractor gave no UTF-8")
        }
        return text
    }

    private static func read(_ text: String, filename: String, type: MediaType?) throws -> ExtractedText {
        let scalars = try TextDecoding.clean(text)
        guard scalars.count <= RetrievalLimits.documentCharacters else { throw ExtractionError(.tooLong) }
        if type == .markdown { return PlainText.extract(scalars, markdown: true) }
        if FileFormat.isHTML(scalars) { return HTMLText.extract(scalars) }
        let markdown =
            switch FileFormat.lowerExtension(filename) {
            case "md", "markdown": true
            case "txt", "text", "csv", "log": false
            default: PlainText.looksLikeMarkdown(scalars)
            }
        return PlainText.extract(scalars, markdown: markdown)
    }
}

/// How a file is read, by what it holds. The name decides only between texts, which hold no mark of their own.
enum FileFormat: Sendable {
    case pdf
    /// A ZIP archive; the extractor finds out whether it is DOCX or XLSX.
    case office
    case mail
    case table
    case text

    init(head: [UInt8], filename: String) throws(ExtractionError) {
        if Self.isPDF(head) {
            self = .pdf
        } else if head.starts(with: [0x50, 0x4B, 0x03, 0x04]) {
            self = .office
        } else if let known = Self.binaryType(head) {
            throw ExtractionError(known.kind, detail: known.name)
        } else if Self.lowerExtension(filename) == "pdf" {
            throw ExtractionError(.invalidPDF, detail: "the content does not start with %PDF")
        } else if Self.isMail(head) {
            self = .mail
        } else if Self.lowerExtension(filename) == "csv", Self.isTable(head) {
            self = .table
        } else {
            self = .text
        }
    }

    static func isPDF(_ bytes: [UInt8]) -> Bool {
        // Readers accept some bytes before the header.
        let head = bytes.prefix(1_024)
        let mark = Array("%PDF-".utf8)
        return head.indices.contains { head[$0...].starts(with: mark) }
    }

    /// Files that are often sent by mistake, so that they are named for what they are and not for their encoding.
    private static func binaryType(_ bytes: [UInt8]) -> (name: String, kind: ExtractionError.Kind)? {
        // An Office document with a password is an old container, too.
        let encrypted = Array("EncryptedPackage".utf16).flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        let signatures: [(String, [UInt8])] = [
            ("PNG", [0x89, 0x50, 0x4E, 0x47]), ("JPEG", [0xFF, 0xD8, 0xFF]), ("GIF", Array("GIF8".utf8)),
            ("gzip", [0x1F, 0x8B]), ("old Office document", [0xD0, 0xCF, 0x11, 0xE0]), ("RTF", Array("{\\rtf".utf8)),
            ("executable", [0x7F, 0x45, 0x4C, 0x46]), ("empty archive", [0x50, 0x4B, 0x05, 0x06]),
        ]
        guard let found = signatures.first(where: { bytes.starts(with: $0.1) })?.0 else { return nil }
        if found == "old Office document", bytes.indices.contains(where: { bytes[$0...].starts(with: encrypted) }) {
            return (found, .encryptedOffice)
        }
        return (found, .unsupportedType)
    }

    /// The first lines are the headers of a mail, and two of them are those that every mail has.
    private static func isMail(_ bytes: [UInt8]) -> Bool {
        var names: Set<String> = []
        // Bytes, since a carriage return and a line feed are one character.
        for (number, row) in bytes.prefix(8_192).split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let line = row.last == 0x0D ? row.dropLast() : row
            if line.isEmpty { break }
            if number > 0, line.first == 0x20 || line.first == 0x09 { continue }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return false }
            let name = line[..<colon]
            guard !name.isEmpty, name.allSatisfy({ (0x21...0x7E).contains($0) }) else { return false }
            names.insert(String(decoding: name, as: UTF8.self).lowercased())
        }
        let usual: Set<String> = ["from", "subject", "date", "message-id", "received", "mime-version", "to"]
        return names.contains("from") && names.intersection(usual).count >= 3
    }

    /// Several lines that a delimiter cuts into equally many parts.
    private static func isTable(_ bytes: [UInt8]) -> Bool {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) { return true }
        let lines = bytes.prefix(16_384).split(separator: 0x0A).prefix(10)
        return [UInt8(ascii: ";"), UInt8(ascii: ","), 0x09, UInt8(ascii: "|")].contains { mark in
            lines.count >= 2 && lines.dropLast(lines.count > 2 ? 1 : 0).allSatisfy { $0.contains(mark) }
        }
    }

    static func isHTML(_ scalars: [Unicode.Scalar]) -> Bool {
        let text = ScalarText(scalars: Array(scalars.prefix(2_048)))
        let head = text[0..<text.count].lowercased()
        let start = head.drop { $0.isWhitespace }
        if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") { return true }
        guard start.hasPrefix("<") else { return false }
        return ["<html", "<head", "<body", "<title", "<div", "<p>", "<h1", "<article"].contains { head.contains($0) }
    }

    static func lowerExtension(_ filename: String) -> String {
        guard let dot = filename.lastIndex(of: ".") else { return "" }
        return filename[filename.index(after: dot)...].lowercased()
    }
}

/// The 8-bit character set that an HTML page declares. Without a declaration nothing is guessed: a wrong guess would store text
/// that nobody can find again.
enum DeclaredCharset {
    /// The names that pages use, and Python's names.
    private static let known: [String: String] = [
        "windows-1256": "cp1256", "cp1256": "cp1256", "windows-1252": "cp1252", "cp1252": "cp1252",
        "iso-8859-1": "cp1252", "latin1": "cp1252", "iso-8859-15": "iso8859-15", "iso-8859-6": "iso8859-6",
        "windows-1250": "cp1250", "us-ascii": "cp1252",
    ]

    static func find(in bytes: [UInt8]) -> String? {
        let head = String(decoding: bytes.prefix(2_048).map { $0 < 0x80 ? $0 : 0x3F }, as: UTF8.self).lowercased()
        guard head.contains("<"), let place = head.firstRange(of: "charset=") else { return nil }
        let name = head[place.upperBound...].drop { $0 == "\"" || $0 == "'" || $0 == " " }
            .prefix { $0.isLetter || $0.isNumber || $0 == "-" }
        // What says otherwise and is UTF-8 all the same is read as what it is.
        guard let charset = known[String(name)], String(validating: bytes, as: UTF8.self) == nil else { return nil }
        return charset
    }
}
