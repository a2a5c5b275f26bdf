internal import Language

/// What the extractor writes about Office files, mails and tables: text with marks for headings, pages and the title.
struct StructuredText: PieceSource {
    private enum Mark {
        static let heading: Unicode.Scalar = "\u{01}"
        static let mediaType: Unicode.Scalar = "\u{02}"
        static let title: Unicode.Scalar = "\u{03}"
        static let page: Unicode.Scalar = "\u{0C}"
    }

    private var text: SpooledText
    private var characters = 0
    /// The line under way.
    private var line: [Unicode.Scalar] = []
    private var builder = PieceBuilder(findsHeadings: false)
    private var type = MediaType.plain
    private var title: String?
    private var isOver = false
    private(set) var summary: TextSummary?

    init(_ spool: Spool) { text = SpooledText(spool) }

    /// Nil after the last one.
    mutating func next() throws -> TextPiece? {
        if isOver { return nil }
        while let block = try text.next() {
            for scalar in block.unicodeScalars {
                characters += 1
                if scalar == "\n" {
                    try endLine()
                } else {
                    line.append(scalar)
                }
            }
            guard characters <= RetrievalLimits.documentCharacters else { throw ExtractionError(.tooLong) }
            if let piece = builder.take() { return piece }
        }
        isOver = true
        try endLine()
        let last = try builder.finish(trimmed: true)
        let isPaged = type == .spreadsheet
        summary = TextSummary(
            mediaType: type, title: title, count: builder.count, pageCount: isPaged ? builder.pageCount : 0)
        return last
    }

    private mutating func endLine() throws(ExtractionError) {
        if builder.pageCount == 0 { try builder.beginPage() }
        var rest = line[...]
        while rest.first == Mark.page {
            // What has no pages has no marks of pages.
            if type == .spreadsheet { try builder.beginPage() }
            rest = rest.dropFirst()
        }
        let words = String(String.UnicodeScalarView(rest.drop { $0.value <= 3 }))
        let scalars = try TextDecoding.clean(words)
        switch rest.first {
        case Mark.mediaType: type = MediaType(rawValue: String(String.UnicodeScalarView(scalars))) ?? .plain
        case Mark.title: title = String(String.UnicodeScalarView(scalars))
        case Mark.heading:
            guard let digit = scalars.first, let level = Int(String(digit)) else { break }
            let start = builder.count
            try put(scalars.dropFirst())
            if builder.count > start + 1 { builder.add(Heading(range: start..<(builder.count - 1), level: level)) }
        default:
            // Several empty lines say no more than one.
            if !scalars.isEmpty || builder.lineEnds < min(2, builder.count) { try put(scalars[...]) }
        }
        line.removeAll(keepingCapacity: true)
    }

    private mutating func put(_ line: ArraySlice<Unicode.Scalar>) throws(ExtractionError) {
        for scalar in line { try builder.append(scalar) }
        try builder.append("\n")
    }
}
