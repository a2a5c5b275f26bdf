import Bytes
import Foundation
import ProtoRuntime
import RPC
import Schema
import Testing

/// A tenant with something of everything, and what nobody else may ever see of it.
struct IsolationTenant: Sendable {
    static let kinds = [
        "tenant", "key", "collection", "document", "ingest", "run", "workflow", "member", "invitation", "session",
        "questions", "measure", "conversation",
    ]

    /// In every text that it stores. No other tenant ever says it.
    var canary: String
    var ids: [String: String] = [:]
    /// Where its lists go on.
    var tokens: [String] = []
    /// With all scopes; with `retrieval.read` only; revoked.
    var key = ""
    var readerKey = ""
    var revokedKey = ""
    /// The session of a person who is its owner.
    var person = ""

    /// Ids of nothing at all.
    static func absent() -> IsolationTenant {
        var nobody = IsolationTenant(canary: "")
        for kind in kinds { nobody.ids[kind] = UUID().uuidString.lowercased() }
        nobody.ids["key"] = String((0..<22).map { _ in "abcdefghijkXYZ0123456789".randomElement() ?? "x" })
        nobody.ids["workflow"] = "wf-\(UInt32.random(in: 0 ... .max))"
        return nobody
    }

    /// What must never reach another tenant, unless that one said it itself.
    var secrets: [String] { [canary, key, readerKey, revokedKey, person] + ids.values }

    static func make(_ slug: String, _ caller: ServerCaller, _ platform: String) async throws -> IsolationTenant {
        let noise = UInt32.random(in: 0 ... .max)
        var tenant = IsolationTenant(canary: "canary\(slug)\(noise)")
        let made: Ragdz_V1_Tenant = try await caller.get(
            Ragdz_V1_Tenants.Methods.createTenant,
            #"{"slug":"\#(slug)","name":"\#(tenant.canary)","region":"REGION_DZ","plan":"enterprise"}"#, key: platform)
        tenant.ids["tenant"] = made.id
        tenant.key = try await tenant.newKey(#"["*"]"#, caller, platform).secret
        tenant.readerKey = try await tenant.newKey(#"["retrieval.read"]"#, caller, platform).secret
        let revoked = try await tenant.newKey(#"["*"]"#, caller, platform)
        tenant.revokedKey = revoked.secret
        _ = try await caller.get(
            Ragdz_V1_Keys.Methods.revokeKey, #"{"id":"\#(try #require(revoked.key).id)"}"#, key: tenant.key,
            as: Ragdz_V1_Key.self)
        tenant.ids["key"] = try #require(
            try await caller.get(
                Ragdz_V1_Keys.Methods.listKeys, "{}", key: tenant.key, as: Ragdz_V1_ListKeysResponse.self
            ).keys.first
        ).id
        let joined = try await Member.join(tenant.canary, slug, tenantID: made.id, caller, platform)
        tenant.person = joined.tokens.sessionToken
        tenant.ids["member"] = joined.member
        tenant.ids["invitation"] = joined.openInvitation
        tenant.ids["session"] = joined.session
        let collection: Ragdz_V1_Collection = try await caller.get(
            Ragdz_V1_Retrieval.Methods.createCollection, #"{"name":"\#(tenant.canary)"}"#, key: tenant.key)
        tenant.ids["collection"] = collection.id
        try await tenant.store(caller)
        try await tenant.measure(caller)
        try await tenant.converse(caller)
        tenant.ids["workflow"] = "wf-\(noise)"
        _ = try await caller.get(
            Ragdz_V1_Workflows.Methods.putDefinition,
            #"{"definition":{"name":"wf-\#(noise)","description":"\#(tenant.canary)","steps":[{"id":"approve","kind":"STEP_KIND_APPROVAL","prompt":"\#(tenant.canary)?"}]}}"#,
            key: tenant.key, as: Ragdz_V1_Definition.self)
        try await tenant.startRun(caller)
        try await tenant.takeTokens(caller)
        return tenant
    }

    private func newKey(_ scopes: String, _ caller: ServerCaller, _ platform: String) async throws
        -> Ragdz_V1_KeyWithSecret
    {
        try await caller.get(
            Ragdz_V1_Keys.Methods.createKey,
            #"{"name":"\#(canary)","scopes":\#(scopes),"tenantId":"\#(ids["tenant"] ?? "")"}"#, key: platform)
    }

    private mutating func store(_ caller: ServerCaller) async throws {
        for number in 0..<2 {
            let text = "The secret of the canary is \(canary). The canary number \(number) sings in the morning."
            let document: Ragdz_V1_Document = try await caller.get(
                Ragdz_V1_Retrieval.Methods.uploadDocument,
                #"{"header":{"collection":"\#(ids["collection"] ?? "")","filename":"\#(number).txt","title":"\#(canary)"}}"#
                    + "\n" + #"{"data":"\#(Data(text.utf8).base64EncodedString())"}"#, key: key)
            ids["document"] = document.id
            ids["ingest"] = document.ingestID
        }
    }

    private mutating func measure(_ caller: ServerCaller) async throws {
        let questions: Ragdz_V1_EvalSet = try await caller.get(
            Ragdz_V1_Retrieval.Methods.createEvalSet,
            #"{"name":"\#(canary)","cases":[{"question":"\#(canary)?","contains":"\#(canary)"}]}"#, key: key)
        ids["questions"] = questions.id
        let run: Ragdz_V1_EvalRun = try await caller.get(
            Ragdz_V1_Retrieval.Methods.runEval, #"{"id":"\#(questions.id)","label":"\#(canary)"}"#, key: key)
        ids["measure"] = run.id
        try await run.waitUntilOver(caller, key)
    }

    private mutating func converse(_ caller: ServerCaller) async throws {
        let conversation: Ragdz_V1_Conversation = try await caller.get(
            Ragdz_V1_Retrieval.Methods.createConversation, #"{"title":"\#(canary)"}"#, key: key)
        ids["conversation"] = conversation.id
        let asked = await caller.call(
            Ragdz_V1_Retrieval.Methods.ask,
            #"{"question":"What is \#(canary)?","conversationId":"\#(conversation.id)"}"#, key: key)
        #expect(asked.status == nil)
    }

    private mutating func startRun(_ caller: ServerCaller) async throws {
        let run: Ragdz_V1_Run = try await caller.get(
            Ragdz_V1_Workflows.Methods.startRun,
            #"{"workflow":"\#(ids["workflow"] ?? "")","input":{"topic":"\#(canary)"}}"#, key: key)
        ids["run"] = run.id
        for _ in 0..<200 {
            let now: Ragdz_V1_Run = try await caller.get(
                Ragdz_V1_Workflows.Methods.getRun, #"{"id":"\#(run.id)"}"#, key: key)
            if now.status != .running { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private mutating func takeTokens(_ caller: ServerCaller) async throws {
        let keys: Ragdz_V1_ListKeysResponse = try await caller.get(
            Ragdz_V1_Keys.Methods.listKeys, #"{"pageSize":1}"#, key: key)
        let documents: Ragdz_V1_ListDocumentsResponse = try await caller.get(
            Ragdz_V1_Retrieval.Methods.listDocuments, #"{"collection":"\#(ids["collection"] ?? "")","pageSize":1}"#,
            key: key)
        tokens = [keys.nextPageToken, documents.nextPageToken].filter { !$0.isEmpty }
        #expect(tokens.count == 2, "a list of two goes on after one")
    }

    /// The own session's token with another one's session in it.
    func sessionOf(_ victim: IsolationTenant?) -> String {
        let hex = { (id: String?) in (id ?? "").filter { $0 != "-" } }
        return person.replacingOccurrences(of: hex(ids["session"]), with: hex(victim?.ids["session"]))
    }

    /// A key of another tenant's id with the caller's own secret, and a check that fits: well-formed and false.
    static func forged(_ victim: String, secretOf own: String) -> String {
        let theirs = victim.split(separator: "_")
        let ours = own.split(separator: "_")
        guard theirs.count == 5, ours.count == 5 else { return own + "x" }
        let body = "\(theirs[0])_\(theirs[1])_\(theirs[2])_\(ours[3])"
        let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
        var rest = CRC32C.checksum(Array(body.utf8))
        var check = ""
        for _ in 0..<6 {
            check = String(digits[Int(rest % 62)]) + check
            rest /= 62
        }
        return body + "_" + check
    }
}

extension Ragdz_V1_EvalRun {
    /// A run goes on by itself at the server.
    func waitUntilOver(_ caller: ServerCaller, _ key: String) async throws {
        for _ in 0..<600 {
            let now: Ragdz_V1_EvalRun = try await caller.get(
                Ragdz_V1_Retrieval.Methods.getEvalRun, #"{"id":"\#(id)"}"#, key: key)
            if now.status != .running { return #expect(now.status == .succeeded, "\(now.failureMessage)") }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("the run \(id) does not end")
    }
}
