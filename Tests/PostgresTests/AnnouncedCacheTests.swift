import Foundation
import Testing

@testable import Postgres

/// The cache on a clock of its own: a transcript of look-ups and announcements.
@Suite struct AnnouncedCacheTests {
    static let limits = AnnouncedLimits(lifetimeMicros: 100, maximumEntries: 3, stalenessMicros: 1_000)
    let cache = AnnouncedCache<String, Int>(limits: limits)

    struct Unexpected: Error {}

    func ask(_ key: String, now: Int64) throws -> AnnouncedTicket {
        guard case .ask(let ticket) = cache.lookUp(key, now: now) else { throw Unexpected() }
        return ticket
    }

    /// What the cache says: a value, -1 for absent, nil for a question.
    func said(_ key: String, now: Int64) -> Int? {
        switch cache.lookUp(key, now: now) {
        case .found(let value): return value
        case .absent: return -1
        case .ask(let ticket):
            cache.giveUp(key, ticket: ticket)
            return nil
        }
    }

    func remember(_ key: String, _ value: Int?, now: Int64) throws {
        cache.remember(key, value, ticket: try ask(key, now: now), now: now)
    }

    @Test func anEntryLivesForItsLifetime() throws {
        cache.heardAll(before: 0)
        #expect(cache.recall("a", now: 0) == nil)
        try remember("a", 7, now: 0)
        #expect(cache.recall("a", now: 99) == 7 && said("a", now: 99) == 7)
        #expect(cache.recall("a", now: 100) == nil && said("a", now: 100) == nil)
    }

    @Test func nothingIsRememberedBeforeTheChannelWorks() throws {
        try remember("a", 7, now: 0)
        #expect(cache.count == 0)
        cache.heardAll(before: 0)
        try remember("a", 7, now: 0)
        #expect(said("a", now: 1) == 7)
        cache.distrust()
        #expect(cache.recall("a", now: 1) == nil && said("a", now: 1) == nil)
        try remember("a", 7, now: 1)
        #expect(cache.count == 0)
    }

    /// Nobody says that the channel is broken; it is only silent.
    @Test func aSilentChannelEndsTheCache() throws {
        cache.heardAll(before: 950)
        try remember("a", 7, now: 1_900)
        #expect(cache.recall("a", now: 1_949) == 7)
        #expect(cache.recall("a", now: 1_950) == nil && said("a", now: 1_950) == nil)
        // What was announced before the silence ended has been heard when it ends: the entry is still good.
        cache.heardAll(before: 1_960)
        #expect(cache.recall("a", now: 1_961) == 7)
        // A beat that was late proves less than the one before it.
        cache.heardAll(before: 0)
        #expect(cache.recall("a", now: 1_961) == 7)
    }

    @Test func anAnnouncementDropsItsKeyForEveryThread() async throws {
        cache.heardAll(before: 0)
        try remember("a", 7, now: 0)
        try remember("b", 8, now: 0)
        #expect(cache.recall("a", now: 1) == 7)
        // Another thread finds it, forgets it, and this one sees that.
        await onAThreadOfItsOwn { [cache] in
            #expect(cache.recall("a", now: 1) == nil, "what a thread has found is its own")
            guard case .found(7) = cache.lookUp("a", now: 1) else { return #expect(Bool(false)) }
            #expect(cache.recall("a", now: 1) == 7)
            cache.forget("a")
        }
        #expect(cache.recall("a", now: 1) == nil && said("a", now: 1) == nil)
        #expect(said("b", now: 1) == 8)
        cache.forget { key, value in key == "b" && value == 8 }
        #expect(cache.recall("b", now: 1) == nil && cache.count == 0)
    }

    @Test func aLookUpThatWasOvertakenIsNotRemembered() throws {
        cache.heardAll(before: 0)
        let overtakings: [() -> Void] = [
            { cache.forget("a") }, { cache.forget { _, _ in false } }, { cache.forgetEverything() },
            {
                cache.distrust()
                cache.heardAll(before: 0)
            },
        ]
        for overtake in overtakings {
            let ticket = try ask("a", now: 0)
            overtake()
            // One that began after the announcement is good, though the other one is still on its way.
            let second = try ask("a", now: 0)
            #expect(ticket != second)
            cache.remember("a", 7, ticket: ticket, now: 1)
            #expect(cache.count == 0)
            cache.remember("a", 8, ticket: second, now: 1)
            #expect(said("a", now: 2) == 8)
            cache.forgetEverything()
        }
        // An announcement about another key does not matter.
        let ticket = try ask("a", now: 0)
        cache.forget("b")
        cache.remember("a", 7, ticket: ticket, now: 1)
        #expect(said("a", now: 2) == 7)
    }

    @Test func absenceIsRememberedApart() throws {
        cache.heardAll(before: 0)
        try remember("a", 7, now: 0)
        for guess in 0..<10 { try remember("guess \(guess)", nil, now: 0) }
        #expect(said("guess 9", now: 1) == -1)
        #expect(said("a", now: 1) == 7, "guessing does not push real keys out")
        #expect(cache.count <= 4)
        cache.forget("guess 9")
        #expect(said("guess 9", now: 1) == nil)
        // What is pushed out by too many is gone for the threads that had found it, too.
        for key in ["b", "c", "d"] { try remember(key, 1, now: 0) }
        #expect(cache.recall("a", now: 1) == nil && said("a", now: 1) == nil && said("d", now: 1) == 1)
    }

    private func onAThreadOfItsOwn(_ body: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                body()
                continuation.resume()
            }
        }
    }
}
