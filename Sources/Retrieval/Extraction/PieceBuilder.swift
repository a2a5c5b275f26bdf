internal import Language

/// Makes pieces of a text that comes scalar by scalar, and holds it to the limits of a document.
struct PieceBuilder {
    /// Whether headings are found by the form of their lines, or given.
    private var lines: HeadingScan?
    private var scalars: [Unicode.Scalar] = []
    /// The place of the first of them.
    private var start = 0
    private var headings: [Heading] = []
    private var pageStarts: [Int] = []
    private(set) var pageCount = 0
    private var hasWords = false
    /// The most scalars that waited for their piece.
    private(set) var mostHeld = 0

    init(findsHeadings: Bool) { lines = findsHeadings ? HeadingScan() : nil }

    /// Scalars so far.
    var count: Int { start + scalars.count }

    mutating func append(_ scalar: Unicode.Scalar) throws(ExtractionError) {
        guard count < RetrievalLimits.documentCharacters else { throw ExtractionError(.tooLong) }
        if !hasWords { hasWords = scalar.properties.isAlphabetic || scalar.properties.numericType != nil }
        if let heading = lines?.look(at: scalar) { headings.append(heading) }
        scalars.append(scalar)
        lineEnds = scalar == "\n" ? lineEnds + 1 : 0
    }

    /// A page begins here.
    mutating func beginPage() throws(ExtractionError) {
        pageStarts.append(count)
        pageCount += 1
        // One more: what begins at the end of the text is no page.
        guard pageCount <= RetrievalLimits.documentPages + 1 else { throw ExtractionError(.tooManyPages) }
    }

    /// Of a text whose headings are given; the heading's line has to be complete before `take` is called.
    mutating func add(_ heading: Heading) { headings.append(heading) }

    /// How many ends of lines are the last scalars.
    private(set) var lineEnds = 0

    /// The next piece, when it is there. It ends with no end of a line, because those at the end of a text may be left out.
    mutating func take() -> TextPiece? {
        guard scalars.count >= TextPiece.Limits.target else { return nil }
        return piece(to: lines?.settled ?? count - lineEnds)
    }

    /// The last piece. A page that begins at the text's end is none, but for a text that is `trimmed`: that loses the ends of
    /// lines at its end, and keeps its pages.
    mutating func finish(trimmed: Bool = false) throws(ExtractionError) -> TextPiece {
        if let heading = lines?.finish() { headings.append(heading) }
        if trimmed {
            scalars.removeLast(min(lineEnds, scalars.count))
            pageStarts = pageStarts.map { min($0, count) }
        } else if pageCount > 1, pageStarts.last == count {
            pageStarts.removeLast()
            pageCount -= 1
        }
        guard pageCount <= RetrievalLimits.documentPages else { throw ExtractionError(.tooManyPages) }
        guard hasWords else { throw ExtractionError(.noText) }
        let last = TextPiece(start: start, scalars: scalars, headings: headings, pageStarts: pageStarts)
        (start, scalars, headings, pageStarts) = (count, [], [], [])
        return last
    }

    private mutating func piece(to end: Int) -> TextPiece? {
        mostHeld = max(mostHeld, scalars.count)
        guard end > start else { return nil }
        let pages = pageStarts.prefix { $0 < end }
        let piece = TextPiece(
            start: start, scalars: Array(scalars.prefix(end - start)), headings: headings, pageStarts: Array(pages))
        pageStarts.removeFirst(pages.count)
        scalars.removeFirst(end - start)
        headings = []
        start = end
        return piece
    }
}

/// Finds the headings of a plain text: short lines after a blank one that do not end like a sentence, and before a blank line or
/// one too long for wrapped text.
struct HeadingScan {
    enum Limits {
        /// A longer line is no heading.
        static let scalars = 90
    }

    private struct Line {
        let start: Int
        /// Where its words begin and end, without the white space at either end; the same while there is nothing else.
        var lower = 0
        var upper = 0
        var first: Unicode.Scalar = " "
        var last: Unicode.Scalar = " "
        var hasLetters = false
        var count: Int { upper - lower }
    }

    private var line = Line(start: 0)
    private var number = 0
    private var isAfterBlank = true
    /// The line before, when it is a heading if this one is as it has to be; with its number.
    private var candidate: (line: Line, number: Int)?
    private var found = 0
    private var at = 0

    /// Up to here it is known which lines are headings.
    var settled: Int {
        if let candidate { return candidate.line.start }
        return line.count > Limits.scalars ? at : line.start
    }

    /// The heading that the next scalar of the text makes certain: it stands in the line before.
    mutating func look(at scalar: Unicode.Scalar) -> Heading? {
        defer { at += 1 }
        if scalar == "\n" {
            let heading = settle(after: line.count)
            endLine()
            return heading
        }
        if Self.isWhitespace(scalar) { return nil }
        if line.upper == line.lower { (line.first, line.lower) = (scalar, at) }
        line.upper = at + 1
        line.last = scalar
        if !line.hasLetters, line.count <= Limits.scalars { line.hasLetters = scalar.properties.isAlphabetic }
        // The line is long enough whatever follows.
        guard let candidate, line.count >= Self.long(after: candidate.line.count) else { return nil }
        return settle(after: line.count)
    }

    /// Most are ASCII, and their properties are looked up in a table.
    private static func isWhitespace(_ scalar: Unicode.Scalar) -> Bool {
        if (0x21...0x7E).contains(scalar.value) { return false }
        return scalar == " " || scalar.properties.isWhitespace
    }

    /// The heading that the end of the text makes certain: nothing follows its last line.
    mutating func finish() -> Heading? {
        guard at > line.start else { return nil }
        return settle(after: line.count)
    }

    private static func long(after count: Int) -> Int { max(SentenceSegmenter.Limits.longLine, count * 3 / 2) }

    private mutating func settle(after count: Int) -> Heading? {
        guard let (line, number) = candidate else { return nil }
        candidate = nil
        guard count == 0 || count >= Self.long(after: line.count) else { return nil }
        found += 1
        return Heading(range: line.lower..<line.upper, level: found == 1 && number < 3 ? 1 : 2)
    }

    private mutating func endLine() {
        if isAfterBlank, Self.isHeading(line) { candidate = (line, number) }
        isAfterBlank = line.count == 0
        number += 1
        line = Line(start: at + 1)
    }

    /// Whether the line itself is like a heading, whatever stands around it.
    private static func isHeading(_ line: Line) -> Bool {
        guard line.count > 0, line.count <= Limits.scalars, line.hasLetters else { return false }
        if line.first.properties.isLowercase || "-*•|>".unicodeScalars.contains(line.first) { return false }
        return !".;,:!…؛،\"»)".unicodeScalars.contains(line.last)
    }
}
