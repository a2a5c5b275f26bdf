public import Synchronization

/// What a process remembers of rows whose changes the database announces, until it hears that they changed.
///
/// A value that a thread has looked up before is found without a lock; an announcement reaches all threads by one store.
/// The cache may be used for so long after the moment when the channel was last seen to work (`limits.staleness`), and
/// not at all while it is known to be broken: then every look-up says `ask`.
///
/// What can go wrong, and how it is met:
/// - A row changes after it was remembered: the announcement drops it. If the announcement is lost, the cache ends with
///   the channel's staleness.
/// - A row changes while a look-up is on its way: the look-up carries the `Ticket` of its start, and what it brings is
///   not remembered when the row was announced in between.
/// - Somebody tries keys at random: what is not there is remembered apart, in a bounded set of its own.
public final class AnnouncedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// What the cache has to say about a key.
    public enum Answer: Sendable {
        case found(Value)
        /// It was looked up and is not there.
        case absent
        case ask(AnnouncedTicket)
    }

    private let entries: Mutex<AnnouncedEntries<Key, Value>>
    @usableFromInline let fronts: ThreadLocal<AnnouncedFront<Key, Value>>
    /// Monotonic; 0 while the channel is not to be trusted.
    @usableFromInline let trustedUntilMicros = Atomic<Int64>(0)
    public let limits: AnnouncedLimits

    public init(limits: AnnouncedLimits = .defaults) {
        self.limits = limits
        entries = Mutex(AnnouncedEntries(limits: limits))
        fronts = ThreadLocal { AnnouncedFront() }
    }

    /// What this thread has found before and still holds. Neither locks nor allocates. `now` is monotonic, in microseconds.
    @inlinable public func recall(_ key: Key, now: Int64) -> Value? {
        guard now < trustedUntilMicros.load(ordering: .acquiring), let entry = fronts.here().entries[key],
            now < entry.endMicros,
            entry.isGood.load(ordering: .acquiring)
        else { return nil }
        return entry.value
    }

    /// What any thread has found.
    public func lookUp(_ key: Key, now: Int64) -> Answer {
        let isTrusted = now < trustedUntilMicros.load(ordering: .acquiring)
        let answer = entries.withLock { entries in
            isTrusted ? entries.lookUp(key, now: now) : .ask(entries.draw(key))
        }
        switch answer {
        case .found(let entry):
            fronts.here().keep(entry, key)
            return .found(entry.value)
        case .absent: return .absent
        case .ask(let ticket): return .ask(ticket)
        }
    }

    /// Remembers what a look-up brought, unless its key was announced since the ticket was drawn. Every ticket is to be
    /// brought back: by this or by `giveUp`.
    public func remember(_ key: Key, _ value: Value?, ticket: AnnouncedTicket, now: Int64) {
        let isTrusted = now < trustedUntilMicros.load(ordering: .acquiring)
        let entry = entries.withLock { entries in
            isTrusted ? entries.remember(key, value, ticket: ticket, now: now) : entries.giveUp(key, ticket)
        }
        if let entry { fronts.here().keep(entry, key) }
    }

    /// The look-up failed.
    public func giveUp(_ key: Key, ticket: AnnouncedTicket) { _ = entries.withLock { $0.giveUp(key, ticket) } }

    /// Drops one key.
    public func forget(_ key: Key) { entries.withLock { $0.forget(key) } }

    /// Drops what the body is true of.
    public func forget(where body: (Key, Value) -> Bool) { entries.withLock { $0.forget(where: body) } }

    public func forgetEverything() { entries.withLock { $0.forgetEverything() } }

    /// How many keys are remembered, those that do not exist included.
    public var count: Int { entries.withLock { $0.count } }

    /// Everything that was announced before `moment` (monotonic, in microseconds) has been heard.
    public func heardAll(before moment: Int64) {
        trustedUntilMicros.max(moment + limits.stalenessMicros, ordering: .releasing)
    }

    /// Announcements may be lost from now on.
    public func distrust() {
        trustedUntilMicros.store(0, ordering: .releasing)
        forgetEverything()
    }
}

/// The bounds of a cache.
public struct AnnouncedLimits: Sendable, Hashable {
    /// How long an entry may be used without asking again.
    public var lifetimeMicros: Int64
    /// How many keys are remembered; beyond it the cache starts afresh.
    public var maximumEntries: Int
    /// How long the cache may be used after the moment up to which everything that was announced has been heard.
    public var stalenessMicros: Int64

    public init(lifetimeMicros: Int64, maximumEntries: Int, stalenessMicros: Int64 = 2_000_000) {
        self.lifetimeMicros = lifetimeMicros
        self.maximumEntries = maximumEntries
        self.stalenessMicros = stalenessMicros
    }

    /// A minute, 65,536 keys and 2 seconds.
    public static var defaults: AnnouncedLimits {
        AnnouncedLimits(lifetimeMicros: 60_000_000, maximumEntries: 65_536, stalenessMicros: 2_000_000)
    }
}
