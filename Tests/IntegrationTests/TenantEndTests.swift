import Foundation
import Logging
import NIOPosix
import Postgres
import ProtoRuntime
import RPC
import Schema
import Synchronization
import Testing

/// What happens to tenants in the middle of their calls: they are deleted, or the server is killed.
@Suite(.serialized) struct TenantEndTests {
    private static func owner(_ server: RunningServer) -> Database {
        var logger = Logger(label: "end")
        logger.logLevel = .critical
        return Database(
            configuration: .init(url: "host='\(server.data)/postgres/socket' user='postgres' dbname='ragdz'"),
            group: .singleton, logger: logger)
    }

    private static func number(_ owner: Database, _ sql: String) async throws -> Int {
        try await owner.query(Statement(name: "end", sql: sql), as: .none)[0].get(0)
    }

    /// One call of a tenant that works: it reads, writes, searches, asks, starts runs and watches them.
    private static func work(_ caller: ServerCaller, _ tenant: IsolationTenant, _ number: Int) async -> Status? {
        let collection = tenant.ids["collection"] ?? ""
        let text = Data("Document \(number) says that \(tenant.canary) sings.".utf8).base64EncodedString()
        let (method, request): (MethodDescriptor, String) =
            switch number % 7 {
            case 0: (Ragdz_V1_Retrieval.Methods.search, #"{"query":"Who sings?"}"#)
            case 1:
                (
                    Ragdz_V1_Retrieval.Methods.uploadDocument,
                    #"{"header":{"collection":"\#(collection)","filename":"\#(number).txt"}}"# + "\n"
                        + #"{"data":"\#(text)"}"#
                )
            case 2: (Ragdz_V1_Retrieval.Methods.ask, #"{"question":"Who sings?"}"#)
            case 3: (Ragdz_V1_Keys.Methods.listKeys, "{}")
            case 4:
                (
                    Ragdz_V1_Workflows.Methods.startRun,
                    #"{"workflow":"\#(tenant.ids["workflow"] ?? "")","input":{"topic":"x"}}"#
                )
            case 5: (Ragdz_V1_Keys.Methods.createKey, #"{"name":"k\#(number)","scopes":["retrieval.read"]}"#)
            default: (Ragdz_V1_Tenants.Methods.getUsage, #"{"id":"me"}"#)
            }
        return await caller.call(method, request, key: tenant.key).status
    }

    /// A flag that tasks share.
    private final class Flag: Sendable {
        let value = Atomic<Bool>(false)
    }

    @Test func aTenantIsDeletedWhileItsCallsRun() async throws {
        try await RunningServer.with { server in
            let caller = try ServerCaller(server)
            let platform = try server.operatorCredential()
            let doomed = try await IsolationTenant.make("doomed", caller, platform)
            let other = try await IsolationTenant.make("other", caller, platform)
            let isDeleted = Flag()
            let outcomes = await withTaskGroup(of: [(late: Bool, status: Status?)].self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        var seen: [(late: Bool, status: Status?)] = []
                        var refused = 0
                        for number in 0..<2_000 where refused < 10 {
                            let late = isDeleted.value.load(ordering: .acquiring)
                            let status = await Self.work(caller, doomed, worker * 10_000 + number)
                            seen.append((late, status))
                            if late { refused += 1 }
                        }
                        return seen
                    }
                }
                // A stream that waits for events that never come.
                group.addTask {
                    let outcome = await caller.call(
                        Ragdz_V1_Workflows.Methods.watchRun, #"{"id":"\#(doomed.ids["run"] ?? "")"}"#, key: doomed.key)
                    return [(true, outcome.status)]
                }
                group.addTask {
                    try? await Task.sleep(for: .milliseconds(1_500))
                    let outcome = await caller.call(
                        Ragdz_V1_Tenants.Methods.deleteTenant,
                        #"{"id":"\#(doomed.ids["tenant"] ?? "")","slug":"doomed"}"#, key: platform)
                    #expect(outcome.status == nil, "the calls of a tenant may not stand in the way of its end")
                    isDeleted.value.store(true, ordering: .releasing)
                    return []
                }
                return await group.reduce(into: []) { $0 += $1 }
            }
            // UNAVAILABLE: a full pool or a connection that just ends asks to try again.
            let codes: Set<Status.Code> = [.permissionDenied, .notFound, .cancelled, .unavailable]
            for outcome in outcomes {
                // The keys of a tenant that has ended go with its rows, and then nobody knows them.
                let allowed = outcome.late ? codes.union([.unauthenticated]) : codes
                if let status = outcome.status { #expect(allowed.contains(status.code), "\(status)") }
                #expect(!outcome.late || outcome.status != nil, "a call that began after the end was answered")
            }
            #expect(outcomes.contains { !$0.late && $0.status == nil })
            // Its rows go while nobody looks after them; the other one has all of its own.
            let owner = Self.owner(server)
            let tenant = doomed.ids["tenant"] ?? ""
            let left = """
                select count(*)::integer from ragdz.documents where tenant_id = '\(tenant)'
                """
            for _ in 0..<1_800 where try await Self.number(owner, left) > 0 {
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(try await Self.number(owner, left) == 0)
            #expect(await Self.work(caller, other, 0) == nil)
            let sound: Ragdz_V1_UsageReconciliation = try await caller.get(
                Ragdz_V1_Tenants.Methods.reconcileUsage, #"{"id":"\#(other.ids["tenant"] ?? "")"}"#, key: platform)
            #expect(sound.intact)
            await owner.close()
            await caller.close()
        }
    }

    @Test func countersAreRightAfterAKillInTheMiddle() async throws {
        try await RunningServer.with { server in
            var caller = try ServerCaller(server)
            let platform = try server.operatorCredential()
            let tenant = try await IsolationTenant.make("killed", caller, platform)
            let id = tenant.ids["tenant"] ?? ""
            for round in 0..<2 {
                let calls = caller
                let working = Task {
                    await withTaskGroup(of: Void.self) { group in
                        for worker in 0..<8 {
                            group.addTask {
                                for number in 0..<5_000 where !Task.isCancelled {
                                    _ = await Self.work(calls, tenant, round * 1_000_000 + worker * 10_000 + number)
                                }
                            }
                        }
                    }
                }
                try await Task.sleep(for: .milliseconds(1_200))
                await server.kill()
                working.cancel()
                await working.value
                await calls.close()
                try await server.start()
                caller = try ServerCaller(server)
                let sound: Ragdz_V1_UsageReconciliation = try await caller.get(
                    Ragdz_V1_Tenants.Methods.reconcileUsage, #"{"id":"\#(id)"}"#, key: platform)
                #expect(sound.intact, "\(sound)")
            }
            // What the dead had set aside comes back when its time is over.
            let owner = Self.owner(server)
            _ = try await owner.execute(
                Statement(
                    name: "late",
                    sql: "update ragdz.quota_reservations set expire_time = now() - interval '1 second'"), as: .none)
            let reserved = "select coalesce(sum(reserved), 0)::integer from ragdz.quota_usage where tenant_id = '\(id)'"
            for _ in 0..<1_800 where try await Self.number(owner, reserved) > 0 {
                try await Task.sleep(for: .milliseconds(100))
            }
            #expect(try await Self.number(owner, reserved) == 0)
            #expect(await Self.work(caller, tenant, 0) == nil)
            await owner.close()
            await caller.close()
        }
    }
}
