internal import Bytes
internal import Synchronization

/// Values by key, in bounded memory: what was used lately stays.
///
/// Two generations: what is looked up moves to the young one; when that holds half of the bytes, it becomes the old one and what
/// was old is dropped. So between half and all of the bound is in use, and nothing is ever sorted.
struct BoundedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private var young: [Key: (value: Value, bytes: Int)] = [:]
    private var old: [Key: (value: Value, bytes: Int)] = [:]
    private var youngBytes = 0
    private var oldBytes = 0
    /// Bytes that both generations may hold, by what `insert` was told.
    let limit: Int

    init(limit: Int) { self.limit = limit }

    var bytes: Int { youngBytes + oldBytes }
    var count: Int { young.count + old.count }

    mutating func value(for key: Key) -> Value? {
        if let found = young[key] { return found.value }
        guard let found = old.removeValue(forKey: key) else { return nil }
        oldBytes -= found.bytes
        insert(found.value, for: key, bytes: found.bytes)
        return found.value
    }

    /// What is larger than a generation is not kept.
    mutating func insert(_ value: Value, for key: Key, bytes: Int) {
        if let before = young.removeValue(forKey: key) { youngBytes -= before.bytes }
        if let before = old.removeValue(forKey: key) { oldBytes -= before.bytes }
        guard bytes <= limit / 2 else { return }
        if youngBytes + bytes > limit / 2 {
            (old, oldBytes) = (young, youngBytes)
            (young, youngBytes) = ([:], 0)
        }
        young[key] = (value, bytes)
        youngBytes += bytes
    }
}

/// What a process remembers of queries: how they were read and embedded, and what they found.
///
/// Nothing crosses: tenant, groups, scope and filter are part of the key, and of an embedding the tenant too, since a fast answer
/// would tell that somebody else has asked the same. Nothing is stale: what a query found is used only when the database says, in
/// the statement that would search, that the corpus has still the version that was searched; whoever changes it gives it another
/// one in the same transaction.
final class QueryCache: Sendable {
    enum Limits {
        /// Bytes of embeddings: 16 MiB, some 6,000 queries of 512 dimensions.
        static let embeddingBytes = 16 << 20
        /// Bytes of results: 32 MiB, some 3,000 of ten passages.
        static let resultBytes = 32 << 20
        /// Tenants whose hits are counted; beyond it counting starts afresh.
        static let tenants = 4_096
    }

    struct ResultKey: Hashable, Sendable {
        let caller: Caller
        let query: String
        let context: String
        let scope: SearchScope
        let limit: Int
        let model: String
        let analyzer: Int
        let weights: FusionWeights
    }

    struct EmbeddingKey: Hashable, Sendable {
        let tenant: UUID128
        let query: String
        let context: String
        let model: String
        let analyzer: Int
    }

    /// How often a look helped, of one tenant.
    struct Rate: Sendable {
        var looks = 0
        var hits = 0
        var share: Double { looks == 0 ? 0 : Double(hits) / Double(looks) }
    }

    struct Rates: Sendable {
        var embeddings = Rate()
        var results = Rate()
    }

    private struct State {
        var embeddings: BoundedCache<EmbeddingKey, AnalysedQuery>
        var results: BoundedCache<ResultKey, SearchResult>
        var rates: [UUID128: Rates] = [:]

        mutating func count(_ tenant: UUID128, _ rate: WritableKeyPath<Rates, Rate>, hit: Bool) {
            if rates.count >= Limits.tenants, rates[tenant] == nil { rates.removeAll() }
            rates[tenant, default: Rates()][keyPath: rate].looks += 1
            if hit { rates[tenant, default: Rates()][keyPath: rate].hits += 1 }
        }
    }

    private let state: Mutex<State>

    init(embeddingBytes: Int = Limits.embeddingBytes, resultBytes: Int = Limits.resultBytes) {
        state = Mutex(
            State(embeddings: BoundedCache(limit: embeddingBytes), results: BoundedCache(limit: resultBytes)))
    }

    func query(_ key: EmbeddingKey) -> AnalysedQuery? {
        state.withLock { state in
            let found = state.embeddings.value(for: key)
            state.count(key.tenant, \.embeddings, hit: found != nil)
            return found
        }
    }

    func remember(_ query: AnalysedQuery, for key: EmbeddingKey) {
        let bytes = query.vector.count * 4 + query.text.utf8.count * 8 + 1_024
        state.withLock { $0.embeddings.insert(query, for: key, bytes: bytes) }
    }

    /// What the same search found; whether it still holds, the database says.
    func result(_ key: ResultKey) -> SearchResult? { state.withLock { $0.results.value(for: key) } }

    func note(_ tenant: UUID128, isHit: Bool) { state.withLock { $0.count(tenant, \.results, hit: isHit) } }

    func remember(_ result: SearchResult, for key: ResultKey) {
        let bytes = result.passages.reduce(key.query.utf8.count + 512) { sum, passage in
            sum + passage.content.utf8.count + passage.title.utf8.count + passage.titlePath.utf8.count + 256
        }
        state.withLock { $0.results.insert(result, for: key, bytes: bytes) }
    }

    func rates(of tenant: UUID128) -> Rates { state.withLock { $0.rates[tenant] ?? Rates() } }

    /// Bytes in use, by its own count.
    var bytes: (embeddings: Int, results: Int) { state.withLock { ($0.embeddings.bytes, $0.results.bytes) } }
}
