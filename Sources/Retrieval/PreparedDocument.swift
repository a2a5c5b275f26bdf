internal import Bytes
internal import Cryptography
internal import Language
internal import Models

/// A document ready to be stored: everything that takes time is done, so that the transaction is short.
struct PreparedDocument: Sendable {
    struct Row: Sendable {
        let chunk: Chunk
        let content: String
        let utf16Start: Int
        let terms: IndexTerms
        /// What the vector is made of: the headings above the passage, then the passage.
        let embeddingInput: String
    }

    let extracted: ExtractedText
    let title: String
    let language: LanguageCode
    let content: String
    let rows: [Row]

    /// Chunks and indexes the text. A computation of seconds for a large document: not for an event loop.
    init(_ extracted: ExtractedText, title: String) throws(ExtractionError) {
        let chunks = Chunker.chunks(of: extracted)
        guard !chunks.isEmpty else { throw ExtractionError(.noText) }
        guard chunks.count <= RetrievalLimits.documentChunks else { throw ExtractionError(.tooLong) }
        let language = Self.language(of: chunks)
        var utf16 = RunningUTF16(text: extracted.text)
        self.extracted = extracted
        self.title = title
        self.language = language
        content = extracted.text.string
        rows = chunks.map { chunk in
            // A passage too short to tell, a table for instance, is in its document's language.
            let known = chunk.language == .undetermined ? language : chunk.language
            let headings = Self.headings(title: title, path: chunk.titlePath)
            let content = extracted.text[chunk.range]
            return Row(
                chunk: Chunk(
                    ordinal: chunk.ordinal, range: chunk.range, titlePath: chunk.titlePath, page: chunk.page,
                    language: known),
                content: content, utf16Start: utf16.offset(of: chunk.range.lowerBound),
                terms: IndexTerms(text: extracted.text, range: chunk.range, headings: headings, language: known),
                embeddingInput: (headings + [content]).joined(separator: "\n"))
        }
    }

    /// The document's title, then the headings below it.
    private static func headings(title: String, path: [String]) -> [String] {
        path.first == title ? path : [title] + path
    }

    /// The language of most of the text.
    private static func language(of chunks: [Chunk]) -> LanguageCode {
        var counts: [LanguageCode: Int] = [:]
        for chunk in chunks where chunk.language != .undetermined {
            counts[chunk.language, default: 0] += chunk.range.count
        }
        return counts.max { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }?.key ?? .undetermined
    }
}

/// UTF-16 offsets of ascending places, in one pass over the text.
private struct RunningUTF16 {
    let text: ScalarText
    var at = 0
    var units = 0

    init(text: ScalarText) { self.text = text }

    mutating func offset(of place: Int) -> Int {
        if place < at { (at, units) = (0, 0) }
        units += text.utf16Length(at..<place)
        at = place
        return units
    }
}
