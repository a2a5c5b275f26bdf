import ProtoRuntime
import RPC
import Schema
import Testing

/// A person of a tenant of a running server, logged in, and an invitation that nobody has accepted.
struct Member: Sendable {
    static let password = "correct horse battery staple"

    var member = ""
    var session = ""
    var openInvitation = ""
    var tokens = Ragdz_V1_SessionTokens()

    /// The canary stands in the address and in the name.
    static func join(
        _ canary: String, _ slug: String, tenantID: String, _ caller: ServerCaller, _ platform: String
    ) async throws -> Member {
        var joined = Member()
        func invite(_ email: String) async throws -> Ragdz_V1_InvitationWithToken {
            try await caller.get(
                Ragdz_V1_Members.Methods.inviteMember,
                #"{"email":"\#(email)","role":"ROLE_OWNER","tenantId":"\#(tenantID)"}"#, key: platform)
        }
        let token = try await invite("\(canary)@example.dz").token
        let membership: Ragdz_V1_Membership = try await caller.get(
            Ragdz_V1_Members.Methods.acceptInvitation,
            #"{"token":"\#(token)","name":"\#(canary)","password":"\#(password)"}"#, key: "none")
        joined.member = try #require(membership.member).id
        joined.tokens = try await caller.get(
            Ragdz_V1_Members.Methods.login,
            #"{"tenant":"\#(slug)","email":"\#(canary)@example.dz","password":"\#(password)"}"#, key: "none")
        let sessions: Ragdz_V1_ListSessionsResponse = try await caller.get(
            Ragdz_V1_Members.Methods.listSessions, "{}", key: joined.tokens.sessionToken)
        joined.session = try #require(sessions.sessions.first).id
        joined.openInvitation = try #require(try await invite("open-\(canary)@example.dz").invitation).id
        return joined
    }
}
