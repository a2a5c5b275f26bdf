import Foundation
import Logging
import NIOPosix
import Postgres
import RPC
import Synchronization

/// Calls every method of a running server as tenants that are after each other's data, while the database is killed
/// under it, connections end, and calls are cancelled at every moment.
struct IsolationFuzz {
    let server: RunningServer
    let callers: [ServerCaller]
    let platform: String
    /// The first ones attack and are attacked; of the others nothing may ever change.
    let attackers: [IsolationTenant]
    let bystanders: [IsolationTenant]
    let tally = IsolationTally()
    let shapes = MessageShapes()
    /// A superuser beside the server: looks behind the scenes and breaks things.
    let owner: Database

    init(
        _ server: RunningServer, _ callers: [ServerCaller], _ platform: String, attackers: [IsolationTenant],
        bystanders: [IsolationTenant]
    ) {
        self.server = server
        self.callers = callers
        self.platform = platform
        self.attackers = attackers
        self.bystanders = bystanders
        var logger = Logger(label: "isolation")
        logger.logLevel = .critical
        owner = Database(
            configuration: .init(url: "host='\(server.data)/postgres/socket' user='postgres' dbname='ragdz'"),
            group: .singleton, logger: logger)
    }

    /// Makes `count` calls, `width` at a time.
    func attack(_ count: Int, width: Int) async {
        let countdown = Countdown(count)
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<width {
                group.addTask {
                    while countdown.next() {
                        await call(callers[worker % callers.count])
                    }
                }
            }
        }
    }

    private final class Countdown: Sendable {
        private let left: Atomic<Int>
        init(_ count: Int) { left = Atomic(count) }
        func next() -> Bool { left.subtract(1, ordering: .relaxed).newValue >= 0 }
    }

    private static let methods: [MethodDescriptor] = contractMethods.flatMap { method in
        // What starts work that goes on by itself is called less often, so that the server has time for the rest.
        let isHeavy = ["StartRun", "UploadDocument", "CreateKey", "Ask", "RunEval"].contains(method.name)
        return [MethodDescriptor](repeating: method, count: isHeavy ? 1 : 4)
    }

    private func call(_ caller: ServerCaller) async {
        guard let method = Self.methods.randomElement(), let own = attackers.randomElement() else { return }
        let others = (attackers + bystanders).filter { $0.canary != own.canary }
        let credential = Credential.random(own, others, platform, for: method)
        let request = RandomRequest(shapes: shapes, own: own, others: others).messages(for: method)
        let timeout: Duration =
            switch Int.random(in: 0..<12) {
            case 0: .microseconds(Int.random(in: 300...8000))
            default: method.callType.streamsResponses ? .milliseconds(300) : .seconds(15)
            }
        let victim = others.randomElement()?.ids["tenant"] ?? ""
        let task = Task {
            await caller.call(
                method, wire: request, authorization: credential.header, timeout: timeout,
                metadata: Bool.random() ? [:] : ["x-tenant-id": victim, "ragdz-tenant": victim, "x-request-id": "fuzz"])
        }
        if Int.random(in: 0..<25) == 0 {
            try? await Task.sleep(for: .microseconds(Int.random(in: 0...3000)))
            task.cancel()
        }
        judge(method, await task.value, request, credential, own, others)
    }

    private func judge(
        _ method: MethodDescriptor, _ outcome: ServerCaller.Outcome, _ request: [[UInt8]], _ credential: Credential,
        _ own: IsolationTenant, _ others: [IsolationTenant]
    ) {
        let seen = Array(outcome.visible.utf8) + outcome.bytes
        // The input of a run that the caller started names collections of others: it is the caller's own word.
        let theirs = others.flatMap { other in
            other.secrets.filter { !method.service.hasSuffix("Workflows") || $0 != other.ids["collection"] }
        }
        let leak = Needles(theirs).found(in: seen, butNotIn: request)
        let code = outcome.status?.code
        var wrong: String?
        let transient: Set<Status.Code?> = [.unavailable, .deadlineExceeded, .cancelled, .resourceExhausted]
        switch credential.kind {
        case .worthless
        where method.policy.credential != .none && code != .unauthenticated && !transient.contains(code):
            wrong = "\(method.path) with a worthless credential: \(String(describing: outcome.status))"
        case .platform
        where method.policy.credential == .tenantKey && code != .permissionDenied && !transient.contains(code):
            wrong = "\(method.path) with the operator's credential: \(String(describing: outcome.status))"
        case .reader where method.policy.scope != "retrieval.read" && code == nil:
            wrong = "\(method.path) with a key that may only read"
        default: break
        }
        tally.note(
            method, outcome, sawOwn: Needles([own.canary]).found(in: seen, butNotIn: request) != nil,
            leak: leak.map { "\(method.path) shows \($0)" }, wrong: wrong)
    }

    struct Credential {
        enum Kind { case tenant, reader, platform, worthless }
        let kind: Kind
        let header: String?

        static func random(
            _ own: IsolationTenant, _ others: [IsolationTenant], _ platform: String, for method: MethodDescriptor
        ) -> Credential {
            let victim = others.randomElement()
            return switch Int.random(in: 0..<40) {
            case 0: Credential(kind: .worthless, header: nil)
            case 1: Credential(kind: .worthless, header: "Bearer \(own.revokedKey)")
            case 2, 3:
                Credential(
                    kind: .worthless, header: "Bearer \(IsolationTenant.forged(victim?.key ?? "", secretOf: own.key))")
            case 4: Credential(kind: .worthless, header: "Bearer \((victim?.key ?? "").dropLast())")
            case 5: Credential(kind: .worthless, header: "Bearer \(victim?.ids["tenant"] ?? "")")
            // Elsewhere an operator may do much, and must not do it to the tenants of this test.
            case 6 where method.policy.credential == .tenantKey:
                Credential(kind: .platform, header: "Bearer \(platform)")
            case 7...9: Credential(kind: .reader, header: "Bearer \(own.readerKey)")
            // Another tenant's session under the caller's own signature.
            case 10: Credential(kind: .worthless, header: "Bearer \(own.sessionOf(victim))")
            // Who logs out is not there any more.
            case 11...14 where method.name != "Logout": Credential(kind: .tenant, header: "Bearer \(own.person)")
            default: Credential(kind: .tenant, header: "Bearer \(own.key)")
            }
        }
    }
}

// MARK: - Breaking things

extension IsolationFuzz {
    private func statement(_ sql: String) -> Statement { Statement(name: "isolation", sql: sql) }

    /// Ends a connection of the server, in the middle of whatever it does.
    func endConnection() async {
        let sql = """
            select pg_terminate_backend(pid) from pg_stat_activity where usename = 'ragdz_app'
            order by (state = 'active') desc, (state like 'idle in%') desc, random() limit 1
            """
        if (try? await owner.query(statement(sql), as: .none)) != nil { tally.noteTermination() }
    }

    /// Kills a process of the database that works for the server: PostgreSQL then ends all others and recovers.
    func crashDatabase() async {
        let sql = """
            select pid from pg_stat_activity where usename = 'ragdz_app'
            order by (state like 'idle in%') desc, (state = 'active') desc, random() limit 1
            """
        guard let pid = try? await owner.query(statement(sql), as: .none).first?.get("pid", as: Int.self),
            kill(pid_t(pid), SIGKILL) == 0
        else { return }
        tally.noteCrash()
    }

    /// All rows of the bystanders, table by table, as one fingerprint each. The last use of a key changes by itself, and
    /// what stands in an unlogged table is forgotten when the database crashes: where limits stand.
    /// Without the count of queries: what a tenant asked itself when it was made is settled later.
    func fingerprints() async throws -> [String: String] {
        let tables = try await owner.query(
            statement(
                """
                select c.relname::text as name from pg_class c
                join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
                where c.relnamespace = 'ragdz'::regnamespace and c.relkind in ('r', 'p')
                    and c.relpersistence = 'p' order by 1
                """), as: .none
        ).map { try $0.get("name", as: String.self) }
        var found: [String: String] = [:]
        for table in tables {
            for tenant in bystanders {
                let sql = """
                    select count(*) || ' ' || coalesce(md5(string_agg((to_jsonb(t) - 'last_used_time')::text, ','
                        order by (to_jsonb(t) - 'last_used_time')::text)), '') as print
                    from ragdz."\(table)" t where tenant_id = '\(tenant.ids["tenant"] ?? "")'
                        and not (to_jsonb(t) ->> 'quota' = 'queries' and '\(table)' in ('quota_usage', 'quota_reservations'))
                    """
                found["\(table) of \(tenant.canary)"] = try await owner.query(statement(sql), as: .none).first?.get(
                    "print")
            }
        }
        return found
    }

    /// Rows of one tenant in which another one's canary stands.
    func strayRows() async throws -> [String] {
        var stray: [String] = []
        for table in Set(try await fingerprints().keys.compactMap { $0.split(separator: " ").first.map(String.init) }) {
            for tenant in attackers + bystanders {
                let sql = """
                    select tenant_id::text as id from ragdz."\(table)" t
                    where tenant_id <> '\(tenant.ids["tenant"] ?? "")' and t::text like '%\(tenant.canary)%' limit 1
                    """
                for row in try await owner.query(statement(sql), as: .none) {
                    stray.append("\(table) of \(try row.get("id", as: String.self)) holds \(tenant.canary)")
                }
            }
        }
        return stray
    }
}
