internal import ArgumentParser
internal import RPC
internal import Schema

/// `ragdz ingest`
struct IngestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest", abstract: "Documents on their way: from the bytes to what searches find.",
        subcommands: [List.self, Watch.self, Cancel.self, Retry.self])

    typealias Client = Ragdz_V1_Retrieval.Client

    static func word(_ stage: Ragdz_V1_IngestStage) -> String {
        switch stage {
        case .detect: "detecting"
        case .extract: "extracting"
        case .normalise: "normalising"
        case .chunk: "chunking"
        case .embed: "embedding"
        case .store: "storing"
        default: "waiting"
        }
    }

    static func word(_ state: Ragdz_V1_IngestState) -> String {
        switch state {
        case .pending: "pending"
        case .running: "running"
        case .succeeded: "stored"
        case .failed: "failed"
        case .cancelled: "cancelled"
        default: "?"
        }
    }

    /// Watches until the end, and again when the connection was lost: nothing depends on it.
    static func follow(
        _ id: String, _ session: Session, _ body: (Ragdz_V1_Ingest) -> Void
    ) async throws -> Ragdz_V1_Ingest {
        var request = Ragdz_V1_WatchIngestRequest()
        request.id = id
        var options = session.options
        options.timeout = nil
        var last = Ragdz_V1_Ingest()
        for try await ingest in try await Client(session.client).watchIngest(request, options: options) {
            body(ingest)
            last = ingest
        }
        return last
    }

    static func failure(_ ingest: Ragdz_V1_Ingest) -> Status {
        if ingest.state == .cancelled { return .aborted(ingest.message, reason: "INGEST_CANCELLED") }
        // An ingest keeps its reason, not its code; the exit code tells a bad file from a server that was busy or away.
        if ingest.reason.hasPrefix("EMBEDDINGS_") { return .unavailable(ingest.message, reason: ingest.reason) }
        if ingest.reason.hasPrefix("QUOTA_") { return .resourceExhausted(ingest.message, reason: ingest.reason) }
        return .invalidArgument(ingest.message, reason: ingest.reason)
    }

    static func show(_ ingest: Ragdz_V1_Ingest, json: Bool) throws {
        if json { return try Terminal.printJSON(ingest) }
        let rate = ingest.charactersPerSecond > 0 ? ", \(Int(ingest.charactersPerSecond)) characters/s" : ""
        let chunks = ingest.chunkCount > 0 ? ", \(ingest.chunksDone) of \(ingest.chunkCount) chunks" : ""
        let why = ingest.message.isEmpty ? "" : ": \(ingest.message) [\(ingest.reason)]"
        let now = ingest.state == .running ? word(ingest.stage) : word(ingest.state)
        Terminal.write("\(ingest.filename): \(ingest.percent) %, \(now)\(chunks)\(rate)\(why)\n")
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists ingests, newest first.")
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var paging: PagingOptions
        @Option(help: "Id or name of a collection.") var collection: String?

        func run() async throws {
            var request = Ragdz_V1_ListIngestsRequest()
            request.collection = collection ?? ""
            request.pageSize = paging.pageSize
            request.pageToken = paging.pageToken
            try await Session.run(connection) { [request, json = connection.json] session in
                let page = try await Client(session.client).listIngests(request, options: session.options)
                if json { return try Terminal.printJSON(page) }
                Terminal.table(
                    ["ID", "STATE", "STAGE", "%", "FILE", "REASON"],
                    page.ingests.map {
                        [$0.id, word($0.state), word($0.stage), String($0.percent), $0.filename, $0.reason]
                    })
                PagingOptions.mention(page.nextPageToken)
            }
        }
    }

    struct Watch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows how an ingest goes on, until its end.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String

        func run() async throws {
            try await Session.run(connection) { [id, json = connection.json] session in
                let last = try await follow(id, session) { try? show($0, json: json) }
                if last.state != .succeeded { throw failure(last) }
            }
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ends an ingest; nothing of it is stored.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String

        func run() async throws {
            var request = Ragdz_V1_CancelIngestRequest()
            request.id = id
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).cancelIngest(request, options: session.options), json: json)
            }
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lets a failed ingest go on where it failed.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String

        func run() async throws {
            var request = Ragdz_V1_RetryIngestRequest()
            request.id = id
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).retryIngest(request, options: session.options), json: json)
            }
        }
    }
}
