import Bytes
import ProtoRuntime
import RPC
import Schema
import Synchronization
import Testing

@testable import Workflows

/// Two documents in memory, and a store that keeps each idempotency key once.
final class FakeSources: BriefSources {
    private struct State {
        var stored: [String: String] = [:]
        var stores = 0
    }
    private let state = Mutex(State())
    var stored: [String: String] { state.withLock { $0.stored } }
    private let forged: Bool

    init(forging: Bool = false) { forged = forging }

    func passages(
        about query: String, in collection: String, limit: Int, tenant: UUID128
    ) async throws -> [BriefPassage] {
        guard collection == "laws" else {
            throw Status.notFound("There is no such collection.", reason: "COLLECTION_NOT_FOUND")
        }
        return [
            BriefPassage(
                chunkID: "c1", documentID: "d1", title: "Code des impôts", language: "fr",
                text: "La TVA est de 19 %. Elle se paie\nchaque mois.", page: 3, start: 100, end: 145),
            BriefPassage(
                chunkID: "c2", documentID: "d2", title: "قانون", language: "ar", text: "نسبة الضريبة 19 بالمئة.",
                page: 0,
                start: 0, end: 23),
        ]
    }

    func quotes(
        about topic: String, from passages: [BriefPassage], limit: Int, tenant: UUID128
    ) async throws -> [BriefQuote] {
        var quotes = [
            BriefQuote(
                documentID: "d1", chunkID: "c1", title: "Code des impôts", page: 3, start: 100, end: 119,
                quote: "La TVA est de 19 %."),
            BriefQuote(
                documentID: "d2", chunkID: "c2", title: "قانون", page: 0, start: 0, end: 23,
                quote: "نسبة الضريبة 19 بالمئة."),
        ]
        if forged { for place in quotes.indices { quotes[place].quote += "!" } }
        return quotes
    }

    func store(
        _ text: String, title: String, filename: String, in collection: String, idempotencyKey: String,
        tenant: UUID128
    ) async throws -> String {
        state.withLock { state in
            state.stores += 1
            state.stored[idempotencyKey] = text
            return "doc-\(state.stored.count)"
        }
    }
}

@Suite(.serialized) struct BriefTests {
    private let input: Google_Protobuf_Struct = ["topic": "TVA", "collection": "laws"]

    @Test func fromTheTopicToTheStoredDocument() async throws {
        try await withScene { scene in
            let sources = FakeSources()
            try await scene.working(scene.engine(actions: BriefActions.all(sources))) {
                let run = try await scene.start("brief", input)
                let waiting = try await scene.run(run.id) { $0.status == .waiting }
                #expect(waiting.step("approve")?.prompt == "Store the brief on “TVA” in the collection laws?")
                let text = try #require(waiting.step("draft")?.output?["text"]?.stringValue)
                #expect(
                    text == """
                        # Brief: TVA

                        > La TVA est de 19 %. [1]

                        > نسبة الضريبة 19 بالمئة. [2]

                        ## Sources

                        1. Code des impôts, page 3, characters 100–119 (d1)
                        2. قانون, characters 0–23 (d2)

                        Made by run \(run.id)

                        """)
                #expect(sources.stored.isEmpty, "nothing is stored before the approval")
                _ = try await scene.approve(run.id)
                let done = try await scene.ended(run.id)
                #expect(done.status == .succeeded)
                #expect(done.output == ["documentId": "doc-1"])
                #expect(sources.stored == ["\(run.id)/store": text])
            }
        }
    }

    @Test(arguments: [("fr", "# Note : TVA"), ("ar", "# مذكرة: TVA"), ("en", "# Brief: TVA")])
    func theInputNamesTheLanguage(_ language: String, _ heading: String) async throws {
        try await withScene { scene in
            try await scene.working(scene.engine(actions: BriefActions.all(FakeSources()))) {
                let run = try await scene.start(
                    "brief", ["topic": "TVA", "collection": "laws", "language": .string(language)])
                let waiting = try await scene.run(run.id) { $0.status == .waiting }
                let text = waiting.step("draft")?.output?["text"]?.stringValue ?? ""
                #expect(text.split(separator: "\n").first.map(String.init) == heading)
            }
        }
    }

    @Test func quotesThatAreNotInTheirSourceMakeNoBrief() async throws {
        try await withScene { scene in
            try await scene.working(scene.engine(actions: BriefActions.all(FakeSources(forging: true)))) {
                let run = try await scene.start("brief", input)
                let done = try await scene.ended(run.id)
                #expect(done.status == .failed)
                #expect(done.step("draft")?.error.contains("say nothing about") == true)
            }
        }
    }

    @Test func aCollectionThatIsNotThereFailsAtOnce() async throws {
        try await withScene { scene in
            try await scene.working(scene.engine(actions: BriefActions.all(FakeSources()))) {
                let run = try await scene.start("brief", ["topic": "TVA", "collection": "nowhere"])
                let done = try await scene.ended(run.id)
                #expect(done.status == .failed)
                #expect(done.step("retrieve")?.attempts == 1)
                #expect(done.error == "Step \"retrieve\" failed: There is no such collection.")
            }
        }
    }
}
