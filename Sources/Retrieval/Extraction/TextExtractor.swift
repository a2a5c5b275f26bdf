internal import Language

/// Reads the text out of an uploaded file, whatever its name claims it to be.
struct TextExtractor: Sendable {
    var childLimits = ChildLimits()

    func extract(_ bytes: [UInt8], filename: String) async throws -> ExtractedText {
        guard !bytes.isEmpty else { throw ExtractionError(.emptyFile) }
        let extracted: ExtractedText
        if Self.isPDF(bytes) {
            extracted = try await PDFText.extract(bytes, limits: childLimits)
        } else if let known = Self.binaryType(bytes) {
            throw ExtractionError(.unsupportedType, detail: known)
        } else if Self.lowerExtension(filename) == "pdf" {
            throw ExtractionError(.invalidPDF, detail: "the content does not start with %PDF")
        } else {
            extracted = try await withTaskExecutorPreference(globalConcurrentExecutor) {
                try Self.text(bytes, filename: filename)
            }
        }
        guard extracted.text.count <= RetrievalLimits.documentCharacters else { throw ExtractionError(.tooLong) }
        guard extracted.text.scalars.contains(where: { $0.properties.isAlphabetic || $0.properties.numericType != nil })
        else { throw ExtractionError(.noText) }
        return extracted
    }

    private static func text(_ bytes: [UInt8], filename: String) throws(ExtractionError) -> ExtractedText {
        let scalars = try TextDecoding.clean(TextDecoding.decode(bytes))
        if isHTML(scalars) { return HTMLText.extract(scalars) }
        let markdown =
            switch lowerExtension(filename) {
            case "md", "markdown": true
            case "txt", "text", "csv", "log": false
            default: PlainText.looksLikeMarkdown(scalars)
            }
        return PlainText.extract(scalars, markdown: markdown)
    }

    static func isPDF(_ bytes: [UInt8]) -> Bool {
        // Readers accept some bytes before the header.
        let head = bytes.prefix(1_024)
        let mark = Array("%PDF-".utf8)
        return head.indices.contains { head[$0...].starts(with: mark) }
    }

    /// Files that are often sent by mistake, so that they are named for what they are and not for their encoding.
    private static func binaryType(_ bytes: [UInt8]) -> String? {
        let signatures: [(String, [UInt8])] = [
            ("ZIP or Office document", [0x50, 0x4B, 0x03, 0x04]), ("PNG", [0x89, 0x50, 0x4E, 0x47]),
            ("JPEG", [0xFF, 0xD8, 0xFF]), ("GIF", Array("GIF8".utf8)), ("gzip", [0x1F, 0x8B]),
            ("old Office document", [0xD0, 0xCF, 0x11, 0xE0]), ("RTF", Array("{\\rtf".utf8)),
            ("executable", [0x7F, 0x45, 0x4C, 0x46]),
        ]
        return signatures.first { bytes.starts(with: $0.1) }?.0
    }

    private static func isHTML(_ scalars: [Unicode.Scalar]) -> Bool {
        let text = ScalarText(scalars: Array(scalars.prefix(2_048)))
        let head = text[0..<text.count].lowercased()
        let start = head.drop { $0.isWhitespace }
        if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") { return true }
        guard start.hasPrefix("<") else { return false }
        return ["<html", "<head", "<body", "<title", "<div", "<p>", "<h1", "<article"].contains { head.contains($0) }
    }

    private static func lowerExtension(_ filename: String) -> String {
        guard let dot = filename.lastIndex(of: ".") else { return "" }
        return filename[filename.index(after: dot)...].lowercased()
    }
}
