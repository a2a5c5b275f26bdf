internal import Language
internal import Schema

extension Ragdz_V1_EvaluationReport {
    /// Figures for each label, in order, then for all.
    init(_ outcomes: [SearchEvaluation.Outcome], threshold: Double) {
        self.init()
        for label in Set(outcomes.map(\.label)).sorted() where !label.isEmpty {
            figures.append(.init(label, outcomes.filter { $0.label == label }, threshold: threshold))
        }
        figures.append(.init("", outcomes, threshold: threshold))
    }
}

extension Ragdz_V1_EvaluationFigures {
    init(_ label: String, _ outcomes: [SearchEvaluation.Outcome], threshold: Double) {
        self.init()
        self.label = label
        let asked = outcomes.filter(\.isAnswerable)
        answerable = Int32(clamping: asked.count)
        unanswerable = Int32(clamping: outcomes.count - asked.count)
        legs = SearchEvaluation.Leg.allCases.map { leg in
            let places = asked.map { $0.places[leg].map { [$0] } ?? [] }
            var figures = Ragdz_V1_LegFigures()
            figures.leg = leg.rawValue
            figures.ndcgAt10 = .init(places.map { RankingMetrics.nDCG(places: $0, relevant: 1) })
            figures.recallAt10 = .init(places.map { RankingMetrics.recall(places: $0, relevant: 1) })
            figures.reciprocalRank = .init(places.map { RankingMetrics.reciprocalRank(places: $0) })
            return figures
        }
        let yes = asked.compactMap(\.evidence)
        let no = outcomes.filter { !$0.isAnswerable }.compactMap(\.evidence)
        guard !yes.isEmpty, !no.isEmpty else { return }
        gateAuroc = RankingMetrics.auroc(answerable: yes, unanswerable: no)
        falseAbstention = Double(yes.count { $0 < threshold }) / Double(yes.count)
        falseAnswers = Double(no.count { $0 >= threshold }) / Double(no.count)
    }
}

extension Ragdz_V1_Estimate {
    init(_ values: [Double]) {
        self.init()
        let estimate = EstimatedMean(values)
        (mean, low, high) = (estimate.mean, estimate.low, estimate.high)
    }
}

extension Ragdz_V1_SearchExplanation {
    init(_ query: AnalysedQuery, _ weights: FusionWeights, _ found: SearchResult, _ rates: QueryCache.Rates) {
        self.init()
        variety = query.terms.detected.variety.rawValue
        languageConfidence = query.terms.detected.confidence
        var readings = [[Ragdz_V1_SearchReading]](repeating: [], count: query.terms.termCount)
        for (index, term) in query.terms.terms.enumerated() {
            var reading = Ragdz_V1_SearchReading()
            reading.lexeme = query.terms.lexemes[index]
            reading.weight = query.terms.weights[index]
            readings[term - 1].append(reading)
        }
        terms = readings.map {
            var term = Ragdz_V1_SearchTerm()
            term.readings = $0
            return term
        }
        embedded = query.embedded
        densePlan = found.plan
        embeddingCached = query.isCached
        resultCached = found.isCached
        embeddingHitRate = rates.embeddings.share
        resultHitRate = rates.results.share
        lexicalPlan = "gin"
        lexicalWeight = weights.lexicalWeight(for: query.terms)
        rankWeight = weights.rankWeight
        foreignCoverage = weights.foreignCoverage(for: query.terms)
    }
}
