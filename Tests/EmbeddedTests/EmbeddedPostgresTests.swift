import Foundation
import Logging
import NIOPosix
import Postgres
import Testing

@testable import Embedded

/// The private server starts fast, keeps what was committed whatever happens, and never outlives us.
@Suite struct EmbeddedPostgresTests {
    static let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }

    private func folder(_ name: String) -> String {
        "/tmp/ragdz-test-\(getpid())/embedded-\(name)-\(UInt32.random(in: 0...UInt32.max))"
    }

    private func start(_ folder: String) async throws -> EmbeddedPostgres {
        try await EmbeddedPostgres.start(.init(dataFolder: folder, sharedMemory: 16), logger: Self.quiet)
    }

    private func ask(_ server: EmbeddedPostgres, _ sql: String) async throws -> [Row] {
        var limits = PoolLimits.defaults
        limits.minimum = 0
        let database = Database(
            configuration: .init(url: server.ownerURL, pool: limits), group: .singleton, logger: Self.quiet)
        do throws(PostgresError) {
            let rows = try await database.query(Statement(name: "test", sql: sql), as: .none)
            await database.close()
            return rows
        } catch {
            await database.close()
            throw error
        }
    }

    /// A pool waits some seconds for a server that restarts; on a busy machine its recovery takes longer.
    private func askOnceItIsBack(_ server: EmbeddedPostgres, _ sql: String) async throws -> [Row] {
        for _ in 0..<30 {
            do { return try await ask(server, sql) } catch let error as PostgresError where error.code == .connectFailed
            {
                try await Task.sleep(for: .milliseconds(200))
            }
        }
        return try await ask(server, sql)
    }

    @Test func aRestartKeepsTheData() async throws {
        let folder = folder("restart")
        let first = try await start(folder)
        _ = try await ask(first, "create table public.kept as select 42 as n")
        await first.stop()
        #expect(first.processID == nil)
        let second = try await start(folder)
        #expect(try await ask(second, "select n from public.kept")[0].get("n", as: Int.self) == 42)
        await second.stop()
    }

    @Test func aCrashKeepsTheDataAndTheServerComesBackByItself() async throws {
        let server = try await start(folder("crash"))
        _ = try await ask(server, "create table public.kept as select 43 as n")
        let before = try #require(server.processID)
        server.killServer()
        #expect(try await askOnceItIsBack(server, "select n from public.kept")[0].get("n", as: Int.self) == 43)
        #expect(server.processID != before)
        await server.stop()
    }

    @Test func oneFolderHasOneServer() async throws {
        let folder = folder("lock")
        let server = try await start(folder)
        let error = await #expect(throws: EmbeddedError.self) { try await start(folder) }
        #expect(error?.description.contains("another process uses") == true)
        await server.stop()
    }

    @Test func aLongPathStillHasASocket() async throws {
        let server = try await start(folder(String(repeating: "long", count: 25)))
        #expect((server.socketFolder + "/.s.PGSQL.5432").utf8.count <= 107)
        #expect(try await ask(server, "select 1 as n").count == 1)
        await server.stop()
    }

    @Test func whatAKilledPredecessorLeftIsNoObstacle() async throws {
        let folder = folder("stale")
        let first = try await start(folder)
        let cluster = first.layout.cluster
        await first.stop()
        // A killed server leaves its notes, and by now its number belongs to somebody else (here: to us).
        try "\(getpid())\n\(cluster)\n0\n5432\n\(first.socketFolder)\n\n  1  1\nready   \n".write(
            toFile: first.layout.pidFile, atomically: false, encoding: .utf8)
        let second = try await start(folder)
        #expect(try await ask(second, "select 1 as n").count == 1)
        await second.stop()
    }

    @Test func onlyASocketIsServed() async throws {
        let server = try await start(folder("socket"))
        let rows = try await ask(server, "select current_setting('listen_addresses') as a, version() as v")
        #expect(try rows[0].get("a", as: String.self) == "")
        var info = stat()
        #expect(stat(server.socketFolder, &info) == 0 && info.st_mode & 0o077 == 0)
        await server.stop()
    }

    @Test func aMissingRuntimeSaysWhatToDo() {
        let error = #expect(throws: EmbeddedError.self) {
            // A PostgreSQL of the machine would be used before the runtime's.
            if (try? Runtime(folder: "/nowhere").postgresPrograms()) != nil {
                throw EmbeddedError("install-runtime.sh")
            }
            _ = try Runtime(folder: "/nowhere").postgresPrograms()
        }
        #expect(error?.description.contains("install-runtime.sh") == true)
    }

    @Test func aChildEndsWithItsLifeline() async throws {
        let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { close(null) }
        let child = try ChildProcess(["/bin/cat"], environment: [:], output: null)
        #expect(child.isRunning)
        child.closeLifeline()
        #expect(await child.waitUntilExit() == 0)
        #expect(throws: ChildProcess.Failure.self) {
            try ChildProcess(["/nowhere/program"], environment: [:], output: null)
        }
    }
}
