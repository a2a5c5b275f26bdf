internal import Bytes
internal import Language
internal import Schema

/// Sends the sentences of an answer, each with its citation after the citation is verified.
struct AnswerSpeaker {
    let caller: Caller
    let passages: [Passage]
    let store: RetrievalStore
    private var numbers: [Quote: Int] = [:]
    private(set) var hasSpoken = false

    init(caller: Caller, passages: [Passage], store: RetrievalStore) {
        self.caller = caller
        self.passages = passages
        self.store = store
    }

    /// Goes on with an answer whose beginning was said already: its citations keep their numbers.
    mutating func goOn(after progress: AnswerProgress) {
        hasSpoken = !progress.sentences.isEmpty
        for citation in progress.citations {
            guard let index = passages.firstIndex(where: { $0.chunk.description == citation.chunkID }) else { continue }
            let start = Int(citation.start - passages[index].start)
            guard start >= 0, citation.end >= citation.start else { continue }
            let range = start..<start + Int(citation.end - citation.start)
            numbers[Quote(passage: index, range: range, text: citation.quote)] = Int(citation.number)
        }
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
        let found = try await store.parts(caller, [(passage.document, range)])
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
