internal import Bytes
internal import Language
internal import RPC
internal import Schema

/// A turn of a conversation, as the next question may go on from it.
struct EarlierTurn: Sendable, Hashable {
    let question: String
    /// What was searched for: the question, and what it went on from itself.
    let searched: String
    /// As it was said; empty when there was none, or when what it quoted is gone.
    let answer: String
}

/// What answering knows of the conversation that the question is asked in.
struct ConversationMemory: Sendable, Hashable {
    enum Limits {
        /// Turns that a question may look back on.
        static let turns = 4
        /// Unicode scalars of what a search takes along from earlier questions.
        static let context = 600
        /// Unicode scalars of an earlier answer that a model is told.
        static let answer = 1_000
    }

    /// Oldest first.
    let turns: [EarlierTurn]

    static let none = ConversationMemory(turns: [])

    /// What a question that goes on is searched with beside its own words: what the last one was searched for, and so, through that,
    /// the ones before it, the nearest first. Where the question names a place or a figure, it stands for those of the earlier
    /// ones: "and in Switzerland?" does not ask about Algeria any more.
    func context(for question: String) -> String {
        guard let last = turns.last else { return "" }
        var replaced: [Range<Int>] = []
        if !PlaceNames.ranges(in: question).isEmpty { replaced += PlaceNames.ranges(in: last.searched) }
        if !Self.figures(in: question).isEmpty { replaced += Self.figures(in: last.searched) }
        return Self.cut(Self.without(replaced, last.searched), to: Limits.context)
    }

    private static func figures(in text: String) -> [Range<Int>] {
        Tokenizer.tokens(in: NormalizedText(text)).filter { $0.script == .number }.map(\.range)
    }

    private static func without(_ ranges: [Range<Int>], _ text: String) -> String {
        if ranges.isEmpty { return text }
        var kept = String.UnicodeScalarView()
        for (place, scalar) in text.unicodeScalars.enumerated() where !ranges.contains(where: { $0.contains(place) }) {
            kept.append(scalar)
        }
        return String(kept)
    }

    /// At most so many scalars, whole words.
    static func cut(_ text: String, to limit: Int) -> String {
        let scalars = text.unicodeScalars
        guard scalars.count > limit else { return text }
        let head = scalars.prefix(limit)
        guard let space = head.lastIndex(where: \.properties.isWhitespace) else { return String(head) }
        return String(head[..<space])
    }
}

/// What is kept of an answer while it is said.
struct TurnRecord: Sendable {
    private(set) var answer = ""
    private(set) var citations: [Ragdz_V1_Citation] = []
    private(set) var abstention = ""
    /// What of earlier questions was searched for as well.
    private(set) var context = ""

    init(said: [Ragdz_V1_AskEvent]) {
        for event in said { note(event) }
    }

    mutating func note(_ event: Ragdz_V1_AskEvent) {
        switch event.event {
        case .sources(let sources): context = sources.context
        case .text(let text): answer += text.text
        case .citation(let citation): citations.append(citation)
        case .abstention(let told): abstention = told.reason
        case .usage, nil: break
        }
    }

    /// Each once.
    var documents: [UUID128] { Array(Set(citations.compactMap { UUID128($0.documentID) })) }
}

/// A question that is asked in a conversation.
struct OpenTurn: Sendable {
    let conversation: UUID128
    let owner: String
    let groups: [String]
    /// The id that the turn will have. A stream that is taken up keeps it, so that the turn is there once.
    let id: UUID128
    /// The caller's own name for the question; one turn is kept under each. Empty: none.
    let requestID: String
    let memory: ConversationMemory
}

extension Ragdz_V1_AskEvent {
    /// The id of the turn, when this event tells it.
    var turnID: String? {
        guard case .sources(let sources) = event, !sources.turnID.isEmpty else { return nil }
        return sources.turnID
    }

    /// Sources tell which turn they belong to.
    mutating func sign(_ turn: OpenTurn?) {
        guard let turn, case .sources(var sources) = event else { return }
        sources.turnID = turn.id.description
        event = .sources(sources)
    }
}
