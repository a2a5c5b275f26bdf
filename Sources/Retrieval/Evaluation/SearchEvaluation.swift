internal import Bytes
internal import Language
internal import RPC

/// A question with a known answer, or none.
struct EvaluationCase: Sendable {
    let question: String
    let label: String
    let documents: Set<UUID128>
    let contains: String

    var isAnswerable: Bool { !documents.isEmpty || !contains.isEmpty }

    /// Where the answer stands in a ranking, from 0. Passages of one document count once when no words are asked for.
    func place(in ranking: [Passage]) -> Int? {
        if !contains.isEmpty {
            return ranking.firstIndex { passage in
                (documents.isEmpty || documents.contains(passage.document))
                    && passage.content.firstRange(of: contains) != nil
            }
        }
        var seen: Set<UUID128> = []
        for passage in ranking where seen.insert(passage.document).inserted {
            if documents.contains(passage.document) { return seen.count - 1 }
        }
        return nil
    }
}

/// Asks the questions of a set and keeps what each leg, both together and the gate made of them.
struct SearchEvaluation: Sendable {
    enum Limits {
        static let cases = 1_000
        static let label = 32
        static let words = 1_000
        /// Every candidate of both legs.
        static let candidates = 200
    }

    enum Leg: String, Sendable, CaseIterable {
        case dense, lexical, hybrid

        func ranking(_ passages: [Passage]) -> [Passage] {
            switch self {
            case .hybrid: passages
            case .dense: passages.filter { $0.denseRank > 0 }.sorted { $0.denseRank < $1.denseRank }
            case .lexical: passages.filter { $0.lexicalRank > 0 }.sorted { $0.lexicalRank < $1.lexicalRank }
            }
        }
    }

    struct Outcome: Sendable {
        let label: String
        let isAnswerable: Bool
        /// Place of the answer from 0, for each leg that found it.
        let places: [Leg: Int]
        /// What the gate saw, 0 to 1; nil when it was not asked.
        let evidence: Double?
    }

    let answers: AnswerEngine

    func run(
        _ caller: Caller, _ cases: [EvaluationCase], scope: SearchScope, judgesGate: Bool
    ) async throws -> [Outcome] {
        var outcomes: [Outcome] = []
        outcomes.reserveCapacity(cases.count)
        for asked in cases {
            try Task.checkCancellation()
            outcomes.append(try await outcome(caller, asked, scope: scope, judgesGate: judgesGate))
        }
        return outcomes
    }

    /// Asks one question.
    func outcome(
        _ caller: Caller, _ asked: EvaluationCase, scope: SearchScope, judgesGate: Bool
    ) async throws -> Outcome {
        let query = try await answers.search.analyse(asked.question)
        let found = try await answers.search.search(caller, query, scope: scope, limit: Limits.candidates).passages
        var places: [Leg: Int] = [:]
        if asked.isAnswerable {
            for leg in Leg.allCases { places[leg] = asked.place(in: leg.ranking(found)) }
        }
        var evidence: Double?
        if judgesGate {
            let read = Array(found.prefix(RetrievalLimits.defaultPassages))
            evidence =
                read.isEmpty ? 0 : answers.gate.evidence(try await answers.evidence(for: query, in: read).features)
        }
        return Outcome(label: asked.label, isAnswerable: asked.isAnswerable, places: places, evidence: evidence)
    }
}
