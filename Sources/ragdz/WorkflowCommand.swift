internal import ArgumentParser
internal import ProtoRuntime
internal import Schema

struct WorkflowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workflow", abstract: "Definitions that runs are started from.",
        subcommands: [List.self, Put.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists your definitions and the built-in ones.")
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var paging: PagingOptions

        func run() async throws {
            var request = Ragdz_V1_ListDefinitionsRequest()
            request.pageSize = paging.pageSize
            request.pageToken = paging.pageToken
            try await Session.run(connection) { [request, json = connection.json] session in
                let client = Ragdz_V1_Workflows.Client(session.client)
                let page = try await client.listDefinitions(request, options: session.options)
                if json { return try Terminal.printJSON(page) }
                Terminal.table(
                    ["NAME", "VERSION", "STEPS", "DESCRIPTION"],
                    page.definitions.map {
                        [
                            $0.name, $0.builtIn ? "built in" : String($0.version),
                            $0.steps.map(\.id).joined(separator: " → "), $0.description,
                        ]
                    })
                PagingOptions.mention(page.nextPageToken)
            }
        }
    }

    struct Put: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Stores a definition as its next version.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "The definition as JSON, @FILE, or - for standard input.") var definition: String

        func run() async throws {
            var request = Ragdz_V1_PutDefinitionRequest()
            do { request.definition = try Ragdz_V1_Definition(json: try JSONArgument.bytes(definition)) } catch let
                error as JSONError
            { throw Failure.usage("The definition cannot be read: \(error)") }
            try await Session.run(connection) { [request, json = connection.json] session in
                let client = Ragdz_V1_Workflows.Client(session.client)
                let stored = try await client.putDefinition(request, options: session.options)
                if json { return try Terminal.printJSON(stored) }
                Terminal.write("\(stored.name) version \(stored.version)\n")
            }
        }
    }
}
