internal import Foundation

/// One message of a conversation with a model.
public struct ChatMessage: Sendable, Hashable {
    public enum Role: String, Sendable {
        case system, user, assistant
    }

    public let role: Role
    public let content: String

    public init(_ role: Role, _ content: String) {
        self.role = role
        self.content = content
    }
}

/// What a model sends while it writes.
public enum ChatDelta: Sendable, Hashable {
    case text(String)
    /// Counted by the server; at most once, near the end.
    case usage(inputTokens: Int64, outputTokens: Int64)
}

/// Writes text from messages.
public protocol ChatModel: Sendable {
    var model: String { get }
    /// The answer as it is written. Fails with `ModelError`.
    func stream(_ messages: [ChatMessage], maximumTokens: Int) -> AsyncThrowingStream<ChatDelta, any Error>
}

/// An OpenAI-compatible `/chat/completions` endpoint, streamed.
public struct ChatClient: ChatModel {
    private let client: HTTPClient
    private let endpoint: ModelEndpoint

    public var model: String { endpoint.model }

    public init(client: HTTPClient, endpoint: ModelEndpoint) {
        self.client = client
        self.endpoint = endpoint
    }

    public func stream(_ messages: [ChatMessage], maximumTokens: Int) -> AsyncThrowingStream<ChatDelta, any Error> {
        let object: [String: Any] = [
            "model": endpoint.model, "stream": true, "temperature": 0, "max_tokens": maximumTokens,
            "stream_options": ["include_usage": true],
            "messages": messages.map { ["role": $0.role.rawValue, "content": $0.content] },
        ]
        guard let body = try? JSONSerialization.data(withJSONObject: object) else {
            return AsyncThrowingStream { $0.finish(throwing: ModelError(.refused, "the messages are no JSON")) }
        }
        let events = client.stream(endpoint.request("/chat/completions", body: [UInt8](body)))
        let reader = ChatStreamReader(events: events)
        return AsyncThrowingStream { try await reader.next() }
    }
}

/// Pulls deltas out of the transfer's events. One consumer.
private actor ChatStreamReader {
    private var events: AsyncThrowingStream<HTTPEvent, any Error>.Iterator?
    private var parser = ServerSentEvents()
    private var ready: [ChatDelta] = []
    private var status = 0
    private var refusal: [UInt8] = []
    private var done = false
    /// The model has said that it is done; what follows is at most its usage.
    private var hasFinished = false

    init(events: AsyncThrowingStream<HTTPEvent, any Error>) {
        self.events = events.makeAsyncIterator()
    }

    func next() async throws -> ChatDelta? {
        while true {
            if !ready.isEmpty { return ready.removeFirst() }
            if done { return nil }
            guard let event = try await nextEvent() else { return try finish() }
            switch event {
            case .head(let status, _): self.status = status
            case .body(let bytes) where !(200...299).contains(status): refusal.append(contentsOf: bytes.prefix(1_000))
            case .body(let bytes): try read(bytes)
            }
        }
    }

    private func nextEvent() async throws(ModelError) -> HTTPEvent? {
        // The iterator leaves the actor for the wait, because it cannot be used from two places at a time.
        guard var iterator = events else { return nil }
        events = nil
        defer { events = iterator }
        do { return try await iterator.next(isolation: self) } catch let error as HTTPError {
            throw ModelError(error)
        } catch { throw ModelError(.unavailable, "\(error)") }
    }

    private func finish() throws(ModelError) -> ChatDelta? {
        done = true
        if let error = ModelError(status: status, body: refusal), status != 0 { throw error }
        // A server that dies may close its connection in order: half an answer must not pass for a whole one.
        guard hasFinished else { throw ModelError(.unavailable, "the model's stream has no end") }
        return nil
    }

    private func read(_ bytes: [UInt8]) throws(ModelError) {
        let events: [[UInt8]]
        do { events = try parser.received(bytes) } catch {
            throw ModelError(.invalidResponse, "an event of the model is too large")
        }
        for event in events {
            if event.elementsEqual("[DONE]".utf8) {
                done = true
                return
            }
            ready.append(contentsOf: try deltas(event))
        }
    }

    private func deltas(_ event: [UInt8]) throws(ModelError) -> [ChatDelta] {
        guard let object = try? JSONSerialization.jsonObject(with: Data(event)) as? [String: Any] else {
            throw ModelError(.invalidResponse, "an event of the model is no JSON")
        }
        if let error = object["error"], !(error is NSNull) {
            throw ModelError(.unavailable, "the model failed: \("\(error)".prefix(Self.quotedError))")
        }
        var deltas: [ChatDelta] = []
        if let choices = object["choices"] as? [[String: Any]], let first = choices.first {
            if first["finish_reason"] is String { hasFinished = true }
            if let delta = first["delta"] as? [String: Any], let text = delta["content"] as? String, !text.isEmpty {
                deltas.append(.text(text))
            }
        }
        if let usage = object["usage"] as? [String: Any] {
            deltas.append(
                .usage(
                    inputTokens: Self.count(usage["prompt_tokens"]),
                    outputTokens: Self.count(usage["completion_tokens"])))
        }
        return deltas
    }

    /// Characters of a server's error that go into the log.
    private static let quotedError = 300
    /// No answer has as many tokens.
    private static let mostTokens = 1e9

    /// What a server says of tokens, when it can be true.
    private static func count(_ value: Any?) -> Int64 {
        guard let number = (value as? NSNumber)?.doubleValue, number >= 0, number <= mostTokens else { return 0 }
        return Int64(number)
    }
}
