internal import Schema

/// What one run changed against another, case by case.
///
/// Cases that only one of them has are left out: a set that grew can still be compared. The interval is that of the mean of
/// the differences: each case is drawn with both of its outcomes, so that how hard it is does not count as a difference.
struct EvalComparison: Sendable {
    struct Pair: Sendable {
        let label: String
        /// Places from 0, of the baseline and of the run, by leg.
        let before: [String: Int]
        let after: [String: Int]
    }

    let pairs: [Pair]

    init(baseline: [Ragdz_V1_EvalOutcome], run: [Ragdz_V1_EvalOutcome]) {
        let known = Dictionary(baseline.map { ($0.caseID, $0) }) { first, _ in first }
        pairs = run.compactMap { outcome in
            guard outcome.answerable, let before = known[outcome.caseID], before.answerable else { return nil }
            return Pair(
                label: outcome.label, before: before.places.mapValues { Int($0) - 1 },
                after: outcome.places.mapValues { Int($0) - 1 })
        }
    }

    func differences() -> [Ragdz_V1_EvalDifference] {
        let labels = Set(pairs.map(\.label)).sorted().filter { !$0.isEmpty }
        return labels.flatMap { label in differences(label, pairs.filter { $0.label == label }) }
            + differences("", pairs)
    }

    private func differences(_ label: String, _ pairs: [Pair]) -> [Ragdz_V1_EvalDifference] {
        SearchEvaluation.Leg.allCases.map { leg in
            func estimate(_ metric: ([Int]) -> Double) -> Ragdz_V1_Estimate {
                Ragdz_V1_Estimate(
                    pairs.map { pair in
                        metric(pair.after[leg.rawValue].map { [$0] } ?? [])
                            - metric(pair.before[leg.rawValue].map { [$0] } ?? [])
                    })
            }
            let gain = estimate { RankingMetrics.nDCG(places: $0, relevant: 1) }
            var difference = Ragdz_V1_EvalDifference()
            difference.label = label
            difference.leg = leg.rawValue
            difference.cases = Int32(clamping: pairs.count)
            difference.ndcgAt10 = gain
            difference.recallAt10 = estimate { RankingMetrics.recall(places: $0, relevant: 1) }
            difference.reciprocalRank = estimate { RankingMetrics.reciprocalRank(places: $0) }
            difference.significant = gain.low > 0 || gain.high < 0
            return difference
        }
    }
}

extension Ragdz_V1_EvalComparison {
    /// The outcomes of a run beside those of an earlier one, whose id is `baseline`.
    init(of run: [Ragdz_V1_EvalOutcome], with earlier: [Ragdz_V1_EvalOutcome], baseline: String) {
        self.init()
        let comparison = EvalComparison(baseline: earlier, run: run)
        baselineRunID = baseline
        cases = Int32(clamping: comparison.pairs.count)
        differences = comparison.differences()
    }
}
