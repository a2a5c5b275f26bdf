import Foundation

@testable import Retrieval

/// Prints the figures of an evaluation as Markdown tables.
struct EvaluationReport {
    let outcomes: [EvaluationTests.Outcome]

    func write() {
        for half in Half.allCases where outcomes.contains(where: { $0.question.half == half }) {
            print("\n## \(half.rawValue) half")
            print(
                "\n| set | direction | n | nDCG@10 PostgreSQL | dense | lexical | hybrid (95 %) | recall@10 PostgreSQL | dense | lexical | hybrid | hybrid among 5 |"
            )
            print("|---|---|---|---|---|---|---|---|---|---|---|---|")
            let asked = outcomes.filter { $0.question.half == half && $0.question.set != "unanswerable" }
            for set in Set(asked.map(\.question.set)).sorted() {
                let rows = asked.filter { $0.question.set == set }
                for direction in Set(rows.map(\.question.direction)).sorted() {
                    row(set, direction, rows.filter { $0.question.direction == direction })
                }
                for language in Set(rows.map(\.question.language)).sorted() {
                    row(set, "\(language)>all", rows.filter { $0.question.language == language })
                }
            }
            gate(half)
        }
    }

    private func row(_ set: String, _ direction: String, _ rows: [EvaluationTests.Outcome]) {
        func gains(_ system: String) -> [Double] {
            rows.map { RankingMetrics.nDCG(places: $0.places[system].map { [$0] } ?? [], relevant: 1) }
        }
        func recall(_ system: String, _ depth: Int = 10) -> String {
            percent(Double(rows.count { ($0.places[system] ?? .max) < depth }) / Double(rows.count))
        }
        let hybrid = EstimatedMean(gains("hybrid"))
        let others = ["postgres", "dense", "lexical"]
        let first = others.map { percent(EstimatedMean(gains($0)).mean) }.joined(separator: " | ")
        print(
            "| \(set) | \(direction) | \(rows.count) | \(first) | \(percent(hybrid.mean)) (\(percent(hybrid.low))–\(percent(hybrid.high))) | "
                + others.map { recall($0) }.joined(separator: " | ")
                + " | \(recall("hybrid")) | \(recall("hybrid", 5)) |")
    }

    private func gate(_ half: Half) {
        let gate = EvidenceGate.defaults
        let judged = outcomes.filter { $0.question.half == half && $0.features != nil }
        guard !judged.isEmpty else { return }
        print("\n| gate, question in | answerable | unanswerable | AUROC | false abstention | false answers |")
        print("|---|---|---|---|---|---|")
        for language in ["ar", "fr", "en"] {
            func evidence(_ set: String) -> [Double] {
                judged.filter { $0.question.set == set && $0.question.language == language }
                    .compactMap { $0.features.map(gate.evidence) }
            }
            let yes = evidence("facts")
            let no = evidence("unanswerable")
            let missed = Double(yes.count { $0 < gate.threshold }) / Double(max(1, yes.count))
            let invented = Double(no.count { $0 >= gate.threshold }) / Double(max(1, no.count))
            print(
                "| \(language) | \(yes.count) | \(no.count) | \(percent(RankingMetrics.auroc(answerable: yes, unanswerable: no))) | \(percent(missed)) | \(percent(invented)) |"
            )
        }
    }

    private func percent(_ value: Double) -> String { String(format: "%.3f", value) }
}
