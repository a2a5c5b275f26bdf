import Bytes
import Foundation
import Postgres
import Schema
import Support
import Testing

@testable import Retrieval

/// A tenant with the documents of all sets in one collection, and the rankings of the systems that are compared.
struct EvaluationWorld: Sendable {
    let fixture: RetrievalFixture
    let embedder: CachedEmbedder
    /// Names of the documents.
    let files: [UUID128: String]

    static func make(sections: [EvaluationSets.Section], cache: URL) async throws -> EvaluationWorld {
        let embedder = try CachedEmbedder(try await RealEmbedder.shared.client(), folder: cache)
        let fixture = try await RetrievalFixture.make(embedder: embedder, suite: "Evaluation")
        try await fixture.createCollection("all")
        var files: [UUID128: String] = [:]
        for file in try CalibrationCorpus.files() {
            let stored = try await fixture.upload(
                [UInt8](try Data(contentsOf: file)), to: "all", filename: file.lastPathComponent)
            if let id = UUID128(stored.id) { files[id] = file.lastPathComponent }
        }
        for (number, section) in sections.enumerated() {
            // A name that says nothing, because a name can become a title.
            let stored = try await fixture.upload(
                Array(section.text.utf8), to: "all", filename: "s\(number).txt", title: "\(section.book) \(number)")
            if let id = UUID128(stored.id) { files[id] = section.file }
        }
        try await embedder.save()
        try await addBaseline(fixture)
        return EvaluationWorld(fixture: fixture, embedder: embedder, files: files)
    }

    /// What PostgreSQL's own configurations make of the same passages, headings included as ours are.
    private static func addBaseline(_ fixture: RetrievalFixture) async throws {
        _ = try await fixture.test.asOwner(
            """
            create table ragdz.baseline as
            select id, document_id, to_tsvector('arabic', title_path || ' ' || content) as ar,
                to_tsvector('french', title_path || ' ' || content) as fr,
                to_tsvector('english', title_path || ' ' || content) as en, content,
                md5(title_path || content) as tie
            from ragdz.chunks
            """, [])
    }

    struct Candidate: Sendable {
        let document: UUID128
        let content: String
        let passage: Passage?
    }

    /// The best passages by PostgreSQL's own full-text search: any word of the question, ranked by ts_rank_cd.
    func baseline(_ question: EvaluationQuestion) async throws -> [Candidate] {
        let column =
            ["fr", "en", "ar"].contains(question.language)
            ? question.language : question.language == "darija" ? "ar" : "fr"
        let configuration = ["ar": "arabic", "fr": "french", "en": "english"][column] ?? "simple"
        let rows = try await fixture.test.asOwner(
            """
            with q as (select replace(plainto_tsquery('\(configuration)', $1)::text, '&', '|')::tsquery as asked)
            select b.document_id, b.content from ragdz.baseline b, q where b.\(column) @@ q.asked
            order by ts_rank_cd(b.\(column), q.asked) desc, b.tie limit 100
            """, [question.text])
        return try rows.map { row in
            Candidate(document: try row.get("document_id"), content: try row.get("content"), passage: nil)
        }
    }

    /// Every candidate of both legs, best first.
    func search(_ question: EvaluationQuestion) async throws -> (query: AnalysedQuery, passages: [Passage]) {
        let engine = fixture.service.search
        let query = try await engine.analyse(question.text)
        let found = try await engine.search(Caller(tenant: fixture.tenant), query, scope: SearchScope(), limit: 200)
        return (query, found.passages)
    }

    func features(_ query: AnalysedQuery, _ passages: [Passage]) async throws -> EvidenceGate.Features {
        let read = Array(passages.prefix(RetrievalLimits.defaultPassages))
        guard !read.isEmpty else { return EvidenceGate.Features() }
        return try await fixture.service.answers.evidence(for: query, in: read).features
    }

    /// What is found where some documents are not.
    func without(_ query: AnalysedQuery, _ isGone: (String) -> Bool) async throws -> [Passage] {
        let gone = files.filter { isGone($0.value) }.keys.map(\.description).sorted()
        let scope = SearchScope(filter: CompiledFilter(.not(.oneOf(.document, gone))))
        return try await fixture.service.search.search(Caller(tenant: fixture.tenant), query, scope: scope, limit: 200)
            .passages
    }

    /// What the gate would see if the document that answers were not there: a question next to the texts. nil for questions
    /// without an answer.
    func featuresWithoutAnswer(
        _ question: EvaluationQuestion, _ query: AnalysedQuery
    ) async throws -> EvidenceGate.Features? {
        guard case .passage(let file, _) = question.answer else { return nil }
        return try await features(query, try await without(query) { $0.contains(file) })
    }

    /// Where the answer stands in the ranking, from 0; nil when it is not there. Passages of one document count once when
    /// the document is what is looked for.
    func place(of answer: EvaluationQuestion.Answer, in ranking: [Candidate]) -> Int? {
        switch answer {
        case .none: return nil
        case .passage(let file, let words):
            return ranking.firstIndex {
                files[$0.document]?.contains(file) == true && $0.content.unicodeScalars.contains(words.unicodeScalars)
            }
        case .document(let file, let leftOut):
            var seen: [UUID128] = []
            for candidate in ranking where !seen.contains(candidate.document) {
                if let name = files[candidate.document], leftOut.contains(name) { continue }
                if files[candidate.document] == file { return seen.count }
                seen.append(candidate.document)
            }
            return nil
        }
    }
}

extension String.UnicodeScalarView {
    fileprivate func contains(_ part: String.UnicodeScalarView) -> Bool {
        let whole = Array(self)
        let part = Array(part)
        guard let first = part.first, whole.count >= part.count else { return false }
        return (0...(whole.count - part.count)).contains {
            whole[$0] == first && whole[$0..<($0 + part.count)].elementsEqual(part)
        }
    }
}
