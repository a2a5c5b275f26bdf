import Foundation
import Logging
import Support
import Synchronization
import Testing

@testable import Postgres

/// The channel on a real server: what it tells, and in which order.
@Suite(.timeLimit(.minutes(2))) struct AnnouncedChannelTests {
    /// What the channel has told, for a test that goes through it from the beginning.
    private final class Told: Sendable {
        private let events = Mutex<[AnnouncedChannel.Event]>([])
        private let read = Mutex(0)

        func tell(_ event: AnnouncedChannel.Event) { events.withLock { $0.append(event) } }

        /// What was told since the last question, up to the word that all before a later moment was heard.
        func untilHeard(after moment: Int64) async throws -> [AnnouncedChannel.Event] {
            let start = read.withLock { $0 }
            while true {
                let events = events.withLock { $0 }
                if let index = events[start...].firstIndex(where: { AnnouncedChannelTests.isHeard($0, after: moment) })
                {
                    read.withLock { $0 = index + 1 }
                    return Array(events[start...index])
                }
                try await Task.sleep(for: .milliseconds(2))
            }
        }
    }

    private func listening(
        _ test: TestDatabase, _ body: @Sendable (Told) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let channel = AnnouncedChannel("ragdz_keys", of: test.database, logger: logger)
        let told = Told()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await channel.run { told.tell($0) } }
            do { try await body(told) } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
        }
    }

    private static func isHeard(_ event: AnnouncedChannel.Event, after moment: Int64) -> Bool {
        if case .heardAll(let before) = event { before > moment } else { false }
    }

    /// Whoever hears that everything before a moment was heard has heard it.
    @Test func announcementsComeBeforeTheWordThatAllWereHeard() async throws {
        let test = try await TestDatabase.fresh()
        try await listening(test) { told in
            _ = try await told.untilHeard(after: 0)
            for round in 0..<20 {
                try await test.asOwner("select pg_notify('ragdz_keys', 'round \(round)')")
                let committed = AnnouncedChannel.nowMicros()
                let seen = try await told.untilHeard(after: committed)
                #expect(seen.contains(.announced("round \(round)")))
            }
        }
        await test.close()
    }

    @Test func aKilledListenerIsSaidAndBeatsAgain() async throws {
        let test = try await TestDatabase.fresh()
        try await listening(test) { told in
            for _ in 0..<3 {
                _ = try await told.untilHeard(after: AnnouncedChannel.nowMicros() - 10_000_000)
                try await test.asOwner(
                    """
                    select pg_terminate_backend(pid) from pg_stat_activity
                    where datname = current_database() and usename = 'ragdz_app' and (query ~* '^(listen|notify)' or query = '')
                    """)
                let killed = AnnouncedChannel.nowMicros()
                let seen = try await told.untilHeard(after: killed)
                #expect(seen.contains(.lost))
            }
        }
        await test.close()
    }

    /// Two processes beat on one channel; neither takes the other's beat for its own.
    @Test func aBeatOfAnotherProcessProvesNothing() async throws {
        let test = try await TestDatabase.fresh()
        let far = AnnouncedChannel.nowMicros() + 3_600_000_000
        try await listening(test) { told in
            _ = try await told.untilHeard(after: 0)
            try await test.asOwner("select pg_notify('ragdz_keys', 'beat:other:\(far)')")
            let now = AnnouncedChannel.nowMicros()
            let seen = try await told.untilHeard(after: now)
            let foreign = seen.filter { Self.isHeard($0, after: far - 1) || $0 == .announced("beat:other:\(far)") }
            #expect(foreign.isEmpty)
        }
        await test.close()
    }
}
