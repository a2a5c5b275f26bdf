internal import ArgumentParser
internal import ProtoRuntime
internal import Schema

struct ConversationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conversation", abstract: "Questions that go on from each other: `ragdz ask --conversation ID`.",
        subcommands: [Create.self, List.self, Show.self, Delete.self])

    typealias Client = Ragdz_V1_Retrieval.Client

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Begins a conversation, for this key alone.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "At most 200 characters.") var title = ""
        @Option(help: "Days after the last question for which it is kept, 1 to 365.") var days: Int32 = 30

        func run() async throws {
            var request = Ragdz_V1_CreateConversationRequest()
            request.title = title
            request.retentionDays = days
            try await Session.run(connection) { [request, json = connection.json] session in
                let made = try await Client(session.client).createConversation(request, options: session.options)
                if json { return try Terminal.printJSON(made) }
                Terminal.write("\(made.id)\n")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists this key's conversations, newest first.")
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var paging: PagingOptions

        func run() async throws {
            var request = Ragdz_V1_ListConversationsRequest()
            request.pageSize = paging.pageSize
            request.pageToken = paging.pageToken
            try await Session.run(connection) { [request, json = connection.json] session in
                let page = try await Client(session.client).listConversations(request, options: session.options)
                if json { return try Terminal.printJSON(page) }
                Terminal.table(
                    ["ID", "TURNS", "UPDATED", "TITLE"],
                    page.conversations.map { [$0.id, String($0.turnCount), Terminal.date($0.updateTime), $0.title] })
                PagingOptions.mention(page.nextPageToken)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What was asked and answered, oldest first.")
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var paging: PagingOptions
        @Argument var id: String

        func run() async throws {
            var request = Ragdz_V1_ListTurnsRequest()
            request.id = id
            request.pageSize = paging.pageSize
            request.pageToken = paging.pageToken
            try await Session.run(connection) { [request, json = connection.json] session in
                let page = try await Client(session.client).listTurns(request, options: session.options)
                if json { return try Terminal.printJSON(page) }
                for turn in page.turns {
                    let mark = turn.outdated ? "(a quoted document has changed since) " : ""
                    let answer = turn.forgotten ? "(a quoted document was deleted)" : mark + turn.answer
                    Terminal.write("> \(turn.question)\n\(answer.isEmpty ? "[\(turn.abstention)]" : answer)\n\n")
                }
                PagingOptions.mention(page.nextPageToken)
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Deletes a conversation with all its turns.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String

        func run() async throws {
            var request = Ragdz_V1_DeleteConversationRequest()
            request.id = id
            try await Session.run(connection) { [request] session in
                _ = try await Client(session.client).deleteConversation(request, options: session.options)
            }
        }
    }
}
