internal import Bytes
internal import Cryptography
internal import Language

/// A text cut into chunks, each with its id; what is stored of a chunk is made when its turn comes, so that a long document
/// is in memory once and not several times over.
struct ChunkPlan: Sendable {
    struct Row: Sendable {
        let id: UUID128
        let chunk: Chunk
        let content: String
        let utf16Start: Int
        let terms: IndexTerms
        /// What the vector is made of: the headings above the passage, then the passage.
        let embeddingInput: String
    }

    let text: ScalarText
    let title: String
    let language: LanguageCode
    let chunks: [Chunk]
    let ids: [UUID128]
    private let utf16Starts: [Int]

    var count: Int { chunks.count }

    /// Cuts the text. A computation of seconds for a large document: not for an event loop. The same text gives the same
    /// chunks, and a chunk whose words and headings are the same in two versions of a document has the same id in both.
    init(_ extracted: ExtractedText, title: String, document: UUID128) throws(ExtractionError) {
        let found = Chunker.chunks(of: extracted)
        guard !found.isEmpty else { throw ExtractionError(.noText) }
        guard found.count <= RetrievalLimits.documentChunks else { throw ExtractionError(.tooLong) }
        let language = Self.language(of: found)
        text = extracted.text
        self.title = title
        self.language = language
        chunks = found.map { chunk in
            // A passage too short to tell, a table for instance, is in its document's language.
            let known = chunk.language == .undetermined ? language : chunk.language
            return Chunk(
                ordinal: chunk.ordinal, range: chunk.range, titlePath: chunk.titlePath, page: chunk.page,
                language: known)
        }
        var utf16 = RunningUTF16(text: extracted.text)
        var starts: [Int] = []
        var ids: [UUID128] = []
        var seen: [UUID128: Int] = [:]
        for chunk in chunks {
            starts.append(utf16.offset(of: chunk.range.lowerBound))
            let words = DeterministicID.make("words", [Self.input(title, chunk, extracted.text[chunk.range])])
            ids.append(DeterministicID.chunk(document: document, words: words, occurrence: seen[words, default: 0]))
            seen[words, default: 0] += 1
        }
        utf16Starts = starts
        self.ids = ids
    }

    func rows(_ range: Range<Int>) -> [Row] {
        range.map { index in
            let chunk = chunks[index]
            let content = text[chunk.range]
            let headings = Self.headings(title, chunk)
            return Row(
                id: ids[index], chunk: chunk, content: content, utf16Start: utf16Starts[index],
                terms: IndexTerms(text: text, range: chunk.range, headings: headings, language: chunk.language),
                embeddingInput: (headings + [content]).joined(separator: "\n"))
        }
    }

    /// The same of a chunk as it is stored: its title and the headings above it, as the database joins them.
    static func input(_ title: String, _ titlePath: String, _ content: String) -> String {
        let path = RetrievalStore.path(titlePath)
        return ((path.first == title ? path : [title] + path) + [content]).joined(separator: "\n")
    }

    private static func input(_ title: String, _ chunk: Chunk, _ content: String) -> String {
        (headings(title, chunk) + [content]).joined(separator: "\n")
    }

    /// The document's title, then the headings below it.
    private static func headings(_ title: String, _ chunk: Chunk) -> [String] {
        chunk.titlePath.first == title ? chunk.titlePath : [title] + chunk.titlePath
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
