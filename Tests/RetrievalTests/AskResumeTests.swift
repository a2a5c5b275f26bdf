import Foundation
import Models
import ProtoRuntime
import RPC
import Schema
import Support
import Testing

@testable import Retrieval

/// Answers of a chat model whose stream breaks after any of their steps, and is taken up.
@Suite struct AskResumeTests {
    static let question = "Quel est le taux de l'IBS pour les activités de production de biens ?"
    /// What the model would write: proved by a quotation, in its own words, invented, and proved again.
    static let sentences = [
        "Le taux est de « 19 % pour les activités de production de biens ».",
        "Les activités de production de biens paient un taux de 19 %.", "La Lune est en fromage.",
        "Le taux est bien de « 19 % pour les activités de production de biens ».",
    ]

    /// How a model goes on that is given the beginning of its answer.
    enum Manner: CaseIterable {
        /// It writes the rest.
        case goesOn
        /// It writes everything again.
        case beginsAgain
    }

    static func rest(_ request: FakeModelServer.Request, _ manner: Manner) -> [String] {
        let object = try? JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any]
        let last = (object?["messages"] as? [[String: Any]])?.last
        let begun = last?["role"] as? String == "assistant" ? last?["content"] as? String ?? "" : ""
        return cut(
            sentences.filter { manner == .beginsAgain || !begun.contains($0) }.map { "\($0) [1]" }.joined(
                separator: " "))
    }

    /// Seven characters at a time.
    private static func cut(_ text: String) -> [String] {
        let characters = Array(text)
        return stride(from: 0, to: characters.count, by: 7).map {
            String(characters[$0..<min($0 + 7, characters.count)])
        }
    }

    struct Stage {
        let server: FakeModelServer
        let fixture: RetrievalFixture

        init(_ corpus: RetrievalFixture, _ manner: Manner) async throws {
            server = try FakeModelServer { .chat(AskResumeTests.rest($0, manner)) }
            let chat = ChatClient(client: HTTPClient(), endpoint: ModelEndpoint(url: server.url, model: "scripted"))
            let service = RetrievalService(
                database: corpus.test.database, embedder: try await RealEmbedder.shared.remembering(), chat: chat,
                extractor: nil, logger: RetrievalFixture.quiet)
            fixture = RetrievalFixture(service: service, test: corpus.test, tenant: corpus.tenant)
        }

        func ask(
            _ question: String = AskResumeTests.question, after said: [Ragdz_V1_AskEvent]? = nil
        ) async throws -> [Ragdz_V1_AskEvent] {
            var request = Ragdz_V1_AskRequest()
            request.question = question
            let log = WholeEventLog()
            var context = fixture.context()
            if let said { context = context.takingUp(said.map { $0.wireBytes() }) }
            try await fixture.service.ask(request, responses: ResponseWriter { await log.add($0) }, context: context)
            return await log.all
        }
    }

    /// What one answer is compared by: not how long it took, nor what it cost.
    static func plain(_ events: [Ragdz_V1_AskEvent]) -> [Ragdz_V1_AskEvent] {
        events.map { event in
            guard case .usage(var usage) = event.event else { return event }
            (usage.elapsedMicros, usage.inputTokens, usage.outputTokens) = (0, 0, 0)
            var copy = event
            copy.event = .usage(usage)
            return copy
        }
    }

    /// After how many events a stream may break: the journal keeps steps.
    static func steps(_ events: [Ragdz_V1_AskEvent]) -> [Int] {
        var steps = AnswerSteps()
        return events.indices.filter { !steps.take(events[$0]).isEmpty }.map { $0 + 1 }
    }

    @Test(arguments: Manner.allCases) func theRestIsTheSameWhereverItBreaks(_ manner: Manner) async throws {
        let stage = try await Stage(try await CalibrationCorpus.shared.fixture(), manner)
        defer { stage.server.stop() }
        let whole = try await stage.ask()
        let audit = HeardAnswerShape(whole)
        #expect(audit.supported == 3 && audit.unsupported == 1 && audit.citations >= 1, "\(audit)")
        let cuts = Self.steps(whole)
        #expect(cuts.count >= 6, "\(cuts)")
        for cut in [0] + cuts {
            let said = Array(whole.prefix(cut))
            let rest = try await stage.ask(after: said)
            #expect(Self.plain(said + rest) == Self.plain(whole), "broken after \(cut) of \(whole.count)")
        }
    }

    /// A sentence may look like a mark; marks are where sentences end.
    @Test func aSentenceThatLooksLikeAMarkIsNone() throws {
        func text(_ text: String, unsupported: Bool = false) -> Ragdz_V1_AskEvent {
            var piece = Ragdz_V1_AskText()
            (piece.text, piece.unsupported) = (text, unsupported)
            var event = Ragdz_V1_AskEvent()
            event.event = .text(piece)
            return event
        }
        var citation = Ragdz_V1_Citation()
        citation.number = 1
        var hit = Ragdz_V1_SearchHit()
        hit.chunkID = "00000000-0000-4000-8000-000000000001"
        citation.chunkID = hit.chunkID
        var cited = Ragdz_V1_AskEvent()
        cited.event = .citation(citation)
        var sources = Ragdz_V1_AskEvent()
        var found = Ragdz_V1_AskSources()
        found.hits = [hit]
        sources.event = .sources(found)
        let events = [
            sources, text("[1994]", unsupported: true), text(" [7]", unsupported: true), text(" [1994]"), text(" [1]"),
            cited,
            text(" Fin."), text(" [1]"),
        ]
        let progress = try AnswerProgress(said: events)
        #expect(progress.sentences == ["[1994]", "[7]", "[1994]", "Fin."])
        #expect(progress.text == "[1994] [7] [1994] [1] Fin. [1]")
        #expect(Self.steps(events) == [1, 2, 3, 6, 8])
    }

    @Test func otherSourcesAreAnotherAnswer() async throws {
        let corpus = try await RetrievalFixture.real()
        try await corpus.createCollection("law")
        let text = "The commercial register is kept by the CNRC. An extract costs a fixed fee of 800 dinars."
        let document = try await corpus.upload(Array(text.utf8), to: "law", filename: "register.txt")
        let stage = try await Stage(corpus, .goesOn)
        defer { stage.server.stop() }
        stage.server.setHandler { _ in .chat(["« The commercial register is kept by the CNRC. » [1] It is fixed."]) }
        let whole = try await stage.ask("Who keeps the commercial register?")
        #expect(HeardAnswerShape(whole).citations == 1)
        let cuts = Self.steps(whole).filter { $0 < whole.count }
        #expect(!cuts.isEmpty)
        _ = try await corpus.upload(
            Array("The commercial register: who keeps the commercial register? The CNRC.".utf8), to: "law",
            filename: "more.txt")
        for cut in cuts {
            let changed = await status {
                try await stage.ask("Who keeps the commercial register?", after: Array(whole.prefix(cut)))
            }
            #expect(changed?.code == .aborted && changed?.reason == "STREAM_CHANGED", "after \(cut)")
        }
        // What was whole stays whole.
        #expect(try await stage.ask("Who keeps the commercial register?", after: whole).isEmpty)
        var delete = Ragdz_V1_DeleteDocumentRequest()
        delete.id = document.id
        _ = try await corpus.service.deleteDocument(delete, context: corpus.context())
        let gone = await status {
            try await stage.ask("Who keeps the commercial register?", after: Array(whole.prefix(1)))
        }
        #expect(gone?.reason == "STREAM_CHANGED")
    }

    /// The model is down at first, up when the stream is taken up, and down again.
    @Test func aModelThatFailsMidwayInterruptsOnly() async throws {
        let stage = try await Stage(try await CalibrationCorpus.shared.fixture(), .goesOn)
        defer { stage.server.stop() }
        let whole = try await stage.ask()
        stage.server.setHandler { request in
            var reply = FakeModelServer.Reply.chat(Array(Self.rest(request, .goesOn).prefix(14)))
            reply.pieces.removeLast()
            return reply
        }
        let log = WholeEventLog()
        var request = Ragdz_V1_AskRequest()
        request.question = Self.question
        let wanted = request
        let failed = await status {
            try await stage.fixture.service.ask(
                wanted, responses: ResponseWriter { await log.add($0) }, context: stage.fixture.context())
        }
        // UNAVAILABLE only interrupts a stream: the client takes it up (docs/framing.md).
        #expect(failed?.code == .unavailable && failed?.reason == "MODEL_UNAVAILABLE")
        let said = await log.all
        #expect(said.count > 1 && said == Array(whole.prefix(said.count)))
        stage.server.setHandler { .chat(Self.rest($0, .goesOn)) }
        let rest = try await stage.ask(after: said)
        #expect(Self.plain(said + rest) == Self.plain(whole))
    }
}

/// How many sentences and citations there are.
struct HeardAnswerShape {
    var supported = 0
    var unsupported = 0
    var citations = 0

    init(_ events: [Ragdz_V1_AskEvent]) {
        let audit = AnswerAudit(events.compactMap(\.event), [:])
        (supported, unsupported, citations) = (audit.supported, audit.unsupported, audit.citations)
    }
}

actor WholeEventLog {
    private(set) var all: [Ragdz_V1_AskEvent] = []
    func add(_ event: Ragdz_V1_AskEvent) { all.append(event) }
}
