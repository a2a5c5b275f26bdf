internal import Language

/// The words that answers say to people, by language.
enum AnswerMessages {
    enum Key: String, Sendable {
        case noSources
        case weakEvidence
    }

    private static let table: [Key: [LanguageCode: String]] = [
        .noSources: [
            .french: "Aucun document ne se trouve dans les collections interrogées.",
            .english: "There is no document in the collections that were asked.",
            .arabic: "لا توجد أي وثيقة في المجموعات المطلوبة.",
        ],
        .weakEvidence: [
            .french:
                "Les documents ne contiennent pas de réponse assez sûre à cette question. Voici les passages les plus proches.",
            .english:
                "The documents hold no sufficiently certain answer to this question. These are the nearest passages.",
            .arabic: "لا تحتوي الوثائق على جواب مؤكد بما يكفي عن هذا السؤال. هذه أقرب المقاطع إليه.",
        ],
    ]

    static func text(_ key: Key, _ language: LanguageCode) -> String {
        let known = language == .undetermined ? .french : language
        return table[key]?[known] ?? ""
    }
}
