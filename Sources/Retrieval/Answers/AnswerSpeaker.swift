internal import Bytes
internal import Language

/// Sends the sentences of an answer, each with its citation after the citation is verified.
struct AnswerSpeaker {
    let tenant: UUID128
    let passages: [Passage]
    let store: RetrievalStore
    private var numbers: [Quote: Int] = [:]
    private(set) var hasSpoken = false

    init(tenant: UUID128, passages: [Passage], store: RetrievalStore) {
        self.tenant = tenant
        self.passages = passages
        self.store = store
    }

    /// Says a sentence. One without a quote, or whose quote does not hold, is flagged as unsupported; when the sentence
    /// is the quote itself, it is not said at all then.
    mutating func say(
        _ sentence: String, quote: Quote?, emit: (AnswerEvent) async throws -> Void
    ) async throws {
        let separator = hasSpoken ? " " : ""
        if let quote, let known = numbers[quote] {
            try await emit(.text("\(separator)\(sentence)", unsupported: false))
            try await emit(.text(" [\(known)]", unsupported: false))
            return
        }
        if let quote, let citation = try await verify(quote, number: numbers.count + 1) {
            hasSpoken = true
            numbers[quote] = citation.number
            try await emit(.text("\(separator)\(sentence)", unsupported: false))
            try await emit(.text(" [\(citation.number)]", unsupported: false))
            try await emit(.citation(citation))
        } else if quote?.text != sentence {
            hasSpoken = true
            try await emit(.text("\(separator)\(sentence)", unsupported: true))
        }
    }

    /// Compares the quote with the document's text as it is stored at this moment.
    private func verify(_ quote: Quote, number: Int) async throws -> VerifiedCitation? {
        let passage = passages[quote.passage]
        let start = Int(passage.start) + quote.range.lowerBound
        let range = start..<(start + quote.range.count)
        let found = try await store.parts(tenant, [(passage.document, range)])
        guard let part = found.first ?? nil, part.quote.unicodeScalars.elementsEqual(quote.text.unicodeScalars) else {
            return nil
        }
        let content = ScalarText(passage.content)
        let utf16Start = Int(passage.utf16Start) + content.utf16Length(0..<quote.range.lowerBound)
        return VerifiedCitation(
            number: number, document: passage.document, chunk: passage.chunk, title: passage.title, page: part.page,
            range: range, utf16: utf16Start..<(utf16Start + content.utf16Length(quote.range)), quote: quote.text)
    }
}
