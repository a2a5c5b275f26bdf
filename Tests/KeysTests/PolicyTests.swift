import Bytes
import Keys
import RPC
import Testing

@Suite struct PolicyTests {
    static let tenantKey = CallIdentity.tenantKey(
        tenant: UUID128.v4(), keyID: "k", scopes: ["keys.read", "retrieval.*"])
    static let platformOperator = CallIdentity.platformOperator(name: "root")

    static let service = CallIdentity.service(name: "s", scopes: ["keys.read"])

    func reason(_ identity: CallIdentity, _ policy: MethodPolicy) -> String? {
        do {
            try PolicyInterceptor.check(identity, against: policy)
            return nil
        } catch { return error.reason }
    }

    @Test func everyPairOfCredentialAndPolicyIsDecided() {
        let policies: [(MethodPolicy.Credential, String?, String?, String?, String?)] = [
            // credential, anonymous, tenant key with the scope, operator, service with the scope
            (.none, nil, nil, nil, nil),
            (.tenantKey, "CREDENTIAL_MISSING", nil, "TENANT_KEY_REQUIRED", "TENANT_KEY_REQUIRED"),
            (.operator, "CREDENTIAL_MISSING", "OPERATOR_REQUIRED", nil, nil),
            (.tenantKeyOrOperator, "CREDENTIAL_MISSING", nil, nil, nil),
        ]
        for (credential, anonymous, tenant, platform, service) in policies {
            let policy = MethodPolicy(credential: credential, scope: "keys.read")
            #expect(reason(.anonymous, policy) == anonymous)
            #expect(reason(Self.tenantKey, policy) == tenant)
            #expect(reason(Self.platformOperator, policy) == platform)
            #expect(reason(Self.service, policy) == service)
        }
    }

    @Test func aScopeIsNeeded() {
        #expect(reason(Self.tenantKey, MethodPolicy(credential: .tenantKey, scope: "retrieval.write")) == nil)
        #expect(reason(Self.tenantKey, MethodPolicy(credential: .tenantKey, scope: "keys.write")) == "SCOPE_MISSING")
        #expect(reason(Self.tenantKey, MethodPolicy(credential: .tenantKey, scope: "")) == "SCOPE_MISSING")
        #expect(reason(Self.tenantKey, .denied) == "SCOPE_MISSING")
        for credential in [MethodPolicy.Credential.operator, .tenantKeyOrOperator] {
            let other = MethodPolicy(credential: credential, scope: "keys.write")
            #expect(reason(Self.service, other) == "SCOPE_MISSING")
            let none = MethodPolicy(credential: credential, scope: "")
            #expect(reason(Self.service, none) == "SCOPE_MISSING")
        }
        let all = CallIdentity.tenantKey(tenant: UUID128.v4(), keyID: "k", scopes: .all)
        #expect(reason(all, .denied) == "SCOPE_MISSING", "no key carries the scope of a method without a policy")
    }
}
