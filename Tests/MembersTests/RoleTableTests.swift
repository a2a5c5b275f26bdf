import Bytes
import Keys
import RPC
import Schema
import Testing

@testable import Members

/// Every method of the contract for every role.
@Suite struct RoleTableTests {
    static let services = [
        Ragdz_V1_Tenants.descriptor, Ragdz_V1_Keys.descriptor, Ragdz_V1_Retrieval.descriptor,
        Ragdz_V1_Workflows.descriptor, Ragdz_V1_Members.descriptor, Ragdz_V1_Operators.descriptor,
    ]

    /// The lowest role that may call a method of a scope. A scope that is not here fails the test until somebody decides.
    static let least: [String: MemberRole] = [
        "tenant.read": .viewer, "retrieval.read": .viewer, "workflows.read": .viewer, "account.read": .viewer,
        "account.write": .viewer,
        "retrieval.write": .member, "workflows.write": .member, "workflows.approve": .member,
        "audit.read": .admin, "keys.read": .admin, "keys.write": .admin, "members.read": .admin,
        "members.write": .admin,
        "tenant.write": .owner,
    ]

    private func refusal(_ identity: CallIdentity, _ method: MethodDescriptor) -> Status? {
        do {
            try PolicyInterceptor.check(identity, against: method.policy)
            return nil
        } catch { return error }
    }

    @Test(arguments: MemberRole.allCases)
    func eachMethodIsOpenFromItsLeastRoleOn(role: MemberRole) {
        let member = CallIdentity.member(
            .init(
                tenant: .init(hi: 1, lo: 1), id: .init(hi: 2, lo: 2), session: .init(hi: 3, lo: 3), scopes: role.scopes)
        )
        var walked = 0
        for method in Self.services.flatMap(\.methods) {
            let refused = refusal(member, method)
            walked += 1
            switch method.policy.credential {
            case .none: #expect(refused == nil)
            case .operator: #expect(refused?.reason == "OPERATOR_REQUIRED", "\(method.path)")
            case .tenantKey, .tenantKeyOrOperator:
                guard let least = Self.least[method.policy.scope] else {
                    Issue.record("\(method.path): who may have the scope \(method.policy.scope)?")
                    continue
                }
                #expect((refused == nil) == (role >= least), "\(method.path) for \(role)")
                if let refused { #expect(refused.reason == "SCOPE_MISSING") }
            }
        }
        #expect(walked > 40)
    }

    @Test func whatNobodyHasDecidedIsDenied() {
        for role in MemberRole.allCases {
            let member = CallIdentity.Member(
                tenant: .init(hi: 1, lo: 1), id: .init(hi: 2, lo: 2), session: .init(hi: 3, lo: 3), scopes: role.scopes)
            #expect(throws: Status.self) { try PolicyInterceptor.check(.member(member), against: .denied) }
            let unknown = MethodPolicy(credential: .tenantKey, scope: "something.new")
            if role != .owner {
                #expect(throws: Status.self) { try PolicyInterceptor.check(.member(member), against: unknown) }
            }
        }
    }

    @Test func eachRoleHoldsAllThatTheOneBelowHolds() {
        for (lower, upper) in zip(MemberRole.allCases, MemberRole.allCases.dropFirst()) {
            #expect(lower < upper)
            #expect(upper.scopes.covers(lower.scopes))
            #expect(!lower.scopes.covers(upper.scopes))
        }
    }

    @Test func scopesBoundTheRoleThatOneMayGive() {
        for role in MemberRole.allCases { #expect(MemberRole.highest(within: role.scopes) == role) }
        #expect(MemberRole.highest(within: ["*"]) == .owner)
        #expect(
            MemberRole.highest(within: ["members.write"]) == nil, "a key that may invite, but holds nothing to give")
        #expect(
            MemberRole.highest(within: ["members.*", "tenant.read", "retrieval.*", "workflows.read"]) == .viewer)
        #expect(MemberRole.highest(within: .none) == nil)
    }
}
