internal import Language

/// The text of a PDF, as poppler's pdftotext gives it: a form feed ends each page, also the last one.
///
/// It is read twice: whether it is text at all, and whether its Arabic is in visual order, is known at its end.
struct PDFText: PieceSource {
    private var text: SpooledText
    private let isVisual: Bool
    private var cleaning = TextCleaning()
    /// The line under way, where lines have to be turned.
    private var line: [Unicode.Scalar] = []
    private var builder = PieceBuilder(findsHeadings: true)
    private var isOver = false
    private(set) var summary: TextSummary?

    init(_ spool: Spool) throws {
        text = SpooledText(spool)
        var all = text
        var cleaning = TextCleaning()
        var evidence = VisualEvidence()
        var count = 0
        while let block = try all.next() {
            for scalar in block.unicodeScalars {
                count += 1
                if let clean = cleaning.clean(scalar) { evidence.look(at: clean) }
            }
            guard count <= RetrievalLimits.documentCharacters else { throw ExtractionError(.tooLong) }
        }
        try cleaning.check()
        isVisual = evidence.isVisual
    }

    /// Nil after the last one.
    mutating func next() throws -> TextPiece? {
        if isOver { return nil }
        if builder.pageCount == 0 { try builder.beginPage() }
        while let block = try text.next() {
            for scalar in block.unicodeScalars {
                if let clean = cleaning.clean(scalar) { try take(clean) }
            }
            if let piece = builder.take() { return piece }
        }
        isOver = true
        try turnLine()
        let last = try builder.finish()
        summary = TextSummary(mediaType: .pdf, title: nil, count: builder.count, pageCount: builder.pageCount)
        return last
    }

    private mutating func take(_ scalar: Unicode.Scalar) throws(ExtractionError) {
        guard isVisual else { return try put(scalar) }
        guard scalar == "\n" || scalar == "\u{0C}" else { return line.append(scalar) }
        try turnLine()
        try put(scalar)
    }

    private mutating func turnLine() throws(ExtractionError) {
        for scalar in VisualOrder.turned(line[...]) { try put(scalar) }
        line.removeAll(keepingCapacity: true)
    }

    private mutating func put(_ scalar: Unicode.Scalar) throws(ExtractionError) {
        if scalar == "\u{0C}" {
            // The break between pages is white space, so that words do not run together.
            try builder.append("\n")
            try builder.beginPage()
        } else if scalar.value >= 0xFB50, let letters = PresentationForms.letters(of: scalar) {
            for letter in letters { try builder.append(letter) }
        } else {
            try builder.append(scalar)
        }
    }
}
