internal import ArgumentParser
internal import RPC
internal import Schema

extension CollectionCommand {
    /// `ragdz collection reembed`
    struct Reembed: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Moves a collection to another embedding model, while searches go on.",
            discussion: """
                Follows it to its end; it goes on without that, too. Without --model it shows how far the last one is. \
                --models lists what there is.
                """)
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "Id or name.") var collection: String?
        @Option(help: "The embedding model to move to.") var model: String?
        @Flag(help: "Lists the server's embedding models.") var models = false
        @Flag(help: "Ends the one under way: the collection keeps its model.") var cancel = false
        @Flag(help: "Answers at once.") var detach = false

        private enum Limits {
            /// Streams that end early, one after the other without news.
            static let failures = 10
            static let pause: Duration = .seconds(1)
        }

        func run() async throws {
            try await Session.run(connection) { [self, json = connection.json] session in
                let client = Client(session.client)
                if models { return try await Self.list(client, session, json: json) }
                guard let collection else { throw Failure.usage("Name a collection, or ask for --models.") }
                let begun = try await begin(client, session, collection)
                try Self.show(begun, json: json)
                guard model != nil, !detach, !cancel else { return }
                let now = try await Self.follow(client, session, collection, from: begun, json: json)
                if now.state == .failed { throw Status.unavailable(now.message, reason: now.reason) }
                if now.state == .cancelled { throw Status.aborted(now.message, reason: now.reason) }
            }
        }

        /// To its end; when the stream breaks off it is asked for again.
        private static func follow(
            _ client: Client<some ClientChannel>, _ session: Session, _ collection: String,
            from begun: Ragdz_V1_Reembedding, json: Bool
        ) async throws -> Ragdz_V1_Reembedding {
            var request = Ragdz_V1_WatchReembeddingRequest()
            request.id = collection
            // It lasts as long as the re-embedding, whatever --timeout says of a single answer.
            var options = session.options
            options.timeout = nil
            var (now, failures) = (begun, 0)
            while now.state == .pending || now.state == .running {
                do {
                    for try await next in try await client.watchReembedding(request, options: options) {
                        if next != now { try show(next, json: json) }
                        (now, failures) = (next, 0)
                    }
                } catch let status as Status where status.code == .unavailable && failures < Limits.failures {
                    failures += 1
                    try await Task.sleep(for: Limits.pause)
                }
            }
            return now
        }

        private func begin(
            _ client: Client<some ClientChannel>, _ session: Session, _ collection: String
        ) async throws -> Ragdz_V1_Reembedding {
            if cancel {
                var request = Ragdz_V1_CancelReembeddingRequest()
                request.id = collection
                return try await client.cancelReembedding(request, options: session.options)
            }
            guard let model else {
                var request = Ragdz_V1_GetReembeddingRequest()
                request.id = collection
                return try await client.getReembedding(request, options: session.options)
            }
            var request = Ragdz_V1_ReembedCollectionRequest()
            request.id = collection
            request.embeddingModel = model
            return try await client.reembedCollection(request, options: session.options)
        }

        private static func list(
            _ client: Client<some ClientChannel>, _ session: Session, json: Bool
        ) async throws {
            let found = try await client.listEmbeddingModels(
                Ragdz_V1_ListEmbeddingModelsRequest(), options: session.options)
            if json { return try Terminal.printJSON(found) }
            Terminal.table(["MODEL", "DIMENSIONS"], found.models.map { [$0.name, String($0.dimension)] })
        }

        private static func show(_ now: Ragdz_V1_Reembedding, json: Bool) throws {
            if json { return try Terminal.printJSON(now) }
            let rate = now.charactersPerSecond > 0 ? ", \(Int(now.charactersPerSecond)) characters/s" : ""
            let why = now.message.isEmpty ? "" : ": \(now.message) [\(now.reason)]"
            let state = now.state == .succeeded ? "done" : IngestCommand.word(now.state)
            Terminal.write("\(now.fromModel) > \(now.embeddingModel): \(now.percent) %, \(state)\(rate)\(why)\n")
        }
    }
}
