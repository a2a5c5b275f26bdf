import Foundation
import Testing

@testable import Retrieval

/// `make eval`: the sets of the folder `evaluation`, both halves, beside the baselines. As a part of `make test` it asks the
/// Darija questions of the tuning half alone. RAGDZ_EVAL_ONLY asks the questions of the sets that it names and no others.
@Suite(.serialized) struct EvaluationTests {
    struct Outcome: Sendable {
        let question: EvaluationQuestion
        /// Place of the answer in each system, from 0.
        let places: [String: Int]
        let features: EvidenceGate.Features?
    }

    static let systems = ["postgres", "dense", "lexical", "hybrid"]

    @Test func questionsFindTheirPassages() async throws {
        let environment = ProcessInfo.processInfo.environment
        let sectionsPath = environment["RAGDZ_EVAL_SECTIONS"]
        let sections = try sectionsPath.map { try EvaluationSets.sections($0) } ?? []
        let cache = environment["RAGDZ_EVAL_CACHE"] ?? NSTemporaryDirectory() + "/ragdz-eval-\(getpid())"
        let world = try await EvaluationWorld.make(sections: sections, cache: URL(fileURLWithPath: cache))
        var questions = try EvaluationSets.facts()
        if sectionsPath == nil {
            questions = questions.filter { $0.set == "darija" && $0.half == .tuning }
        } else {
            questions += try EvaluationSets.arabic()
            questions += EvaluationSets.headings(sections) + (try EvaluationSets.unanswerable())
        }
        if let only = environment["RAGDZ_EVAL_ONLY"] { questions = questions.filter { only.contains($0.set) } }
        var outcomes: [Outcome] = []
        var dump = ""
        for (number, question) in questions.enumerated() {
            let (query, passages) = try await world.search(question)
            var places: [String: Int] = [:]
            for (system, ranking) in try await Self.rankings(question, passages, world) {
                places[system] = world.place(of: question.answer, in: ranking)
            }
            let gated = sectionsPath != nil && !["headings", "templates"].contains(question.set)
            let features = gated ? try await world.features(query, passages) : nil
            outcomes.append(Outcome(question: question, places: places, features: features))
            if environment["RAGDZ_EVAL_DUMP"] != nil {
                let removed = features == nil ? nil : try await world.featuresWithoutAnswer(question, query)
                dump += try Self.dumped(number, question, query, passages, features, removed, world)
            }
        }
        if let path = environment["RAGDZ_EVAL_DUMP"] { try dump.write(toFile: path, atomically: true, encoding: .utf8) }
        try await world.embedder.save()
        EvaluationReport(outcomes: outcomes).write()
        let arabizi = outcomes.filter {
            $0.question.direction.hasPrefix("arabizi") && !$0.question.direction.hasSuffix("en")
        }
        let amongFive = arabizi.count { ($0.places["hybrid"] ?? .max) < 5 }
        #expect(Double(amongFive) >= 0.8 * Double(arabizi.count))
    }

    private static func rankings(
        _ question: EvaluationQuestion, _ passages: [Passage], _ world: EvaluationWorld
    ) async throws -> [(String, [EvaluationWorld.Candidate])] {
        func candidates(_ passages: [Passage]) -> [EvaluationWorld.Candidate] {
            passages.map { .init(document: $0.document, content: $0.content, passage: $0) }
        }
        return [
            ("postgres", try await world.baseline(question)),
            ("dense", candidates(passages.filter { $0.denseRank > 0 }.sorted { $0.denseRank < $1.denseRank })),
            ("lexical", candidates(passages.filter { $0.lexicalRank > 0 }.sorted { $0.lexicalRank < $1.lexicalRank })),
            ("hybrid", candidates(passages)),
        ]
    }

    /// One line of JSON, for trying other ways to join the legs outside.
    private static func dumped(
        _ number: Int, _ question: EvaluationQuestion, _ query: AnalysedQuery, _ passages: [Passage],
        _ features: EvidenceGate.Features?, _ removed: EvidenceGate.Features?, _ world: EvaluationWorld
    ) throws -> String {
        let rows = passages.map { passage -> [Any] in
            let candidate = EvaluationWorld.Candidate(
                document: passage.document, content: passage.content, passage: passage)
            let file = world.files[passage.document] ?? ""
            var leftOut = 0
            if case .document(_, let others) = question.answer, others.contains(file) { leftOut = 1 }
            let right = world.place(of: question.answer, in: [candidate]) != nil ? 1 : 0
            return [
                right, leftOut, file, passage.language, passage.similarity, passage.coverage, passage.denseRank,
                passage.lexicalRank, passage.relevance, passage.score,
                String(passage.content.prefix(50)),
            ]
        }
        let line: [String: Any] = [
            "n": number, "set": question.set, "half": question.half.rawValue, "direction": question.direction,
            "text": question.text, "language": query.terms.language, "rows": rows,
            "terms": query.terms.readings.map { $0.map { [$0.lexeme, $0.weight] as [Any] } },
            "unknown": query.terms.unknown.sorted(), "answer": "\(question.answer)",
            "features": features?.values ?? [], "removed": removed?.values ?? [], "group": question.group,
        ]
        let data = try JSONSerialization.data(withJSONObject: line, options: [.withoutEscapingSlashes])
        return String(decoding: data, as: UTF8.self) + "\n"
    }
}
