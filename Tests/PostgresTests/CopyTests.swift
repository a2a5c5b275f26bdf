import Bytes
import Postgres
import Support
import Testing

/// COPY in both directions, and what it leaves behind when something goes wrong in the middle.
@Suite struct CopyTests {
    static let fill = Statement(name: "fill", sql: "copy public.lines (n, text) from stdin")
    static let dump = Statement(name: "dump", sql: "copy (select n, text from public.lines order by n) to stdout")
    static let endless = Statement(
        name: "endless", sql: "copy (select repeat('x', 1000) from generate_series(1, 10000000)) to stdout")
    static let count = Statement(name: "count", sql: "select count(*) as n from public.lines")

    struct Stop: Error {}

    /// One connection at most for each loop, so that what is left of one COPY meets the next call.
    private func stage() async throws -> TestDatabase {
        let test = try await TestDatabase.fresh(pool: DatabaseTests.limits(maximum: 1))
        try await test.asOwner("create table public.lines (n int not null, text text not null)")
        try await test.asOwner("grant all on public.lines to ragdz_app")
        return test
    }

    private func rows(_ test: TestDatabase) async throws -> Int {
        try await test.database.query(Self.count, as: .none)[0].get("n")
    }

    @Test func whatGoesInComesOut() async throws {
        let test = try await stage()
        let stored = try await test.database.transaction(as: .none) { transaction in
            try await transaction.copyIn(Self.fill) { writer in
                for n in 0..<2000 { try await writer.write(Array("\(n)\tligne \(n) سطر\n".utf8)) }
            }
        }
        #expect(stored == 2000)
        let text = try await test.database.transaction(as: .none) { transaction in
            let pieces = Pieces()
            let count = try await transaction.copyOut(Self.dump) { piece in await pieces.append(piece) }
            #expect(count == 2000)
            return await String(decoding: pieces.bytes, as: UTF8.self)
        }
        #expect(text.split(separator: "\n").count == 2000)
        #expect(text.hasPrefix("0\tligne 0 سطر\n1\t"))
        await test.close()
    }

    /// The socket is full again and again, and has room at any moment between two looks at it.
    @Test func whoWritesFasterThanTheServerReadsIsAlwaysToldToGoOn() async throws {
        let test = try await stage()
        try await test.asOwner("alter table public.lines add check (length(md5(text)) = 32)")
        let stored = try await test.database.transaction(as: .none) { transaction in
            try await transaction.copyIn(Self.fill) { writer in
                let line = Array("1\ta\n".utf8)
                for _ in 0..<30_000 { try await writer.write(line) }
            }
        }
        #expect(stored == 30_000)
        await test.close()
    }

    @Test func aCopyIsAPartOfItsTransaction() async throws {
        let test = try await stage()
        await #expect(throws: Stop.self) {
            try await test.database.transaction(as: .none) { transaction in
                _ = try await transaction.copyIn(Self.fill) { try await $0.write(Array("1\ta\n".utf8)) }
                #expect(try await transaction.query(Self.count)[0].get("n", as: Int.self) == 1)
                throw Stop()
            }
        }
        #expect(try await rows(test) == 0)
        await test.close()
    }

    @Test func aRowThatIsRefusedFailsTheCopyAndNothingElse() async throws {
        let test = try await stage()
        for _ in 0..<3 {
            let error = await #expect(throws: PostgresError.self) {
                try await test.database.transaction(as: .none) { transaction in
                    try await transaction.copyIn(Self.fill) { writer in
                        for n in 0..<5000 { try await writer.write(Array("\(n == 2500 ? "no" : "1")\ta\n".utf8)) }
                    }
                }
            }
            #expect(error?.sqlState?.rawValue == "22P02")
            #expect(error?.statement == "fill")
            #expect(try await rows(test) == 0)
        }
        await test.close()
    }

    @Test func aStatementThatIsNoCopyOrIsWrongIsRefused() async throws {
        let test = try await stage()
        let missing = Statement(name: "missing", sql: "copy public.nothing from stdin")
        for (statement, state) in [(missing, "42P01"), (Self.count, nil)] {
            let error = await #expect(throws: PostgresError.self) {
                try await test.database.transaction(as: .none) { transaction in
                    try await transaction.copyIn(statement) { try await $0.write([49, 9, 97, 10]) }
                }
            }
            #expect(error?.sqlState?.rawValue == state)
            #expect(try await rows(test) == 0)
        }
        await test.close()
    }

    @Test func whoStopsInTheMiddleLeavesACleanConnection() async throws {
        let test = try await stage()
        await #expect(throws: Stop.self) {
            try await test.database.transaction(as: .none) { transaction in
                try await transaction.copyIn(Self.fill) { writer in
                    try await writer.write(Array("1\ta\n2\tb".utf8))
                    throw Stop()
                }
            }
        }
        #expect(try await rows(test) == 0)
        await #expect(throws: Stop.self) {
            try await test.database.transaction(as: .none) { transaction in
                try await transaction.copyOut(Self.endless) { _ in throw Stop() }
            }
        }
        #expect(try await rows(test) == 0)
        await test.close()
    }

    @Test func aCancelledTaskEndsItsCopy() async throws {
        let test = try await stage()
        let (started, signal) = AsyncStream.makeStream(of: Void.self)
        let writing = Task {
            try await test.database.transaction(as: .none) { transaction in
                try await transaction.copyIn(Self.fill) { writer in
                    signal.yield()
                    while true { try await writer.write(Array(repeating: UInt8(ascii: "1"), count: 100_000)) }
                }
            }
        }
        var turns = started.makeAsyncIterator()
        await turns.next()
        writing.cancel()
        await #expect(throws: (any Error).self) { try await writing.value }
        let reading = Task {
            try await test.database.transaction(as: .none) { transaction in
                try await transaction.copyOut(Self.endless) { _ in signal.yield() }
            }
        }
        await turns.next()
        reading.cancel()
        await #expect(throws: (any Error).self) { try await reading.value }
        #expect(try await rows(test) == 0)
        await test.close()
    }

    @Test func aKilledBackendFailsTheCopy() async throws {
        let test = try await stage()
        let error = await #expect(throws: (any Error).self) {
            try await test.database.transaction(as: .none) { transaction in
                try await transaction.copyOut(Self.endless) { _ in
                    try await test.asOwner(
                        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'ragdz_app' "
                            + "and datname = current_database()")
                }
            }
        }
        #expect((error as? PostgresError)?.isTransient == true)
        #expect(try await rows(test) == 0)
        await test.close()
    }

    @Test func rowLevelSecurityBindsIt() async throws {
        let test = try await TestDatabase.fresh()
        let (one, two) = (UUID128.v4(), UUID128.v4())
        for tenant in [one, two] {
            try await test.asOwner(
                "insert into ragdz.workflows (tenant_id, name, newest_version) values ($1::uuid, $1::uuid::text, 1)",
                [tenant])
        }
        let names = Statement(name: "names", sql: "copy (select name from ragdz.workflows) to stdout")
        let seen = try await test.database.transaction(as: .tenant(one)) { transaction in
            let pieces = Pieces()
            _ = try await transaction.copyOut(names) { await pieces.append($0) }
            return await String(decoding: pieces.bytes, as: UTF8.self)
        }
        #expect(seen == "\(one)\n")
        let load = Statement(name: "load", sql: "copy ragdz.workflows (tenant_id, name, newest_version) from stdin")
        let error = await #expect(throws: PostgresError.self) {
            try await test.database.transaction(as: .tenant(one)) { transaction in
                try await transaction.copyIn(load) { try await $0.write(Array("\(two)\tx\t1\n".utf8)) }
            }
        }
        #expect(error?.sqlState == .featureNotSupported, "PostgreSQL has no COPY into a table with policies")
        await test.close()
    }

    actor Pieces {
        private(set) var bytes: [UInt8] = []
        func append(_ piece: [UInt8]) { bytes += piece }
    }
}
