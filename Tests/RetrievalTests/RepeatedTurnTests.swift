import Bytes
import Models
import RPC
import Schema
import Support
import Testing

@testable import Retrieval

/// Questions that are asked again under their request id, and answers whose documents have changed since.
@Suite struct RepeatedTurnTests {
    private static let tax = "The value added tax is nineteen per cent. The tax is declared every month."

    private static func law() async throws -> (RetrievalFixture, document: String) {
        let fixture = try await ConversationTests.fixture()
        try await fixture.createCollection("law")
        return (fixture, try await fixture.upload(Array(tax.utf8), to: "law", filename: "tax.txt").id)
    }

    @Test func aQuestionThatIsAskedAgainIsKeptOnce() async throws {
        let (fixture, _) = try await Self.law()
        let made = try await fixture.conversation("c")
        let question = "How much is the value added tax?"
        let first = try await fixture.events(question, in: made.id, requestID: "q1")
        let again = try await fixture.events(question, in: made.id, requestID: "q1")
        let turn = try #require(first.lazy.compactMap(\.turnID).first)
        #expect(again.lazy.compactMap(\.turnID).first == turn)
        #expect(try await fixture.turns(made.id).map(\.id) == [turn])
        let other = await status { try await fixture.events("And when is it declared?", in: made.id, requestID: "q1") }
        #expect(other?.code == .alreadyExists && other?.reason == "TURN_EXISTS")
        for bad in [String(repeating: "x", count: 101), "a\0"] {
            #expect(
                await status { try await fixture.events(question, in: made.id, requestID: bad) }?.reason == "REQUEST_ID"
            )
        }
        // Without an id, or in another conversation, it is another turn.
        _ = try await fixture.events(question, in: made.id)
        let second = try await fixture.conversation("d")
        _ = try await fixture.events(question, in: second.id, requestID: "q1")
        #expect(try await fixture.turns(made.id).count == 2)
        #expect(try await fixture.turns(second.id).count == 1)
    }

    /// The first call was still answering when the second one came.
    @Test func twoAtOnceAreKeptOnce() async throws {
        let (fixture, _) = try await Self.law()
        let made = try await fixture.conversation("c")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    _ = try await fixture.events("How much is the value added tax?", in: made.id, requestID: "q1")
                }
            }
            try await group.waitForAll()
        }
        #expect(try await fixture.turns(made.id).count == 1)
        #expect(try await fixture.oneConversation(made.id).turnCount == 1)
    }

    @Test func askingIsNotWithoutSideEffects() {
        // A client that takes it for such would ask several servers at once.
        #expect(Ragdz_V1_Retrieval.Methods.ask.idempotency == .idempotent)
    }

    /// Our client makes a call again by itself when its answer was lost, and sends the same name then.
    @Test func aClientThatTriesAgainIsKeptOnce() async throws {
        let (fixture, _) = try await Self.law()
        let made = try await fixture.conversation("c")
        let question = "How much is the value added tax?"
        let (one, two) = (UUID128.v4().description, UUID128.v4().description)
        for call in [one, one, two, one, two] { _ = try await fixture.events(question, in: made.id, call: call) }
        #expect(try await fixture.turns(made.id).count == 2)
        // What is no name of ours counts for nothing.
        for _ in 0..<2 { _ = try await fixture.events(question, in: made.id, call: "x") }
        #expect(try await fixture.turns(made.id).count == 4)
    }

    /// A gRPC library that makes a call again says that it does, and how often it did.
    @Test func aForeignClientThatTriesAgainIsKeptOnce() async throws {
        let (fixture, _) = try await Self.law()
        let made = try await fixture.conversation("c")
        let question = "How much is the value added tax?"
        _ = try await fixture.events(question, in: made.id)
        for attempt in 1...2 { _ = try await fixture.events(question, in: made.id, attempt: attempt) }
        let turn = try #require(try await fixture.turns(made.id).last)
        #expect(try await fixture.turns(made.id).count == 1)
        // Another question, an older one, and one with a name are turns of their own.
        _ = try await fixture.events("When is the tax declared?", in: made.id, attempt: 1)
        _ = try await fixture.events(question, in: made.id, attempt: 1)
        _ = try await fixture.events(question, in: made.id, requestID: "q", attempt: 1)
        _ = try await fixture.events(question, in: made.id, attempt: 1)
        #expect(try await fixture.turns(made.id).count == 5)
        let other = try await fixture.conversation("d")
        _ = try await fixture.events(question, in: other.id)
        try await fixture.test.asOwner(
            "update ragdz.conversation_turns set create_time = create_time - interval '6 minutes' where id <> $1",
            [UUID128(turn.id)])
        _ = try await fixture.events(question, in: other.id, attempt: 1)
        #expect(try await fixture.turns(other.id).count == 2)
    }

    @Test func quotesOfAnEarlierVersionAreCalledOutdated() async throws {
        let (fixture, document) = try await Self.law()
        let made = try await fixture.conversation("c")
        _ = try await fixture.events("How much is the value added tax?", in: made.id)
        _ = try await fixture.events("When is the tax declared?", in: made.id)
        let before = try await fixture.turns(made.id)
        #expect(before.allSatisfy { !$0.outdated && !$0.citations.isEmpty && $0.citations.allSatisfy { !$0.outdated } })
        try await fixture.replace(
            document, "The value added tax is fifteen per cent. The tax is declared every month.", filename: "tax.txt")
        let after = try await fixture.turns(made.id)
        // The answer stands as it was given, and says so itself.
        #expect(after.map(\.answer) == before.map(\.answer))
        for turn in after {
            let old = turn.citations.filter { $0.quote.contains("nineteen") }
            #expect(turn.citations.allSatisfy { $0.outdated == $0.quote.contains("nineteen") })
            #expect(turn.outdated == !old.isEmpty)
        }
        #expect(after[0].outdated)
        let conversation = try #require(UUID128(made.id))
        let memory = try await ConversationStore(database: fixture.test.database).memory(
            fixture.caller, of: conversation, before: UUID128(hi: .max, lo: .max))
        #expect(memory.turns[0].answer.isEmpty && !memory.turns[0].question.isEmpty)
        #expect(memory.turns[1].answer == (after[1].outdated ? "" : after[1].answer))
        // What is asked now is answered from what is there now.
        let now = try await fixture.ask("How much is the value added tax?", in: made.id)
        let text = now.compactMap { event in if case .text(let text) = event { text.text } else { nil } }.joined()
        #expect(text.contains("fifteen") && !text.contains("nineteen"))
        let newest = try await fixture.turns(made.id).last
        #expect(newest?.outdated == false)
    }
}

extension RetrievalFixture {
    /// Uploads a new version of a document.
    func replace(_ document: String, _ text: String, filename: String) async throws {
        var header = Ragdz_V1_UploadHeader()
        header.collection = "law"
        header.filename = filename
        header.replaces = document
        var first = Ragdz_V1_UploadDocumentRequest()
        first.part = .header(header)
        var second = Ragdz_V1_UploadDocumentRequest()
        second.part = .data(Array(text.utf8))
        _ = try await upload([first, second])
    }
}
