import Bytes
import Keys
import RPC
import Schema
import Testing

/// What every method of the public contract asks of its caller. A new method fails this test until somebody has
/// written down here who may call it.
@Suite struct PolicyTableTests {
    static let services = [
        Ragdz_V1_Tenants.descriptor, Ragdz_V1_Keys.descriptor, Ragdz_V1_Retrieval.descriptor,
        Ragdz_V1_Workflows.descriptor, Ragdz_V1_Members.descriptor, Ragdz_V1_Operators.descriptor,
    ]

    static let table: [String: String] = [
        "/ragdz.v1.Tenants/CreateTenant": "operator platform.tenants.write",
        "/ragdz.v1.Tenants/GetTenant": "tenantKeyOrOperator tenant.read",
        "/ragdz.v1.Tenants/ListTenants": "operator platform.tenants.read",
        "/ragdz.v1.Tenants/UpdateTenant": "tenantKeyOrOperator tenant.write",
        "/ragdz.v1.Tenants/SuspendTenant": "operator platform.tenants.write",
        "/ragdz.v1.Tenants/ResumeTenant": "operator platform.tenants.write",
        "/ragdz.v1.Tenants/DeleteTenant": "operator platform.tenants.write",
        "/ragdz.v1.Tenants/GetTenantErasure": "operator platform.tenants.read",
        "/ragdz.v1.Tenants/ListAuditEntries": "tenantKeyOrOperator audit.read",
        "/ragdz.v1.Tenants/VerifyAudit": "tenantKeyOrOperator audit.read",
        "/ragdz.v1.Tenants/GetUsage": "tenantKeyOrOperator tenant.read",
        "/ragdz.v1.Tenants/GetTenantStats": "operator platform.tenants.read",
        "/ragdz.v1.Tenants/SetQuota": "operator platform.tenants.write",
        "/ragdz.v1.Tenants/ReconcileUsage": "operator platform.tenants.write",
        "/ragdz.v1.Tenants/ListOperatorAudit": "operator platform.audit.read",
        "/ragdz.v1.Tenants/VerifyOperatorAudit": "operator platform.audit.read",
        "/ragdz.v1.Operators/CreateOperator": "operator platform.operators.write",
        "/ragdz.v1.Operators/ListOperators": "operator platform.operators.read",
        "/ragdz.v1.Operators/RotateOperator": "operator platform.operators.write",
        "/ragdz.v1.Operators/RevokeOperator": "operator platform.operators.write",
        "/ragdz.v1.Members/InviteMember": "tenantKeyOrOperator members.write",
        "/ragdz.v1.Members/ListInvitations": "tenantKey members.read",
        "/ragdz.v1.Members/RevokeInvitation": "tenantKey members.write",
        "/ragdz.v1.Members/AcceptInvitation": "none",
        "/ragdz.v1.Members/GetMember": "tenantKey members.read",
        "/ragdz.v1.Members/ListMembers": "tenantKey members.read",
        "/ragdz.v1.Members/ChangeMemberRole": "tenantKey members.write",
        "/ragdz.v1.Members/RemoveMember": "tenantKey members.write",
        "/ragdz.v1.Members/ResetPassword": "tenantKey members.write",
        "/ragdz.v1.Members/Login": "none",
        "/ragdz.v1.Members/RefreshSession": "none",
        "/ragdz.v1.Members/Logout": "tenantKey account.write",
        "/ragdz.v1.Members/ListSessions": "tenantKey account.read",
        "/ragdz.v1.Members/RevokeSession": "tenantKey account.write",
        "/ragdz.v1.Members/GetAccount": "tenantKey account.read",
        "/ragdz.v1.Members/ChangePassword": "tenantKey account.write",
        "/ragdz.v1.Keys/UpdateKey": "tenantKey keys.write",
        "/ragdz.v1.Keys/CreateKey": "tenantKeyOrOperator keys.write",
        "/ragdz.v1.Keys/GetKey": "tenantKey keys.read",
        "/ragdz.v1.Keys/ListKeys": "tenantKey keys.read",
        "/ragdz.v1.Keys/RotateKey": "tenantKey keys.write",
        "/ragdz.v1.Keys/EndGrace": "tenantKey keys.write",
        "/ragdz.v1.Keys/RevokeKey": "tenantKey keys.write",
        "/ragdz.v1.Retrieval/CreateCollection": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/GetCollection": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/ListCollections": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/UpdateCollection": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/UpdateDocument": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/ShareCorpus": "operator platform.corpora.write",
        "/ragdz.v1.Retrieval/DeleteCollection": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/ListEmbeddingModels": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/ReembedCollection": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/GetReembedding": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/WatchReembedding": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/CancelReembedding": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/StartUpload": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/AppendUpload": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/GetUpload": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/FinishUpload": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/DeleteUpload": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/UploadDocument": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/GetDocument": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/GetDocumentText": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/ListDocuments": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/DeleteDocument": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/GetIngest": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/ListIngests": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/WatchIngest": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/CancelIngest": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/RetryIngest": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/Evaluate": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/CreateConversation": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/GetConversation": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/ListConversations": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/ListTurns": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/DeleteConversation": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/CreateEvalSet": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/GetEvalSet": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/ListEvalSets": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/DeleteEvalSet": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/AddEvalCases": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/ListEvalCases": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/GiveFeedback": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/RunEval": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/CancelEvalRun": "tenantKey retrieval.write",
        "/ragdz.v1.Retrieval/GetEvalRun": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/WatchEvalRun": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/ListEvalRuns": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/CompareEvalRuns": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/Search": "tenantKey retrieval.read",
        "/ragdz.v1.Retrieval/Ask": "tenantKey retrieval.read",
        "/ragdz.v1.Workflows/PutDefinition": "tenantKey workflows.write",
        "/ragdz.v1.Workflows/ListDefinitions": "tenantKey workflows.read",
        "/ragdz.v1.Workflows/StartRun": "tenantKey workflows.write",
        "/ragdz.v1.Workflows/GetRun": "tenantKey workflows.read",
        "/ragdz.v1.Workflows/ListRuns": "tenantKey workflows.read",
        "/ragdz.v1.Workflows/WatchRun": "tenantKey workflows.read",
        "/ragdz.v1.Workflows/Approve": "tenantKey workflows.approve",
        "/ragdz.v1.Workflows/CancelRun": "tenantKey workflows.write",
    ]

    @Test func everyMethodHasThePolicyThatIsWrittenHere() {
        var found: [String: String] = [:]
        for method in Self.services.flatMap(\.methods) {
            found[method.path] = "\(method.policy.credential) \(method.policy.scope)".trimmingSpaces
        }
        #expect(found == Self.table)
    }

    /// What has its credential in the request: a password, a token of an invitation, a refresh token.
    static let open: Set<String> = ["AcceptInvitation", "Login", "RefreshSession"]

    @Test func nobodyWithoutCredentialIsLetIn() {
        for method in Self.services.flatMap(\.methods) {
            if Self.open.contains(method.name) {
                #expect(method.policy == MethodPolicy(credential: .none, costClass: "login"))
                continue
            }
            #expect(throws: Status.self) { try PolicyInterceptor.check(.anonymous, against: method.policy) }
        }
    }

    @Test func aKeyWithoutTheScopeIsRefusedEverywhere() {
        let tenant = CallIdentity.tenantKey(tenant: .init(hi: 1, lo: 1), keyID: "k", scopes: ["nothing.at.all"])
        for method in Self.services.flatMap(\.methods) where !Self.open.contains(method.name) {
            let status = #expect(throws: Status.self) { try PolicyInterceptor.check(tenant, against: method.policy) }
            #expect(status?.code == .permissionDenied)
        }
    }
}

extension String {
    fileprivate var trimmingSpaces: String { String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
}
