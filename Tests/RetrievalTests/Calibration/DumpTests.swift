import Bytes
import Foundation
import Language
import Models
import Postgres
import Support
import Testing

@testable import Retrieval

/// Writes what both legs say about every chunk for every question, for fitting weights outside. Only on demand:
/// RAGDZ_DUMP is the file to write; RAGDZ_DUMP_SET a folder with `docs/` and `queries.tsv` (question, answer, language)
/// instead of the calibration set.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["RAGDZ_DUMP"] != nil))
struct DumpTests {
    @Test func dump() async throws {
        let environment = ProcessInfo.processInfo.environment
        var questions = CalibrationSet.questions.map { ($0.text, $0.file ?? "") }
        var fixture: RetrievalFixture
        if let folder = environment["RAGDZ_DUMP_SET"] {
            fixture = try await RetrievalFixture.real()
            try await fixture.createCollection("set")
            let files = try FileManager.default.contentsOfDirectory(atPath: folder + "/docs").sorted()
            for file in files {
                let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/docs/\(file)")))
                _ = try await fixture.upload(bytes, to: "set", filename: file)
            }
            questions = try String(contentsOfFile: folder + "/queries.tsv", encoding: .utf8).split(separator: "\n")
                .map { line in
                    let parts = line.split(separator: "\t").map(String.init)
                    return (parts[0], "\(parts[2])-\(parts[1]).")
                }
        } else {
            fixture = try await CalibrationCorpus.shared.fixture()
        }
        var names: [String: String] = [:]
        for row in try await fixture.test.asOwner("select id::text as id, filename from ragdz.documents") {
            names[try row.get("id")] = try row.get("filename")
        }
        var lines: [String] = []
        for (text, file) in questions {
            let query = try await fixture.service.search.analyse(text)
            var weights = FusionWeights()
            weights.lexicalWeight = 0
            let found = try await fixture.service.store.search(
                fixture.tenant, vector: query.vector, terms: query.terms, model: fixture.service.embedder.model,
                collections: nil, languages: nil, limit: 3_000, weights: weights)
            for hit in found {
                lines.append(
                    [
                        text, file, query.language.rawValue, names[hit.document.description] ?? "", hit.language,
                        "\(hit.denseRank)", "\(hit.lexicalRank)", "\(hit.similarity)", "\(hit.coverage)",
                    ].joined(separator: "\t"))
            }
        }
        let output = environment["RAGDZ_DUMP"] ?? "/dev/null"
        try lines.joined(separator: "\n").write(toFile: output, atomically: true, encoding: .utf8)
    }
}
