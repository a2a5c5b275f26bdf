import Bytes
import Glibc
import Keys
import Logging
import NIOPosix
import Postgres
import RPC
import Schema

/// What it costs to know a caller: CPU of the whole process for each call, everything warm, one call at a time.
/// Usage: keys-bench OWNER_CONNECTION APP_CONNECTION (a scratch database; it is migrated)
@main enum KeysBench {
    static let rounds = 200_000

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3 else { fatalError("usage: keys-bench OWNER_CONNECTION APP_CONNECTION") }
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let migrations = Migrations.all.map {
            Migration(version: $0.version, name: $0.name, checksum: $0.checksum, sql: $0.sql)
        }
        try await Migrator.migrate(url: arguments[1], migrations, logger: logger)
        let group = MultiThreadedEventLoopGroup.singleton
        let owner = Database(configuration: .init(url: arguments[1]), group: group, logger: logger)
        let database = Database(configuration: .init(url: arguments[2]), group: group, logger: logger)
        let pepper = try Pepper(parsing: Pepper.generateText())
        let key = try await makeKey(owner, pepper)
        let authenticator = Authenticator(database: database, pepper: pepper, logger: logger)
        let limiter = RateLimiter(database: database, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await authenticator.run() }
            group.addTask { await limiter.run() }
            try await Task.sleep(for: .milliseconds(500))
            try await measure(key, authenticator, limiter)
            group.cancelAll()
        }
    }

    private static func measure(_ key: String, _ authenticator: Authenticator, _ limiter: RateLimiter) async throws {
        var bad = Array(key.utf8)
        bad[40] = bad[40] == UInt8(ascii: "a") ? UInt8(ascii: "b") : UInt8(ascii: "a")
        let mistyped = String(decoding: bad, as: UTF8.self)
        for (name, text) in [
            ("a mistyped key", mistyped), ("no key at all", "hunter2"),
            ("10 KB", String(repeating: "x", count: 10_240)),
        ] {
            await report("refused without I/O: \(name)") { _ = try? APIKey.parse(text) }
        }
        await report("refused by the authenticator: a mistyped key") {
            _ = try? await authenticator.authenticate(mistyped)
        }
        await report("verified, warm") { _ = try? await authenticator.authenticate(key) }
        guard case .tenantKey(let tenant, let keyID, _) = try await authenticator.authenticate(key) else { return }
        let limits = RateLimits(plan: "enterprise", perMinute: 1_000_000_000, burst: 100_000_000)
        await report("limits, warm (four rules' worth of one key and its tenant)") {
            _ = try? await limiter.admit(tenant: tenant, keyID: keyID, limits: limits)
        }
        let policy = MethodPolicy(credential: .tenantKey, scope: "retrieval.read")
        await report("verified, scope and limits, warm") {
            guard let identity = try? await authenticator.authenticate(key) else { return }
            try? PolicyInterceptor.check(identity, against: policy)
            _ = try? await limiter.admit(tenant: tenant, keyID: keyID, limits: limits)
        }
    }

    private static func report(_ name: String, _ body: () async -> Void) async {
        for _ in 0..<2_000 { await body() }
        let start = cpuNanos()
        for _ in 0..<rounds { await body() }
        let each = Double(cpuNanos() - start) / Double(rounds) / 1_000
        print("\(name): \((each * 1_000).rounded() / 1_000) µs")
    }

    private static func cpuNanos() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private static func makeKey(_ owner: Database, _ pepper: Pepper) async throws -> String {
        let key = try APIKey.generate(.live)
        let (version, hash) = pepper.hash(key)
        let tenant = UUID128.v4()
        for sql in [
            """
            insert into ragdz.tenants (tenant_id, slug, name, region, timezone, default_language, plan, status, provisioned)
            values ('\(tenant)', 'bench', 'B', 'DZ', 'Africa/Algiers', 'fr', 'enterprise', 'active', '{}')
            """,
            "insert into ragdz.keys (tenant_id, key_id, name, scopes) values ('\(tenant)', '\(key.id)', 'k', '{retrieval.*}')",
            """
            insert into ragdz.key_secrets (tenant_id, key_id, generation, pepper_version, hash)
            values ('\(tenant)', '\(key.id)', 1, \(version), '\\x\(Hex.encode(hash))')
            """,
        ] { _ = try await owner.query(Statement(name: "bench", sql: sql), as: .none) }
        return key.revealed
    }
}
