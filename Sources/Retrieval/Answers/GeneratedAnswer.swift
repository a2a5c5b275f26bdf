internal import Bytes
internal import Language
internal import Logging
internal import Models
internal import RPC

/// Has a model write the answer, and sends each sentence as soon as it is whole and its proof is looked for.
struct GeneratedAnswer: Sendable {
    enum Outcome: Sendable {
        case written
        /// The model says that the passages do not hold the answer.
        case declined
        /// The model failed before it had written anything.
        case failed
    }

    enum Limits {
        /// Unicode scalars of an answer; a model that goes on is cut off. Not characters: one character may consist of
        /// a million scalars.
        static let scalars = 6_000
        /// Sentences of an answer; each costs a look at its meaning. The prompt asks for four.
        static let sentences = 40
    }

    let chat: any ChatModel
    let search: SearchEngine
    let logger: Logger

    func write(
        _ question: String, _ language: LanguageCode, _ composer: AnswerComposer, _ speaker: inout AnswerSpeaker,
        _ usage: inout AnswerUsage, after progress: AnswerProgress? = nil, memory: ConversationMemory = .none,
        emit: (AnswerEvent) async throws -> Void
    ) async throws -> Outcome {
        // Proof is looked for in the sentences alone: their titles would make everything look alike.
        let vectors: [[Float]]
        do { vectors = try await search.embedder.embed(composer.sentences.map(\.text)) } catch {
            throw Status(embedding: error)
        }
        let binder = CitationBinder(passages: composer.passages, sentences: composer.sentences, vectors: vectors)
        var messages = AnswerPrompt.messages(
            question: question, passages: composer.passages, language: language, memory: memory)
        // The model goes on with what the reader has; should it begin again, no sentence is said twice.
        if let progress { messages.append(ChatMessage(.assistant, progress.text)) }
        let said = Set(progress?.sentences ?? [])
        var buffer = SentenceBuffer()
        var isQuoting = false
        var length = 0
        var sentences = 0
        do {
            stream: for try await delta in chat.stream(messages, maximumTokens: AnswerPrompt.maximumTokens) {
                switch delta {
                case .usage(let input, let output): (usage.inputTokens, usage.outputTokens) = (input, output)
                case .text(let piece):
                    length += piece.unicodeScalars.count
                    guard length <= Limits.scalars else { break stream }
                    for sentence in buffer.received(piece) {
                        sentences += 1
                        guard sentences <= Limits.sentences else { break stream }
                        let written = WrittenSentence(sentence, isQuoting: isQuoting)
                        isQuoting = written.leavesQuotationOpen
                        if try await say(written, said, binder, &speaker, emit) { return .declined }
                    }
                }
            }
        } catch let error as ModelError {
            if error.code == .cancelled { throw Status.cancelled() }
            logger.error("the model failed", metadata: ["error": "\(error)"])
            guard speaker.hasSpoken else { return .failed }
            throw Status(chat: error)
        }
        if Task.isCancelled { throw Status.cancelled() }
        for sentence in buffer.finished().prefix(max(0, Limits.sentences - sentences)) {
            let written = WrittenSentence(sentence, isQuoting: isQuoting)
            isQuoting = written.leavesQuotationOpen
            if try await say(written, said, binder, &speaker, emit) { return .declined }
        }
        return speaker.hasSpoken ? .written : .failed
    }

    /// True when the sentence is the model's refusal, which counts only before anything else was said.
    private func say(
        _ sentence: WrittenSentence, _ said: Set<String>, _ binder: CitationBinder, _ speaker: inout AnswerSpeaker,
        _ emit: (AnswerEvent) async throws -> Void
    ) async throws -> Bool {
        if !speaker.hasSpoken, sentence.text.contains(AnswerPrompt.declined) { return true }
        guard !sentence.text.isEmpty, !said.contains(sentence.text) else { return false }
        let vectors: [[Float]]
        do { vectors = try await search.embedder.embed([sentence.text]) } catch { throw Status(embedding: error) }
        let quote = binder.bind(sentence, vector: vectors.first ?? [])
        try await speaker.say(sentence.text, quote: quote, emit: emit)
        return false
    }
}
