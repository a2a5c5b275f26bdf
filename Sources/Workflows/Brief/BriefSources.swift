public import Bytes

/// What the built-in workflow `brief` needs of retrieval. `ragdzd` fills it; this room knows no more of it.
///
/// Errors are `Status` or `StepFailure`: their class decides whether the step is tried again.
public protocol BriefSources: Sendable {
    /// The passages of the collection (its id or name) that are nearest to the query, best first.
    func passages(
        about query: String, in collection: String, limit: Int, tenant: UUID128
    ) async throws -> [BriefPassage]

    /// The sentences of the passages that say most about the topic, best first, each exactly as it stands in its
    /// document. None: the passages say nothing about it.
    ///
    /// A passage that the tenant's documents do not hold, at that place and word for word, is an error.
    func quotes(
        about topic: String, from passages: [BriefPassage], limit: Int, tenant: UUID128
    ) async throws -> [BriefQuote]

    /// Stores the text as a Markdown document of the collection and returns the document's id.
    ///
    /// A repeated call with the same text and key must find the document of the first one.
    func store(
        _ text: String, title: String, filename: String, in collection: String, idempotencyKey: String,
        tenant: UUID128
    ) async throws -> String
}

/// A piece of a document. Places count Unicode scalars of the document's text, end exclusive.
public struct BriefPassage: Sendable, Hashable {
    public var chunkID: String
    public var documentID: String
    /// Of the document.
    public var title: String
    public var language: String
    public var text: String
    /// From 1; 0 when the document has no pages.
    public var page: Int
    public var start: Int
    public var end: Int

    public init(
        chunkID: String, documentID: String, title: String, language: String, text: String, page: Int, start: Int,
        end: Int
    ) {
        self.chunkID = chunkID
        self.documentID = documentID
        self.title = title
        self.language = language
        self.text = text
        self.page = page
        self.start = start
        self.end = end
    }
}

/// A sentence of a document, word for word. Places count Unicode scalars of the document's text, end exclusive.
public struct BriefQuote: Sendable, Hashable {
    public var documentID: String
    public var chunkID: String
    public var title: String
    public var page: Int
    public var start: Int
    public var end: Int
    public var quote: String

    public init(
        documentID: String, chunkID: String, title: String, page: Int, start: Int, end: Int, quote: String
    ) {
        self.documentID = documentID
        self.chunkID = chunkID
        self.title = title
        self.page = page
        self.start = start
        self.end = end
        self.quote = quote
    }
}
