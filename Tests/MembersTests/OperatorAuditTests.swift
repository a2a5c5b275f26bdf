import Bytes
import Keys
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support
import Tenancy
import Testing

@testable import Members

/// What operators do stands in their log and in that of the tenant that it concerns.
@Suite struct OperatorAuditTests {
    private final class World: Sendable {
        let base: MembersWorld
        let router: Router
        let root: String

        init() async throws {
            base = try await MembersWorld()
            let database = base.test.database
            let pepper = try Pepper(parsing: "1:" + String(repeating: "0f", count: 32))
            root = try #require(try await FirstOperator.create(database: database, pepper: pepper))
            var router = base.router
            router.add(TenancyService(database: database, logger: MembersWorld.quiet))
            router.add(
                OperatorsService(database: database, pepper: pepper, logger: MembersWorld.quiet) {
                    [authenticator = base.authenticator] id in
                    authenticator.forget(.credential(.init(kind: .platformOperator, id: id)))
                })
            self.router = router
        }

        func call(_ method: MethodDescriptor, _ json: String, as credential: String) async throws -> [UInt8] {
            func open<Request: Message>(_ type: Request.Type) async throws -> [UInt8] {
                let context = ServerContext(
                    method: method, metadata: ["authorization": "Bearer \(credential)"], peer: "192.0.2.9:1")
                return try await router.callUnary(
                    method.path, request: try Request(json: [UInt8](json.utf8)).wireBytes(), context: context)
            }
            return try await open(method.requestType)
        }

        func get<Response: Message>(
            _ method: MethodDescriptor, _ json: String, as credential: String? = nil,
            returning: Response.Type = Response.self
        ) async throws -> Response {
            try Response(wire: try await call(method, json, as: credential ?? root))
        }

        func count(_ tenant: String) async throws -> Int {
            try await base.test.asOwner(
                "select count(*) as n from ragdz.audit_log where tenant_id = '\(tenant)'")[0].get("n", as: Int.self)
        }
    }

    static let platform = "00000000-0000-0000-0000-000000000000"

    /// What each method that operators may call leaves behind: a method that is new fails until it is here.
    enum Trace {
        /// In both logs.
        case both(String)
        /// In the operators' log alone: it concerns no tenant, or all.
        case platform(String)
        /// Reads the operators' own records.
        case none(String)
    }

    static let traces: [(String, Trace)] = [
        ("Tenants/CreateTenant", .platform(#"{"slug":"another","name":"x","region":"REGION_DZ"}"#)),
        ("Tenants/GetTenant", .both(#"{"id":"$tenant"}"#)),
        ("Tenants/ListTenants", .platform("{}")),
        ("Tenants/UpdateTenant", .both(#"{"tenant":{"id":"$tenant","plan":"pro"},"updateMask":"plan"}"#)),
        ("Tenants/SuspendTenant", .both(#"{"id":"$tenant","reason":"unpaid"}"#)),
        ("Tenants/ResumeTenant", .both(#"{"id":"$tenant"}"#)),
        ("Tenants/ListAuditEntries", .both(#"{"id":"$tenant"}"#)),
        ("Tenants/VerifyAudit", .both(#"{"id":"$tenant"}"#)),
        ("Tenants/GetUsage", .both(#"{"id":"$tenant"}"#)),
        ("Tenants/GetTenantStats", .both(#"{"id":"$tenant"}"#)),
        ("Tenants/SetQuota", .both(#"{"id":"$tenant","quota":"keys","limit":"70"}"#)),
        ("Tenants/ReconcileUsage", .both(#"{"id":"$tenant"}"#)),
        ("Tenants/ListOperatorAudit", .none("{}")),
        ("Tenants/VerifyOperatorAudit", .none("{}")),
        ("Keys/CreateKey", .both(#"{"name":"k","scopes":["*"],"tenantId":"$tenant"}"#)),
        ("Members/InviteMember", .both(#"{"email":"a@b.dz","role":"ROLE_OWNER","tenantId":"$tenant"}"#)),
        ("Operators/CreateOperator", .platform(#"{"name":"amina"}"#)),
        ("Operators/ListOperators", .none("{}")),
        ("Operators/RotateOperator", .platform(#"{"name":"amina"}"#)),
        ("Operators/RevokeOperator", .platform(#"{"name":"amina"}"#)),
        ("Tenants/DeleteTenant", .both(#"{"id":"$tenant","slug":"atlas"}"#)),
        ("Tenants/GetTenantErasure", .both(#"{"id":"$tenant"}"#)),
    ]

    /// Served by a room that this router has not; its statement writes the tenant's log, and the trigger does the rest.
    static let elsewhere: Set<String> = ["/ragdz.v1.Retrieval/ShareCorpus"]

    @Test func everyCallOfAnOperatorLeavesItsTrace() async throws {
        let world = try await World()
        let methods = RoleTableTests.services.flatMap(\.methods).filter {
            $0.policy.credential == .operator || $0.policy.credential == .tenantKeyOrOperator
        }
        #expect(
            Set(methods.map(\.path)) == Set(Self.traces.map { "/ragdz.v1.\($0.0)" }).union(Self.elsewhere))
        let tenant: Ragdz_V1_Tenant = try await world.get(
            Ragdz_V1_Tenants.Methods.createTenant, #"{"slug":"atlas","name":"Secret name","region":"REGION_DZ"}"#)
        for (name, trace) in Self.traces {
            let method = try #require(methods.first { $0.path == "/ragdz.v1.\(name)" })
            let before = (try await world.count(tenant.id), try await world.count(Self.platform))
            let json: String
            let wanted: (Int, Int)
            switch trace {
            case .both(let text): (json, wanted) = (text, (1, 1))
            case .platform(let text): (json, wanted) = (text, (0, 1))
            case .none(let text): (json, wanted) = (text, (0, 0))
            }
            _ = try await world.call(method, json.replacing("$tenant", with: tenant.id), as: world.root)
            let after = (try await world.count(tenant.id), try await world.count(Self.platform))
            #expect(after.0 - before.0 == wanted.0, "\(name) in the tenant's log")
            // Rotating ends one credential and makes another.
            #expect(
                after.1 - before.1 == wanted.1 + (name.hasSuffix("RotateOperator") ? 1 : 0), "\(name) in the operators'"
            )
        }
        // Every link holds: number and hash of the tenant's entry, and nothing of what it says.
        let broken = try await world.base.test.asOwner(
            """
            select count(*) filter (where t.sequence is null) as broken, count(*) as links,
                coalesce(bool_or(p.after::text like '%Secret%'), false) as told
            from ragdz.audit_log p
            left join ragdz.audit_log t on t.tenant_id::text = p.target and t.sequence = (p.after->>'sequence')::bigint
                and encode(t.hash, 'hex') = p.after->>'hash' and t.actor = p.actor and t.action = p.action
            where p.tenant_id = '\(Self.platform)' and p.after ? 'sequence'
            """)
        #expect(try broken[0].get("broken", as: Int.self) == 0)
        #expect(try broken[0].get("links", as: Int.self) >= 10)
        #expect(try broken[0].get("told", as: Bool.self) == false)
        let verdict: Ragdz_V1_AuditVerdict = try await world.get(
            Ragdz_V1_Tenants.Methods.verifyOperatorAudit, "{}")
        let entries = try await world.count(Self.platform)
        #expect(verdict.intact && verdict.entries == Int64(entries))
        await world.base.test.close()
    }

    @Test func tamperingWithTheOperatorsLogIsFound() async throws {
        let world = try await World()
        for _ in 0..<5 {
            _ = try await world.call(Ragdz_V1_Tenants.Methods.listTenants, "{}", as: world.root)
        }
        let verify = Ragdz_V1_Tenants.Methods.verifyOperatorAudit
        let good: Ragdz_V1_AuditVerdict = try await world.get(verify, "{}")
        #expect(good.intact && good.entries == 6)
        try await world.base.test.asOwner("alter table ragdz.audit_log disable trigger audit_log_append_only")
        try await world.base.test.asOwner(
            "delete from ragdz.audit_log where sequence = 3 and tenant_id = '\(Self.platform)'")
        let bad: Ragdz_V1_AuditVerdict = try await world.get(
            verify, #"{"knownSequence":"\#(good.lastSequence)","knownHash":"\#(good.lastHash)"}"#)
        #expect(!bad.intact && bad.defect == "ENTRY_MISSING" && bad.firstBadSequence == 3)
        await world.base.test.close()
    }

    @Test func operatorsMakeRotateAndEndEachOther() async throws {
        let world = try await World()
        typealias Methods = Ragdz_V1_Operators.Methods
        func outcome(_ method: MethodDescriptor, _ json: String, as credential: String? = nil) async -> String? {
            await reason { try await world.call(method, json, as: credential ?? world.root) }
        }
        #expect(await outcome(Methods.revokeOperator, #"{"name":"root"}"#) == "LAST_OPERATOR")
        let amina: Ragdz_V1_OperatorWithCredential = try await world.get(
            Methods.createOperator, #"{"name":"amina","ttl":"3600s"}"#)
        #expect(amina.operator?.createdBy == "operator:root" && amina.operator?.expireTime != nil)
        #expect(await outcome(Methods.createOperator, #"{"name":"amina"}"#) == "OPERATOR_EXISTS")
        for name in ["", "a", "Amina", "a b", "é", "a:b", "root'; --", String(repeating: "a", count: 64)] {
            #expect(await outcome(Methods.createOperator, #"{"name":"\#(name)"}"#) == "INVALID_NAME", "\(name)")
        }
        #expect(await outcome(Methods.createOperator, #"{"name":"bob","ttl":"1s"}"#) == "INVALID_TTL")
        #expect(await outcome(Ragdz_V1_Tenants.Methods.listTenants, "{}", as: amina.credential) == nil)
        // A new credential under the same name: the old one is over at once.
        let next: Ragdz_V1_OperatorWithCredential = try await world.get(
            Methods.rotateOperator, #"{"name":"amina"}"#, as: amina.credential)
        #expect(await outcome(Ragdz_V1_Tenants.Methods.listTenants, "{}", as: amina.credential) == "KEY_REVOKED")
        #expect(await outcome(Ragdz_V1_Tenants.Methods.listTenants, "{}", as: next.credential) == nil)
        // The two cannot end each other both.
        async let first = outcome(Methods.revokeOperator, #"{"name":"amina"}"#)
        async let second = outcome(Methods.revokeOperator, #"{"name":"root"}"#, as: next.credential)
        let outcomes = await [first, second]
        #expect(outcomes.count { $0 == nil } == 1, "\(outcomes)")
        // Who has expired does not count as one who is left.
        let left = outcomes[0] == nil ? world.root : next.credential
        let late: Ragdz_V1_OperatorWithCredential = try await world.get(
            Methods.createOperator, #"{"name":"late"}"#, as: left)
        try await world.base.test.asOwner(
            "update ragdz.operator_credentials set expire_time = clock_timestamp() where name = 'late'")
        #expect(await outcome(Ragdz_V1_Tenants.Methods.listTenants, "{}", as: late.credential) == "KEY_EXPIRED")
        #expect(
            await outcome(Methods.revokeOperator, #"{"name":"\#(outcomes[0] == nil ? "root" : "amina")"}"#, as: left)
                == "LAST_OPERATOR")
        #expect(await outcome(Methods.revokeOperator, #"{"name":"nobody"}"#, as: left) == "OPERATOR_NOT_FOUND")
        #expect(await outcome(Methods.revokeOperator, #"{"name":"late"}"#, as: left) == nil)
        #expect(await outcome(Methods.revokeOperator, #"{"name":"late"}"#, as: left) == nil, "repeating is harmless")
        let list: Ragdz_V1_ListOperatorsResponse = try await world.get(
            Methods.listOperators, #"{"pageSize":200}"#, as: left)
        #expect(list.operators.map(\.name) == ["root", "amina", "amina", "late"])
        #expect(list.nextPageToken.isEmpty)
        await world.base.test.close()
    }
}
