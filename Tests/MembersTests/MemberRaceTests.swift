import Bytes
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support
import Testing

@testable import Members

/// Many at once, strangers, and the end of a tenant.
@Suite struct MemberRaceTests {
    typealias Methods = Ragdz_V1_Members.Methods

    @Test func ofAThousandAcceptancesOneWins() async throws {
        let world = try await MembersWorld()
        let tenant = try await world.makeTenant("atlas")
        let token = try await world.invite("amina@a.dz", .owner, to: tenant).token
        let outcomes = await withTaskGroup(of: String?.self) { group in
            for number in 0..<1_000 {
                group.addTask { await reason { try await world.accept(token, name: "racer \(number)") } }
            }
            return await group.reduce(into: [String: Int]()) { $0[$1 ?? "won", default: 0] += 1 }
        }
        #expect(outcomes["won"] == 1)
        // A full pool may send some away; nobody is told anything else.
        #expect(Set(outcomes.keys).isSubset(of: ["won", "INVITATION_USED", "DATABASE_BUSY"]), "\(outcomes)")
        let members = try await world.test.asOwner("select count(*) as n from ragdz.members")
        #expect(try members[0].get("n", as: Int.self) == 1)
        #expect(try await world.audit(tenant).count { $0.hasSuffix("member.join") } == 1)
        await world.test.close()
    }

    @Test func twoOwnersCannotDemoteEachOther() async throws {
        let world = try await MembersWorld()
        for round in 0..<10 {
            let tenant = try await world.makeTenant("t\(round)xx")
            let one = try await world.join("one@a.dz", .owner, "t\(round)xx", tenant)
            let two = try await world.join("two@a.dz", .owner, "t\(round)xx", tenant)
            func demote(_ who: Ragdz_V1_SessionTokens, by: Ragdz_V1_SessionTokens) async -> String? {
                var request = Ragdz_V1_ChangeMemberRoleRequest()
                request.id = who.member?.id ?? ""
                request.role = .viewer
                return await reason {
                    try await world.call(
                        Methods.changeMemberRole, request, as: by.sessionToken, returning: Ragdz_V1_Member.self)
                }
            }
            async let first = demote(two, by: one)
            async let second = demote(one, by: two)
            let outcomes = await [first, second]
            #expect(outcomes.count { $0 == nil } == 1, "\(outcomes)")
            // Who is too late is refused as the viewer that it is by then, or as the last owner that is left.
            #expect(outcomes.contains { ["LAST_OWNER", "SCOPE_MISSING", "ROLE_TOO_HIGH"].contains($0) }, "\(outcomes)")
            let owners = try await world.test.asOwner(
                "select count(*) as n from ragdz.members where role = 'owner' and tenant_id = '\(tenant)'")
            #expect(try owners[0].get("n", as: Int.self) == 1)
        }
        await world.test.close()
    }

    @Test func invitationsEndEachOtherAndWithTime() async throws {
        let world = try await MembersWorld()
        let tenant = try await world.makeTenant("atlas")
        let owner = try await world.join("owner@a.dz", .owner, "atlas", tenant).sessionToken
        let first = try await world.invite("x@a.dz", .viewer, as: owner)
        let second = try await world.invite("X@A.DZ", .member, as: owner)
        #expect(await reason { try await world.accept(first.token) } == "INVITATION_OVER", "the newer one counts")
        // A changed secret is no invitation, whatever its id.
        let forged = String(second.token.dropLast()) + (second.token.hasSuffix("0") ? "1" : "0")
        for token in [forged, String(second.token.dropLast()), "", "x", String(repeating: "é", count: 10_000)] {
            #expect(await reason { try await world.accept(token) } == "INVITATION_INVALID")
        }
        #expect(await reason { try await world.accept(second.token, password: "short") } == "INVALID_PASSWORD")
        #expect(
            await reason { try await world.accept(second.token, name: String(repeating: "ش", count: 5_120)) }
                == "INVALID_NAME")
        #expect(try await world.accept(second.token, name: "").member?.name == "x@a.dz")
        let late = try await world.invite("late@a.dz", .viewer, to: tenant, ttl: .init(seconds: 60))
        try await world.test.asOwner(
            "update ragdz.invitations set expire_time = clock_timestamp() where email = 'late@a.dz'")
        #expect(await reason { try await world.accept(late.token) } == "INVITATION_OVER")
        var revoke = Ragdz_V1_RevokeInvitationRequest()
        revoke.id = try #require(try await world.invite("gone@a.dz", .viewer, as: owner).invitation).id
        let gone: Ragdz_V1_Invitation = try await world.call(Methods.revokeInvitation, revoke, as: owner)
        #expect(gone.status == .revoked)
        let again: Ragdz_V1_Invitation = try await world.call(Methods.revokeInvitation, revoke, as: owner)
        #expect(again == gone)
        var list = Ragdz_V1_ListInvitationsRequest()
        list.pageSize = 2
        var seen: [String] = []
        repeat {
            let page: Ragdz_V1_ListInvitationsResponse = try await world.call(Methods.listInvitations, list, as: owner)
            seen += page.invitations.map { "\($0.email) \($0.status.rawValue)" }
            list.pageToken = page.nextPageToken
        } while !list.pageToken.isEmpty
        #expect(seen == ["gone@a.dz 3", "late@a.dz 4", "x@a.dz 2", "x@a.dz 3", "owner@a.dz 2"])
        await world.test.close()
    }

    @Test func aForgottenPasswordIsSetByWhoIsHandedTheToken() async throws {
        let world = try await MembersWorld()
        let tenant = try await world.makeTenant("atlas")
        let owner = try await world.join("owner@a.dz", .owner, "atlas", tenant)
        let admin = try await world.join("admin@a.dz", .admin, "atlas", tenant)
        let viewer = try await world.join("viewer@a.dz", .viewer, "atlas", tenant)
        func reset(_ id: String?, by: Ragdz_V1_SessionTokens) async throws -> Ragdz_V1_InvitationWithToken {
            var request = Ragdz_V1_ResetPasswordRequest()
            request.id = id ?? ""
            return try await world.call(Methods.resetPassword, request, as: by.sessionToken)
        }
        #expect(await reason { try await reset(owner.member?.id, by: admin) } == "ROLE_TOO_HIGH")
        #expect(await reason { try await reset(admin.member?.id, by: viewer) } == "SCOPE_MISSING")
        #expect(await reason { try await reset(UUID128.v4().description, by: admin) } == "MEMBER_NOT_FOUND")
        let first = try await reset(viewer.member?.id, by: admin)
        let second = try await reset(viewer.member?.id, by: admin)
        #expect(await reason { try await world.accept(first.token) } == "INVITATION_OVER")
        #expect(await reason { try await world.account(viewer.sessionToken) } == nil, "until the token is used")
        let changed = try await world.accept(second.token, password: "another password", name: "somebody else")
        #expect(
            changed.member
                == viewer.member.map { member in
                    var member = member
                    member.lastLoginTime = changed.member?.lastLoginTime
                    return member
                }, "id, name and role stay")
        #expect(await reason { try await world.accept(second.token) } == "INVITATION_USED")
        #expect(await reason { try await world.account(viewer.sessionToken) } == "SESSION_ENDED")
        #expect(await reason { try await world.login("atlas", "viewer@a.dz") } == "LOGIN_REFUSED")
        #expect(await reason { try await world.login("atlas", "viewer@a.dz", password: "another password") } == nil)
        // The token goes with the member.
        let late = try await reset(viewer.member?.id, by: owner)
        var remove = Ragdz_V1_RemoveMemberRequest()
        remove.id = viewer.member?.id ?? ""
        _ = try await world.call(Methods.removeMember, remove, as: owner.sessionToken, returning: Ragdz_V1_Member.self)
        #expect(await reason { try await world.accept(late.token) } == "INVITATION_INVALID")
        await world.test.close()
    }

    @Test func membersCountAgainstTheQuota() async throws {
        let world = try await MembersWorld()
        let tenant = try await world.makeTenant("atlas")
        try await world.test.asOwner("update ragdz.tenants set plan = 'free'")
        let owner = try await world.join("owner@a.dz", .owner, "atlas", tenant)
        for number in 2...5 {
            _ = try await world.accept(try await world.invite("m\(number)@a.dz", .viewer, to: tenant).token)
        }
        let sixth = try await world.invite("m6@a.dz", .viewer, to: tenant).token
        let refused = await reason { try await world.accept(sixth) }
        #expect(refused == "QUOTA_EXCEEDED", "\(refused ?? "")")
        let list: Ragdz_V1_ListMembersResponse = try await world.call(
            Methods.listMembers, Ragdz_V1_ListMembersRequest(), as: owner.sessionToken)
        #expect(list.members.count == 5)
        var remove = Ragdz_V1_RemoveMemberRequest()
        remove.id = try #require(list.members.last).id
        _ = try await world.call(Methods.removeMember, remove, as: owner.sessionToken, returning: Ragdz_V1_Member.self)
        #expect(await reason { try await world.accept(sixth) } == nil, "the invitation was not used up by the refusal")
        let counted = try await world.test.asOwner(
            "select used from ragdz.quota_usage where tenant_id = '\(tenant)' and quota = 'members'")
        #expect(try counted[0].get("used", as: Int.self) == 5)
        await world.test.close()
    }

    @Test func openInvitationsAreBoundedHoweverManyAreMadeAtOnce() async throws {
        let world = try await MembersWorld()
        let tenant = try await world.makeTenant("atlas")
        try await world.test.asOwner(
            """
            insert into ragdz.invitations (tenant_id, invitation_id, email, role, token_hash, invited_by, expire_time)
            select '\(tenant)', gen_random_uuid(), 'guest' || i || '@a.dz', 'viewer', sha256('x'), 'test',
                now() + case when i <= 996 then interval '1 day' else interval '-1 day' end
            from generate_series(1, 1200) i
            """)
        let outcomes = await withTaskGroup(of: String?.self) { group in
            for number in 0..<12 {
                group.addTask { await reason { try await world.invite("new\(number)@a.dz", .viewer, to: tenant) } }
            }
            return await group.reduce(into: [String: Int]()) { $0[$1 ?? "made", default: 0] += 1 }
        }
        #expect(outcomes == ["made": 4, "INVITATIONS_FULL": 8], "those that are over do not count")
        #expect(await reason { try await world.invite("guest5@a.dz", .viewer, to: tenant) } == nil, "it replaces one")
        #expect(await reason { try await world.invite("late@a.dz", .viewer, to: tenant) } == "INVITATIONS_FULL")
        try await world.test.asOwner("update ragdz.invitations set revoke_time = now() where email = 'guest7@a.dz'")
        #expect(await reason { try await world.invite("late@a.dz", .viewer, to: tenant) } == nil)
        let other = try await world.makeTenant("other")
        #expect(await reason { try await world.invite("late@a.dz", .viewer, to: other) } == nil)
        await world.test.close()
    }

    @Test func aStrangerSeesNothingOfPeople() async throws {
        let world = try await MembersWorld()
        let atlas = try await world.makeTenant("atlas")
        let jura = try await world.makeTenant("jura")
        let amina = try await world.join("amina@a.dz", .owner, "atlas", atlas)
        let thief = try await world.join("thief@j.ch", .owner, "jura", jura).sessionToken
        let open = try #require(try await world.invite("open@a.dz", .viewer, to: atlas).invitation).id
        let member = amina.member?.id ?? ""
        for id in [member, UUID128.v4().description] {
            var get = Ragdz_V1_GetMemberRequest()
            get.id = id
            var role = Ragdz_V1_ChangeMemberRoleRequest()
            (role.id, role.role) = (id, .viewer)
            var remove = Ragdz_V1_RemoveMemberRequest()
            remove.id = id
            var sessions = Ragdz_V1_ListSessionsRequest()
            sessions.memberID = id
            let outcomes = [
                await reason {
                    try await world.call(Methods.getMember, get, as: thief, returning: Ragdz_V1_Member.self)
                },
                await reason {
                    try await world.call(Methods.changeMemberRole, role, as: thief, returning: Ragdz_V1_Member.self)
                },
                await reason {
                    try await world.call(Methods.removeMember, remove, as: thief, returning: Ragdz_V1_Member.self)
                },
                await reason {
                    try await world.call(
                        Methods.listSessions, sessions, as: thief, returning: Ragdz_V1_ListSessionsResponse.self)
                },
            ]
            #expect(outcomes == Array(repeating: "MEMBER_NOT_FOUND", count: 4))
        }
        var revoke = Ragdz_V1_RevokeInvitationRequest()
        revoke.id = open
        #expect(
            await reason {
                try await world.call(Methods.revokeInvitation, revoke, as: thief, returning: Ragdz_V1_Invitation.self)
            } == "INVITATION_NOT_FOUND")
        // The database itself says so, whatever a statement asks.
        let tables = ["members", "invitations", "sessions", "member_networks", "login_attempts"]
        for table in tables {
            for (identity, expected) in [(Identity.none, 0), (.tenant(jura), 1), (.tenant(UUID128.v4()), 0)] {
                let rows = try await world.test.database.query(
                    Statement(name: "see", sql: "select count(distinct tenant_id) as n from ragdz.\(table)"),
                    as: identity)
                let seen = try rows[0].get("n", as: Int.self)
                // Successful logins leave no attempt behind but the account's.
                #expect(seen <= expected && (table == "login_attempts" || seen == expected), "\(table) as \(identity)")
            }
        }
        await world.test.close()
    }

    @Test func peopleGoWithTheirTenant() async throws {
        let world = try await MembersWorld()
        let tenant = try await world.makeTenant("atlas")
        let other = try await world.makeTenant("jura")
        let amina = try await world.join("amina@a.dz", .owner, "atlas", tenant)
        let kept = try await world.join("kept@j.ch", .owner, "jura", other)
        _ = try await world.invite("open@a.dz", .viewer, to: tenant)
        _ = await reason {
            try await world.login("atlas", "amina@a.dz", password: "wrong wrong", peer: "198.51.100.1:1")
        }
        func counts() async throws -> [String: Int] {
            var found: [String: Int] = [:]
            for row in try await world.test.asOwner("select * from ragdz.count_tenant_rows('\(tenant)')") {
                found[try row.get("table_name", as: String.self)] = try row.get("row_count", as: Int.self)
            }
            return found
        }
        let before = try await counts()
        for table in ["members", "invitations", "sessions", "member_networks", "login_attempts"] {
            #expect((before[table] ?? 0) > 0, "\(table) is counted")
        }
        try await world.test.asOwner("update ragdz.tenants set status = 'deleting' where tenant_id = '\(tenant)'")
        while try await world.test.asOwner("select ragdz.erase_tenant_rows('\(tenant)', 2) as n")[0].get(
            "n", as: Int.self) > 0
        {}
        #expect(try await counts().values.allSatisfy { $0 == 0 })
        #expect(await reason { try await world.account(amina.sessionToken) } == "SESSION_ENDED")
        #expect(await reason { try await world.login("atlas", "amina@a.dz") } == "LOGIN_REFUSED")
        #expect(await reason { try await world.account(kept.sessionToken) } == nil)
        // What outlives the tenant names nobody.
        let log = try await world.test.asOwner(
            "select coalesce(string_agg(l::text, ' '), '') as t from ragdz.audit_log l where tenant_id = '\(tenant)'")
        let text = try log[0].get("t", as: String.self)
        #expect(!text.isEmpty && !text.contains("amina") && !text.contains("open@"))
        await world.test.close()
    }

    @Test func noSecretIsStored() async throws {
        let world = try await MembersWorld()
        let tenant = try await world.makeTenant("atlas")
        let token = try await world.invite("amina@a.dz", .owner, to: tenant).token
        _ = try await world.accept(token)
        let tokens = try await world.login("atlas", "amina@a.dz")
        var everything = ""
        for table in ["members", "invitations", "sessions", "member_networks", "login_attempts", "audit_log"] {
            let rows = try await world.test.asOwner(
                "select coalesce(string_agg(t::text, ' '), '') as t from ragdz.\(table) t")
            everything += try rows[0].get("t", as: String.self)
        }
        for secret in [
            MembersWorld.password, String(token.suffix(64)), String(tokens.sessionToken.suffix(64)),
            String(tokens.refreshToken.suffix(64)),
        ] {
            #expect(!everything.contains(secret))
        }
        await world.test.close()
    }
}
