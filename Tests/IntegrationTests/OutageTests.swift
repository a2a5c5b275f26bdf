import Foundation
import Logging
import NIOPosix
import Postgres
import RPC
import Schema
import Support
import Synchronization
import Testing

/// The database fails in every way that it has, under load and through the whole server: each call is told so in time and
/// with a time to come back, nothing is stored by halves, and afterwards all goes on by itself. No outage is timed: it lasts
/// until callers have noticed it. `RAGDZ_OUTAGE_ROUNDS` repeats them all (1 by default).
@Suite(.serialized) struct OutageTests {
    /// What calls were told while one outage lasted.
    private struct Told: Sendable {
        var made = 0
        var read = 0
        var failures: [Status] = []
    }

    private struct Scene: Sendable {
        let caller: ServerCaller
        let key: String
        let owner: Database
        let postmaster: String

        func make() async -> Status? {
            await caller.call(
                Ragdz_V1_Keys.Methods.createKey, #"{"name":"storm","scopes":["retrieval.read"]}"#, key: key,
                timeout: OutageTests.deadline
            ).status
        }

        func read() async -> Status? {
            await caller.call(
                Ragdz_V1_Tenants.Methods.getTenant, #"{"id":"me"}"#, key: key, timeout: OutageTests.deadline
            ).status
        }

        func asOwner(_ sql: String) async throws { _ = try await rows(sql) }

        /// The owner's own pool looks for the database with pauses of up to two seconds: it may find it after the server did.
        func rows(_ sql: String) async throws -> [Row] {
            let statement = Statement(name: "outage", sql: sql)
            for _ in 0..<1200 {
                if let rows = try? await owner.query(statement, as: .none) { return rows }
                try await Task.sleep(for: .milliseconds(50))
            }
            return try await owner.query(statement, as: .none)
        }

        /// Ends the server's connections, so that it meets what was changed.
        func disconnect() async throws {
            try await asOwner("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'ragdz_app'")
        }

        /// The main process of the database and its children, once it runs.
        func processes() async throws -> [pid_t] {
            for _ in 0..<1200 {
                if let running = try? running() { return running }
                try await Task.sleep(for: .milliseconds(50))
            }
            return try running()
        }

        private func running() throws -> [pid_t] {
            let text = try String(contentsOfFile: postmaster, encoding: .utf8)
            let main = try #require(text.split(separator: "\n").first.flatMap { pid_t($0) })
            let children = try String(contentsOfFile: "/proc/\(main)/task/\(main)/children", encoding: .utf8)
            return [main] + children.split(separator: " ").compactMap { pid_t($0) }
        }
    }

    /// Of each call. A tenth of it is kept back for the way of the answer, which has to do on a busy machine as well.
    fileprivate static let deadline: Duration = .seconds(8)

    private static let rounds = ProcessInfo.processInfo.environment["RAGDZ_OUTAGE_ROUNDS"].flatMap { Int($0) } ?? 1

    /// What the callers of a storm share.
    private final class Board: Sendable {
        let told = Mutex(Told())
        let isOver = Mutex(false)

        /// Waits for so many more calls that went well, and so many that did not, unless so many more go well that none will
        /// fail; for a minute at most.
        func wait(good: Int = 0, failed: Int = 0, unless spared: Int = .max) async throws {
            let before = told.withLock { $0 }
            for _ in 0..<1200 {
                let now = told.withLock { $0 }
                if now.made + now.read - before.made - before.read >= spared { return }
                if now.made + now.read >= before.made + before.read + good,
                    now.failures.count >= before.failures.count + failed
                {
                    return
                }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    /// Calls until the storm is over, and notes what came of it.
    private static func call(_ scene: Scene, writing: Bool, _ board: Board) async {
        while !board.isOver.withLock({ $0 }) {
            let status = writing ? await scene.make() : await scene.read()
            board.told.withLock { told in
                if let status {
                    told.failures.append(status)
                } else if writing {
                    told.made += 1
                } else {
                    told.read += 1
                }
            }
            // A client that comes back at once would be a flood; this one has some manners.
            if status != nil { try? await Task.sleep(for: .milliseconds(50)) }
        }
    }

    /// Writers and readers while `outage` runs; it returns when the database is as before.
    private func storm(_ scene: Scene, _ outage: Outage) async throws -> Told {
        let board = Board()
        let callers = (0..<6).map { number in
            Task { await Self.call(scene, writing: number < 3, board) }
        }
        let outcome: Result<Void, any Error>
        do {
            try await board.wait(good: 6)
            outcome = .success(try await outage(scene, board))
        } catch { outcome = .failure(error) }
        board.isOver.withLock { $0 = true }
        for caller in callers { await caller.value }
        try outcome.get()
        return board.told.withLock { $0 }
    }

    /// What must hold after each outage.
    private func judge(_ name: String, _ told: Told, _ scene: Scene, before: Int) async throws -> Int {
        let late = told.failures.count { $0.code == .deadlineExceeded }
        for status in told.failures where status.code != .deadlineExceeded {
            #expect([.unavailable, .resourceExhausted].contains(status.code), "\(name): \(status)")
            #expect(status.retryAfter != nil, "\(name): no time to come back in \(status)")
            #expect(!status.message.contains("ragdz."), "\(name): no table is named to a caller: \(status)")
        }
        #expect(!told.failures.isEmpty || name == "killed", "\(name): nobody noticed the outage")
        // The machine may be too busy for some; all of them would mean that nobody looks at deadlines.
        #expect(
            late == 0 || late < told.failures.count,
            "\(name): \(late) of \(told.failures.count) saw their deadline pass")
        var good = 0
        for _ in 0..<3_600 where good < 6 {
            good = await scene.make() == nil ? good + 1 : 0
            if good == 0 { try await Task.sleep(for: .milliseconds(50)) }
        }
        #expect(good == 6, "\(name): the server serves again by itself")
        let rows = try await counted(scene)
        #expect(
            rows["keys"] == rows["secrets"] && rows["keys"] == rows["noted"], "\(name): halves were stored: \(rows)")
        let stored = (rows["keys"] ?? 0) - before
        #expect(stored >= told.made + good, "\(name): of \(told.made) keys that were promised \(stored) are there")
        #expect(stored <= told.made + told.failures.count + 600, "\(name): \(stored) keys from nowhere")
        return rows["keys"] ?? 0
    }

    private func counted(_ scene: Scene) async throws -> [String: Int] {
        let sql = """
            select 'keys' as what, count(*) as n from ragdz.keys where name = 'storm'
            union all select 'secrets', count(*) from ragdz.keys k join ragdz.key_secrets s using (tenant_id, key_id)
                where k.name = 'storm'
            union all select 'noted', count(*) from ragdz.keys k join ragdz.audit_log l
                on l.tenant_id = k.tenant_id and l.target = k.key_id and l.action = 'key.create' where k.name = 'storm'
            """
        var counts: [String: Int] = [:]
        for row in try await scene.rows(sql) {
            counts[try row.get("what", as: String.self)] = try row.get("n", as: Int.self)
        }
        return counts
    }

    @Test func everyOutageIsToldInTimeAndEndsByItself() async throws {
        try await RunningServer.with(environment: ["RAGDZ_FEATURES": "tenants,keys"]) { server in
            let caller = try ServerCaller(server)
            let platform = try server.operatorCredential()
            let tenant: Ragdz_V1_Tenant = try await caller.get(
                Ragdz_V1_Tenants.Methods.createTenant,
                #"{"slug":"acme","name":"Acme","region":"REGION_DZ","plan":"enterprise"}"#, key: platform)
            let made: Ragdz_V1_KeyWithSecret = try await caller.get(
                Ragdz_V1_Keys.Methods.createKey, #"{"name":"k","scopes":["*"],"tenantId":"\#(tenant.id)"}"#,
                key: platform)
            let folder = server.data + "/postgres"
            let owner = Database(
                configuration: .init(url: "host='\(folder)/socket' user=postgres dbname=ragdz"),
                group: .singleton, logger: .init(label: "owner"))
            let scene = Scene(
                caller: caller, key: made.secret, owner: owner, postmaster: folder + "/cluster/postmaster.pid")
            var keys = 0
            for _ in 0..<Self.rounds {
                for (name, outage) in Self.outages {
                    let told = try await storm(scene, outage)
                    keys = try await judge(name, told, scene, before: keys)
                }
            }
            await owner.close()
            await caller.close()
        }
    }

    private typealias Outage = @Sendable (Scene, Board) async throws -> Void

    private static let outages: [(String, Outage)] = [
        (
            "paused",
            { scene, board in
                let processes = try await scene.processes()
                for process in processes { kill(process, SIGSTOP) }
                let told: Result<Void, any Error>
                do { told = .success(try await board.wait(failed: 6)) } catch { told = .failure(error) }
                for process in processes { kill(process, SIGCONT) }
                try told.get()
            }
        ),
        (
            "killed",
            { scene, board in
                for _ in 0..<2 {
                    kill(try await scene.processes()[0], SIGKILL)
                    // While it recovers it refuses with 57P03; before that there is nobody at all.
                    // When the supervisor is quick and nothing was on its way, nobody notices.
                    try await board.wait(failed: 1, unless: 3_000)
                    // A few may still be served by processes that have not seen yet that theirs is the last hour.
                    try await board.wait(good: 60)
                }
            }
        ),
        (
            "read-only",
            { scene, board in
                try await scene.asOwner("alter role ragdz_app set default_transaction_read_only = on")
                try await scene.disconnect()
                try await board.wait(failed: 6)
                try await scene.asOwner("alter role ragdz_app reset default_transaction_read_only")
                try await scene.disconnect()
            }
        ),
        (
            "out of connections",
            { scene, board in
                try await scene.asOwner("alter role ragdz_app connection limit 0")
                try await scene.disconnect()
                try await board.wait(failed: 6)
                try await scene.asOwner("alter role ragdz_app connection limit -1")
            }
        ),
    ]
}
