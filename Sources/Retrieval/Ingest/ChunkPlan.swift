internal import Bytes
internal import Cryptography
internal import Language
internal import Synchronization

/// A text cut into chunks, each with its id. The chunks wait in a file without a name; what is stored of one is made when its turn
/// comes, so that a long document takes no more memory than a short one.
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

    let title: String
    let language: LanguageCode
    let count: Int
    fileprivate let spool: Spool

    /// A computation: not for an event loop.
    func row(_ planned: PlannedChunk) -> Row {
        let found = planned.cut.chunk
        // A passage too short to tell, a table for instance, is in its document's language.
        let chunk = Chunk(
            ordinal: found.ordinal, range: found.range, titlePath: found.titlePath, page: found.page,
            language: found.language == .undetermined ? language : found.language)
        let text = ScalarText(planned.cut.content)
        let headings = Self.headings(title, chunk)
        return Row(
            id: planned.id, chunk: chunk, content: planned.cut.content, utf16Start: planned.cut.utf16Start,
            terms: IndexTerms(text: text, range: 0..<text.count, headings: headings, language: chunk.language),
            embeddingInput: (headings + [planned.cut.content]).joined(separator: "\n"))
    }

    /// The same of a chunk as it is stored: its title and the headings above it, as the database joins them.
    static func input(_ title: String, _ titlePath: String, _ content: String) -> String {
        let path = RetrievalStore.path(titlePath)
        return ((path.first == title ? path : [title] + path) + [content]).joined(separator: "\n")
    }

    fileprivate static func input(_ title: String, _ cut: CutChunk) -> String {
        (headings(title, cut.chunk) + [cut.content]).joined(separator: "\n")
    }

    /// The document's title, then the headings below it.
    private static func headings(_ title: String, _ chunk: Chunk) -> [String] {
        chunk.titlePath.first == title ? chunk.titlePath : [title] + chunk.titlePath
    }
}

/// A chunk with its id, whose language may be unknown yet.
struct PlannedChunk: Sendable {
    let id: UUID128
    let cut: CutChunk
}

/// Cuts a text that comes piece by piece, and keeps its chunks. The same text gives the same chunks, and a chunk whose words and
/// headings are the same in two versions of a document has the same id in both.
final class ChunkPlanner: Sendable {
    private struct State {
        var chunker: Chunker
        var count = 0
        /// How often the same words have come: of what grows with the text this alone is in memory, 16 bytes a chunk or so.
        var seen: [UUID128: Int32] = [:]
        /// Characters in each language.
        var languages: [LanguageCode: Int] = [:]
    }

    private let title: String
    private let document: UUID128
    private let spool = Spool()
    private let state: Mutex<State>

    init(title: String, document: UUID128, isPaged: Bool) {
        self.title = title
        self.document = document
        state = Mutex(State(chunker: Chunker(isPaged: isPaged)))
    }

    /// A computation: not for an event loop.
    func take(_ piece: TextPiece) throws {
        try state.withLock { state in
            let chunks = state.chunker.take(piece)
            try keep(chunks, &state)
        }
    }

    func finish() throws -> ChunkPlan {
        try state.withLock { state in
            let chunks = state.chunker.finish()
            try keep(chunks, &state)
            guard state.count > 0 else { throw ExtractionError(.noText) }
            // The language of most of the text.
            let language =
                state.languages.max { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }?.key ?? .undetermined
            return ChunkPlan(title: title, language: language, count: state.count, spool: spool)
        }
    }

    private func keep(_ chunks: [CutChunk], _ state: inout State) throws {
        for cut in chunks {
            state.count += 1
            guard state.count <= RetrievalLimits.documentChunks else { throw ExtractionError(.tooLong) }
            if cut.chunk.language != .undetermined {
                state.languages[cut.chunk.language, default: 0] += cut.chunk.range.count
            }
            let words = DeterministicID.make("words", [ChunkPlan.input(title, cut)])
            let occurrence = state.seen[words, default: 0]
            state.seen[words] = occurrence + 1
            let id = DeterministicID.chunk(document: document, words: words, occurrence: Int(occurrence))
            try spool.append(PlannedChunk(id: id, cut: cut).record)
        }
    }
}

/// Reads the chunks of a plan in their order, once.
final class PlannedChunks: Sendable {
    private let spool: Spool
    private let place = Mutex(0)

    init(_ plan: ChunkPlan) { spool = plan.spool }

    /// The next ones; fewer at the end.
    func next(_ count: Int) throws -> [PlannedChunk] {
        try place.withLock { place in
            var chunks: [PlannedChunk] = []
            while chunks.count < count, let record = try record(&place) {
                guard let chunk = PlannedChunk(record: record) else { throw StagingLost() }
                chunks.append(chunk)
            }
            return chunks
        }
    }

    func skip(_ count: Int) throws {
        try place.withLock { place in
            for _ in 0..<count where try length(&place) == nil { return }
        }
    }

    private func length(_ place: inout Int) throws -> Int? {
        let head = try spool.bytes(at: place, count: Record.integer)
        guard head.count == Record.integer else { return nil }
        let length = Record.decode(head[...])
        place += Record.integer + length
        return length
    }

    private func record(_ place: inout Int) throws -> [UInt8]? {
        guard let length = try length(&place) else { return nil }
        return try spool.bytes(at: place - length, count: length)
    }
}

/// How a planned chunk lies in its file: its length, whole numbers of eight bytes each, then texts with their lengths.
private enum Record {
    static let integer = 8

    static func encode(_ value: Int, into bytes: inout [UInt8]) {
        for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    static func encode(_ text: String, into bytes: inout [UInt8]) {
        encode(text.utf8.count, into: &bytes)
        bytes.append(contentsOf: text.utf8)
    }

    static func decode(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.prefix(integer).reversed().reduce(0) { $0 << 8 | Int($1) }
    }
}

extension PlannedChunk {
    fileprivate var record: [UInt8] {
        var body: [UInt8] = []
        let chunk = cut.chunk
        let numbers = [
            Int(truncatingIfNeeded: id.hi), Int(truncatingIfNeeded: id.lo), chunk.ordinal, chunk.range.lowerBound,
            chunk.range.upperBound, chunk.page, cut.utf16Start, chunk.titlePath.count,
        ]
        for number in numbers { Record.encode(number, into: &body) }
        for text in [chunk.language.rawValue, cut.content] + chunk.titlePath { Record.encode(text, into: &body) }
        var record: [UInt8] = []
        Record.encode(body.count, into: &record)
        return record + body
    }

    fileprivate init?(record: [UInt8]) {
        var rest = record[...]
        func number() -> Int {
            defer { rest = rest.dropFirst(Record.integer) }
            return Record.decode(rest)
        }
        func text() -> String {
            let count = number()
            defer { rest = rest.dropFirst(count) }
            return String(decoding: rest.prefix(count), as: UTF8.self)
        }
        id = UUID128(hi: UInt64(truncatingIfNeeded: number()), lo: UInt64(truncatingIfNeeded: number()))
        let (ordinal, lower, upper, page, utf16Start) = (number(), number(), number(), number(), number())
        let headings = number()
        guard lower <= upper, let language = LanguageCode(rawValue: text()) else { return nil }
        let content = text()
        let path = (0..<max(0, headings)).map { _ in text() }
        let chunk = Chunk(ordinal: ordinal, range: lower..<upper, titlePath: path, page: page, language: language)
        cut = CutChunk(chunk: chunk, content: content, utf16Start: utf16Start)
    }
}
