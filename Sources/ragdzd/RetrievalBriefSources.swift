internal import Bytes
internal import RPC
internal import Retrieval
internal import Workflows

/// Lets the workflow `brief` read from and write to retrieval: neither room knows the other one.
struct RetrievalBriefSources: BriefSources {
    private let sources: RetrievalSources

    init(_ sources: RetrievalSources) { self.sources = sources }

    func passages(
        about query: String, in collection: String, limit: Int, tenant: UUID128
    ) async throws -> [BriefPassage] {
        try await sources.passages(about: query, in: [collection], limit: limit, tenant: tenant).map { passage in
            BriefPassage(
                chunkID: passage.chunkID.description, documentID: passage.documentID.description,
                title: passage.title, language: passage.language, text: passage.text, page: passage.page,
                start: passage.start, end: passage.end)
        }
    }

    func quotes(
        about topic: String, from passages: [BriefPassage], limit: Int, tenant: UUID128
    ) async throws -> [BriefQuote] {
        let known = try passages.map { passage in
            guard let chunk = UUID128(passage.chunkID), let document = UUID128(passage.documentID) else {
                throw StepFailure.permanent(
                    reason: "PASSAGE", "A passage names its chunk and its document by their ids.")
            }
            return SourcePassage(
                chunkID: chunk, documentID: document, title: passage.title, language: passage.language,
                text: passage.text, page: passage.page, start: passage.start, end: passage.end)
        }
        return try await sources.quotes(about: topic, from: known, limit: limit, tenant: tenant).map { quote in
            BriefQuote(
                documentID: quote.documentID.description, chunkID: quote.chunkID.description, title: quote.title,
                page: quote.page, start: quote.start, end: quote.end, quote: quote.quote)
        }
    }

    func store(
        _ text: String, title: String, filename: String, in collection: String, idempotencyKey: String,
        tenant: UUID128
    ) async throws -> String {
        try await sources.store(
            text, title: title, filename: filename, in: collection, idempotencyKey: idempotencyKey, tenant: tenant
        ).description
    }
}
