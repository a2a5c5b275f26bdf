internal import Language
internal import Synchronization

/// Something that gives a text in pieces, and says what it was once the last one was given.
protocol PieceSource: Sendable {
    /// Nil after the last one.
    mutating func next() throws -> TextPiece?
    var summary: TextSummary? { get }
}

/// A text that is read piece by piece.
final class TextReader: Sendable {
    private let source: Mutex<any PieceSource>

    init(_ source: any PieceSource) { self.source = Mutex(source) }

    func next() throws -> TextPiece? { try source.withLock { try $0.next() } }

    var summary: TextSummary? { source.withLock { $0.summary } }
}

/// A text that is there as a whole, in pieces.
struct WholeText: PieceSource {
    private let document: ExtractedText
    private let size: Int
    private var at = 0
    private var headings: ArraySlice<Heading>
    private(set) var summary: TextSummary?

    /// `size`: scalars of a piece, at least.
    init(_ document: ExtractedText, size: Int = TextPiece.Limits.target) {
        self.document = document
        self.size = size
        headings = document.headings[...]
    }

    mutating func next() throws -> TextPiece? {
        if summary != nil { return nil }
        if at == 0 {
            let hasWords = document.text.scalars.contains {
                $0.properties.isAlphabetic || $0.properties.numericType != nil
            }
            guard hasWords else { throw ExtractionError(.noText) }
        }
        let count = document.text.count
        let end = end(atLeast: min(at + size, count))
        let own = headings.prefix { $0.range.upperBound <= end }
        headings = headings.dropFirst(own.count)
        let piece = TextPiece(
            start: at, scalars: Array(document.text.scalars[at..<end]), headings: Array(own),
            pageStarts: document.pageStarts.filter { $0 >= at && ($0 < end || end == count) })
        at = end
        if end == count {
            summary = TextSummary(
                mediaType: document.mediaType, title: document.title, count: count, pageCount: document.pageCount)
        }
        return piece
    }

    /// Not within the line of a heading.
    private func end(atLeast wanted: Int) -> Int {
        var end = wanted
        for heading in headings where heading.range.upperBound > end {
            if lineStart(heading.range.lowerBound) >= end { break }
            end = heading.range.upperBound
        }
        return end
    }

    private func lineStart(_ place: Int) -> Int {
        var start = place
        while start > at, document.text.scalars[start - 1] != "\n" { start -= 1 }
        return start
    }
}
