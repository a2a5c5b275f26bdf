internal import Bytes
internal import RPC
internal import Schema

/// How far an answer had come when its stream broke.
///
/// Sentences are kept whole, so the rest begins with a new sentence, the end of the answer, or its usage.
struct AnswerProgress: Sendable {
    /// The chunks of the sources that were said, in their order; nil when none were.
    private(set) var sources: [UUID128]?
    private(set) var citations: [Ragdz_V1_Citation] = []
    /// The sentences that were said, without the marks of their citations.
    private(set) var sentences: [String] = []
    /// What was said, with each mark as the number of the passage that it points to: how a model writes.
    private(set) var text = ""
    private(set) var hasAbstained = false
    /// Everything was said.
    private(set) var isDone = false
    /// Marks of citations in `text` that are still numbered as the reader sees them.
    private var pieces: [(text: String, mark: Int?)] = []
    private var expectsMark = false

    init(said events: [Ragdz_V1_AskEvent]) throws(Status) {
        for event in events {
            switch event.event {
            case .sources(let said): sources = said.hits.compactMap { UUID128($0.chunkID) }
            case .text(let said): note(said.text, unsupported: said.unsupported)
            case .citation(let said): citations.append(said)
            case .abstention: hasAbstained = true
            case .usage: isDone = true
            case nil: throw .streamChanged
            }
        }
        for piece in pieces {
            guard let mark = piece.mark else {
                text += piece.text
                continue
            }
            guard let citation = citations.first(where: { Int($0.number) == mark }),
                let passage = sources?.firstIndex(where: { $0.description == citation.chunkID })
            else { throw .streamChanged }
            text += " [\(passage + 1)]"
        }
    }

    /// A mark stands behind a sentence that has one, and nowhere else: a sentence may look like a mark.
    private mutating func note(_ piece: String, unsupported: Bool) {
        if expectsMark, let mark = Self.mark(piece) {
            expectsMark = false
            return pieces.append((piece, mark))
        }
        expectsMark = !unsupported
        sentences.append(String(piece.trimmingPrefix(" ")))
        pieces.append((piece, nil))
    }

    /// The number of a piece that is a mark, ` [2]`.
    static func mark(_ piece: String) -> Int? {
        guard piece.hasPrefix(" ["), piece.hasSuffix("]") else { return nil }
        return Int(piece.dropFirst(2).dropLast())
    }
}

/// Hands the events of an answer on in steps that keep a sentence, its mark and its citation together.
struct AnswerSteps {
    private var waiting: [Ragdz_V1_AskEvent] = []
    private var known: Set<Int> = []
    private var expectsMark = false

    init(citations: [Ragdz_V1_Citation] = []) { known = Set(citations.map { Int($0.number) }) }

    /// What can be said now that this event is there; empty while a sentence is not whole.
    mutating func take(_ event: Ragdz_V1_AskEvent) -> [Ragdz_V1_AskEvent] {
        waiting.append(event)
        switch event.event {
        case .text(let text) where !text.unsupported:
            // A sentence waits for its mark, and the mark of a new citation for the citation.
            guard expectsMark, let mark = AnswerProgress.mark(text.text) else {
                expectsMark = true
                return []
            }
            expectsMark = false
            guard known.contains(mark) else { return [] }
        case .citation(let citation): known.insert(Int(citation.number))
        default: break
        }
        defer { waiting = [] }
        return waiting
    }

    /// What is left at the end.
    mutating func finish() -> [Ragdz_V1_AskEvent] {
        defer { waiting = [] }
        return waiting
    }
}

/// What an answer that runs again may say: first the same as before, which is left out, then the rest.
struct AnswerRepeat {
    private var said: ArraySlice<Ragdz_V1_AskEvent>

    init(_ said: [Ragdz_V1_AskEvent]) { self.said = said[...] }

    /// Whether the event is new. Throws when it contradicts what was said.
    mutating func isNew(_ event: Ragdz_V1_AskEvent) throws(Status) -> Bool {
        guard let before = said.first else { return true }
        guard before == event else { throw .streamChanged }
        said = said.dropFirst()
        return false
    }
}
