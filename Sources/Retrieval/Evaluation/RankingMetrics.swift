/// How good a ranking is, judged by the places at which relevant results stand.
enum RankingMetrics {
    /// Results that count.
    static let depth = 10

    /// The share of the relevant results among the first ten.
    static func recall(places: [Int], relevant: Int) -> Double {
        guard relevant > 0 else { return 0 }
        return Double(Set(places.filter { $0 < depth }).count) / Double(relevant)
    }

    /// Discounted gain of the first ten, as a share of the best possible. Places count from 0.
    static func nDCG(places: [Int], relevant: Int) -> Double {
        guard relevant > 0 else { return 0 }
        let gain = Set(places.filter { $0 < depth }).sorted().reduce(0) { $0 + discount($1) }
        let best = (0..<min(relevant, depth)).reduce(0) { $0 + discount($1) }
        return gain / best
    }

    /// One over the place of the first relevant result, from 1; 0 without any.
    static func reciprocalRank(places: [Int]) -> Double {
        places.min().map { 1 / Double($0 + 1) } ?? 0
    }

    private static func discount(_ place: Int) -> Double { Double.logarithm(2) / Double.logarithm(Double(place) + 2) }

    /// The probability that an answerable question gets more evidence than an unanswerable one.
    static func auroc(answerable: [Double], unanswerable: [Double]) -> Double {
        guard !answerable.isEmpty, !unanswerable.isEmpty else { return 0 }
        let sorted = unanswerable.sorted()
        var won = 0.0
        for value in answerable {
            let below = sorted.partitioningIndex { $0 >= value }
            let notAbove = sorted.partitioningIndex { $0 > value }
            won += Double(below) + Double(notAbove - below) / 2
        }
        return won / Double(answerable.count * unanswerable.count)
    }
}

/// A mean with its 95 % confidence interval, by the bootstrap: the values are drawn again, with replacement, and the middle
/// 95 % of the means are kept. The draws are the same at each run.
struct EstimatedMean: Sendable, Hashable {
    let mean: Double
    let low: Double
    let high: Double
    let count: Int

    static let resamples = 1_000

    init(_ values: [Double]) {
        count = values.count
        guard !values.isEmpty else {
            (mean, low, high) = (0, 0, 0)
            return
        }
        mean = values.reduce(0, +) / Double(values.count)
        var state: UInt64 = 0x5DEE_CE66_D1CE_4E5B
        var means: [Double] = []
        means.reserveCapacity(Self.resamples)
        for _ in 0..<Self.resamples {
            var sum = 0.0
            for _ in values.indices {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                sum += values[Int((state >> 33) % UInt64(values.count))]
            }
            means.append(sum / Double(values.count))
        }
        means.sort()
        low = means[Self.resamples * 25 / 1_000]
        high = means[Self.resamples * 975 / 1_000 - 1]
    }
}

extension [Double] {
    /// The first index at which the condition holds, in an array where it holds from some index on.
    fileprivate func partitioningIndex(_ holds: (Double) -> Bool) -> Int {
        var low = startIndex
        var high = endIndex
        while low < high {
            let middle = (low + high) / 2
            if holds(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
