import Language

@testable import Retrieval

/// What `PDFText`, `StructuredText` and `HeadingScan` do piece by piece, written down for a text that is there as a whole.
enum WholeDocument {
    /// A form feed ends each page, also the last one.
    static func paged(_ scalars: [Unicode.Scalar]) throws(ExtractionError) -> ExtractedText {
        var text: [Unicode.Scalar] = []
        text.reserveCapacity(scalars.count)
        var starts = [0]
        for scalar in scalars {
            if scalar == "\u{0C}" {
                // The break between pages is white space, so that words do not run together.
                text.append("\n")
                starts.append(text.count)
            } else {
                text.append(scalar)
            }
        }
        if starts.count > 1, starts.last == text.count { starts.removeLast() }
        guard starts.count <= RetrievalLimits.documentPages else { throw ExtractionError(.tooManyPages) }
        let whole = ScalarText(scalars: text)
        return ExtractedText(
            mediaType: .pdf, text: whole, pageStarts: starts, pageCount: starts.count,
            headings: plainHeadings(whole), title: nil)
    }

    static func structured(_ output: String) throws(ExtractionError) -> ExtractedText {
        var text: [Unicode.Scalar] = []
        text.reserveCapacity(output.utf8.count)
        var headings: [Heading] = []
        var starts = [0]
        var type = MediaType.plain
        var title: String?
        for line in output.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false) {
            var rest = line
            while rest.first == "\u{0C}" {
                starts.append(text.count)
                rest = rest.dropFirst()
            }
            let scalars = try TextDecoding.clean(String(Substring(rest.drop { $0.value <= 3 })))
            switch rest.first {
            case "\u{02}": type = MediaType(rawValue: String(String.UnicodeScalarView(scalars))) ?? .plain
            case "\u{03}": title = String(String.UnicodeScalarView(scalars))
            case "\u{01}":
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

    /// A short line after a blank one that does not end like a sentence, and before a blank line or one too long for
    /// wrapped text.
    static func plainHeadings(_ text: ScalarText) -> [Heading] {
        let lines = PlainText.lines(of: text).map { text.trimmed($0) }
        var headings: [Heading] = []
        for (number, line) in lines.enumerated() where !line.isEmpty && line.count <= 90 {
            let before = number == 0 || lines[number - 1].isEmpty
            let after = number + 1 < lines.count ? lines[number + 1].count : -1
            let isSet = after == 0 || after >= max(SentenceSegmenter.Limits.longLine, line.count * 3 / 2)
            guard before, isSet, let first = text.scalars[line].first, let last = text.scalars[line].last else {
                continue
            }
            if first.properties.isLowercase || "-*•|>".unicodeScalars.contains(first) { continue }
            if ".;,:!…؛،\"»)".unicodeScalars.contains(last) { continue }
            guard text.scalars[line].contains(where: \.properties.isAlphabetic) else { continue }
            headings.append(Heading(range: line, level: headings.isEmpty && number < 3 ? 1 : 2))
        }
        return headings
    }
}

/// What `Chunker` does with a text that comes in pieces, written down for a text that is there as a whole: the reference of the
/// tests.
///
/// Cuts a document into chunks along its headings and sentences.
///
/// A chunk is whole sentences, usually 600 to 900 characters; the next one starts again with the last sentence when
/// that is short, so that what a pronoun refers to is not lost. A heading stays with what follows it. Short sections
/// are put together. The same text always gives the same chunks.
struct WholeDocumentChunker {
    typealias Limits = Chunker.Limits

    private let document: ExtractedText
    private let text: ScalarText
    private var chunks: [Chunk] = []
    /// The sentences of the chunk under way.
    private var open: [Sentence] = []
    /// How many of them repeat the chunk before.
    private var repeated = 0

    private struct Sentence {
        let range: Range<Int>
        let isHeading: Bool
        let path: [String]
    }

    static func chunks(of document: ExtractedText) -> [Chunk] {
        var chunker = WholeDocumentChunker(document)
        chunker.run()
        return chunker.chunks
    }

    private init(_ document: ExtractedText) {
        self.document = document
        text = document.text
    }

    private mutating func run() {
        var path: [(level: Int, title: String)] = []
        var at = 0
        for heading in document.headings
        where heading.range.lowerBound >= at && heading.range.count <= Limits.heading {
            body(at..<lineStart(heading.range.lowerBound), path.map(\.title))
            path.removeAll { $0.level >= heading.level }
            path.append((heading.level, oneLine(heading.range)))
            section(Sentence(range: heading.range, isHeading: true, path: path.map(\.title)))
            at = heading.range.upperBound
        }
        body(at..<text.count, path.map(\.title))
        close(keepingOverlap: false)
    }

    /// Marks such as `##` before a heading belong to no sentence.
    private func lineStart(_ offset: Int) -> Int {
        var start = offset
        while start > 0, text.scalars[start - 1] != "\n" { start -= 1 }
        return start
    }

    private func oneLine(_ range: Range<Int>) -> String {
        text[range].split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    private mutating func section(_ heading: Sentence) {
        if length > Limits.sectionMinimum, open.contains(where: { !$0.isHeading }) { close(keepingOverlap: false) }
        add(heading)
    }

    private mutating func body(_ range: Range<Int>, _ path: [String]) {
        for sentence in SentenceSegmenter.sentences(in: text, range: range) {
            // Rules under headings, table borders and the like.
            guard
                text.scalars[sentence].contains(where: {
                    $0.properties.isAlphabetic || $0.properties.numericType != nil
                })
            else { continue }
            add(Sentence(range: sentence, isHeading: false, path: path))
        }
    }

    private var length: Int {
        guard let first = open.first, let last = open.last else { return 0 }
        return last.range.upperBound - first.range.lowerBound
    }

    private mutating func add(_ sentence: Sentence) {
        if open.count > repeated {
            let start = open.first?.range.lowerBound ?? 0
            if length >= Limits.target || sentence.range.upperBound - start > Limits.maximum {
                close(keepingOverlap: true)
                // The repeated sentence gives way when it would make the new chunk too long.
                if let first = open.first, sentence.range.upperBound - first.range.lowerBound > Limits.maximum {
                    open = open.filter(\.isHeading)
                    repeated = 0
                }
            }
        }
        open.append(sentence)
    }

    private mutating func close(keepingOverlap: Bool) {
        var next: [Sentence] = []
        // A heading at the end belongs to what comes.
        while keepingOverlap, let last = open.last, last.isHeading, open.count > 1, next.count < Limits.headingsKept {
            next.insert(open.removeLast(), at: 0)
        }
        if open.count > repeated, let first = open.first, let last = open.last {
            append(first.range.lowerBound..<last.range.upperBound)
        }
        repeated = 0
        if keepingOverlap, next.isEmpty, let last = open.last, !last.isHeading, last.range.count <= Limits.overlap,
            open.count > 1
        {
            next = [last]
            repeated = 1
        }
        open = next
    }

    private mutating func append(_ range: Range<Int>) {
        let path = (open.first { !$0.isHeading } ?? open.first)?.path ?? []
        chunks.append(
            Chunk(
                ordinal: chunks.count, range: range, titlePath: path, page: document.page(at: range.lowerBound),
                language: LanguageDetector.detect(text, range: range).code))
    }
}
