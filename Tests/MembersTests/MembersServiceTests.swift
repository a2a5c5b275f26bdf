import Bytes
import Postgres
import RPC
import Schema
import Support
import Testing

@testable import Members

/// From an invitation to a session, over the router and on the real database.
@Suite struct MembersServiceTests {
    typealias Methods = Ragdz_V1_Members.Methods

    @Test func fromAnInvitationToACallWithASession() async throws {
        let world = try await MembersWorld()
        let tenant = try await world.makeTenant("atlas")
        let invited = try await world.invite("Amina@Example.DZ", .owner, to: tenant)
        #expect(invited.invitation?.email == "amina@example.dz" && invited.invitation?.status == .open)
        let joined = try await world.accept(invited.token, name: "Amina")
        #expect(joined.tenantSlug == "atlas" && joined.member?.role == .owner && joined.member?.name == "Amina")
        #expect(await reason { try await world.accept(invited.token) } == "INVITATION_USED")

        let tokens = try await world.login("atlas", "AMINA@example.dz")
        #expect(tokens.tenantID == tenant.description && tokens.member?.id == joined.member?.id)
        let account = try await world.account(tokens.sessionToken)
        #expect(account.member?.email == "amina@example.dz" && account.tenantID == tenant.description)
        // The same session is a credential for every other method.
        var key = Ragdz_V1_CreateKeyRequest()
        key.name = "from a person"
        key.scopes = ["*"]
        let made: Ragdz_V1_KeyWithSecret = try await world.call(
            Ragdz_V1_Keys.Methods.createKey, key, as: tokens.sessionToken)
        #expect(made.key?.tenantID == tenant.description)

        let out: Ragdz_V1_ConsoleSession = try await world.call(
            Methods.logout, Ragdz_V1_LogoutRequest(), as: tokens.sessionToken)
        #expect(out.revoked)
        #expect(await reason { try await world.account(tokens.sessionToken) } == "SESSION_ENDED")
        #expect(await reason { try await world.refresh(tokens.refreshToken) } == "SESSION_ENDED")
        let member = joined.member?.id ?? ""
        #expect(
            try await world.audit(tenant) == [
                "operator:root member.invite", "member:\(member) member.join", "member:\(member) session.begin",
                "member:\(member) key.create", "member:\(member) session.end",
            ])
        await world.test.close()
    }

    @Test func rolesBoundWhomOneMayInviteAndChange() async throws {
        let world = try await MembersWorld()
        let tenant = try await world.makeTenant("atlas")
        let owner = try await world.join("owner@a.dz", .owner, "atlas", tenant)
        let admin = try await world.join("admin@a.dz", .admin, "atlas", tenant)
        let member = try await world.join("member@a.dz", .member, "atlas", tenant)
        func change(_ who: Ragdz_V1_SessionTokens, _ role: Ragdz_V1_Role, by: Ragdz_V1_SessionTokens) async -> String? {
            var request = Ragdz_V1_ChangeMemberRoleRequest()
            request.id = who.member?.id ?? ""
            request.role = role
            return await reason {
                try await world.call(
                    Methods.changeMemberRole, request, as: by.sessionToken, returning: Ragdz_V1_Member.self)
            }
        }
        #expect(await change(admin, .owner, by: admin) == "ROLE_TOO_HIGH")
        #expect(await change(member, .owner, by: admin) == "ROLE_TOO_HIGH")
        #expect(await change(owner, .viewer, by: admin) == "ROLE_TOO_HIGH")
        #expect(await change(admin, .viewer, by: member) == "SCOPE_MISSING")
        #expect(await change(owner, .admin, by: owner) == "LAST_OWNER")
        #expect(await reason { try await world.invite("x@a.dz", .owner, as: admin.sessionToken) } == "ROLE_TOO_HIGH")
        #expect(await reason { try await world.invite("x@a.dz", .admin, as: admin.sessionToken) } == nil)
        #expect(
            await reason { try await world.invite("member@a.dz", .viewer, as: admin.sessionToken) } == "MEMBER_EXISTS")
        // A change of role holds from the next call on, without a new login.
        #expect(await change(member, .admin, by: admin) == nil)
        #expect(await reason { try await world.invite("y@a.dz", .viewer, as: member.sessionToken) } == nil)
        #expect(await change(member, .viewer, by: owner) == nil)
        #expect(await reason { try await world.invite("z@a.dz", .viewer, as: member.sessionToken) } == "SCOPE_MISSING")
        // With a second owner the first may step down.
        #expect(await change(admin, .owner, by: owner) == nil)
        #expect(await change(owner, .admin, by: owner) == nil)
        #expect(await change(admin, .admin, by: admin) == "LAST_OWNER")
        await world.test.close()
    }
}
