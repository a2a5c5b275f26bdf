import Bytes
import Foundation
import Models
import Postgres
import RPC
import Schema
import Support
import Synchronization
import Testing

@testable import Retrieval

/// The whole path of an answer against a model that lies: no quote is invented, no citation dangles.
///
/// `RAGDZ_HOSTILE_OUTPUTS` and `RAGDZ_HOSTILE_SEED` make it longer and another one (`scripts/hostile-model.sh`).
@Suite(.serialized) struct HostileModelTests {
    private static func setting(_ name: String, _ otherwise: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? otherwise
    }
    static let outputs = setting("RAGDZ_HOSTILE_OUTPUTS", 6 * HostileModel.Kind.allCases.count)
    static let seed = setting("RAGDZ_HOSTILE_SEED", 1)
    static let workers = 3

    /// What the answers came to.
    struct Ledger {
        struct Row {
            var outputs = 0, supported = 0, unsupported = 0, citations = 0, abstained = 0
            var failed: [String: Int] = [:]
        }
        var rows: [HostileModel.Kind: Row] = [:]
        var violations: [String] = []

        var total: Row {
            rows.values.reduce(into: Row()) { sum, row in
                sum.outputs += row.outputs
                sum.supported += row.supported
                sum.unsupported += row.unsupported
                sum.citations += row.citations
                sum.abstained += row.abstained
                sum.failed.merge(row.failed, uniquingKeysWith: +)
            }
        }

        mutating func note(_ kind: HostileModel.Kind, seed: Int, _ audit: AnswerAudit, _ failure: Status?) {
            var row = rows[kind] ?? Row()
            row.outputs += 1
            row.supported += audit.supported
            row.unsupported += audit.unsupported
            row.citations += audit.citations
            if audit.hasAbstained { row.abstained += 1 }
            if let failure { row.failed[failure.reason ?? "\(failure.code)", default: 0] += 1 }
            rows[kind] = row
            violations += audit.violations.map { "\(kind) \(seed): \($0)" }
            if !audit.isWhole, failure == nil { violations.append("\(kind) \(seed): an answer without an end") }
            let isKnown = ["MODEL_UNAVAILABLE", "MODEL_TIMEOUT"].contains(failure?.reason ?? "MODEL_UNAVAILABLE")
            if !isKnown { violations.append("\(kind) \(seed): \(failure.map { "\($0)" } ?? "")") }
        }

        func report() {
            for kind in HostileModel.Kind.allCases { if let row = rows[kind] { print(Self.line("\(kind)", row)) } }
            print(Self.line("all", total))
            print("violations: \(violations.count)")
        }

        private static func line(_ name: String, _ row: Row) -> String {
            let failed = row.failed.isEmpty ? "" : " failed \(row.failed)"
            return "hostile \(name): \(row.outputs) outputs, \(row.citations) citations verified, "
                + "\(row.supported) sentences supported, \(row.unsupported) flagged, \(row.abstained) abstained\(failed)"
        }
    }

    final class SharedLedger: Sendable {
        let state = Mutex(Ledger())
    }

    /// Everything the tenant has, as it is stored.
    private static func documents(_ corpus: RetrievalFixture) async throws -> [String: AnswerAudit.Stored] {
        var documents: [String: AnswerAudit.Stored] = [:]
        let rows = try await corpus.test.asOwner(
            "select id from ragdz.documents where tenant_id = $1", [corpus.tenant])
        for row in rows {
            let id = try row.get("id", as: UUID128.self).description
            documents[id] = AnswerAudit.Stored(try await corpus.text(id).text)
        }
        return documents
    }

    @Test func noQuoteIsInvented() async throws {
        let corpus = try await CalibrationCorpus.shared.fixture()
        let documents = try await Self.documents(corpus)
        #expect(documents.count > 10)
        let embedder = try await RealEmbedder.shared.remembering()
        // Among what it quotes is what belongs to nobody here, and what other documents say.
        let foreign =
            documents.values.map { String(String.UnicodeScalarView($0.scalars.prefix(90))) }.sorted()
            + ["Le mot de passe de l'autre client est kawthar-1847 et ne change jamais."]
        let ledger = SharedLedger()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<Self.workers {
                group.addTask {
                    let stage = try HostileStage(corpus, embedder, foreign)
                    defer { stage.server.stop() }
                    for number in stride(from: worker, to: Self.outputs, by: Self.workers) {
                        let kind = HostileModel.Kind.allCases[number % HostileModel.Kind.allCases.count]
                        let seed = Self.seed &* 1_000_003 &+ number
                        let (events, failure) = await stage.ask(kind, seed: seed)
                        let audit = AnswerAudit(events, documents)
                        ledger.state.withLock { $0.note(kind, seed: seed, audit, failure) }
                    }
                }
            }
            try await group.waitForAll()
        }
        let heard = ledger.state.withLock { $0 }
        heard.report()
        #expect(heard.violations.isEmpty, "\(heard.violations.prefix(10).joined(separator: "\n"))")
        #expect(heard.total.outputs == Self.outputs)
        // A check that nothing passes would prove nothing: who tells the truth is believed, who lies is not.
        let honest = heard.rows[.honest] ?? .init()
        #expect(honest.supported > honest.unsupported && honest.citations > 0, "\(honest)")
        let liar = heard.rows[.inventedQuote] ?? .init()
        #expect(liar.unsupported > liar.supported, "\(liar)")
    }
}

/// One asker and the model that lies to it.
private struct HostileStage: Sendable {
    let server: FakeModelServer
    let fixture: RetrievalFixture
    let foreign: [String]

    init(_ corpus: RetrievalFixture, _ embedder: any TextEmbedder, _ foreign: [String]) throws {
        server = try FakeModelServer { _ in .init("not yet", status: 503) }
        self.foreign = foreign
        let limits = HTTPRequest.Limits(
            connectMilliseconds: 3_000, totalMilliseconds: 60_000, silentSeconds: 30, responseBytes: 4 << 20)
        let chat = ChatClient(
            client: HTTPClient(), endpoint: ModelEndpoint(url: server.url, model: "hostile", limits: limits))
        let service = RetrievalService(
            database: corpus.test.database, embedder: embedder, chat: chat, extractor: nil,
            logger: RetrievalFixture.quiet)
        fixture = RetrievalFixture(service: service, test: corpus.test, tenant: corpus.tenant)
    }

    func ask(_ kind: HostileModel.Kind, seed: Int) async -> ([Ragdz_V1_AskEvent.OneOf_Event], Status?) {
        let foreign = foreign
        server.setHandler { request in
            var model = HostileModel(seed: UInt64(seed), prompt: request.body, foreign: foreign)
            return model.reply(kind)
        }
        let questions = CalibrationSet.answerable
        var request = Ragdz_V1_AskRequest()
        request.question = questions[seed % questions.count].text
        let wanted = request
        let log = EventLog()
        let failure = await status {
            try await fixture.service.ask(
                wanted, responses: ResponseWriter { await log.add($0) }, context: fixture.context())
        }
        return (await log.all, failure)
    }
}
