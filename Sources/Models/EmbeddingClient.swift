internal import Foundation

/// Turns texts into vectors.
public protocol TextEmbedder: Sendable {
    /// The model's name, as collections record it.
    var model: String { get }
    /// The length of every vector.
    var dimension: Int { get }
    /// One vector of unit length for each text, in order. An empty text gives the vector of a blank.
    func embed(_ texts: [String]) async throws(ModelError) -> [[Float]]
}

/// An OpenAI-compatible `/embeddings` endpoint. What it answers is checked before anybody sees it: the count, the
/// dimension, and that every number is finite.
public struct EmbeddingClient: TextEmbedder {
    public enum Limits {
        /// Texts in one request.
        public static let batch = 64
        /// Characters in one request; a longer text goes alone.
        public static let batchCharacters = 60_000
    }

    private let client: HTTPClient
    private let endpoint: ModelEndpoint
    public let dimension: Int

    /// The endpoint's name for it, and its revision where it has one: "name@revision".
    public let model: String

    public init(client: HTTPClient, endpoint: ModelEndpoint, dimension: Int, revision: String = "") {
        model = revision.isEmpty ? endpoint.model : "\(endpoint.model)@\(revision)"
        self.client = client
        self.endpoint = endpoint
        self.dimension = dimension
    }

    public func embed(_ texts: [String]) async throws(ModelError) -> [[Float]] {
        let batches = Self.batches(texts)
        guard batches.count > 1 else { return try await request(texts) }
        var vectors: [[Float]] = []
        vectors.reserveCapacity(texts.count)
        // One batch after the other: the server is the bottleneck and works on one at a time anyway.
        for batch in batches {
            if Task.isCancelled { throw ModelError(.cancelled, "the call was cancelled") }
            vectors.append(contentsOf: try await request(Array(texts[batch])))
        }
        return vectors
    }

    static func batches(_ texts: [String]) -> [Range<Int>] {
        var batches: [Range<Int>] = []
        var start = 0
        var characters = 0
        for (index, text) in texts.enumerated() {
            let size = text.utf8.count
            if index > start, index - start >= Limits.batch || characters + size > Limits.batchCharacters {
                batches.append(start..<index)
                start = index
                characters = 0
            }
            characters += size
        }
        if start < texts.count { batches.append(start..<texts.count) }
        return batches
    }

    private func request(_ texts: [String]) async throws(ModelError) -> [[Float]] {
        guard !texts.isEmpty else { return [] }
        let body: [UInt8]
        let model = endpoint.model
        let dimension = dimension
        do {
            body = try await Self.offLoop { () throws -> [UInt8] in
                let input = texts.map { $0.isEmpty ? " " : $0 }
                let object: [String: Any] = ["model": model, "input": input, "encoding_format": "float"]
                return [UInt8](try JSONSerialization.data(withJSONObject: object))
            }
        } catch { throw ModelError(.refused, "the texts cannot be written as JSON") }
        let response: HTTPResponse
        do { response = try await client.send(endpoint.request("/embeddings", body: body)) } catch {
            throw ModelError(error)
        }
        if let error = ModelError(status: response.status, body: response.body) { throw error }
        return try await Self.offLoop { () throws(ModelError) -> [[Float]] in
            try Self.vectors(response.body, count: texts.count, dimension: dimension)
        }
    }

    /// A batch of vectors is some hundred kilobytes of JSON: not for the event loop.
    private static func offLoop<T: Sendable, E: Error>(
        _ body: @Sendable () throws(E) -> T
    ) async throws(E) -> T {
        try await withTaskExecutorPreference(globalConcurrentExecutor) { () async throws(E) -> T in try body() }
    }

    /// Reads and checks an answer.
    static func vectors(_ body: [UInt8], count: Int, dimension: Int) throws(ModelError) -> [[Float]] {
        guard let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any],
            let data = object["data"] as? [[String: Any]]
        else { throw ModelError(.invalidResponse, "the embedding server's answer has no list \"data\"") }
        guard data.count == count else {
            throw ModelError(.invalidResponse, "\(count) texts were sent, \(data.count) vectors came back")
        }
        var vectors = [[Float]](repeating: [], count: count)
        for (position, item) in data.enumerated() {
            let index = (item["index"] as? NSNumber)?.intValue ?? position
            guard vectors.indices.contains(index), vectors[index].isEmpty else {
                throw ModelError(.invalidResponse, "the index \(index) of a vector is out of range or given twice")
            }
            vectors[index] = try unit(numbers(item["embedding"]), dimension: dimension)
        }
        return vectors
    }

    private static func numbers(_ value: Any?) throws(ModelError) -> [Float] {
        guard let list = value as? [Any] else {
            throw ModelError(.invalidResponse, "an embedding is not a list of numbers")
        }
        var numbers: [Float] = []
        numbers.reserveCapacity(list.count)
        for element in list {
            guard let number = element as? NSNumber else {
                throw ModelError(.notFinite, "an embedding holds something that is no number")
            }
            numbers.append(number.floatValue)
        }
        return numbers
    }

    /// Scaled to length 1, so that distances are cosines whatever the model does.
    static func unit(_ vector: [Float], dimension: Int) throws(ModelError) -> [Float] {
        guard vector.count == dimension else {
            throw ModelError(.wrongDimension, "the vectors have \(vector.count) numbers, \(dimension) are configured")
        }
        var sum: Float = 0
        for number in vector {
            guard number.isFinite else { throw ModelError(.notFinite, "an embedding holds NaN or infinity") }
            sum += number * number
        }
        guard sum > 0, sum.isFinite else { throw ModelError(.notFinite, "an embedding has no length") }
        let scale = 1 / sum.squareRoot()
        return vector.map { $0 * scale }
    }
}
