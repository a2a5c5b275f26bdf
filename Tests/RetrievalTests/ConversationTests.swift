import Bytes
import Foundation
import Models
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support
import Synchronization
import Testing

@testable import Retrieval

/// Conversations: whose they are, what they keep and for how long, and questions that go on from each other.
@Suite struct ConversationTests {
    static func fixture(chat: (any ChatModel)? = nil) async throws -> RetrievalFixture {
        try await RetrievalFixture.make(embedder: WordEmbedder(), chat: chat, suite: "Conversations")
    }

    /// With what every question below is answered by.
    private static func law(chat: (any ChatModel)? = nil) async throws -> (RetrievalFixture, document: String) {
        let fixture = try await fixture(chat: chat)
        try await fixture.createCollection("law")
        let stored = try await fixture.upload(
            Array("The value added tax is nineteen per cent. The tax is declared every month.".utf8), to: "law",
            filename: "tax.txt")
        return (fixture, stored.id)
    }

    @Test func aConversationIsKeptShownAndGone() async throws {
        let (fixture, document) = try await Self.law()
        let made = try await fixture.conversation("taxes", days: 7)
        #expect(made.title == "taxes" && made.retentionDays == 7 && made.turnCount == 0)
        let first = try await fixture.ask("How much is the value added tax?", in: made.id)
        let text = first.compactMap { event in if case .text(let text) = event { text.text } else { nil } }.joined()
        #expect(text.contains("nineteen"))
        _ = try await fixture.ask("And when is it declared?", in: made.id)
        let turns = try await fixture.turns(made.id)
        #expect(turns.map(\.question) == ["How much is the value added tax?", "And when is it declared?"])
        #expect(turns[0].answer == text && turns[0].model == "extractive" && !turns[0].forgotten)
        #expect(turns[0].citations.first?.documentID == document)
        #expect(first.turnID == turns[0].id)
        let now = try await fixture.conversations()[0]
        #expect(now.turnCount == 2 && now.id == made.id)
        let kept = (now.expireTime?.unixMicros ?? 0) - (now.updateTime?.unixMicros ?? 0)
        #expect(abs(kept - 7 * 86_400 * 1_000_000) < 1_000_000)
        // Pages.
        let page = try await fixture.turns(made.id, size: 1)
        #expect(page.map(\.id) == turns.map(\.id))
        // Without a conversation nothing is kept.
        _ = try await fixture.ask("How much is the value added tax?")
        #expect(try await fixture.rows("conversation_turns") == 2)
        try await fixture.forget(made.id)
        #expect(try await fixture.rows("conversation_turns") == 0)
        #expect(try await fixture.conversations().isEmpty)
        #expect(await status { try await fixture.forget(made.id) }?.reason == "CONVERSATION_NOT_FOUND")
    }

    @Test func nobodyElseSeesIt() async throws {
        let (fixture, _) = try await Self.law()
        let made = try await fixture.conversation("mine")
        _ = try await fixture.ask("How much is the value added tax?", in: made.id)
        var colleague = fixture
        colleague.keyID = "another"
        let absent = UUID128.v4().description
        for who in [fixture.other(), colleague] {
            for id in [made.id, absent, "x", ""] {
                #expect(await status { try await who.turns(id) }?.reason == "CONVERSATION_NOT_FOUND")
                #expect(await status { try await who.forget(id) }?.reason == "CONVERSATION_NOT_FOUND")
                let got = await status { try await who.oneConversation(id) }
                #expect(got?.reason == "CONVERSATION_NOT_FOUND" && got?.code == .notFound)
                if id.isEmpty { continue }
                let asked = await status { try await who.ask("How much is it?", in: id) }
                #expect(asked?.reason == "CONVERSATION_NOT_FOUND")
            }
            #expect(try await who.conversations().isEmpty)
        }
        #expect(try await fixture.turns(made.id).count == 1)
    }

    @Test func whoLacksAGroupOfItSeesItNoMore() async throws {
        let (fixture, _) = try await Self.law()
        let member = fixture.member(of: "hr")
        let made = try await member.conversation("pay")
        _ = try await member.ask("How much is the value added tax?", in: made.id)
        #expect(await status { try await fixture.member().turns(made.id) }?.reason == "CONVERSATION_NOT_FOUND")
        #expect(try await fixture.member().conversations().isEmpty)
        #expect(try await fixture.member(of: "hr", "legal").turns(made.id).count == 1)
        // What is added with more groups needs these from then on.
        _ = try await fixture.member(of: "hr", "legal").ask("And when is it declared?", in: made.id)
        #expect(await status { try await member.turns(made.id) }?.reason == "CONVERSATION_NOT_FOUND")
        // It is still theirs to delete.
        try await member.forget(made.id)
        #expect(try await fixture.rows("conversations") == 0)
    }

    @Test func answersGoWithWhatTheyQuote() async throws {
        let (fixture, document) = try await Self.law()
        let made = try await fixture.conversation("c")
        _ = try await fixture.ask("How much is the value added tax?", in: made.id)
        #expect(try await !fixture.turns(made.id)[0].citations.isEmpty)
        var delete = Ragdz_V1_DeleteDocumentRequest()
        delete.id = document
        _ = try await fixture.service.deleteDocument(delete, context: fixture.context())
        let turn = try await fixture.turns(made.id)[0]
        #expect(turn.forgotten && turn.answer.isEmpty && turn.citations.isEmpty)
        #expect(turn.question == "How much is the value added tax?")
        let left = try await fixture.test.asOwner(
            "select count(*) as n from ragdz.conversation_turns where tenant_id = $1 and (answer || citations::text) ~ 'nineteen'",
            [fixture.tenant])
        #expect(try left[0].get("n", as: Int.self) == 0)
        // A collection takes its documents along.
        let again = try await fixture.upload(
            Array("The value added tax is nineteen per cent.".utf8), to: "law", filename: "tax.txt")
        _ = try await fixture.ask("How much is the value added tax?", in: made.id)
        #expect(try await fixture.turns(made.id)[1].citations.first?.documentID == again.id)
        var collection = Ragdz_V1_DeleteCollectionRequest()
        collection.id = "law"
        _ = try await fixture.service.deleteCollection(collection, context: fixture.context())
        #expect(try await fixture.turns(made.id).allSatisfy { $0.forgotten })
        // An answer that comes too late has lost its document already.
        var asking = Ragdz_V1_AskRequest()
        asking.conversationID = made.id
        let turnToKeep = try #require(
            try await fixture.service.turn(fixture.caller, asking, question: "q", after: [], fixture.context()))
        var citation = Ragdz_V1_Citation()
        citation.documentID = again.id
        citation.quote = "nineteen"
        var said = Ragdz_V1_AskEvent()
        said.event = .citation(citation)
        try await fixture.service.keep(
            fixture.caller, turnToKeep, question: "q", TurnRecord(said: [said]), model: "m")
        let late = try await fixture.turns(made.id)[2]
        #expect(late.forgotten && late.citations.isEmpty && late.answer.isEmpty)
    }

    @Test func onlyTheNewestTurnsAreKept() async throws {
        let fixture = try await Self.fixture()
        let made = try await fixture.conversation("long")
        for number in 0..<(ConversationStore.Limits.keptTurns + 5) {
            _ = try await fixture.ask("Question number \(number)?", in: made.id)
        }
        let turns = try await fixture.turns(made.id)
        #expect(turns.count == ConversationStore.Limits.keptTurns)
        #expect(turns.first?.question == "Question number 5?" && turns.first?.abstention == "NO_SOURCES")
        #expect(try await fixture.oneConversation(made.id).turnCount == Int32(turns.count))
    }

    @Test func whatHasExpiredIsSeenByNobodyAndDeleted() async throws {
        let fixture = try await Self.fixture()
        let (made, other) = (try await fixture.conversation("old"), try await fixture.conversation("new"))
        _ = try await fixture.ask("What is it?", in: made.id)
        _ = try await fixture.test.asOwner(
            "update ragdz.conversations set expire_time = clock_timestamp() - interval '1 second' where id = $1",
            [try #require(UUID128(made.id))])
        #expect(await status { try await fixture.turns(made.id) }?.reason == "CONVERSATION_NOT_FOUND")
        #expect(try await fixture.conversations().map(\.id) == [other.id])
        while try await ConversationStore(database: fixture.test.database).purge() > 0 {}
        #expect(try await fixture.rows("conversations") == 1)
        #expect(try await fixture.rows("conversation_turns") == 0)
    }

    @Test func limitsAreTold() async throws {
        let fixture = try await Self.fixture()
        for (title, days, reason) in [
            (String(repeating: "x", count: 201), 1, "CONVERSATION_TITLE"), ("a\u{0}", 1, "CONVERSATION_TITLE"),
            ("", 366, "CONVERSATION_RETENTION"), ("", -1, "CONVERSATION_RETENTION"),
        ] {
            let refused = await status { try await fixture.conversation(title, days: Int32(days)) }
            #expect(refused?.reason == reason)
        }
        _ = try await fixture.conversation("one")
        _ = try await fixture.test.asOwner(
            """
            insert into ragdz.conversations (tenant_id, id, owner, title, groups, retention_days, expire_time)
            select tenant_id, gen_random_uuid(), owner, title, groups, retention_days, expire_time
            from ragdz.conversations, generate_series(1, 999) where tenant_id = $1
            """, [fixture.tenant])
        let full = await status { try await fixture.conversation("another") }
        #expect(full?.reason == "CONVERSATIONS_FULL")
        // Another key has room.
        var colleague = fixture
        colleague.keyID = "another"
        _ = try await colleague.conversation("theirs")
    }

    @Test func aModelIsToldWhatWasSaid() async throws {
        let server = try FakeModelServer { _ in .chat(["« The value added tax is nineteen per cent. » [1]"]) }
        defer { server.stop() }
        let asked = Heard()
        server.setHandler { request in
            asked.note(request.body)
            return .chat(["« The value added tax is nineteen per cent. » [1]"])
        }
        let chat = ChatClient(client: HTTPClient(), endpoint: ModelEndpoint(url: server.url, model: "scripted"))
        let (fixture, _) = try await Self.law(chat: chat)
        let made = try await fixture.conversation("c")
        _ = try await fixture.ask("How much is the value added tax?", in: made.id)
        let second = try await fixture.ask("And when is it declared?", in: made.id)
        guard case .sources(let sources)? = second.first else {
            Issue.record("no sources")
            return
        }
        #expect(sources.context == "How much is the value added tax?")
        let messages = asked.all
        #expect(messages.count == 2)
        #expect(messages.first?.map(\.role) == ["system", "user"])
        #expect(messages.last?.map(\.role) == ["system", "user", "assistant", "user"])
        #expect(messages.last?[1].content.contains("How much is the value added tax?") == true)
        #expect(messages.last?[2].content.contains("nineteen") == true)
        #expect(messages.last?[2].content.contains("[1]") == false)
        #expect(try await fixture.turns(made.id).map(\.model) == ["scripted", "scripted"])
    }

    /// A stream that breaks after any event is one turn, and the turn that it was.
    @Test func aStreamThatIsTakenUpIsOneTurn() async throws {
        let (fixture, _) = try await Self.law()
        let made = try await fixture.conversation("c")
        _ = try await fixture.ask("How much is the value added tax?", in: made.id)
        let whole = try await fixture.events("And when is it declared?", in: made.id)
        #expect(whole.count >= 3)
        let kept = try await fixture.turns(made.id)
        #expect(kept.count == 2)
        for cut in AskResumeTests.steps(whole) {
            let said = Array(whole.prefix(cut))
            let rest = try await fixture.events("And when is it declared?", in: made.id, after: said)
            #expect(AskResumeTests.plain(said + rest) == AskResumeTests.plain(whole), "after \(cut)")
        }
        #expect(try await fixture.turns(made.id) == kept)
        // One that broke before its end was not kept: taking it up keeps it.
        _ = try await fixture.test.asOwner(
            "delete from ragdz.conversation_turns where id = $1", [try #require(UUID128(kept[1].id))])
        _ = try await fixture.events("And when is it declared?", in: made.id, after: [whole[0]])
        let again = try await fixture.turns(made.id)
        #expect(again.map(\.answer) == kept.map(\.answer) && again.map(\.id) == kept.map(\.id))
    }
}

/// Follow-ups on the texts of the demo, with the embedding model that ships.
@Suite struct FollowUpAnswerTests {
    @Test(arguments: [
        (
            "Quel est le taux normal de la TVA en Algérie ?", "19", "Et en Suisse ?", "8"
        ),
        (
            "Quel est le taux de l'IBS pour les activités de production ?", "19 %", "Et pour le commerce ?", "26"
        ),
        ("What is the standard VAT rate in Switzerland?", "8.1", "And the reduced one?", "2.6"),
    ])
    func theSecondQuestionGoesOn(_ sample: (String, String, String, String)) async throws {
        let fixture = try await CalibrationCorpus.shared.fixture()
        let made = try await fixture.conversation("c")
        let first = try await HeardAnswer(try await fixture.ask(sample.0, in: made.id), checkedBy: fixture)
        #expect(first.citations.contains { $0.quote.contains(sample.1) }, "\(first.text)")
        let second = try await HeardAnswer(try await fixture.ask(sample.2, in: made.id), checkedBy: fixture)
        #expect(second.citations.contains { $0.quote.contains(sample.3) }, "\(second.text)")
        // Alone it says nothing, or something else.
        let alone = try await HeardAnswer(try await fixture.ask(sample.2), checkedBy: fixture)
        #expect(alone.sources.map(\.chunkID) != second.sources.map(\.chunkID))
        try await fixture.forget(made.id)
    }

    @Test func anotherSubjectIsAskedAlone() async throws {
        let fixture = try await CalibrationCorpus.shared.fixture()
        let made = try await fixture.conversation("c")
        _ = try await fixture.ask("Quel est le taux normal de la TVA en Algérie ?", in: made.id)
        let other = "Quel est le taux de conversion minimal de la LPP ?"
        let heard = try await HeardAnswer(try await fixture.ask(other, in: made.id), checkedBy: fixture)
        let alone = try await HeardAnswer(try await fixture.ask(other), checkedBy: fixture)
        #expect(heard.sources.map(\.chunkID) == alone.sources.map(\.chunkID) && heard.text == alone.text)
        // So short that it may be either, and the documents answer it by itself.
        let short = try await fixture.ask("What is Zefix?", in: made.id)
        guard case .sources(let sources)? = short.first else {
            Issue.record("no sources")
            return
        }
        #expect(sources.context.isEmpty)
        try await fixture.forget(made.id)
    }
}

/// The messages of requests to a chat model.
private final class Heard: Sendable {
    struct Message: Sendable { let role, content: String }
    private let bodies = EventBodies()
    func note(_ body: [UInt8]) { bodies.add(body) }

    var all: [[Message]] {
        bodies.all.map { body in
            let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
            return (object?["messages"] as? [[String: Any]] ?? []).map {
                Message(role: $0["role"] as? String ?? "", content: $0["content"] as? String ?? "")
            }
        }
    }
}

private final class EventBodies: Sendable {
    private let kept = Mutex<[[UInt8]]>([])
    func add(_ body: [UInt8]) { kept.withLock { $0.append(body) } }
    var all: [[UInt8]] { kept.withLock { $0 } }
}

extension [Ragdz_V1_AskEvent.OneOf_Event] {
    var turnID: String? {
        guard case .sources(let sources)? = first else { return nil }
        return sources.turnID
    }
}

extension RetrievalFixture {
    var caller: Caller { Caller(tenant: tenant, groups: .all) }

    func conversation(_ title: String, days: Int32 = 0) async throws -> Ragdz_V1_Conversation {
        var request = Ragdz_V1_CreateConversationRequest()
        request.title = title
        request.retentionDays = days
        return try await service.createConversation(request, context: context())
    }

    func oneConversation(_ id: String) async throws -> Ragdz_V1_Conversation {
        var request = Ragdz_V1_GetConversationRequest()
        request.id = id
        return try await service.getConversation(request, context: context())
    }

    func conversations() async throws -> [Ragdz_V1_Conversation] {
        try await service.listConversations(Ragdz_V1_ListConversationsRequest(), context: context()).conversations
    }

    func turns(_ id: String, size: Int32 = 200) async throws -> [Ragdz_V1_Turn] {
        var request = Ragdz_V1_ListTurnsRequest()
        request.id = id
        request.pageSize = size
        var turns: [Ragdz_V1_Turn] = []
        repeat {
            let page = try await service.listTurns(request, context: context())
            turns += page.turns
            request.pageToken = page.nextPageToken
        } while !request.pageToken.isEmpty
        return turns
    }

    func forget(_ id: String) async throws {
        var request = Ragdz_V1_DeleteConversationRequest()
        request.id = id
        _ = try await service.deleteConversation(request, context: context())
    }

    func events(
        _ question: String, in conversation: String, after said: [Ragdz_V1_AskEvent]? = nil, requestID: String = "",
        call: String? = nil, attempt: Int = 0
    ) async throws -> [Ragdz_V1_AskEvent] {
        var request = Ragdz_V1_AskRequest()
        request.question = question
        request.conversationID = conversation
        request.requestID = requestID
        let log = WholeEventLog()
        var context = context()
        if let call {
            context = ServerContext(
                method: context.method, metadata: [CallName.header: call], identity: context.identity)
        }
        if attempt > 0 {
            context = ServerContext(
                method: context.method, metadata: ["grpc-previous-rpc-attempts": "\(attempt)"],
                identity: context.identity)
        }
        if let said { context = context.takingUp(said.map { $0.wireBytes() }) }
        try await service.ask(request, responses: ResponseWriter { await log.add($0) }, context: context)
        return await log.all
    }

    func ask(_ question: String, in conversation: String) async throws -> [Ragdz_V1_AskEvent.OneOf_Event] {
        try await events(question, in: conversation).compactMap(\.event)
    }
}
