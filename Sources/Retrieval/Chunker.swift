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

/// A chunk with what is stored of it.
struct CutChunk: Sendable {
    let chunk: Chunk
    let content: String
    let utf16Start: Int
}

/// Cuts a document into chunks along its headings and sentences.
///
/// A chunk is whole sentences, usually 600 to 900 characters; the next one starts again with the last sentence when
/// that is short, so that what a pronoun refers to is not lost. A heading stays with what follows it. Short sections
/// are put together. The same text always gives the same chunks.
///
/// The text comes piece by piece, and of what came only the part is kept that is in no finished chunk yet. Where the pieces end
/// makes no difference, as long as no heading's line is in two of them.
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

    private let isPaged: Bool
    /// What is still needed of the text, from the place `base` on.
    private var window = ScalarText(scalars: [])
    private var base = 0
    /// Everything before is part of a sentence, or of none.
    private var at = 0
    /// A sentence that did not end is looked at again when so much of it is there: twice as much as before.
    private var awaited = 0
    /// The end of the last heading.
    private var headingEnd = 0
    private var path: [(level: Int, title: String)] = []
    /// The sentences of the chunk under way.
    private var open: [Sentence] = []
    /// How many of them repeat the chunk before.
    private var repeated = 0
    /// The starts of pages after the one of the last chunk's start, and the number of that one.
    private var pageStarts: [Int] = []
    private var page = 0
    /// A place within the window, and the length of the text before it in UTF-16 code units.
    private var counted = (place: 0, units: 0)
    private var chunks: [CutChunk] = []
    private var chunkCount = 0
    /// The most scalars of the text that were kept from one piece to the next.
    private(set) var mostKept = 0

    private struct Sentence {
        let range: Range<Int>
        let isHeading: Bool
        let path: [String]
    }

    /// All chunks of a text that is there as a whole.
    static func chunks(of document: ExtractedText) -> [Chunk] {
        var chunker = Chunker(isPaged: document.pageCount > 0)
        var chunks = chunker.take(document.asOnePiece)
        chunks += chunker.finish()
        return chunks.map(\.chunk)
    }

    init(isPaged: Bool) { self.isPaged = isPaged }

    /// The chunks that the next piece of the text ends.
    mutating func take(_ piece: TextPiece) -> [CutChunk] {
        window = ScalarText(scalars: window.scalars + piece.scalars)
        pageStarts += piece.pageStarts
        for heading in piece.headings
        where heading.range.lowerBound >= headingEnd && heading.range.count <= Limits.heading {
            body(to: lineStart(heading.range.lowerBound), isEnd: true)
            path.removeAll { $0.level >= heading.level }
            path.append((heading.level, oneLine(heading.range)))
            section(Sentence(range: heading.range, isHeading: true, path: path.map(\.title)))
            (at, headingEnd, awaited) = (heading.range.upperBound, heading.range.upperBound, 0)
        }
        body(to: base + window.count, isEnd: false)
        return handOver()
    }

    /// The last ones: the text ends here.
    mutating func finish() -> [CutChunk] {
        body(to: base + window.count, isEnd: true)
        close(keepingOverlap: false)
        return handOver()
    }

    private mutating func handOver() -> [CutChunk] {
        // One scalar more: a sentence is told from a heading by what stands before it.
        let needed = max(base, min(open.first?.range.lowerBound ?? at, at) - 1)
        if counted.place < needed { _ = utf16Start(of: needed) }
        window = ScalarText(scalars: Array(window.scalars[(needed - base)...]))
        base = needed
        mostKept = max(mostKept, window.count)
        defer { chunks = [] }
        return chunks
    }

    private func inWindow(_ range: Range<Int>) -> Range<Int> {
        (range.lowerBound - base)..<(range.upperBound - base)
    }

    /// Marks such as `##` before a heading belong to no sentence.
    private func lineStart(_ offset: Int) -> Int {
        var start = offset
        while start > max(at, base), window.scalars[start - 1 - base] != "\n" { start -= 1 }
        return start
    }

    private func oneLine(_ range: Range<Int>) -> String {
        window[inWindow(range)].split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    private mutating func section(_ heading: Sentence) {
        if length > Limits.sectionMinimum, open.contains(where: { !$0.isHeading }) { close(keepingOverlap: false) }
        add(heading)
    }

    private mutating func body(to end: Int, isEnd: Bool) {
        guard isEnd || end - at >= awaited else { return }
        let (sentences, rest) = SentenceSegmenter.settledSentences(
            in: window.scalars, range: inWindow(at..<max(at, end)), isTextStart: base == 0, isEnd: isEnd)
        let titles = path.map(\.title)
        for sentence in sentences {
            let trimmed = window.trimmed(sentence)
            // Rules under headings, table borders and the like.
            guard
                window.scalars[trimmed].contains(where: {
                    $0.properties.isAlphabetic || $0.properties.numericType != nil
                })
            else { continue }
            let range = (trimmed.lowerBound + base)..<(trimmed.upperBound + base)
            add(Sentence(range: range, isHeading: false, path: titles))
        }
        at = rest + base
        awaited = 2 * (end - at)
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
        let place = inWindow(range)
        let chunk = Chunk(
            ordinal: chunkCount, range: range, titlePath: path, page: page(at: range.lowerBound),
            language: LanguageDetector.detect(window, range: place).code)
        chunks.append(CutChunk(chunk: chunk, content: window[place], utf16Start: utf16Start(of: range.lowerBound)))
        chunkCount += 1
    }

    /// The page of a place, from 1; 0 when there are no pages. Places do not descend, as those of chunks.
    private mutating func page(at place: Int) -> Int {
        guard isPaged else { return 0 }
        let passed = pageStarts.prefix { $0 <= place }.count
        pageStarts.removeFirst(passed)
        page += passed
        return page
    }

    /// The length of the text before a place in UTF-16 code units; places do not descend.
    private mutating func utf16Start(of place: Int) -> Int {
        counted = (place, counted.units + window.utf16Length(inWindow(counted.place..<place)))
        return counted.units
    }
}
