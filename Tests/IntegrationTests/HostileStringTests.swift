import Foundation
import Logging
import NIOPosix
import Postgres
import ProtoRuntime
import RPC
import Schema
import Testing

/// Every text field of every method holds, one after the other, what texts must not hold. A table that none of our
/// statements names stands beside: what any of these strings could do as SQL, it would show.
@Suite(.serialized) struct HostileStringTests {
    static let strings: [String] = [
        "'; drop table ragdz_canary; --", "\"; drop table ragdz_canary; --", "\\'; drop table ragdz_canary; --",
        "$$; drop table ragdz_canary; $$", "1); delete from ragdz_canary; select (1", "' or '1'='1", "{\"$ne\":null}",
        "'::text; truncate ragdz_canary; --", "\u{0}", "a\u{0}b", "\u{202E}\u{2066}txt.exe",
        "\u{FFFF}\u{1F468}\u{200D}",
        "e" + String(repeating: "\u{301}", count: 5_000), String(repeating: "x", count: 10_240),
        String(repeating: "ع", count: 5_120), "../../../../etc/passwd", "%s%n%x{0}${jndi:ldap://127.0.0.1/x}",
        "\r\nx: y",
    ]

    /// A place in a request that holds text: the numbers of the fields that lead to it.
    struct Place {
        var path: [UInt64]
        var name: String
    }

    static func places(in type: String, _ shapes: MessageShapes, depth: Int = 0) -> [Place] {
        (shapes.messages[type] ?? []).flatMap { field -> [Place] in
            switch field.type {
            case 9: [Place(path: [field.number], name: field.name)]
            case 11 where depth < 3 && !field.typeName.hasPrefix("google.protobuf."):
                places(in: field.typeName, shapes, depth: depth + 1).map {
                    Place(path: [field.number] + $0.path, name: "\(field.name).\($0.name)")
                }
            default: []
            }
        }
    }

    /// A request of this type in which every text is `usual`, but for the one at `place`.
    static func message(
        _ type: String, _ shapes: MessageShapes, _ place: Place, _ hostile: String, depth: Int = 0,
        usual: (String) -> String
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        for field in shapes.messages[type] ?? [] {
            let isOnPath = place.path.count > depth && place.path[depth] == field.number
            switch field.type {
            case 9:
                let isIt = isOnPath && place.path.count == depth + 1
                Wire.append(field.number, bytes: Array((isIt ? hostile : usual(field.name)).utf8), to: &bytes)
            case 11 where isOnPath:
                let inner = Place(path: place.path, name: place.name)
                Wire.append(
                    field.number,
                    bytes: message(field.typeName, shapes, inner, hostile, depth: depth + 1, usual: usual), to: &bytes)
            default: break
            }
        }
        return bytes
    }

    @Test func noStringDoesMoreThanStandInItsField() async throws {
        try await RunningServer.with { server in
            let caller = try ServerCaller(server)
            let platform = try server.operatorCredential()
            let tenant = try await IsolationTenant.make("hostile", caller, platform)
            var logger = Logger(label: "hostile")
            logger.logLevel = .critical
            let owner = Database(
                configuration: .init(url: "host='\(server.data)/postgres/socket' user='postgres' dbname='ragdz'"),
                group: .singleton, logger: logger)
            func rows(_ sql: String) async throws -> [String] {
                try await owner.query(Statement(name: "hostile", sql: sql), as: .none).map { try $0.get(0) }
            }
            let tables =
                "select string_agg(relname, ' ' order by relname) from pg_class where relkind = 'r' and relnamespace = 'ragdz'::regnamespace"
            _ = try await rows("create table ragdz_canary as select 'sings'::text as song")
            _ = try await rows("grant all on ragdz_canary to public")
            _ = try await rows("grant usage on schema public to public")
            let before = try await rows(tables)
            let shapes = MessageShapes()
            var calls = 0
            for method in contractMethods where method.name != "DeleteTenant" {
                for place in Self.places(in: method.requestType.protoMessageName, shapes) {
                    for hostile in Self.strings {
                        let request = Self.message(method.requestType.protoMessageName, shapes, place, hostile) {
                            name in
                            Self.usual(name, method, tenant)
                        }
                        let isOperators = method.policy.credential == .operator
                        let outcome = await caller.call(
                            method, wire: [request], authorization: "Bearer \(isOperators ? platform : tenant.key)",
                            timeout: .seconds(method.callType.streamsResponses ? 2 : 20))
                        calls += 1
                        let what = "\(method.path) \(place.name) = \(hostile.prefix(24).debugDescription)"
                        Self.judge(outcome, what)
                        if method.name == "SuspendTenant", outcome.status == nil {
                            let resumed = await caller.call(
                                Ragdz_V1_Tenants.Methods.resumeTenant, #"{"id":"\#(tenant.ids["tenant"] ?? "")"}"#,
                                key: platform)
                            #expect(resumed.status == nil)
                        }
                    }
                }
            }
            print("hostile strings: \(calls) calls")
            #expect(calls > 1_000)
            #expect(try await rows("select song from ragdz_canary") == ["sings"])
            #expect(try await rows(tables) == before)
            // What they stored is whole, and the log of changes with it.
            let verdict: Ragdz_V1_AuditVerdict = try await caller.get(
                Ragdz_V1_Tenants.Methods.verifyAudit, #"{"id":"me"}"#, key: tenant.key)
            #expect(verdict.intact)
            await owner.close()
            await caller.close()
        }
    }

    private static func judge(_ outcome: ServerCaller.Outcome, _ what: String) {
        guard let status = outcome.status else { return }
        let codes: Set<Status.Code> = [.internalError, .unknown, .dataLoss, .unavailable, .unimplemented]
        #expect(!codes.contains(status.code), "\(what): \(status)")
        #expect(status.reason != "DATABASE_ERROR", "\(what): \(status)")
        for word in ["syntax", "relation", "ragdz.", "SQL", "pg_"] where status.message.contains(word) {
            Issue.record("\(what) tells \(status.message)")
        }
    }

    /// What stands in the fields that are not tried out: values with which the call goes as far as it can.
    private static func usual(_ name: String, _ method: MethodDescriptor, _ tenant: IsolationTenant) -> String {
        switch name {
        case "conversation_id": return tenant.ids["conversation"] ?? ""
        case "collection", "collections": return tenant.ids["collection"] ?? ""
        case "tenant_id": return method.policy.credential == .tenantKey ? "" : tenant.ids["tenant"] ?? ""
        case "id", "run_id", "document_id", "document_ids":
            if method.name.contains("Eval") || method.name.contains("Feedback") {
                let isRun = method.name.contains("EvalRun") && !method.name.hasPrefix("List")
                return method.name.hasPrefix("Delete") ? "" : tenant.ids[isRun ? "measure" : "questions"] ?? ""
            }
            if method.name.contains("Conversation") || method.name == "ListTurns" {
                return method.name.hasPrefix("Delete") ? "" : tenant.ids["conversation"] ?? ""
            }
            for kind in [
                "Tenant", "Usage", "Quota", "Audit", "Key", "Collection", "Document", "Ingest", "Run", "Approve",
            ]
            where method.name.contains(kind) {
                let named = ["Usage": "tenant", "Quota": "tenant", "Audit": "tenant", "Approve": "run"]
                // What would take away the tenant's own things is asked about nobody's.
                let destroys = ["Revoke", "Rotate", "Delete", "Cancel"].contains { method.name.hasPrefix($0) }
                let ids = destroys ? IsolationTenant.absent().ids : tenant.ids
                return ids[named[kind] ?? kind.lowercased()] ?? ""
            }
            return ""
        case "slug": return "hostile-\(UInt32.random(in: 0 ... .max))"
        case "name": return "hostile"
        case "quota": return "keys"
        case "scopes": return "retrieval.read"
        case "workflow": return "brief"
        case "filename": return "a.txt"
        case "query", "question": return "What does the canary sing?"
        case "paths": return "name"
        default: return ""
        }
    }
}
