internal import ArgumentParser
internal import RPC
internal import Schema

struct AskCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ask", abstract: "Answers a question from the documents, with quotes that were checked.")

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "1 to 4,000 characters.") var question: String
    @Option(name: .customLong("collection"), help: "Id or name; all when left out; may be given several times.")
    var collections: [String] = []
    @Option(help: "fr, ar or en; the question's own when left out.") var language = ""
    @Option(help: "Passages to read, 1 to 20.") var limit: Int32 = 8
    @OptionGroup(title: "Filter") var filters: FilterOptions
    @Option(help: "Id of a conversation (see `ragdz conversation`) that the question goes on.") var conversation = ""
    @Option(help: "Your own name for the question: asked again under the same one, the conversation keeps it once.")
    var requestID = ""
    @Flag(help: "Only sentences of the documents, even when a model is configured.") var extractive = false

    func run() async throws {
        var request = Ragdz_V1_AskRequest()
        request.question = question
        request.collections = collections
        request.answerLanguage = language
        request.limit = limit
        request.extractive = extractive
        request.conversationID = conversation
        request.requestID = requestID
        request.filter = try filters.read()
        try await Session.run(connection) { [request, json = connection.json] session in
            let client = Ragdz_V1_Retrieval.Client(session.client)
            var answer = AnswerPrinter()
            for try await event in try await client.ask(request, options: session.options) {
                if json { try Terminal.printJSON(event) } else { answer.print(event) }
            }
            if !json { answer.finish() }
        }
    }
}

/// Prints an answer while it streams in, its citations below it.
struct AnswerPrinter {
    private var citations: [Ragdz_V1_Citation] = []
    private var endsLine = true

    mutating func print(_ event: Ragdz_V1_AskEvent) {
        switch event.event {
        case .sources(let sources):
            Terminal.complain("(reading \(sources.hits.count) passages)")
            if !sources.context.isEmpty {
                let context = sources.context.split(whereSeparator: \.isNewline).joined(separator: " ")
                Terminal.complain("(after: \(context))")
            }
        case .text(let text):
            let mark = text.unsupported && !text.text.isEmpty ? " (unsupported)" : ""
            // A line break inside a sentence comes from the document; it says nothing here.
            let line = String(text.text.map { $0.isNewline ? " " : $0 })
            Terminal.write(line + mark)
            endsLine = false
        case .citation(let citation): citations.append(citation)
        case .abstention(let abstention):
            endLine()
            Terminal.write("\(abstention.message) [\(abstention.reason)]\n")
            for hit in abstention.nearest.prefix(3) { Terminal.write("  nearest: \(hit.title)\n") }
        case .usage(let usage):
            showCitations()
            let tokens = usage.inputTokens > 0 ? ", \(usage.inputTokens) + \(usage.outputTokens) tokens" : ""
            let seconds = Double(usage.elapsedMicros) / 1e6
            Terminal.complain(
                "(\(usage.model), \(usage.passagesRead) passages\(tokens), \((seconds * 1000).rounded() / 1000) s)")
        case nil: break
        }
    }

    mutating func finish() { showCitations() }

    private mutating func endLine() {
        if !endsLine { Terminal.write("\n") }
        endsLine = true
    }

    private mutating func showCitations() {
        endLine()
        for citation in citations.sorted(by: { $0.number < $1.number }) {
            let page = citation.page > 0 ? ", page \(citation.page)" : ""
            let quote = citation.quote.split(whereSeparator: \.isNewline).joined(separator: " ")
            Terminal.write(
                """
                  [\(citation.number)] \(citation.title)\(page), characters \(citation.start)–\(citation.end): «\(quote)»

                """)
        }
        citations = []
    }
}
