internal import Bytes
internal import Language
internal import Models

extension AnswerEngine {
    /// Has a model write the answer and counts its tokens: as many are set aside as the prompt may have and the answer may
    /// take, and what the model says it took is counted. One that does not say is counted by what was set aside.
    func write(
        with writer: GeneratedAnswer, _ tenant: UUID128, _ request: AnswerRequest, _ language: LanguageCode,
        _ composer: AnswerComposer, _ speaker: inout AnswerSpeaker, _ usage: inout AnswerUsage,
        after progress: AnswerProgress?, emit: (AnswerEvent) async throws -> Void
    ) async throws -> GeneratedAnswer.Outcome {
        let messages = AnswerPrompt.messages(
            question: request.question, passages: composer.passages, language: language, memory: request.memory)
        let bytes = messages.reduce(progress?.text.utf8.count ?? 0) { $0 + $1.content.utf8.count }
        let most = Int64(bytes / Self.bytesPerToken + AnswerPrompt.maximumTokens)
        let settle = try await meter.hold(.tokens, most, tenant: tenant)
        var said = usage
        var outcome: GeneratedAnswer.Outcome?
        defer {
            let counted = said.inputTokens + said.outputTokens
            // What failed before it said anything is counted by what the model said it took, which may be nothing.
            let isUnknown = counted == 0 && outcome != .failed && (outcome != nil || speaker.hasSpoken)
            settle(isUnknown ? most : counted)
        }
        outcome = try await writer.write(
            request.question, language, composer, &speaker, &said, after: progress, memory: request.memory, emit: emit)
        usage = said
        return outcome ?? .failed
    }

    /// Fewer than any common tokenizer has in Arabic, French or English, so that what is set aside suffices.
    private static let bytesPerToken = 2
}
