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

    /// Notes that a tenant's key was used. `now` is monotonic, in microseconds.
    mutating func note(_ keyID: String, tenant: UUID128, now: Int64) {
        if let next = nextMicros[keyID], now < next { return }
        if nextMicros.count >= Self.maximumKeys { nextMicros.removeAll(keepingCapacity: true) }
        nextMicros[keyID] = now + Self.intervalMicros
        if pending.count < Self.maximumKeys { pending[keyID] = tenant }
    }

    /// What is to be written down now.
    mutating func take() -> [(keyID: String, tenant: UUID128)] {
        defer { pending.removeAll() }
        return pending.map { ($0.key, $0.value) }
    }
}
