import Models
import Synchronization

/// Remembers what it embedded: a long run asks the same questions again and again.
final class RememberingEmbedder: TextEmbedder {
    private let inner: any TextEmbedder
    private let known = Mutex<[String: [Float]]>([:])
    private static let most = 50_000

    init(_ inner: any TextEmbedder) { self.inner = inner }

    var model: String { inner.model }
    var dimension: Int { inner.dimension }

    func embed(_ texts: [String]) async throws(ModelError) -> [[Float]] {
        let missing = known.withLock { known in Array(Set(texts.filter { known[$0] == nil })) }
        let vectors = missing.isEmpty ? [] : try await inner.embed(missing)
        return known.withLock { known in
            if known.count > Self.most { known = known.filter { texts.contains($0.key) } }
            for (text, vector) in zip(missing, vectors) { known[text] = vector }
            return texts.map { known[$0] ?? [] }
        }
    }
}

extension RealEmbedder {
    /// The embedding server that ships, asked once for each text: for tests that ask the same questions again and again.
    func remembering() async throws -> RememberingEmbedder {
        if let memory { return memory }
        let made = RememberingEmbedder(try await client())
        memory = made
        return made
    }
}
