public import Bytes

/// What a process remembers about looked-up credentials. A pure value: the caller brings time and locks.
///
/// What can go wrong, and how it is met:
/// - A key changes after it was remembered: the database announces it and `forget` drops the entry; if the announcement
///   is lost, the entry dies of old age.
/// - A key changes while a lookup is on its way: the lookup carries the `Ticket` of its start, and what it brings is
///   not remembered if anything was forgotten in between.
/// - The announcements stop: `distrust` empties the cache and nothing is remembered until `trust`; every call asks the
///   database then, so a revoked key is refused or, with the database away too, nobody is let in.
/// - Somebody tries ids at random: what is not there is remembered apart, in a bounded set of its own.
public struct KeyCache: Sendable {
    /// The bounds of a cache.
    public struct Limits: Sendable, Hashable {
        /// How long an entry may be used without asking again.
        public var lifetimeMicros: Int64
        /// How many credentials are remembered; beyond it the cache starts afresh.
        public var maximumEntries: Int

        public init(lifetimeMicros: Int64, maximumEntries: Int) {
            self.lifetimeMicros = lifetimeMicros
            self.maximumEntries = maximumEntries
        }

        /// 5 seconds and 65,536 credentials.
        public static var defaults: Limits { Limits(lifetimeMicros: 5_000_000, maximumEntries: 65_536) }
    }

    /// The state of the cache when a lookup began.
    public struct Ticket: Sendable, Hashable {
        fileprivate var changes: UInt64
    }

    /// What the cache has to say about a credential.
    public enum Answer: Sendable, Hashable {
        case found(KeyRecord)
        case absent
        case ask(Ticket)
    }

    /// An announcement of the database on the channel `ragdz_keys`.
    public enum Announcement: Sendable, Hashable {
        case credential(APIKey.Reference)
        case tenant(UUID128)

        /// Reads `key:<id>`, `operator:<id>`, `session:<uuid>` or `tenant:<uuid>`; nil for anything else.
        public init?(_ payload: String) {
            let parts = payload.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { return nil }
            switch parts[0] {
            case "key": self = .credential(.init(kind: .live, id: String(parts[1])))
            case "operator": self = .credential(.init(kind: .platformOperator, id: String(parts[1])))
            case "session": self = .credential(.init(kind: .session, id: String(parts[1])))
            case "tenant":
                guard let tenant = UUID128(parts[1]) else { return nil }
                self = .tenant(tenant)
            default: return nil
            }
        }
    }

    private struct Entry: Sendable {
        var record: KeyRecord
        var endMicros: Int64
    }

    private let limits: Limits
    private var entries: [APIKey.Reference: Entry] = [:]
    private var absent: [APIKey.Reference: Int64] = [:]
    private var changes: UInt64 = 0
    private var isTrusted = false

    /// Starts without trust: nothing is remembered before the announcements arrive.
    public init(limits: Limits = .defaults) { self.limits = limits }

    /// How many credentials are remembered, those that do not exist included.
    public var count: Int { entries.count + absent.count }

    /// Looks a credential up. `now` is monotonic, in microseconds.
    public func lookUp(_ key: APIKey.Reference, now: Int64) -> Answer {
        if let entry = entries[key], now < entry.endMicros { return .found(entry.record) }
        if let end = absent[key], now < end { return .absent }
        return .ask(Ticket(changes: changes))
    }

    /// Remembers what a lookup brought, unless something changed since its ticket was drawn.
    public mutating func remember(_ key: APIKey.Reference, _ record: KeyRecord?, ticket: Ticket, now: Int64) {
        guard isTrusted, ticket.changes == changes else { return }
        let end = now + limits.lifetimeMicros
        if let record {
            if entries.count >= limits.maximumEntries { entries.removeAll(keepingCapacity: true) }
            entries[key] = Entry(record: record, endMicros: end)
            absent[key] = nil
        } else {
            if absent.count >= limits.maximumEntries { absent.removeAll(keepingCapacity: true) }
            absent[key] = end
            entries[key] = nil
        }
    }

    /// Drops what an announcement is about.
    public mutating func forget(_ announcement: Announcement) {
        changes &+= 1
        switch announcement {
        case .credential(let key):
            entries[key] = nil
            absent[key] = nil
        case .tenant(let tenant):
            entries = entries.filter { _, entry in
                entry.record.owner.tenant != tenant
            }
        }
    }

    /// Announcements may be lost from now on.
    public mutating func distrust() {
        isTrusted = false
        forgetEverything()
    }

    /// Announcements arrive from now on.
    public mutating func trust() {
        isTrusted = true
        forgetEverything()
    }

    /// Drops everything, for an announcement that cannot be read.
    public mutating func forgetEverything() {
        changes &+= 1
        entries.removeAll(keepingCapacity: true)
        absent.removeAll(keepingCapacity: true)
    }
}
