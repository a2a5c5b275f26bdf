internal import ArgumentParser
internal import Schema

struct CollectionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collection", abstract: "Sets of documents that are searched together.",
        subcommands: [Create.self, List.self, Get.self, Limit.self, Reembed.self, Delete.self])

    typealias Client = Ragdz_V1_Retrieval.Client

    static func show(_ collection: Ragdz_V1_Collection, json: Bool) throws {
        if json { return try Terminal.printJSON(collection) }
        Terminal.fields([
            ("id", collection.id), ("name", collection.name), ("documents", String(collection.documentCount)),
            ("chunks", String(collection.chunkCount)),
            ("embeddings", "\(collection.embeddingModel), \(collection.embeddingDimension) dimensions"),
            ("created", Terminal.date(collection.createTime)),
            ("groups", collection.groups.joined(separator: " ")),
        ])
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes a collection.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "1 to 100 characters, unique within the tenant.") var name: String
        @Option(
            name: .customLong("group"),
            help: "Only keys with the scope group.NAME will see it; may be given several times.")
        var groups: [String] = []
        @Option(help: "One of the server's embedding models; the first one if not given.") var model: String?

        func run() async throws {
            var request = Ragdz_V1_CreateCollectionRequest()
            request.name = name
            request.embeddingModel = model ?? ""
            request.groups = groups
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(
                    try await Client(session.client).createCollection(request, options: session.options), json: json)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the tenant's collections.")
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var paging: PagingOptions

        func run() async throws {
            var request = Ragdz_V1_ListCollectionsRequest()
            request.pageSize = paging.pageSize
            request.pageToken = paging.pageToken
            try await Session.run(connection) { [request, json = connection.json] session in
                let page = try await Client(session.client).listCollections(request, options: session.options)
                if json { return try Terminal.printJSON(page) }
                Terminal.table(
                    ["ID", "DOCUMENTS", "CHUNKS", "NAME"],
                    page.collections.map { [$0.id, String($0.documentCount), String($0.chunkCount), $0.name] })
                PagingOptions.mention(page.nextPageToken)
            }
        }
    }

    struct Get: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one collection.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "Id or name.") var collection: String

        func run() async throws {
            var request = Ragdz_V1_GetCollectionRequest()
            request.id = collection
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(
                    try await Client(session.client).getCollection(request, options: session.options), json: json)
            }
        }
    }

    struct Limit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Limits a collection to groups; without any, every key of the tenant sees it.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "Id or name.") var collection: String
        @Option(name: .customLong("group"), help: "May be given several times.") var groups: [String] = []

        func run() async throws {
            var request = Ragdz_V1_UpdateCollectionRequest()
            request.id = collection
            request.groups = groups
            try await Session.run(connection) { [request, json = connection.json] session in
                let client = Client(session.client)
                try show(try await client.updateCollection(request, options: session.options), json: json)
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Removes a collection and all its documents.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "Id or name.") var collection: String

        func run() async throws {
            var request = Ragdz_V1_DeleteCollectionRequest()
            request.id = collection
            try await Session.run(connection) { [request] session in
                _ = try await Client(session.client).deleteCollection(request, options: session.options)
                Terminal.complain("Deleted \(request.id).")
            }
        }
    }
}
