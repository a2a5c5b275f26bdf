import Bytes
import Keys
import Postgres
import RPC
import Schema
import Support
import Synchronization
import Testing

@testable import Members

/// Sessions on the real database: refreshing, ending, and who hears of it.
@Suite struct SessionTests {
    typealias Methods = Ragdz_V1_Members.Methods

    @Test func aRefreshTokenServesOnceAndASecondUseEndsTheSession() async throws {
        let world = try await MembersWorld()
        let tenant = try await world.makeTenant("atlas")
        let first = try await world.join("amina@a.dz", .member, "atlas", tenant)
        let second = try await world.refresh(first.refreshToken)
        #expect(second.refreshToken != first.refreshToken && second.member?.email == "amina@a.dz")
        // The answer was lost: the same successor comes again, and no second branch.
        let again = try await world.refresh(first.refreshToken)
        #expect(again.refreshToken == second.refreshToken)
        let third = try await world.refresh(second.refreshToken)
        _ = try await world.account(third.sessionToken)
        // A thief comes with the first one.
        #expect(await reason { try await world.refresh(first.refreshToken) } == "SESSION_REUSED")
        for token in [first, second, third] {
            #expect(await reason { try await world.account(token.sessionToken) } == "SESSION_ENDED")
            #expect(await reason { try await world.refresh(token.refreshToken) } == "SESSION_ENDED")
        }
        #expect(try await world.audit(tenant).last == "system session.reuse")
        await world.test.close()
    }

    @Test func theGraceOfTheLastTokenIsShort() async throws {
        let world = try await MembersWorld()
        let tenant = try await world.makeTenant("atlas")
        let first = try await world.join("amina@a.dz", .member, "atlas", tenant)
        let second = try await world.refresh(first.refreshToken)
        try await world.test.asOwner("update ragdz.sessions set refresh_time = refresh_time - interval '11 seconds'")
        #expect(await reason { try await world.refresh(first.refreshToken) } == "SESSION_REUSED")
        #expect(await reason { try await world.refresh(second.refreshToken) } == "SESSION_ENDED")
        await world.test.close()
    }

    @Test func manyRefreshesAtOnceGiveOneChain() async throws {
        let world = try await MembersWorld()
        let tenant = try await world.makeTenant("atlas")
        let first = try await world.join("amina@a.dz", .member, "atlas", tenant)
        let answers = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<50 { group.addTask { try await world.refresh(first.refreshToken).refreshToken } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(answers.count == 1, "all windows hold the same chain")
        await world.test.close()
    }

    @Test func forgedForeignAndLateTokensAreRefused() async throws {
        let world = try await MembersWorld()
        let tenant = try await world.makeTenant("atlas")
        let other = try await world.makeTenant("jura")
        let amina = try await world.join("amina@a.dz", .owner, "atlas", tenant)
        let theirs = try await world.join("amina@a.dz", .owner, "jura", other)
        let token = amina.sessionToken
        func outcome(_ token: String) async -> String? { await reason { try await world.account(token) } }
        // The fields of one session under the signature of another.
        #expect(
            await outcome(String(token.prefix(70)) + String(theirs.sessionToken.dropFirst(70)))
                == "SESSION_TOKEN_INVALID")
        #expect(await outcome(String(token.dropLast())) == "SESSION_TOKEN_INVALID")
        #expect(await outcome("ragdz_session_") == "SESSION_TOKEN_INVALID")
        #expect(await outcome(amina.refreshToken) == "KEY_MALFORMED", "a refresh token opens nothing by itself")
        #expect(await reason { try await world.refresh(amina.sessionToken) } == "SESSION_TOKEN_INVALID")
        // A token that is signed and names no session: its key was stolen, or the database set back.
        let ghost = SessionToken(
            kind: .session, session: .v4(), generation: 1, end: UInt32(WallClock.nowMicros() / 1_000_000 + 300))
        #expect(await outcome(ghost.text(world.sessions.keys)) == "SESSION_ENDED")
        #expect(try await world.account(theirs.sessionToken).tenantID == other.description)
        // Time goes on, and jumps.
        world.clock.micros.store(601_000_000, ordering: .relaxed)
        #expect(await outcome(token) == "SESSION_TOKEN_EXPIRED")
        world.clock.micros.store(-3_600_000_000, ordering: .relaxed)
        #expect(await outcome(token) == "SESSION_TOKEN_EXPIRED", "made in a future that has not been")
        let early = try await world.refresh(amina.refreshToken)
        #expect(await outcome(early.sessionToken) == nil, "who refreshes is in at once, whatever the clock did")
        world.clock.micros.store(0, ordering: .relaxed)
        #expect(await outcome(token) == nil)
        // Keys rotate, and go.
        let next = "2:" + String(repeating: "b2", count: 32)
        world.sessions.replaceKeys(try SessionKeys(parsing: MembersWorld.keys + "," + next))
        #expect(await outcome(token) == nil, "rotation logs nobody out")
        let renewed = try await world.refresh(early.refreshToken)
        world.sessions.replaceKeys(try SessionKeys(parsing: next))
        #expect(await outcome(token) == "SESSION_TOKEN_INVALID")
        #expect(await outcome(renewed.sessionToken) == nil)
        await world.test.close()
    }

    @Test func aPasswordChangeEndsTheOtherSessions() async throws {
        let world = try await MembersWorld()
        let tenant = try await world.makeTenant("atlas")
        let here = try await world.join("amina@a.dz", .viewer, "atlas", tenant)
        let there = try await world.login("atlas", "amina@a.dz")
        func change(_ old: String, _ new: String) async -> String? {
            var request = Ragdz_V1_ChangePasswordRequest()
            request.currentPassword = old
            request.newPassword = new
            return await reason {
                try await world.call(
                    Methods.changePassword, request, as: here.sessionToken, returning: Ragdz_V1_ConsoleSession.self)
            }
        }
        #expect(await change("not this one", "a new password") == "PASSWORD_WRONG")
        #expect(await change(MembersWorld.password, "short") == "INVALID_PASSWORD")
        #expect(await reason { try await world.account(there.sessionToken) } == nil)
        #expect(await change(MembersWorld.password, "a new password") == nil)
        #expect(await reason { try await world.account(there.sessionToken) } == "SESSION_ENDED")
        #expect(await reason { try await world.refresh(there.refreshToken) } == "SESSION_ENDED")
        #expect(await reason { try await world.account(here.sessionToken) } == nil)
        #expect(await reason { try await world.login("atlas", "amina@a.dz") } == "LOGIN_REFUSED")
        #expect(await reason { try await world.login("atlas", "amina@a.dz", password: "a new password") } == nil)
        await world.test.close()
    }

    @Test func sessionsAreListedAndEndedByWhomTheyConcern() async throws {
        let world = try await MembersWorld()
        let tenant = try await world.makeTenant("atlas")
        let owner = try await world.join("owner@a.dz", .owner, "atlas", tenant)
        let admin = try await world.join("admin@a.dz", .admin, "atlas", tenant)
        let viewer = try await world.join("viewer@a.dz", .viewer, "atlas", tenant)
        let elsewhere = try await world.login("atlas", "viewer@a.dz", peer: "[2001:db8::1]:7")
        func sessions(of member: Ragdz_V1_SessionTokens?, by: Ragdz_V1_SessionTokens) async throws
            -> [Ragdz_V1_ConsoleSession]
        {
            var request = Ragdz_V1_ListSessionsRequest()
            request.memberID = member?.member?.id ?? ""
            return try await world.call(
                Methods.listSessions, request, as: by.sessionToken, returning: Ragdz_V1_ListSessionsResponse.self
            ).sessions
        }
        func revoke(_ id: String, by: Ragdz_V1_SessionTokens) async -> String? {
            var request = Ragdz_V1_RevokeSessionRequest()
            request.id = id
            return await reason {
                try await world.call(
                    Methods.revokeSession, request, as: by.sessionToken, returning: Ragdz_V1_ConsoleSession.self)
            }
        }
        let own = try await sessions(of: nil, by: viewer)
        #expect(own.map(\.current) == [false, true] && own.map(\.peer) == ["[2001:db8::1]:7", "192.0.2.1:5"])
        #expect(try await sessions(of: viewer, by: admin).count == 2)
        #expect(await reason { try await sessions(of: owner, by: viewer) } == "MEMBER_NOT_FOUND")
        let ofOwner = try #require(try await sessions(of: owner, by: admin).first).id
        #expect(await revoke(ofOwner, by: viewer) == "SESSION_NOT_FOUND")
        #expect(await revoke(ofOwner, by: admin) == "ROLE_TOO_HIGH")
        #expect(await revoke(UUID128.v4().description, by: admin) == "SESSION_NOT_FOUND")
        #expect(await revoke(own[0].id, by: viewer) == nil)
        #expect(await reason { try await world.account(elsewhere.sessionToken) } == "SESSION_ENDED")
        #expect(await revoke(own[1].id, by: admin) == nil)
        #expect(await reason { try await world.account(viewer.sessionToken) } == "SESSION_ENDED")
        #expect(try await sessions(of: viewer, by: admin).isEmpty)
        await world.test.close()
    }

    /// Two servers on one database: what ends at one has ended at the other, by announcement.
    @Test func endsReachOtherServers() async throws {
        let world = try await MembersWorld()
        let tenant = try await world.makeTenant("atlas")
        let owner = try await world.join("owner@a.dz", .owner, "atlas", tenant)
        let viewer = try await world.join("viewer@a.dz", .viewer, "atlas", tenant)
        let neighbour = Authenticator(
            database: world.test.database, pepper: try Pepper(parsing: "1:" + String(repeating: "0f", count: 32)),
            sessions: MembersWorld.Door(sessions: world.sessions),
            // Nothing that is remembered grows old here: only the announcement can make it forgotten.
            limits: .init(
                lifetimeMicros: 3_600_000_000, maximumEntries: 100, stalenessMicros: 3_600_000_000),
            logger: MembersWorld.quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await neighbour.run() }
            func scopes(_ token: String) async throws -> [String] {
                try await neighbour.authenticate(token).tenantScopes.scopes
            }
            func settles(_ wanted: @escaping () async -> Bool) async -> Bool {
                for _ in 0..<3_000 {
                    if await wanted() { return true }
                    try? await Task.sleep(for: .milliseconds(10))
                }
                return false
            }
            for _ in 0..<20 { _ = try await scopes(viewer.sessionToken) }
            var request = Ragdz_V1_ChangeMemberRoleRequest()
            request.id = viewer.member?.id ?? ""
            request.role = .admin
            _ = try await world.call(
                Methods.changeMemberRole, request, as: owner.sessionToken, returning: Ragdz_V1_Member.self)
            #expect(await settles { (try? await scopes(viewer.sessionToken).contains("keys.write")) == true })
            var remove = Ragdz_V1_RemoveMemberRequest()
            remove.id = request.id
            _ = try await world.call(
                Methods.removeMember, remove, as: owner.sessionToken, returning: Ragdz_V1_Member.self)
            #expect(await settles { await reason { try await scopes(viewer.sessionToken) } == "SESSION_ENDED" })
            _ = try await scopes(owner.sessionToken)
            _ = try await world.call(
                Methods.logout, Ragdz_V1_LogoutRequest(), as: owner.sessionToken,
                returning: Ragdz_V1_ConsoleSession.self)
            #expect(await settles { await reason { try await scopes(owner.sessionToken) } == "SESSION_ENDED" })
            group.cancelAll()
        }
        await world.test.close()
    }

    @Test func aSuspendedTenantLetsNobodyIn() async throws {
        let world = try await MembersWorld()
        let tenant = try await world.makeTenant("atlas")
        let amina = try await world.join("amina@a.dz", .owner, "atlas", tenant)
        let open = try await world.invite("new@a.dz", .viewer, to: tenant)
        try await world.test.asOwner("update ragdz.tenants set status = 'suspended'")
        #expect(await reason { try await world.account(amina.sessionToken) } == "TENANT_SUSPENDED")
        #expect(await reason { try await world.refresh(amina.refreshToken) } == "TENANT_SUSPENDED")
        #expect(await reason { try await world.login("atlas", "amina@a.dz") } == "TENANT_SUSPENDED")
        #expect(
            await reason { try await world.login("atlas", "amina@a.dz", password: "wrong wrong") } == "LOGIN_REFUSED")
        #expect(await reason { try await world.accept(open.token) } == "TENANT_SUSPENDED")
        try await world.test.asOwner("update ragdz.tenants set status = 'active'")
        #expect(await reason { try await world.account(amina.sessionToken) } == nil)
        await world.test.close()
    }
}
