internal import Bytes
internal import Language
internal import Logging
internal import Models
internal import RPC

/// What an answer consists of, in the order of sending.
enum AnswerEvent: Sendable {
    /// With what of earlier questions was searched for as well.
    case sources([Passage], context: String)
    case text(String, unsupported: Bool)
    case citation(VerifiedCitation)
    case abstention(Abstention)
    case usage(AnswerUsage)

    struct Abstention: Sendable {
        /// NO_SOURCES or WEAK_EVIDENCE.
        let reason: String
        let message: String
        let nearest: [Passage]
    }
}

/// A quote that is, letter by letter, what the document holds at that place.
struct VerifiedCitation: Sendable {
    let number: Int
    let document: UUID128
    let chunk: UUID128
    let title: String
    let page: Int
    let range: Range<Int>
    let utf16: Range<Int>
    let quote: String
}

struct AnswerUsage: Sendable {
    var passagesRead = 0
    var inputTokens: Int64 = 0
    var outputTokens: Int64 = 0
    var model = "extractive"
}

struct AnswerRequest: Sendable {
    let question: String
    let scope: SearchScope
    let passages: Int
    /// nil: the question's own.
    let language: LanguageCode?
    /// When neither the request nor the question tells a language.
    let fallbackLanguage: LanguageCode
    let extractive: Bool
    /// What the question may go on from.
    var memory = ConversationMemory.none
}

/// Answers questions from the tenant's documents: with their own sentences, or with a model whose every sentence is
/// bound to a quote. Says so when the documents do not hold the answer.
struct AnswerEngine: Sendable {
    let search: SearchEngine
    let chat: (any ChatModel)?
    let logger: Logger
    var gate = EvidenceGate.defaults
    var meter: any UsageMeter = NoMeter()

    /// Passages that an abstention names.
    static let nearest = 3

    func answer(
        _ caller: Caller, _ request: AnswerRequest, after progress: AnswerProgress? = nil,
        emit: (AnswerEvent) async throws -> Void
    ) async throws {
        let asked = try await ask(caller, request)
        let passages = asked.passages
        let language = Self.language(request, asked.query)
        if let progress {
            // What was said rests on these passages, by their numbers.
            guard progress.sources == passages.map(\.chunk) else { throw Status.streamChanged }
        } else {
            try await emit(.sources(passages, context: asked.query.context))
        }
        var usage = AnswerUsage(passagesRead: passages.count)
        guard !passages.isEmpty else {
            try await emit(abstention("NO_SOURCES", .noSources, language, []))
            try await emit(.usage(usage))
            return
        }
        let evidence = try await evidence(of: asked)
        // Who has begun to answer does not abstain any more.
        guard progress != nil || gate.passes(evidence.features) else {
            try await emit(abstention("WEAK_EVIDENCE", .weakEvidence, language, passages))
            try await emit(.usage(usage))
            return
        }
        var speaker = AnswerSpeaker(caller: caller, passages: passages, store: search.store)
        if let progress { speaker.goOn(after: progress) }
        if let chat, !request.extractive {
            let writer = GeneratedAnswer(chat: chat, search: search, logger: logger)
            usage.model = chat.model
            let outcome = try await write(
                with: writer, caller.tenant, request, language, evidence.composer, &speaker, &usage, after: progress,
                emit: emit)
            if outcome == .declined { try await emit(abstention("WEAK_EVIDENCE", .weakEvidence, language, passages)) }
            if outcome != .failed {
                try await emit(.usage(usage))
                return
            }
            // The model gave nothing at all: the documents' own sentences are still an answer.
            usage = AnswerUsage(passagesRead: passages.count)
        }
        for quote in evidence.composer.best(language: language) {
            try await speaker.say(quote.text, quote: quote, emit: emit)
        }
        if !speaker.hasSpoken { try await emit(abstention("WEAK_EVIDENCE", .weakEvidence, language, passages)) }
        try await emit(.usage(usage))
    }

    /// What a question found.
    private struct Asked {
        let query: AnalysedQuery
        let passages: [Passage]
        /// When it had to be known already.
        var evidence: Evidence?
    }

    /// Searches for the question, alone or with what was asked before it in its conversation.
    private func ask(_ caller: Caller, _ request: AnswerRequest) async throws -> Asked {
        func found(after context: String) async throws -> Asked {
            let query = try await search.analyse(request.question, after: context, for: caller)
            let found = try await search.search(caller, query, scope: request.scope, limit: request.passages)
            return Asked(query: query, passages: found.passages)
        }
        let context = request.memory.context(for: request.question)
        if context.isEmpty { return try await found(after: "") }
        switch FollowUp(request.question) {
        case .standsAlone: return try await found(after: "")
        case .goesOn: return try await found(after: context)
        case .unclear:
            var alone = try await found(after: "")
            if !alone.passages.isEmpty {
                let evidence = try await evidence(for: alone.query, in: alone.passages)
                alone.evidence = evidence
                if gate.passes(evidence.features) { return alone }
            }
            return try await found(after: context)
        }
    }

    private func evidence(of asked: Asked) async throws -> Evidence {
        if let known = asked.evidence { return known }
        return try await evidence(for: asked.query, in: asked.passages)
    }

    /// Whether an answer goes on after its last sentence, rather than being made again.
    func mayGoOn(_ request: AnswerRequest, after progress: AnswerProgress) -> Bool {
        chat != nil && !request.extractive && !progress.sentences.isEmpty && !progress.hasAbstained
    }

    struct Evidence: Sendable {
        let composer: AnswerComposer
        let features: EvidenceGate.Features
    }

    /// Scores the passages' sentences against the question.
    func evidence(for query: AnalysedQuery, in passages: [Passage]) async throws -> Evidence {
        let sentences = await withTaskExecutorPreference(globalConcurrentExecutor) {
            CandidateSentence.all(in: passages)
        }
        let vectors: [[Float]]
        do { vectors = try await search.embedder.embed(sentences.map { "\($0.context)\n\($0.text)" }) } catch {
            throw Status(embedding: error)
        }
        let scores = SentenceScores(sentences, vectors: vectors, query: query)
        return Evidence(
            composer: AnswerComposer(
                passages: passages, sentences: sentences, vectors: vectors, scores: scores, places: query.places),
            features: EvidenceGate.features(
                passages: passages, sentences: sentences, scores: scores, query: query))
    }

    private static func language(_ request: AnswerRequest, _ query: AnalysedQuery) -> LanguageCode {
        if let asked = request.language { return asked }
        return query.language == .undetermined ? request.fallbackLanguage : query.language
    }

    private func abstention(
        _ reason: String, _ key: AnswerMessages.Key, _ language: LanguageCode, _ passages: [Passage]
    ) -> AnswerEvent {
        .abstention(
            AnswerEvent.Abstention(
                reason: reason, message: AnswerMessages.text(key, language),
                nearest: Array(passages.prefix(Self.nearest))))
    }
}
