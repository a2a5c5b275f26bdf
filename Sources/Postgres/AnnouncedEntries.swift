public import Synchronization

/// A remembered value, shared by all threads that have found it.
@usableFromInline final class AnnouncedEntry<Value: Sendable>: Sendable {
    @usableFromInline let value: Value
    /// Monotonic.
    @usableFromInline let endMicros: Int64
    /// Until its key is announced.
    @usableFromInline let isGood = Atomic<Bool>(true)

    init(_ value: Value, endMicros: Int64) {
        self.value = value
        self.endMicros = endMicros
    }

    func drop() { isGood.store(false, ordering: .releasing) }
}

/// What one thread has found. Seen by that thread alone.
@usableFromInline final class AnnouncedFront<Key: Hashable & Sendable, Value: Sendable> {
    /// Entries of one thread; beyond it the thread starts afresh, which costs a lock for each key.
    static var maximumEntries: Int { 16_384 }

    @usableFromInline private(set) var entries: [Key: AnnouncedEntry<Value>] = [:]

    func keep(_ entry: AnnouncedEntry<Value>, _ key: Key) {
        if entries.count >= Self.maximumEntries { entries.removeAll(keepingCapacity: true) }
        entries[key] = entry
    }
}

/// Says which look-up something is the result of.
public struct AnnouncedTicket: Sendable, Hashable {
    fileprivate let number: UInt64
}

/// What all threads of a process remember, as a value: the caller brings time and locks. `AnnouncedCache` says what can
/// go wrong and how it is met.
struct AnnouncedEntries<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    enum Answer: Sendable {
        case found(AnnouncedEntry<Value>)
        case absent
        case ask(AnnouncedTicket)
    }

    /// Look-ups of one key that are on their way.
    private struct Flight: Sendable {
        let ticket: AnnouncedTicket
        var askers: Int
    }

    private let limits: AnnouncedLimits
    private var entries: [Key: AnnouncedEntry<Value>] = [:]
    private var absent: [Key: Int64] = [:]
    private var flights: [Key: Flight] = [:]
    private var tickets: UInt64 = 0

    init(limits: AnnouncedLimits) { self.limits = limits }

    var count: Int { entries.count + absent.count }
    /// How many keys are being looked up.
    var flying: Int { flights.count }

    mutating func lookUp(_ key: Key, now: Int64) -> Answer {
        if let entry = entries[key], now < entry.endMicros { return .found(entry) }
        if let end = absent[key], now < end { return .absent }
        return .ask(draw(key))
    }

    /// Begins a look-up.
    mutating func draw(_ key: Key) -> AnnouncedTicket {
        if var flight = flights[key] {
            flight.askers += 1
            flights[key] = flight
            return flight.ticket
        }
        // Look-ups that never end, which would be a defect, must not fill the memory.
        if flights.count >= limits.maximumEntries { flights.removeAll(keepingCapacity: true) }
        tickets += 1
        let ticket = AnnouncedTicket(number: tickets)
        flights[key] = Flight(ticket: ticket, askers: 1)
        return ticket
    }

    /// The entry that was made of what a look-up brought, if any was.
    mutating func remember(
        _ key: Key, _ value: Value?, ticket: AnnouncedTicket, now: Int64
    ) -> AnnouncedEntry<Value>? {
        guard end(key, ticket) else { return nil }
        let end = now + limits.lifetimeMicros
        if let value {
            if entries.count >= limits.maximumEntries { dropEntries() }
            let entry = AnnouncedEntry(value, endMicros: end)
            entries.updateValue(entry, forKey: key)?.drop()
            absent[key] = nil
            return entry
        }
        if absent.count >= limits.maximumEntries { absent.removeAll(keepingCapacity: true) }
        absent[key] = end
        entries.removeValue(forKey: key)?.drop()
        return nil
    }

    /// A look-up ended without a result. Nil, for the caller's convenience.
    mutating func giveUp(_ key: Key, _ ticket: AnnouncedTicket) -> AnnouncedEntry<Value>? {
        _ = end(key, ticket)
        return nil
    }

    /// Whether nothing was announced of the key since the ticket was drawn.
    private mutating func end(_ key: Key, _ ticket: AnnouncedTicket) -> Bool {
        guard var flight = flights[key], flight.ticket == ticket else { return false }
        flight.askers -= 1
        flights[key] = flight.askers > 0 ? flight : nil
        return true
    }

    mutating func forget(_ key: Key) {
        entries.removeValue(forKey: key)?.drop()
        absent[key] = nil
        flights[key] = nil
    }

    /// What is looked up at the moment may be concerned as well.
    mutating func forget(where body: (Key, Value) -> Bool) {
        flights.removeAll(keepingCapacity: true)
        for (key, entry) in entries where body(key, entry.value) {
            entry.drop()
            entries[key] = nil
        }
    }

    mutating func forgetEverything() {
        flights.removeAll(keepingCapacity: true)
        absent.removeAll(keepingCapacity: true)
        dropEntries()
    }

    /// Each is dropped by itself: threads that found it before do not look here again.
    private mutating func dropEntries() {
        for entry in entries.values { entry.drop() }
        entries.removeAll(keepingCapacity: true)
    }
}
