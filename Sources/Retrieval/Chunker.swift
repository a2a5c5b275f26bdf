internal import Language

/// A passage of a document: what is embedded, indexed and found.
struct Chunk: Sendable, Hashable {
    /// Place in the document, from 0.
    let ordinal: Int
    /// In the document's text, in Unicode scalars.
    let range: Range<Int>
    /// The headings above it, outermost first.
    let titlePath: [String]
    /// From 1; 0 when the document has no pages.
    let page: Int
    let language: LanguageCode
}

/// Cuts a document into chunks along its headings and sentences.
///
/// A chunk is whole sentences, usually 600 to 900 characters; the next one starts again with the last sentence when
/// that is short, so that what a pronoun refers to is not lost. A heading stays with what follows it. Short sections
/// are put together. The same text always gives the same chunks.
struct Chunker {
    enum Limits {
        /// A chunk that has this many characters is closed.
        static let target = 600
        /// A sentence that would make the chunk longer than this starts the next one.
        static let maximum = 900
        /// From this many characters on a new section starts a new chunk.
        static let sectionMinimum = 250
        /// A longer sentence is not repeated.
        static let overlap = 240
        /// A longer heading is text: it would be part of the title path of every chunk below it.
        static let heading = 300
        /// So many headings at the end of a chunk go over into the next one.
        static let headingsKept = 6
    }

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
        var chunker = Chunker(document)
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
