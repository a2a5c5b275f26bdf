internal import Bytes
internal import Language
public import RPC
public import Schema
internal import Stores

extension RetrievalService {
    /// Sources, then sentences with their citations, or an abstention; usage last.
    ///
    /// A stream that is taken up goes on after the last whole sentence. The sources are looked up again and must be
    /// the same. Extractive answers are made again and what was said is left out; a model is given what was said as
    /// the beginning of its answer. A turn of a conversation keeps its id, and looks back on what was there before it.
    public func ask(
        _ request: Ragdz_V1_AskRequest, responses: ResponseWriter<Ragdz_V1_AskEvent>, context: ServerContext
    ) async throws {
        let start = ContinuousClock.now
        let caller = try context.requireCaller()
        let question = try RetrievalRules.query(request.question, field: "question")
        let limit = try RetrievalRules.limit(
            request.limit, maximum: RetrievalLimits.passages, otherwise: RetrievalLimits.defaultPassages)
        let language = try RetrievalRules.answerLanguage(request.answerLanguage)
        let filter = try RetrievalRules.filter(request.filter)
        try RetrievalRules.checkRequestID(request.requestID)
        let said = try context.takeUpStream(as: Ragdz_V1_AskEvent.self) ?? []
        let progress = try AnswerProgress(said: said)
        if progress.isDone { return }
        try await withDatabaseErrors(logger, context) {
            let scope = try await store.scope(
                caller, request.collections, filter, includesShared: !request.privateOnly)
            let turn = try await turn(caller, request, question: question, after: said, context)
            let wanted = AnswerRequest(
                question: question, scope: scope, passages: limit, language: language,
                fallbackLanguage: LanguageCode(rawValue: context.language) ?? .french, extractive: request.extractive,
                memory: turn?.memory ?? .none)
            // A model would hardly say the same twice: it goes on. Everything else is made again and compared.
            let goesOn = answers.mayGoOn(wanted, after: progress)
            var known = AnswerRepeat(goesOn ? [] : said)
            var steps = AnswerSteps(citations: goesOn ? progress.citations : [])
            var record = TurnRecord(said: said)
            try await answers.answer(caller, wanted, after: goesOn ? progress : nil) { event in
                var event = Ragdz_V1_AskEvent(event, elapsed: ContinuousClock.now - start)
                event.sign(turn)
                guard try known.isNew(event) else { return }
                record.note(event)
                // Before the reader knows that the answer is whole: what breaks off here is taken up and kept then.
                if let turn, case .usage(let usage) = event.event {
                    try await keep(caller, turn, question: question, record, model: usage.model)
                }
                try await responses.write(contentsOf: steps.take(event))
            }
            try await responses.write(contentsOf: steps.finish())
        }
    }
}
