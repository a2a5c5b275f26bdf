import Bytes
import Logging
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support
import Testing

@testable import Tenancy

/// The chain as a pure value.
@Suite struct AuditChainTests {
    private static let tenant = UUID128.v4()

    private static func entries(_ count: Int) -> [AuditChain.Entry] {
        var hash = AuditChain(tenant: tenant).hash
        return (1...Int64(count)).map { number in
            var entry = AuditChain.Entry(
                sequence: number, timeMicros: 1_000 + number, actor: "key:k", action: "key.create",
                target: "t\(number)",
                before: nil, after: "{}", requestID: "r", peer: "p", hash: [])
            hash = AuditChain.hash(entry, of: tenant.description, after: hash)
            entry.hash = hash
            return entry
        }
    }

    private func finding(
        _ entries: [AuditChain.Entry], head: AuditChain.Entry?, known: (sequence: Int64, hash: [UInt8])? = nil
    ) -> String {
        var chain = AuditChain(tenant: Self.tenant, known: known)
        for entry in entries { chain.add(entry) }
        chain.end(headSequence: head?.sequence ?? 0, headHash: head?.hash ?? chain.hash)
        return chain.finding.map { "\($0.defect.rawValue) \($0.sequence)" } ?? "intact"
    }

    @Test func whatWasDoneToALogIsFound() {
        let entries = Self.entries(6)
        #expect(finding(entries, head: entries.last) == "intact")
        #expect(finding([], head: nil) == "intact")
        let changes: [(inout AuditChain.Entry) -> Void] = [
            { $0.actor = "key:x" }, { $0.action = "x" }, { $0.target = "x" }, { $0.before = "" }, { $0.after = nil },
            { $0.requestID = "x" }, { $0.peer = "x" }, { $0.timeMicros += 1 }, { $0.hash[31] ^= 1 },
            { ($0.requestID, $0.peer) = ("rp", "") },
        ]
        for change in changes {
            var changed = entries
            change(&changed[3])
            #expect(finding(changed, head: entries.last) == "ENTRY_CHANGED 4")
        }
        var missing = entries
        missing.remove(at: 2)
        #expect(finding(missing, head: entries.last) == "ENTRY_MISSING 3")
        #expect(finding(Array(entries.dropFirst()), head: entries.last) == "ENTRY_MISSING 1")
        #expect(finding(Array(entries.dropLast()), head: entries.last) == "END_MISSING 6")
        var swapped = entries
        swapped.swapAt(1, 2)
        #expect(finding(swapped, head: entries.last) == "ENTRY_MISSING 2")
    }

    @Test func aLogWrittenAnewDiffersFromAHashThatWasWrittenDown() {
        let entries = Self.entries(6)
        var anew = Array(entries.prefix(2))
        var hash = entries[1].hash
        for var entry in entries.dropFirst(2) {
            entry.target = "else"
            hash = AuditChain.hash(entry, of: Self.tenant.description, after: hash)
            entry.hash = hash
            anew.append(entry)
        }
        #expect(finding(anew, head: anew.last) == "intact", "nobody wrote anything down")
        #expect(finding(anew, head: anew.last, known: (5, entries[4].hash)) == "KNOWN_HASH_DIFFERS 5")
        #expect(finding(entries, head: entries.last, known: (5, entries[4].hash)) == "intact")
        let cut = Array(entries.prefix(4))
        #expect(finding(cut, head: cut.last, known: (5, entries[4].hash)) == "END_MISSING 5")
    }
}

/// The chain as the database writes it.
@Suite struct AuditServiceTests {
    private struct World {
        let test: TestDatabase
        let service: TenancyService
        let operators = CallIdentity.platformOperator(name: "root")

        init() async throws {
            test = try await TestDatabase.fresh()
            service = TenancyService(
                database: test.database, logger: Logger(label: "audit") { _ in SwiftLogNoOpLogHandler() })
        }

        func context(_ identity: CallIdentity? = nil) -> ServerContext {
            ServerContext(method: Ragdz_V1_Tenants.Methods.verifyAudit, identity: identity ?? operators)
        }

        func makeTenant(_ slug: String) async throws -> String {
            var request = Ragdz_V1_CreateTenantRequest()
            request.slug = slug
            request.name = "Café «\(slug)» ش"
            request.region = .dz
            return try await service.createTenant(request, context: context()).id
        }

        func rename(_ tenant: String, _ name: String) async throws {
            var request = Ragdz_V1_UpdateTenantRequest()
            request.tenant = Ragdz_V1_Tenant()
            request.tenant?.id = tenant
            request.tenant?.name = name
            request.updateMask = .init(paths: ["name"])
            _ = try await service.updateTenant(request, context: context())
        }

        func verify(_ tenant: String, _ identity: CallIdentity? = nil, known: (Int64, String) = (0, "")) async throws
            -> Ragdz_V1_AuditVerdict
        {
            var request = Ragdz_V1_VerifyAuditRequest()
            request.id = tenant
            (request.knownSequence, request.knownHash) = known
            return try await service.verifyAudit(request, context: context(identity))
        }

        /// Does what only somebody who owns the database can do.
        func tamper(_ sql: String) async throws {
            try await test.asOwner("alter table ragdz.audit_log disable trigger audit_log_append_only")
            try await test.asOwner(sql)
            try await test.asOwner("alter table ragdz.audit_log enable trigger audit_log_append_only")
        }
    }

    @Test func everyChangeIsALinkAndTheChainIsWhole() async throws {
        let world = try await World()
        let tenant = try await world.makeTenant("one")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<40 { group.addTask { try await world.rename(tenant, "Nom « \(number) » \u{1F600}") } }
            try await group.waitForAll()
        }
        let verdict = try await world.verify(tenant)
        // The 42nd is the operator's own verification: who reads a tenant's data is in the tenant's log.
        #expect(verdict.intact && verdict.entries == 42 && verdict.lastSequence == 42 && verdict.defect.isEmpty)
        #expect(verdict.lastHash.count == 64)
        // The tenant's own key sees the same, and pages through it, newest first.
        let key = CallIdentity.tenantKey(
            tenant: try #require(UUID128(tenant)), keyID: "k", scopes: ["audit.read"])
        #expect(try await world.verify("me", key) == verdict)
        var request = Ragdz_V1_ListAuditEntriesRequest()
        request.id = "me"
        request.pageSize = 15
        var seen: [Int64] = []
        repeat {
            let page = try await world.service.listAuditEntries(request, context: world.context(key))
            seen += page.entries.map(\.sequence)
            request.pageToken = page.nextPageToken
        } while !request.pageToken.isEmpty
        #expect(seen == (1...42).reversed())
        // Another tenant's log looks like one that is not there.
        let stranger = CallIdentity.tenantKey(tenant: .v4(), keyID: "k", scopes: ["audit.read"])
        for id in [tenant, UUID128.v4().description] {
            await #expect(throws: Status.notFound("There is no such tenant.", reason: "TENANT_NOT_FOUND")) {
                try await world.verify(id, stranger)
            }
        }
        await world.test.close()
    }

    @Test func tamperingIsFound() async throws {
        let world = try await World()
        let tenant = try await world.makeTenant("two")
        for number in 0..<9 { try await world.rename(tenant, "n\(number)") }
        let good = try await world.verify(tenant)
        let known = (good.lastSequence, good.lastHash)
        let whose = "tenant_id = '\(tenant)'"
        func defect(_ sql: String, undo: String) async throws -> String {
            try await world.tamper(sql)
            let verdict = try await world.verify(tenant, known: known)
            try await world.tamper(undo)
            #expect(try await world.verify(tenant, known: known).intact)
            return "\(verdict.defect) \(verdict.firstBadSequence)"
        }
        #expect(
            try await defect(
                "update ragdz.audit_log set actor = 'key:none' where sequence = 4 and \(whose)",
                undo: "update ragdz.audit_log set actor = 'operator:root' where sequence = 4 and \(whose)")
                == "ENTRY_CHANGED 4")
        #expect(
            try await defect(
                "update ragdz.audit_log set after = jsonb_set(after, '{name}', '\"other\"') where sequence = 7 and \(whose)",
                undo:
                    "update ragdz.audit_log set after = jsonb_set(after, '{name}', '\"n5\"') where sequence = 7 and \(whose)"
            )
                == "ENTRY_CHANGED 7")
        try await world.tamper("delete from ragdz.audit_log where sequence = 5 and \(whose)")
        let verdict = try await world.verify(tenant)
        #expect(verdict.defect == "ENTRY_MISSING" && verdict.firstBadSequence == 5 && !verdict.intact)
        await world.test.close()
    }

    @Test func nobodyChangesOrForgesAnEntry() async throws {
        let world = try await World()
        let tenant = try await world.makeTenant("three")
        for sql in [
            "update ragdz.audit_log set actor = 'x'", "delete from ragdz.audit_log", "truncate ragdz.audit_log",
        ] {
            // Not even who owns the database, without saying so first.
            let error = await #expect(throws: PostgresError.self) { try await world.test.asOwner(sql) }
            #expect(error?.message.contains("only ever added to") == true)
        }
        let own = Identity.tenant(try #require(UUID128(tenant)))
        func run(_ sql: String) async throws {
            _ = try await world.test.database.query(Statement(name: "forge", sql: sql), as: own)
        }
        // Place and hash are the chain's, whatever is said.
        try await run(
            """
            insert into ragdz.audit_log (tenant_id, actor, action, target, request_id, peer, sequence, hash)
            values ('\(tenant)', 'key:k', 'x', 'x', '', '', 99, '\\x00')
            """)
        let verdict = try await world.verify(tenant)
        #expect(verdict.intact && verdict.lastSequence == 3)
        for sql in [
            "update ragdz.audit_heads set sequence = 0", "delete from ragdz.audit_heads",
            "insert into ragdz.audit_heads values ('\(UUID128.v4())', 0, sha256(''))",
        ] {
            let error = await #expect(throws: PostgresError.self) { try await run(sql) }
            #expect(error?.isInsufficientPrivilege == true)
        }
        await world.test.close()
    }
}
