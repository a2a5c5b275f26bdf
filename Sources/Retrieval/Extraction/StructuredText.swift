internal import Language

/// What the extractor writes about Office files, mails and tables: text with marks for headings, pages and the title.
enum StructuredText {
    private enum Mark {
        static let heading: Unicode.Scalar = "\u{01}"
        static let mediaType: Unicode.Scalar = "\u{02}"
        static let title: Unicode.Scalar = "\u{03}"
        static let page: Unicode.Scalar = "\u{0C}"
    }

    static func read(_ output: String) throws(ExtractionError) -> ExtractedText {
        var text: [Unicode.Scalar] = []
        text.reserveCapacity(output.utf8.count)
        var headings: [Heading] = []
        var starts = [0]
        var type = MediaType.plain
        var title: String?
        for line in output.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false) {
            var rest = line
            while rest.first == Mark.page {
                starts.append(text.count)
                rest = rest.dropFirst()
            }
            let scalars = try TextDecoding.clean(String(Substring(rest.drop { $0.value <= 3 })))
            switch rest.first {
            case Mark.mediaType: type = MediaType(rawValue: String(String.UnicodeScalarView(scalars))) ?? .plain
            case Mark.title: title = String(String.UnicodeScalarView(scalars))
            case Mark.heading:
                guard let digit = scalars.first, let level = Int(String(digit)) else { continue }
                let start = text.count
                text += scalars.dropFirst()
                if text.count > start { headings.append(Heading(range: start..<text.count, level: level)) }
                text.append("\n")
            default:
                // Several empty lines say no more than one.
                if scalars.isEmpty, text.suffix(2).allSatisfy({ $0 == "\n" }) { continue }
                text += scalars
                text.append("\n")
            }
        }
        while text.last == "\n" { text.removeLast() }
        guard starts.count <= RetrievalLimits.documentPages else { throw ExtractionError(.tooManyPages) }
        let paged = type == .spreadsheet
        return ExtractedText(
            mediaType: type, text: ScalarText(scalars: text),
            pageStarts: paged ? starts.map { min($0, text.count) } : [0],
            pageCount: paged ? starts.count : 0, headings: headings, title: title)
    }
}
