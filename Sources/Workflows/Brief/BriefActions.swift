internal import Bytes
public import ProtoRuntime
internal import RPC

/// The three actions of the workflow `brief`, over whatever retrieval stands behind them.
public enum BriefActions {
    /// Passages that are read for one brief.
    static let passages = 12
    /// Sentences that a brief quotes.
    static let quotes = 8
    /// Characters of a topic.
    static let topicLength = 1_000

    public static func all(_ sources: any BriefSources) -> [any StepAction] {
        [SearchPassages(sources: sources), DraftBrief(sources: sources), StoreBrief(sources: sources)]
    }
}

/// `retrieval.search`: {query, collection} → {passages}.
public struct SearchPassages: StepAction {
    public static var name: String { "retrieval.search" }
    public static var scope: String { "retrieval.read" }
    let sources: any BriefSources

    public func run(_ input: StepInput) async throws -> Google_Protobuf_Struct {
        let parameters = StepParameters(input.parameters)
        let query = try parameters.text("query")
        guard query.fits(BriefActions.topicLength), !query.isEmpty else {
            throw StepFailure.permanent(
                reason: "TOPIC", "The topic has to be 1 to \(BriefActions.topicLength) characters long.")
        }
        let passages = try await sources.passages(
            about: query, in: try parameters.text("collection"), limit: BriefActions.passages,
            tenant: input.tenant)
        return ["passages": .list(passages.map(\.value))]
    }
}

/// `answer.draft`: {topic, passages, language?, defaultLanguage?} → {title, text, language, citations}.
///
/// The draft consists of quotes and of the fixed words around them. The passages may come from anywhere, also from the
/// run's input: they are read again from the tenant's documents, and one that is not there word for word fails the step.
/// A quote that is not in its passage word for word is left out; without any quote the step fails: a brief without
/// evidence is none.
public struct DraftBrief: StepAction {
    public static var name: String { "answer.draft" }
    public static var scope: String { "retrieval.read" }
    let sources: any BriefSources

    public func run(_ input: StepInput) async throws -> Google_Protobuf_Struct {
        let parameters = StepParameters(input.parameters)
        let topic = try parameters.text("topic")
        let list = try parameters.list("passages")
        guard list.count <= BriefActions.passages else {
            throw StepFailure.permanent(
                reason: "PARAMETER", "A draft reads at most \(BriefActions.passages) passages.")
        }
        var passages: [BriefPassage] = []
        for value in list { passages.append(try BriefPassage(value)) }
        let language =
            try parameters.optionalText("language") ?? parameters.optionalText("defaultLanguage") ?? ""
        let found = try await sources.quotes(
            about: topic, from: passages, limit: BriefActions.quotes, tenant: input.tenant)
        let proved = found.filter { quote in passages.contains { $0.holds(quote) } }
        guard !proved.isEmpty else {
            throw StepFailure.permanent(
                reason: "NO_EVIDENCE", "The collection's documents say nothing about \"\(topic.prefix(200))\".")
        }
        let draft = BriefDraft(
            topic: topic, quotes: proved, runID: input.runID.description, words: BriefWords.of(language))
        return [
            "title": .string(draft.title), "text": .string(draft.markdown),
            "language": .string(draft.words.language),
            "citations": .list(proved.enumerated().map { $0.element.value(number: $0.offset + 1) }),
        ]
    }
}

extension BriefPassage {
    /// Whether the quote stands in the passage word for word, at the place that it names.
    func holds(_ quote: BriefQuote) -> Bool {
        guard quote.documentID == documentID, !quote.quote.isEmpty, quote.start >= start, quote.end <= end,
            quote.start < quote.end
        else { return false }
        let scalars = text.unicodeScalars
        return scalars.dropFirst(quote.start - start).prefix(quote.end - quote.start)
            .elementsEqual(quote.quote.unicodeScalars)
    }
}

/// `retrieval.store`: {collection, title, text} → {documentId}.
public struct StoreBrief: StepAction {
    public static var name: String { "retrieval.store" }
    public static var scope: String { "retrieval.write" }
    let sources: any BriefSources

    public func run(_ input: StepInput) async throws -> Google_Protobuf_Struct {
        let parameters = StepParameters(input.parameters)
        let document = try await sources.store(
            try parameters.text("text"), title: try parameters.text("title"),
            filename: "brief-\(input.runID).md", in: try parameters.text("collection"),
            idempotencyKey: input.idempotencyKey, tenant: input.tenant)
        return ["documentId": .string(document)]
    }
}
