internal import Embedded
internal import Logging
internal import Models
internal import Retrieval

/// The models that retrieval works with: supervised here, or somewhere behind a URL.
struct ModelParts: Sendable {
    private enum Limits {
        /// Requests at a time to an embedding server of your own.
        static let remoteEmbeddings = 16
        /// And to ours, which works on one at a time: the second is there when the first is done.
        static let ownEmbeddings = 2
    }

    let embeddings: EmbeddingModels
    let chat: (any ChatModel)?
    private let server: EmbeddingServer?
    private let client: HTTPClient

    static func start(_ settings: Settings, logger: Logger) async throws -> ModelParts {
        let client = HTTPClient()
        var chat: (any ChatModel)?
        if let url = settings.chatURL {
            guard let model = settings.chatModel else {
                throw Settings.Invalid("RAGDZ_CHAT_URL needs RAGDZ_CHAT_MODEL, the model's name there.")
            }
            chat = ChatClient(client: client, endpoint: ModelEndpoint(url: url, model: model, apiKey: settings.chatKey))
        }
        if let url = settings.embeddingsURL {
            guard let model = settings.embeddingsModel, let dimension = settings.embeddingsDimension else {
                throw Settings.Invalid(
                    "RAGDZ_EMBEDDINGS_URL needs RAGDZ_EMBEDDINGS_MODEL and RAGDZ_EMBEDDINGS_DIMENSION.")
            }
            let endpoint = ModelEndpoint(url: url, model: model, apiKey: settings.embeddingsKey)
            let embedder = remote(endpoint, dimension, settings.embeddingsRevision, client)
            return ModelParts(
                embeddings: EmbeddingModels(embedder, further: second(settings, client)), chat: chat, server: nil,
                client: client)
        }
        let server = try await EmbeddingServer.start(logger: logger)
        let endpoint = ModelEndpoint(url: server.url, model: EmbeddingServer.model)
        let embedder = FairEmbedder(
            EmbeddingClient(client: client, endpoint: endpoint, dimension: EmbeddingServer.dimensions),
            turns: TenantTurns(concurrent: Limits.ownEmbeddings))
        var further = second(settings, client)
        if let short = settings.secondEmbeddings, short.url == nil {
            let endpoint = ModelEndpoint(url: server.url, model: short.model)
            further = [
                FairEmbedder(
                    EmbeddingClient(client: client, endpoint: endpoint, dimension: short.dimension),
                    turns: TenantTurns(concurrent: Limits.ownEmbeddings))
            ]
        }
        return ModelParts(
            embeddings: EmbeddingModels(embedder, further: further), chat: chat, server: server, client: client)
    }

    private static func second(_ settings: Settings, _ client: HTTPClient) -> [any TextEmbedder] {
        guard let second = settings.secondEmbeddings, let url = second.url else { return [] }
        let endpoint = ModelEndpoint(url: url, model: second.model, apiKey: second.key)
        return [remote(endpoint, second.dimension, second.revision, client)]
    }

    private static func remote(
        _ endpoint: ModelEndpoint, _ dimension: Int, _ revision: String?, _ client: HTTPClient
    ) -> any TextEmbedder {
        FairEmbedder(
            EmbeddingClient(client: client, endpoint: endpoint, dimension: dimension, revision: revision ?? ""),
            turns: TenantTurns(concurrent: Limits.remoteEmbeddings))
    }

    /// Whether embeddings can be made; an endpoint of your own is taken at its word.
    var isReady: Bool { server?.isReady ?? true }

    func stop() async {
        await server?.stop()
        client.close()
    }
}
