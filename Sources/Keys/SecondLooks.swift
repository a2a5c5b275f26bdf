/// How often a process compares a secret that does not fit what it remembers of a key with the database.
///
/// After a rotation the new secret can reach a process before the announcement does: one look tells. Who presents wrong
/// secrets of a key that exists gets looks as well, so they are counted: at most `Limits.burst` at once and
/// `Limits.perSecond` in the long run, for all keys together. A secret that gets none is refused as unknown.
struct SecondLooks: Sendable {
    enum Limits {
        static let perSecond: Int64 = 200
        static let burst: Int64 = 200
    }

    /// When the next look would be due if they came evenly; monotonic, in microseconds.
    private var dueMicros: Int64 = 0

    /// Takes one, if there is one. `now` is monotonic, in microseconds.
    mutating func take(now: Int64) -> Bool {
        let interval = 1_000_000 / Limits.perSecond
        let due = max(dueMicros, now) + interval
        guard due - now <= interval * Limits.burst else { return false }
        dueMicros = due
        return true
    }
}
