import Bytes
import Foundation
import Models
import Postgres
import Schema
import Support
import Testing

@testable import Retrieval

/// What looking for roots of Arabic words costs a search; asked for by RAGDZ_ROOT_COST, because it stores some thousand passages.
@Suite(.serialized) struct RootCostTests {
    private static let environment = ProcessInfo.processInfo.environment

    @Test(.enabled(if: environment["RAGDZ_ROOT_COST"] != nil)) func rootsArePaidForInPagesAndTime() async throws {
        let fixture = try await RetrievalFixture.make(embedder: WordEmbedder(), suite: "RootCost")
        try await fixture.createCollection("c")
        let words = try Self.words()
        var dice: UInt64 = 7
        for number in 0..<10 {
            var text = ""
            while text.utf8.count < 560_000 {
                for _ in 0..<14 {
                    dice = dice &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    // By Zipf: the r-th word as often as 1/r.
                    let rank = exp(Double(dice >> 11) / Double(1 << 53) * log(Double(words.count)))
                    text += words[Int(rank) - 1] + " "
                }
                text.removeLast()
                text += ".\n"
            }
            _ = try await fixture.upload(Array(text.utf8), to: "c", filename: "\(number).txt")
        }
        let chunks: Int64 = try await fixture.test.asOwner(
            "select count(*) as n from ragdz.chunks where tenant_id = $1", [fixture.tenant])[0].get("n")
        _ = try await fixture.test.asOwner("analyze ragdz.chunks", [])
        var sums: [Bool: (lexemes: Int, pages: Int, time: Double)] = [true: (0, 0, 0), false: (0, 0, 0)]
        let questions = try EvaluationSets.arabic().filter { $0.half == .tuning }
        for question in questions {
            let query = try await fixture.service.search.analyse(question.text)
            for withRoots in [true, false, true, false] {
                let kept = query.terms.lexemes.indices.filter { withRoots || !query.terms.lexemes[$0].hasPrefix("√") }
                let (pages, time) = try await Self.cost(fixture, query, kept)
                sums[withRoots]?.lexemes += kept.count
                sums[withRoots]?.pages += pages
                sums[withRoots]?.time += time
            }
        }
        for withRoots in [false, true] {
            guard let sum = sums[withRoots] else { continue }
            let count = 2 * questions.count
            print(
                String(
                    format: "%@ roots: %.1f lexemes, %.0f pages, %.2f ms a question over %d passages",
                    withRoots ? "with" : "without", Double(sum.lexemes) / Double(count),
                    Double(sum.pages) / Double(count), sum.time / Double(count), Int(chunks)))
        }
        #expect((sums[true]?.lexemes ?? 0) > (sums[false]?.lexemes ?? 0))
    }

    /// The words of the Arabic texts of the demo, the frequent ones first.
    private static func words() throws -> [String] {
        var counts: [String: Int] = [:]
        for file in try CalibrationCorpus.files() where file.path.contains("/ar/") {
            for word in try String(contentsOf: file, encoding: .utf8).split(whereSeparator: { !$0.isLetter }) {
                counts[String(word), default: 0] += 1
            }
        }
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
    }

    /// Pages that a search touches, and its time in milliseconds, by the database's own account.
    private static func cost(
        _ fixture: RetrievalFixture, _ query: AnalysedQuery, _ kept: [Int]
    ) async throws -> (pages: Int, time: Double) {
        let terms = query.terms
        let weights = FusionWeights()
        let rows = try await fixture.test.asOwner(
            """
            explain (analyze, buffers, format json) select count(*)
            from (select set_config('ragdz.tenant', '\(fixture.tenant)', true) as tenant) s,
            lateral ragdz.search_chunks(
                $1, $2, '{\(kept.map { String(terms.terms[$0]) }.joined(separator: ","))}', $3, 'ar', $4, '{}', false, null, null, null, null, null, left(s.tenant, 1), true, 100, 10, $5, $6, 0)
            """,
            [
                HalfVector(query.vector), kept.map { terms.lexemes[$0] }, kept.map { terms.weights[$0] },
                fixture.service.search.embedder.model,
                weights.lexicalWeight(for: terms), weights.rankWeight,
            ])
        let text = try rows[0].get("QUERY PLAN", as: PostgresJSON.self).text
        let plans = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]]
        let plan = plans?.first?["Plan"] as? [String: Any]
        let pages = (plan?["Shared Hit Blocks"] as? Int ?? 0) + (plan?["Shared Read Blocks"] as? Int ?? 0)
        return (pages, plans?.first?["Execution Time"] as? Double ?? 0)
    }
}
