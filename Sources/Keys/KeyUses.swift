internal import Bytes

/// Which keys were used lately and not yet written down. A pure value.
///
/// A use costs one dictionary look-up on the hot path; the write happens elsewhere, at most once a minute per key and
/// process. Losing some of it costs nothing but the freshness of `last_used_time`.
struct KeyUses: Sendable {
    /// How often the use of one key is written down, in microseconds: once a minute.
    static let intervalMicros: Int64 = 60_000_000
    /// How many keys are tracked; beyond it the tracking starts afresh.
    static let maximumKeys = 65_536

    private var nextMicros: [String: Int64] = [:]
    private var pending: [String: UUID128] = [:]
    private var rehashed: [RehashedSecret] = []

    /// Notes that a tenant's key was used. `now` is monotonic, in microseconds.
    mutating func note(_ keyID: String, tenant: UUID128, now: Int64) {
        if let next = nextMicros[keyID], now < next { return }
        if nextMicros.count >= Self.maximumKeys { nextMicros.removeAll(keepingCapacity: true) }
        nextMicros[keyID] = now + Self.intervalMicros
        if pending.count < Self.maximumKeys { pending[keyID] = tenant }
    }

    /// Notes the new hash of a secret that was used.
    mutating func note(_ secret: RehashedSecret) {
        if rehashed.count < Self.maximumKeys { rehashed.append(secret) }
    }

    /// The new hashes that are to be written down now.
    mutating func takeRehashed() -> [RehashedSecret] {
        defer { rehashed = [] }
        return rehashed
    }

    /// What is to be written down now.
    mutating func take() -> [(keyID: String, tenant: UUID128)] {
        defer { pending.removeAll() }
        return pending.map { ($0.key, $0.value) }
    }
}

/// A secret whose hash is to be written down anew, since the pepper has changed.
struct RehashedSecret: Sendable {
    let tenant: UUID128
    let keyID: String
    let generation: Int
    let oldHash: [UInt8]
    let pepperVersion: Int32
    let hash: [UInt8]
}
