import Bytes
import Logging
import Postgres
import ProtoRuntime
import RPC
import Support
import Testing

@testable import Streams

/// The journal on a real database, as the role that owns nothing.
@Suite struct PostgresStreamJournalTests {
    let database: TestDatabase
    let journal: PostgresStreamJournal
    let tenant = UUID128.v4()

    init() async throws {
        database = try await TestDatabase.fresh()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        journal = PostgresStreamJournal(
            database: database.database, limits: .init(bytesPerStream: 100, purgeBatch: 2), logger: logger)
    }

    func stream(_ tenant: UUID128? = nil) -> StreamName {
        StreamName(tenant: tenant ?? self.tenant, id: .v4(), method: "/test.S/Say")
    }

    func reason(_ body: () async throws -> Void) async -> String? {
        do {
            try await body()
            return nil
        } catch { return (error as? Status)?.reason ?? "\(error)" }
    }

    @Test func whatWasSaidComesBackInItsOrder() async throws {
        let name = stream()
        let epoch = try await journal.begin(name, request: [1, 2])
        try await journal.append(name, epoch: epoch, after: 0, [[1], [], [2, 3]])
        try await journal.append(name, epoch: epoch, after: 3, [[4]])
        let open = try await journal.resume(name, request: [1, 2], after: 2)
        #expect(open.messages == [[1], [], [2, 3], [4]])
        #expect(open.firstSequence == 1 && open.lastSequence == 4 && open.end == nil)
        try await journal.end(name, epoch: open.epoch, after: 4, [9, 9])
        let over = try await journal.resume(name, request: [1, 2], after: 4)
        #expect(over.end == [9, 9])
        #expect(over.messages.count == 4)
    }

    @Test func theNewerCallWins() async throws {
        let name = stream()
        let first = try await journal.begin(name, request: [])
        try await journal.append(name, epoch: first, after: 0, [[1]])
        let second = try await journal.resume(name, request: [], after: 1)
        #expect(await reason { try await journal.append(name, epoch: first, after: 1, [[2]]) } == "STREAM_TAKEN_OVER")
        #expect(await reason { try await journal.end(name, epoch: first, after: 1, []) } == "STREAM_TAKEN_OVER")
        try await journal.append(name, epoch: second.epoch, after: 1, [[3]])
        // Two writers at once: the database lets one of them have the place.
        let epoch = second.epoch
        let outcomes = await withTaskGroup(of: String?.self) { group in
            for value in 0..<8 as Range<UInt8> {
                group.addTask { await reason { try await journal.append(name, epoch: epoch, after: 2, [[value]]) } }
            }
            return await group.reduce(into: [String?]()) { $0.append($1) }
        }
        #expect(outcomes.filter { $0 == nil }.count == 1)
        #expect(try await journal.resume(name, request: [], after: 3).messages.count == 3)
    }

    @Test func whatDoesNotFitIsRefused() async throws {
        let name = stream()
        let epoch = try await journal.begin(name, request: [1])
        try await journal.append(name, epoch: epoch, after: 0, [[1]])
        #expect(await reason { _ = try await journal.resume(name, request: [2], after: 1) } == "STREAM_REQUEST_DIFFERS")
        #expect(await reason { _ = try await journal.resume(name, request: [1], after: 2) } == "STREAM_POSITION")
        let method = StreamName(tenant: tenant, id: name.id, method: "/test.S/Other")
        #expect(
            await reason { _ = try await journal.resume(method, request: [1], after: 1) } == "STREAM_REQUEST_DIFFERS")
        #expect(await reason { _ = try await journal.resume(stream(), request: [1], after: 0) } == "STREAM_UNKNOWN")
        let foreign = StreamName(tenant: .v4(), id: name.id, method: name.method)
        #expect(await reason { _ = try await journal.resume(foreign, request: [1], after: 0) } == "STREAM_UNKNOWN")
        #expect(
            await reason { try await journal.append(foreign, epoch: epoch, after: 1, [[2]]) } == "STREAM_TAKEN_OVER")
    }

    @Test func oldMessagesGiveWay() async throws {
        let name = stream()
        let epoch = try await journal.begin(name, request: [])
        for number in 0..<10 as Range<UInt8> {
            try await journal.append(
                name, epoch: epoch, after: UInt64(number), [[UInt8](repeating: number, count: 30)])
        }
        let record = try await journal.resume(name, request: [], after: 9)
        #expect(record.lastSequence == 10)
        #expect(record.messages.count <= 4 && !record.messages.isEmpty, "100 bytes are kept")
        #expect(record.messages.last == [UInt8](repeating: 9, count: 30))
        #expect(await reason { _ = try await journal.resume(name, request: [], after: 1) } == "STREAM_POSITION_LOST")
    }

    @Test func whatHasExpiredIsPurgedAndTold() async throws {
        var names: [StreamName] = []
        for _ in 0..<5 {
            let name = stream()
            let epoch = try await journal.begin(name, request: [])
            try await journal.append(name, epoch: epoch, after: 0, [[1]])
            names.append(name)
        }
        try await database.asOwner(
            "update ragdz.streams set expire_time = clock_timestamp() - interval '1 second' where id <> $1",
            [names[0].id])
        #expect(await reason { _ = try await journal.resume(names[1], request: [], after: 1) } == "STREAM_EXPIRED")
        var purged = 0
        for _ in 0..<5 { purged += try await journal.purge() }
        #expect(purged == 4)
        #expect(await reason { _ = try await journal.resume(names[1], request: [], after: 1) } == "STREAM_EXPIRED")
        let left = try await database.asOwner("select count(*) as n from ragdz.stream_messages")
        #expect(try left[0].get("n", as: Int64.self) == 1)
        try await database.asOwner(
            "update ragdz.streams set expire_time = clock_timestamp() - interval '2 days' where id <> $1", [names[0].id]
        )
        try await journal.purge()
        #expect(await reason { _ = try await journal.resume(names[1], request: [], after: 1) } == "STREAM_UNKNOWN")
        #expect(try await journal.resume(names[0], request: [], after: 1).messages == [[1]])
    }

    @Test func onlyTenantsStreamsAreKept() {
        #expect(journal.keeper(of: .anonymous) == nil)
        #expect(journal.keeper(of: .platformOperator(name: "root")) == nil)
        #expect(journal.keeper(of: .tenantKey(tenant: tenant, keyID: "k", scopes: .none)) == tenant)
    }

    @Test func batchesAreReadStrictly() throws {
        for messages in [[], [[]], [[1], [], [2, 3]]] as [[[UInt8]]] {
            #expect(try MessageBatch.split(MessageBatch.join(messages), count: messages.count) == messages)
        }
        for (bytes, count) in [([0, 0, 0, 2, 1], 1), ([0, 0], 0), ([0, 0, 0, 0], 2)] as [([UInt8], Int)] {
            #expect(throws: Status.self) { try MessageBatch.split(bytes, count: count) }
        }
    }
}
