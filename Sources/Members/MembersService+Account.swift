internal import Bytes
internal import Postgres
internal import ProtoRuntime
public import RPC
public import Schema
internal import Stores

// What a member does with its own account and sessions.

extension MembersService {
    public func getAccount(
        _ request: Ragdz_V1_GetAccountRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Membership {
        let caller = try caller(context)
        return try await withDatabaseErrors(logger, context) {
            let row = try await Queries.getAccount(database.as(.tenant(caller.tenant)), memberID: caller.id)
            guard let row else { throw memberNotFound }
            var answer = Ragdz_V1_Membership()
            var member = Ragdz_V1_Member()
            member.id = row.memberID.description
            member.email = row.email
            member.name = row.name
            member.role = MemberRole.message(row.role)
            member.createTime = Google_Protobuf_Timestamp(unixMicros: row.createTime.unixMicros)
            member.lastLoginTime = row.lastLoginTime.map { Google_Protobuf_Timestamp(unixMicros: $0.unixMicros) }
            answer.member = member
            answer.tenantID = caller.tenant.description
            answer.tenantSlug = row.slug
            return answer
        }
    }

    public func changePassword(
        _ request: Ragdz_V1_ChangePasswordRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ConsoleSession {
        let caller = try caller(context)
        let new = try MemberRules.newPassword(request.newPassword, field: "new_password")
        let current = MemberRules.passwordBytes(request.currentPassword)
        let origin = ChangeOrigin(context)
        let network = LoginNetwork(peer: context.peer)
        try gate.admit(network)
        return try await withDatabaseErrors(logger, context) {
            let account = try await Queries.getAccount(database.as(.tenant(caller.tenant)), memberID: caller.id)
            guard let account else { throw memberNotFound }
            // Who has found an open console may not guess faster than who has found none.
            _ = try await guess(slug: account.slug, email: account.email, network)
            guard try await passwords.matches(current, stored: account.password) else {
                throw Status.permissionDenied("The current password is another one.", reason: "PASSWORD_WRONG")
            }
            let hash = try await passwords.hash(new)
            let done = try await Queries.changePassword(
                database.as(.tenant(caller.tenant)), newPassword: hash, memberID: caller.id,
                password: account.password, sessionID: caller.session, actor: origin.actor,
                requestID: origin.requestID, peer: origin.peer)
            guard done != nil else {
                throw Status.aborted("The password was changed by another call. Try again.", reason: "PASSWORD_RACE")
            }
            changed(.member(tenant: caller.tenant))
            return try await session(caller.session, caller)
        }
    }

    public func logout(
        _ request: Ragdz_V1_LogoutRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ConsoleSession {
        let caller = try caller(context)
        return try await withDatabaseErrors(logger, context) {
            try await end(caller.session, caller.tenant, context)
            return try await session(caller.session, caller)
        }
    }

    public func listSessions(
        _ request: Ragdz_V1_ListSessionsRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListSessionsResponse {
        let tenant = try context.requireTenant()
        let wanted = request.memberID.isEmpty ? try caller(context).id : try MemberRules.id(request.memberID)
        let isOwn = isCaller(wanted, context)
        if !isOwn, !context.identity.tenantScopes.allows("members.read") { throw memberNotFound }
        return try await withDatabaseErrors(logger, context) {
            if !isOwn, try await Queries.getMember(database.as(.tenant(tenant)), memberID: wanted) == nil {
                throw memberNotFound
            }
            let rows = try await Queries.listSessions(database.as(.tenant(tenant)), memberID: wanted)
            var response = Ragdz_V1_ListSessionsResponse()
            response.sessions = rows.map { Ragdz_V1_ConsoleSession($0, context) }
            return response
        }
    }

    public func revokeSession(
        _ request: Ragdz_V1_RevokeSessionRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ConsoleSession {
        let tenant = try context.requireTenant()
        let id = try MemberRules.id(request.id)
        return try await withDatabaseErrors(logger, context) {
            let row = try await Queries.getSession(database.as(.tenant(tenant)), sessionID: id)
            guard let row else { throw Self.sessionNotFound }
            if !isCaller(row.memberID, context) {
                guard context.identity.tenantScopes.allows("members.write") else { throw Self.sessionNotFound }
                let member = try await Queries.getMember(database.as(.tenant(tenant)), memberID: row.memberID)
                let role = member.flatMap { MemberRole(rawValue: $0.role) }
                guard let role, role <= (try ceiling(context)) else { throw Self.roleTooHigh }
            }
            try await end(id, tenant, context)
            let now = try await Queries.getSession(database.as(.tenant(tenant)), sessionID: id)
            guard let now else { throw Self.sessionNotFound }
            return Ragdz_V1_ConsoleSession(now, context)
        }
    }
}

extension MembersService {
    private func end(_ session: UUID128, _ tenant: UUID128, _ context: ServerContext) async throws {
        let origin = ChangeOrigin(context)
        _ = try await Queries.revokeSession(
            database.as(.tenant(tenant)), sessionID: session, actor: origin.actor, action: "session.end",
            requestID: origin.requestID, peer: origin.peer)
        changed(.session(session))
    }

    private func session(_ id: UUID128, _ caller: CallIdentity.Member) async throws -> Ragdz_V1_ConsoleSession {
        let row = try await Queries.getSession(database.as(.tenant(caller.tenant)), sessionID: id)
        guard let row else { throw Self.sessionNotFound }
        var session = Ragdz_V1_ConsoleSession(row)
        session.current = true
        return session
    }

    private func isCaller(_ member: UUID128, _ context: ServerContext) -> Bool {
        if case .member(let caller) = context.identity { caller.id == member } else { false }
    }

    static let sessionNotFound = Status.notFound("There is no such session.", reason: "SESSION_NOT_FOUND")
}

extension Ragdz_V1_ConsoleSession {
    init(_ row: Queries.SessionRow) {
        self.init()
        id = row.sessionID.description
        memberID = row.memberID.description
        createTime = Google_Protobuf_Timestamp(unixMicros: row.createTime.unixMicros)
        refreshTime = Google_Protobuf_Timestamp(unixMicros: row.refreshTime.unixMicros)
        endTime = Google_Protobuf_Timestamp(unixMicros: row.endTime.unixMicros)
        peer = row.peer
        revoked = row.revokeTime != nil
    }

    init(_ row: Queries.SessionRow, _ context: ServerContext) {
        self.init(row)
        if case .member(let caller) = context.identity { current = caller.session == row.sessionID }
    }
}
