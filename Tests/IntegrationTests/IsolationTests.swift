import Foundation
import ProtoRuntime
import RPC
import Schema
import Testing

/// Two tenants on a real server: what one can name of the other, and what it gets to see.
@Suite(.serialized) struct IsolationTests {
    /// A tenant with something of everything. Its canary is in every text that it stores.
    struct Tenant {
        let canary: String
        var id = ""
        var key = ""
        var keyID = ""
        var collection = ""
        var document = ""
        var ingest = ""
        var run = ""
        var member = ""
        var invitation = ""
        var session = ""
        /// A set of questions, and a run of it.
        var questions = ""
        var measure = ""
        var conversation = ""

        /// Ids of nothing at all.
        static var absent: Tenant {
            var nobody = Tenant(canary: "")
            nobody.id = UUID().uuidString.lowercased()
            nobody.collection = UUID().uuidString.lowercased()
            nobody.document = UUID().uuidString.lowercased()
            nobody.ingest = UUID().uuidString.lowercased()
            nobody.run = UUID().uuidString.lowercased()
            nobody.member = UUID().uuidString.lowercased()
            nobody.invitation = UUID().uuidString.lowercased()
            nobody.session = UUID().uuidString.lowercased()
            nobody.questions = UUID().uuidString.lowercased()
            nobody.measure = UUID().uuidString.lowercased()
            nobody.conversation = UUID().uuidString.lowercased()
            nobody.keyID = String((0..<22).map { _ in "abcdefghijkXYZ0123456789".randomElement() ?? "x" })
            return nobody
        }

        /// What must never be seen by another tenant.
        var secrets: [String] {
            [
                canary, id, key, keyID, collection, document, ingest, run, member, invitation, session, questions,
                measure,
                conversation,
            ]
        }
    }

    /// What a method is asked for with another tenant's ids. Every method of the contract has its row.
    enum Probe {
        /// Refused alike for a foreign id and for one that does not exist.
        case alike(String)
        /// As `alike`, for what has its credential in the request; how often it may be tried is counted.
        case open(String)
        /// Takes no id: succeeds, and shows nothing of anybody else.
        case own(String)
        /// Not for a tenant's key, whatever it asks.
        case operatorOnly(String)
    }

    static let probes: [String: Probe] = [
        "/ragdz.v1.Tenants/CreateTenant": .operatorOnly(#"{"slug":"stolen","name":"x","region":"REGION_DZ"}"#),
        "/ragdz.v1.Tenants/GetTenant": .alike(#"{"id":"$tenant"}"#),
        "/ragdz.v1.Tenants/ListTenants": .operatorOnly("{}"),
        "/ragdz.v1.Tenants/UpdateTenant": .alike(#"{"tenant":{"id":"$tenant","name":"stolen"},"updateMask":"name"}"#),
        "/ragdz.v1.Tenants/SuspendTenant": .operatorOnly(#"{"id":"$tenant"}"#),
        "/ragdz.v1.Tenants/ResumeTenant": .operatorOnly(#"{"id":"$tenant"}"#),
        "/ragdz.v1.Tenants/DeleteTenant": .operatorOnly(#"{"id":"$tenant","slug":"x"}"#),
        "/ragdz.v1.Tenants/GetTenantErasure": .operatorOnly(#"{"id":"$tenant"}"#),
        "/ragdz.v1.Tenants/ListAuditEntries": .alike(#"{"id":"$tenant"}"#),
        "/ragdz.v1.Tenants/VerifyAudit": .alike(#"{"id":"$tenant"}"#),
        "/ragdz.v1.Tenants/GetUsage": .alike(#"{"id":"$tenant"}"#),
        "/ragdz.v1.Tenants/GetTenantStats": .operatorOnly(#"{"id":"$tenant"}"#),
        "/ragdz.v1.Tenants/SetQuota": .operatorOnly(#"{"id":"$tenant","quota":"keys","unlimited":true}"#),
        "/ragdz.v1.Tenants/ReconcileUsage": .operatorOnly(#"{"id":"$tenant"}"#),
        "/ragdz.v1.Tenants/ListOperatorAudit": .operatorOnly("{}"),
        "/ragdz.v1.Tenants/VerifyOperatorAudit": .operatorOnly("{}"),
        "/ragdz.v1.Operators/CreateOperator": .operatorOnly(#"{"name":"thief"}"#),
        "/ragdz.v1.Operators/ListOperators": .operatorOnly("{}"),
        "/ragdz.v1.Operators/RotateOperator": .operatorOnly(#"{"name":"root"}"#),
        "/ragdz.v1.Operators/RevokeOperator": .operatorOnly(#"{"name":"root"}"#),
        "/ragdz.v1.Members/InviteMember": .alike(
            #"{"email":"thief@example.dz","role":"ROLE_OWNER","tenantId":"$tenant"}"#),
        "/ragdz.v1.Members/ListInvitations": .own("{}"),
        "/ragdz.v1.Members/RevokeInvitation": .alike(#"{"id":"$invitation"}"#),
        "/ragdz.v1.Members/AcceptInvitation": .open(
            #"{"token":"ragdz_invite_$hexinvitation_0000000000000000000000000000000000000000000000000000000000000000","#
                + #""password":"long enough"}"#),
        "/ragdz.v1.Members/GetMember": .alike(#"{"id":"$member"}"#),
        "/ragdz.v1.Members/ListMembers": .own("{}"),
        "/ragdz.v1.Members/ChangeMemberRole": .alike(#"{"id":"$member","role":"ROLE_VIEWER"}"#),
        "/ragdz.v1.Members/RemoveMember": .alike(#"{"id":"$member"}"#),
        "/ragdz.v1.Members/ResetPassword": .alike(#"{"id":"$member"}"#),
        "/ragdz.v1.Members/Login": .open(
            #"{"tenant":"jura","email":"$canary@example.dz","password":"not the password"}"#),
        "/ragdz.v1.Members/RefreshSession": .open(
            #"{"refreshToken":"ragdz_refresh_$hexsession_000000010000000170000000_"#
                + #"0000000000000000000000000000000000000000000000000000000000000000"}"#),
        "/ragdz.v1.Members/Logout": .alike("{}"),
        "/ragdz.v1.Members/ListSessions": .alike(#"{"memberId":"$member"}"#),
        "/ragdz.v1.Members/RevokeSession": .alike(#"{"id":"$session"}"#),
        "/ragdz.v1.Members/GetAccount": .alike("{}"),
        "/ragdz.v1.Members/ChangePassword": .alike(
            #"{"currentPassword":"$canary and more","newPassword":"long enough"}"#),
        "/ragdz.v1.Keys/UpdateKey": .alike(#"{"key":{"id":"$key","name":"stolen"},"updateMask":"name"}"#),
        "/ragdz.v1.Keys/CreateKey": .alike(#"{"name":"x","scopes":["*"],"tenantId":"$tenant"}"#),
        "/ragdz.v1.Keys/GetKey": .alike(#"{"id":"$key"}"#),
        "/ragdz.v1.Keys/ListKeys": .own("{}"),
        "/ragdz.v1.Keys/RotateKey": .alike(#"{"id":"$key"}"#),
        "/ragdz.v1.Keys/EndGrace": .alike(#"{"id":"$key"}"#),
        "/ragdz.v1.Keys/RevokeKey": .alike(#"{"id":"$key"}"#),
        "/ragdz.v1.Retrieval/CreateCollection": .own(#"{"name":"mine-too"}"#),
        "/ragdz.v1.Retrieval/GetCollection": .alike(#"{"id":"$collection"}"#),
        "/ragdz.v1.Retrieval/ListCollections": .own("{}"),
        "/ragdz.v1.Retrieval/ShareCorpus": .operatorOnly(#"{"tenantId":"$tenant"}"#),
        "/ragdz.v1.Retrieval/UpdateCollection": .alike(#"{"id":"$collection"}"#),
        "/ragdz.v1.Retrieval/UpdateDocument": .alike(
            #"{"id":"$document","attributes":{"theme":"stolen"},"updateMask":"theme"}"#),
        "/ragdz.v1.Retrieval/DeleteCollection": .alike(#"{"id":"$collection"}"#),
        "/ragdz.v1.Retrieval/UploadDocument": .alike(
            #"{"header":{"collection":"$collection","filename":"a.txt"}}"# + "\n" + #"{"data":"U2FsdXQu"}"#),
        "/ragdz.v1.Retrieval/CreateConversation": .own("{}"),
        "/ragdz.v1.Retrieval/GetConversation": .alike(#"{"id":"$conversation"}"#),
        "/ragdz.v1.Retrieval/ListConversations": .own("{}"),
        "/ragdz.v1.Retrieval/ListTurns": .alike(#"{"id":"$conversation"}"#),
        "/ragdz.v1.Retrieval/DeleteConversation": .alike(#"{"id":"$conversation"}"#),
        "/ragdz.v1.Retrieval/CreateEvalSet": .own(#"{"name":"mine"}"#),
        "/ragdz.v1.Retrieval/GetEvalSet": .alike(#"{"id":"$questions"}"#),
        "/ragdz.v1.Retrieval/ListEvalSets": .own("{}"),
        "/ragdz.v1.Retrieval/DeleteEvalSet": .alike(#"{"id":"$questions"}"#),
        "/ragdz.v1.Retrieval/AddEvalCases": .alike(#"{"id":"$questions","cases":[{"question":"x"}]}"#),
        "/ragdz.v1.Retrieval/ListEvalCases": .alike(#"{"id":"$questions"}"#),
        "/ragdz.v1.Retrieval/GiveFeedback": .alike(
            #"{"id":"$questions","question":"x","verdict":"FEEDBACK_VERDICT_RIGHT","documentIds":["$document"]}"#),
        "/ragdz.v1.Retrieval/RunEval": .alike(#"{"id":"$questions"}"#),
        "/ragdz.v1.Retrieval/CancelEvalRun": .alike(#"{"id":"$measure"}"#),
        "/ragdz.v1.Retrieval/GetEvalRun": .alike(#"{"id":"$measure"}"#),
        "/ragdz.v1.Retrieval/WatchEvalRun": .alike(#"{"id":"$measure"}"#),
        "/ragdz.v1.Retrieval/ListEvalRuns": .alike(#"{"id":"$questions"}"#),
        "/ragdz.v1.Retrieval/CompareEvalRuns": .alike(#"{"id":"$measure","baselineRunId":"$measure"}"#),
        "/ragdz.v1.Retrieval/GetDocument": .alike(#"{"id":"$document"}"#),
        "/ragdz.v1.Retrieval/GetDocumentText": .alike(#"{"id":"$document"}"#),
        "/ragdz.v1.Retrieval/ListDocuments": .alike(#"{"collection":"$collection"}"#),
        "/ragdz.v1.Retrieval/DeleteDocument": .alike(#"{"id":"$document"}"#),
        "/ragdz.v1.Retrieval/ListEmbeddingModels": .own("{}"),
        "/ragdz.v1.Retrieval/ReembedCollection": .alike(
            #"{"id":"$collection","embeddingModel":"use-multilingual-v3"}"#),
        "/ragdz.v1.Retrieval/GetReembedding": .alike(#"{"id":"$collection"}"#),
        "/ragdz.v1.Retrieval/WatchReembedding": .alike(#"{"id":"$collection"}"#),
        "/ragdz.v1.Retrieval/CancelReembedding": .alike(#"{"id":"$collection"}"#),
        "/ragdz.v1.Retrieval/StartUpload": .alike(
            #"{"header":{"collection":"$collection","filename":"a.txt"},"byteSize":"5"}"#),
        // An upload's id is that of its ingest.
        "/ragdz.v1.Retrieval/AppendUpload": .alike(#"{"id":"$ingest","data":"U2FsdXQu"}"#),
        "/ragdz.v1.Retrieval/GetUpload": .alike(#"{"id":"$ingest"}"#),
        "/ragdz.v1.Retrieval/FinishUpload": .alike(#"{"id":"$ingest"}"#),
        "/ragdz.v1.Retrieval/DeleteUpload": .alike(#"{"id":"$ingest"}"#),
        "/ragdz.v1.Retrieval/GetIngest": .alike(#"{"id":"$ingest"}"#),
        "/ragdz.v1.Retrieval/ListIngests": .own("{}"),
        "/ragdz.v1.Retrieval/WatchIngest": .alike(#"{"id":"$ingest"}"#),
        "/ragdz.v1.Retrieval/CancelIngest": .alike(#"{"id":"$ingest"}"#),
        "/ragdz.v1.Retrieval/RetryIngest": .alike(#"{"id":"$ingest"}"#),
        "/ragdz.v1.Retrieval/Search": .alike(#"{"collections":["$collection"],"query":"canary secret"}"#),
        "/ragdz.v1.Retrieval/Evaluate": .alike(
            #"{"collections":["$collection"],"cases":[{"question":"canary secret","contains":"canary"}]}"#),
        "/ragdz.v1.Retrieval/Ask": .alike(#"{"collections":["$collection"],"question":"What is the canary?"}"#),
        "/ragdz.v1.Workflows/PutDefinition": .own(
            #"{"definition":{"name":"mine","steps":[{"id":"a","kind":"STEP_KIND_APPROVAL","prompt":"?"}]}}"#),
        "/ragdz.v1.Workflows/ListDefinitions": .own("{}"),
        "/ragdz.v1.Workflows/StartRun": .own(
            #"{"workflow":"brief","input":{"topic":"canary","collection":"$collection"}}"#),
        "/ragdz.v1.Workflows/GetRun": .alike(#"{"id":"$run"}"#),
        "/ragdz.v1.Workflows/ListRuns": .own("{}"),
        "/ragdz.v1.Workflows/WatchRun": .alike(#"{"id":"$run"}"#),
        "/ragdz.v1.Workflows/Approve": .alike(#"{"id":"$run","stepId":"approve","approved":true}"#),
        "/ragdz.v1.Workflows/CancelRun": .alike(#"{"id":"$run"}"#),
    ]

    @Test func everyMethodOfTheContractHasItsProbe() {
        #expect(Set(Self.probes.keys) == Set(contractMethods.map(\.path)))
    }

    @Test func noMethodShowsOrTouchesWhatIsAnothers() async throws {
        try await RunningServer.with { server in
            let caller = try ServerCaller(server)
            let platform = try server.operatorCredential()
            let thief = try await make("atlas", caller, platform)
            let victim = try await make("jura", caller, platform)
            let before = try await inventory(of: victim, caller)
            let absent = Tenant.absent
            for method in contractMethods {
                guard let probe = Self.probes[method.path] else { continue }
                let foreign = await attempt(probe, method, on: victim, by: thief, caller)
                for secret in victim.secrets where !Self.wasSaid(secret, probe, victim) {
                    #expect(!foreign.visible.contains(secret), "\(method.path) shows \(secret)")
                }
                switch probe {
                case .own: #expect(foreign.status == nil, "\(method.path): \(String(describing: foreign.status))")
                case .operatorOnly: #expect(foreign.status?.reason == "OPERATOR_REQUIRED", "\(method.path)")
                case .alike, .open:
                    let nothing = await attempt(probe, method, on: absent, by: thief, caller)
                    #expect(foreign.status != nil, "\(method.path) succeeds with a foreign id")
                    #expect(
                        Self.blurred(foreign, victim) == Self.blurred(nothing, absent),
                        "\(method.path) tells a foreign id from none")
                }
            }
            let after = try await inventory(of: victim, caller)
            #expect(after == before, "nothing of the other tenant changed")
            for secret in [victim.key, thief.key, platform] {
                #expect(!server.logText.contains(secret), "a credential is in the log")
            }
            #expect(!server.logText.contains(victim.canary), "a tenant's text is in the log")
            await caller.close()
        }
    }

    @Test func suspensionHoldsFromTheNextCallOn() async throws {
        try await RunningServer.with(environment: ["RAGDZ_FEATURES": "tenants,keys"]) { server in
            let caller = try ServerCaller(server)
            let platform = try server.operatorCredential()
            let tenant: Ragdz_V1_Tenant = try await caller.get(
                Ragdz_V1_Tenants.Methods.createTenant, #"{"slug":"acme","name":"Acme","region":"REGION_DZ"}"#,
                key: platform)
            let made: Ragdz_V1_KeyWithSecret = try await caller.get(
                Ragdz_V1_Keys.Methods.createKey, #"{"name":"k","scopes":["*"],"tenantId":"\#(tenant.id)"}"#,
                key: platform)
            for _ in 0..<10 {
                func own() async -> Status? {
                    await caller.call(Ragdz_V1_Tenants.Methods.getTenant, #"{"id":"me"}"#, key: made.secret).status
                }
                #expect(await own() == nil)
                _ = try await caller.get(
                    Ragdz_V1_Tenants.Methods.suspendTenant, #"{"id":"\#(tenant.id)","reason":"unpaid"}"#, key: platform,
                    as: Ragdz_V1_Tenant.self)
                #expect(await own()?.reason == "TENANT_SUSPENDED")
                _ = try await caller.get(
                    Ragdz_V1_Tenants.Methods.resumeTenant, #"{"id":"\#(tenant.id)"}"#, key: platform,
                    as: Ragdz_V1_Tenant.self)
            }
            await caller.close()
        }
    }

    /// Who starts a run with a foreign collection's id sees that id again in its own input, because it said it.
    static func wasSaid(_ secret: String, _ probe: Probe, _ tenant: Tenant) -> Bool {
        switch probe {
        case .own(let json), .alike(let json), .open(let json), .operatorOnly(let json):
            fill(json, tenant).contains(secret)
        }
    }

    static func fill(_ json: String, _ tenant: Tenant) -> String {
        [
            ("$tenant", tenant.id), ("$key", tenant.keyID), ("$collection", tenant.collection),
            ("$document", tenant.document), ("$ingest", tenant.ingest), ("$run", tenant.run),
            ("$member", tenant.member), ("$invitation", tenant.invitation), ("$session", tenant.session),
            ("$hexinvitation", tenant.invitation.filter { $0 != "-" }),
            ("$hexsession", tenant.session.filter { $0 != "-" }), ("$canary", tenant.canary),
            ("$questions", tenant.questions), ("$measure", tenant.measure), ("$conversation", tenant.conversation),
        ].reduce(json) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
    }

    /// What a caller sees, with the ids that it said itself made alike.
    static func blurred(_ outcome: ServerCaller.Outcome, _ tenant: Tenant) -> String {
        tenant.secrets.filter { !$0.isEmpty }.reduce(outcome.visible) { $0.replacingOccurrences(of: $1, with: "…") }
    }

    private func attempt(
        _ probe: Probe, _ method: MethodDescriptor, on tenant: Tenant, by caller: Tenant, _ server: ServerCaller
    ) async -> ServerCaller.Outcome {
        switch probe {
        case .own(let json), .alike(let json), .open(let json), .operatorOnly(let json):
            await server.call(method, Self.fill(json, tenant), key: caller.key)
        }
    }

    /// All that a tenant has, as its own key sees it. Values, not bytes: maps have no order on the wire.
    private func inventory(of tenant: Tenant, _ caller: ServerCaller) async throws -> [AnyHashable] {
        func see(_ method: MethodDescriptor, _ json: String) async throws -> AnyHashable {
            func open<Response: Message>(_ type: Response.Type) async throws -> AnyHashable {
                AnyHashable(try await caller.get(method, Self.fill(json, tenant), key: tenant.key, as: type))
            }
            return try await open(method.responseType)
        }
        // The last use of a key changes by itself; that it still works and who it is does not.
        let keys: Ragdz_V1_ListKeysResponse = try await caller.get(
            Ragdz_V1_Keys.Methods.listKeys, "{}", key: tenant.key)
        return [
            try await see(Ragdz_V1_Tenants.Methods.getTenant, #"{"id":"me"}"#),
            try await see(Ragdz_V1_Retrieval.Methods.listCollections, "{}"),
            try await see(Ragdz_V1_Retrieval.Methods.listDocuments, #"{"collection":"$collection"}"#),
            try await see(Ragdz_V1_Retrieval.Methods.getDocumentText, #"{"id":"$document"}"#),
            try await see(Ragdz_V1_Workflows.Methods.getRun, #"{"id":"$run"}"#),
            try await see(Ragdz_V1_Retrieval.Methods.listTurns, #"{"id":"$conversation"}"#),
            try await see(Ragdz_V1_Retrieval.Methods.listEvalCases, #"{"id":"$questions"}"#),
            try await see(Ragdz_V1_Retrieval.Methods.listEvalRuns, #"{"id":"$questions"}"#),
            AnyHashable(keys.keys.map { "\($0.id) \($0.status) \($0.liveSecrets)" }),
        ]
    }

    private func make(_ slug: String, _ caller: ServerCaller, _ platform: String) async throws -> Tenant {
        var tenant = Tenant(canary: "canary\(slug)\(UInt32.random(in: 0 ... .max))")
        let made: Ragdz_V1_Tenant = try await caller.get(
            Ragdz_V1_Tenants.Methods.createTenant,
            #"{"slug":"\#(slug)","name":"\#(tenant.canary)","region":"REGION_DZ"}"#, key: platform)
        tenant.id = made.id
        let key: Ragdz_V1_KeyWithSecret = try await caller.get(
            Ragdz_V1_Keys.Methods.createKey,
            #"{"name":"\#(tenant.canary)","scopes":["*"],"tenantId":"\#(made.id)"}"#, key: platform)
        tenant.key = key.secret
        tenant.keyID = try #require(key.key).id
        let joined = try await Member.join(tenant.canary, slug, tenantID: made.id, caller, platform)
        (tenant.member, tenant.session) = (joined.member, joined.session)
        tenant.invitation = joined.openInvitation
        let collection: Ragdz_V1_Collection = try await caller.get(
            Ragdz_V1_Retrieval.Methods.createCollection, #"{"name":"\#(tenant.canary)"}"#, key: tenant.key)
        tenant.collection = collection.id
        let text = "The secret of the canary is \(tenant.canary). The canary sings in the morning."
        let document: Ragdz_V1_Document = try await caller.get(
            Ragdz_V1_Retrieval.Methods.uploadDocument,
            #"{"header":{"collection":"\#(collection.id)","filename":"canary.txt","title":"\#(tenant.canary)"}}"#
                + "\n" + #"{"data":"\#(Data(text.utf8).base64EncodedString())"}"#, key: tenant.key)
        tenant.document = document.id
        let questions: Ragdz_V1_EvalSet = try await caller.get(
            Ragdz_V1_Retrieval.Methods.createEvalSet,
            #"{"name":"\#(tenant.canary)","cases":[{"question":"\#(tenant.canary)?","documentIds":["\#(document.id)"]}]}"#,
            key: tenant.key)
        tenant.questions = questions.id
        let measure: Ragdz_V1_EvalRun = try await caller.get(
            Ragdz_V1_Retrieval.Methods.runEval, #"{"id":"\#(questions.id)","label":"\#(tenant.canary)"}"#,
            key: tenant.key)
        tenant.measure = measure.id
        try await measure.waitUntilOver(caller, tenant.key)
        let conversation: Ragdz_V1_Conversation = try await caller.get(
            Ragdz_V1_Retrieval.Methods.createConversation, #"{"title":"\#(tenant.canary)"}"#, key: tenant.key)
        tenant.conversation = conversation.id
        let asked = await caller.call(
            Ragdz_V1_Retrieval.Methods.ask,
            #"{"question":"What is the secret of the canary?","conversationId":"\#(conversation.id)"}"#,
            key: tenant.key)
        #expect(asked.status == nil)
        tenant.ingest = document.ingestID
        let run: Ragdz_V1_Run = try await caller.get(
            Ragdz_V1_Workflows.Methods.startRun,
            #"{"workflow":"brief","input":{"topic":"canary \#(tenant.canary)","collection":"\#(collection.id)"}}"#,
            key: tenant.key)
        tenant.run = run.id
        try await waitUntilSettled(run.id, caller, tenant.key)
        return tenant
    }

    /// A run goes on by itself until it waits for somebody.
    private func waitUntilSettled(_ run: String, _ caller: ServerCaller, _ key: String) async throws {
        for _ in 0..<200 {
            let now: Ragdz_V1_Run = try await caller.get(
                Ragdz_V1_Workflows.Methods.getRun, #"{"id":"\#(run)"}"#, key: key)
            if now.status != .running { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
