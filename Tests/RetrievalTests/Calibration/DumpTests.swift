import Foundation
import Models
import Support
import Testing

@testable import Retrieval

/// Writes what both legs say about every chunk for every question, for fitting weights outside. Only on demand.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["RAGDZ_DUMP"] != nil))
struct DumpTests {
    @Test func dump() async throws {
        let fixture = try await CalibrationCorpus.shared.fixture()
        var lines: [String] = []
        for question in CalibrationSet.questions {
            let query = try await fixture.service.search.analyse(question.text)
            var weights = FusionWeights()
            weights.lexicalVote = 0
            let found = try await fixture.service.store.search(
                fixture.tenant, vector: query.vector, terms: query.terms, model: query.terms.detected.code.rawValue.isEmpty ? "" : fixture.service.embedder.model,
                collections: nil, languages: nil, limit: 2_000, weights: weights)
            for hit in found {
                let name = try await fixture.test.asOwner("select filename from ragdz.documents where id = $1", [hit.document])
                let filename: String = try name[0].get("filename")
                lines.append(
                    [question.text, question.file ?? "", query.language.rawValue, filename, hit.language, "\(hit.denseRank)",
                        "\(hit.lexicalRank)", "\(hit.similarity)", "\(hit.coverage)"].joined(separator: "\t"))
            }
        }
        try lines.joined(separator: "\n").write(
            toFile: ProcessInfo.processInfo.environment["RAGDZ_DUMP"] ?? "/dev/null", atomically: true, encoding: .utf8)
    }
}
