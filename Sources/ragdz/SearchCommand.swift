internal import ArgumentParser
internal import Schema

struct SearchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search", abstract: "Finds passages by words and by meaning, across languages.")

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "1 to 4,000 characters.") var query: String
    @Option(name: .customLong("collection"), help: "Id or name; all when left out; may be given several times.")
    var collections: [String] = []
    @Option(name: .customLong("language"), help: "Only documents in ar, fr or en; may be given several times.")
    var languages: [String] = []
    @OptionGroup(title: "Filter") var filters: FilterOptions
    @Flag(help: "Say how the query was read; the whole of it with --json.") var explain = false
    @Option(help: "1 to 100.") var limit: Int32 = 10

    func run() async throws {
        var request = Ragdz_V1_SearchRequest()
        request.query = query
        request.collections = collections
        request.languages = languages
        request.limit = limit
        request.explain = explain
        request.filter = try filters.read()
        try await Session.run(connection) { [request, json = connection.json] session in
            let client = Ragdz_V1_Retrieval.Client(session.client)
            let answer = try await client.search(request, options: session.options)
            if json { return try Terminal.printJSON(answer) }
            if let explanation = answer.explanation { Self.show(explanation) }
            if answer.hits.isEmpty { return Terminal.complain("Nothing found.") }
            for (index, hit) in answer.hits.enumerated() { Self.show(hit, index + 1) }
        }
    }

    private static func show(_ explanation: Ragdz_V1_SearchExplanation) {
        let words = explanation.terms.map { $0.readings.map(\.lexeme).joined(separator: "/") }
        Terminal.write(
            """
            \(explanation.variety); words: \(words.joined(separator: " "))
            embedded: \(explanation.embedded.joined(separator: " | "))
            vectors: \(explanation.densePlan); words: \(explanation.lexicalPlan)

            """)
    }

    private static func show(_ hit: Ragdz_V1_SearchHit, _ number: Int) {
        let page = hit.page > 0 ? ", page \(hit.page)" : ""
        let ranks = "words \(hit.lexicalRank), meaning \(hit.denseRank)"
        let score = (hit.score * 10_000).rounded() / 10_000
        Terminal.write(
            """
            \(number). \(hit.title) (\(hit.language)\(page), characters \(hit.start)–\(hit.end)) \
            score \(score), ranks: \(ranks)
               \(hit.text.split(whereSeparator: \.isWhitespace).joined(separator: " ").prefix(300))

            """)
    }
}
