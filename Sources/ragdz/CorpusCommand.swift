internal import ArgumentParser
internal import Schema

/// `ragdz corpus`
struct CorpusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "corpus", abstract: "Corpora that tenants read beside their own, for operators.",
        subcommands: [Share.self, Stop.self])

    struct Share: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lets the tenants of a country read what a tenant has.",
            discussion: "Only keys of that tenant write to it; what it limits to groups stays its own.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "Id of the tenant that holds the corpus.") var tenant: String
        @Option(help: "The region of the readers, such as DZ; every tenant when left out.") var country = ""

        func run() async throws {
            try await CorpusCommand.send(connection, tenant, country, stop: false)
        }
    }

    struct Stop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shares a corpus no longer.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "Id of the tenant that holds the corpus.") var tenant: String

        func run() async throws {
            try await CorpusCommand.send(connection, tenant, "", stop: true)
        }
    }

    private static func send(
        _ connection: ConnectionOptions, _ tenant: String, _ country: String, stop: Bool
    ) async throws {
        var request = Ragdz_V1_ShareCorpusRequest()
        request.tenantID = tenant
        request.country = country
        request.stop = stop
        try await Session.run(connection) { [request, json = connection.json] session in
            let client = Ragdz_V1_Retrieval.Client(session.client)
            let corpus = try await client.shareCorpus(request, options: session.options)
            if json { return try Terminal.printJSON(corpus) }
            let readers = corpus.country.isEmpty ? "every tenant" : "the tenants of \(corpus.country)"
            Terminal.write("\(corpus.tenantID) is read by \(corpus.shared ? readers : "itself alone")\n")
        }
    }
}
