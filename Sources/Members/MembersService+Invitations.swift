internal import Bytes
internal import Postgres
internal import ProtoRuntime
public import RPC
public import Schema
internal import Stores

// How people come in.

extension MembersService {
    public func inviteMember(
        _ request: Ragdz_V1_InviteMemberRequest, context: ServerContext
    ) async throws -> Ragdz_V1_InvitationWithToken {
        let (tenant, identity) = try reach(request.tenantID, context)
        let email = try MemberRules.email(request.email)
        let role = try MemberRole(request.role)
        let lifetime = try MemberRules.lifetime(request.ttl)
        guard role <= (try ceiling(context)) else { throw Self.roleTooHigh }
        let token = try InvitationToken()
        let origin = ChangeOrigin(context)
        return try await withDatabaseErrors(logger, context) {
            if identity != .platformOperator,
                try await Queries.memberOfEmail(database.as(identity), email: email) != nil
            {
                throw Self.memberExists
            }
            let row: Queries.InvitationRow?
            do {
                row = try await Queries.insertInvitation(
                    database.as(identity), tenantID: tenant, email: email, invitationID: token.id,
                    role: role.rawValue, tokenHash: token.hash, actor: origin.actor, lifetimeMicros: lifetime,
                    requestID: origin.requestID, peer: origin.peer)
            } catch let error as PostgresError where error.isUniqueViolation {
                throw Status.aborted("Two calls invited this address at once. Try again.", reason: "INVITATION_RACE")
            } catch let error as PostgresError where error.sqlState == Self.tooManyInvitations {
                throw Self.invitationsFull
            }
            guard let row else { throw Status.notFound("There is no such tenant.", reason: "TENANT_NOT_FOUND") }
            var answer = Ragdz_V1_InvitationWithToken()
            answer.invitation = Ragdz_V1_Invitation(row)
            answer.token = token.revealed
            return answer
        }
    }

    public func listInvitations(
        _ request: Ragdz_V1_ListInvitationsRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListInvitationsResponse {
        let tenant = try context.requireTenant()
        let size = try PageSize.resolve(request.pageSize)
        let position =
            try Self.position(request.pageToken, list: "invitations")
            ?? (253_402_300_799_999_999, UUID128(hi: .max, lo: .max))
        return try await withDatabaseErrors(logger, context) {
            let rows = try await Queries.listInvitations(
                database.as(.tenant(tenant)), beforeTime: PostgresTimestamp(unixMicros: position.0),
                beforeID: position.1, pageSize: Int64(size + 1))
            var response = Ragdz_V1_ListInvitationsResponse()
            response.invitations = rows.prefix(size).map(Ragdz_V1_Invitation.init)
            if rows.count > size {
                let last = rows[size - 1]
                response.nextPageToken = PageToken.make(
                    "invitations", ["\(last.createTime.unixMicros)", last.invitationID.description])
            }
            return response
        }
    }

    public func revokeInvitation(
        _ request: Ragdz_V1_RevokeInvitationRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Invitation {
        let tenant = try context.requireTenant()
        let id = try MemberRules.id(request.id)
        let ceiling = try ceiling(context)
        let origin = ChangeOrigin(context)
        return try await withDatabaseErrors(logger, context) {
            let row = try await database.transaction(as: .tenant(tenant), attempts: Database.usualAttempts) {
                transaction -> Queries.InvitationRow? in
                let present = try await Queries.lockInvitation(transaction, invitationID: id)
                if let role = present.flatMap({ MemberRole(rawValue: $0.role) }), role > ceiling {
                    throw Self.roleTooHigh
                }
                if present?.acceptTime != nil { throw Self.invitationUsed }
                return try await Queries.revokeInvitation(
                    transaction, invitationID: id, actor: origin.actor, requestID: origin.requestID, peer: origin.peer)
                    ?? present
            }
            guard let row else {
                throw Status.notFound("There is no such invitation.", reason: "INVITATION_NOT_FOUND")
            }
            return Ragdz_V1_Invitation(row)
        }
    }

    public func acceptInvitation(
        _ request: Ragdz_V1_AcceptInvitationRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Membership {
        guard let token = InvitationToken(request.token) else { throw Self.invitationInvalid }
        let password = try MemberRules.newPassword(request.password, field: "password")
        return try await withDatabaseErrors(logger, context) {
            let found = try await Queries.findInvitation(database.as(.none), invitationID: token.id)
            guard let found, token.matches(found.tokenHash) else { throw Self.invitationInvalid }
            if found.acceptTime != nil { throw Self.invitationUsed }
            if found.revokeTime != nil || found.expireTime.unixMicros <= WallClock.nowMicros() {
                throw Self.invitationOver
            }
            try Self.checkTenant(found.tenantStatus)
            let name = try MemberRules.name(request.name.isEmpty ? found.email : request.name)
            // Only now: who has no token costs no hash.
            let hash = try await passwords.hash(password)
            let row = try await take(token.id, found, name: name, hash: hash, context)
            guard let row else { throw Self.invitationUsed }
            var answer = Ragdz_V1_Membership()
            answer.member = Ragdz_V1_Member(row)
            answer.tenantID = found.tenantID.description
            answer.tenantSlug = found.tenantSlug
            return answer
        }
    }
}

extension MembersService {
    public func resetPassword(
        _ request: Ragdz_V1_ResetPasswordRequest, context: ServerContext
    ) async throws -> Ragdz_V1_InvitationWithToken {
        let tenant = try context.requireTenant()
        let id = try MemberRules.id(request.id)
        let lifetime = try MemberRules.lifetime(request.ttl)
        let ceiling = try ceiling(context)
        let token = try InvitationToken()
        let origin = ChangeOrigin(context)
        return try await withDatabaseErrors(logger, context) {
            let row: Queries.InvitationRow?
            do {
                row = try await database.transaction(as: .tenant(tenant), attempts: Database.usualAttempts) {
                    transaction -> Queries.InvitationRow? in
                    let rows = try await Queries.lockMemberAndOwners(transaction, memberID: id)
                    for member in rows where member.memberID == id {
                        let role = MemberRole(rawValue: member.role) ?? .owner
                        if role > ceiling { throw Self.roleTooHigh }
                    }
                    return try await Queries.insertReset(
                        transaction, memberID: id, invitationID: token.id, tokenHash: token.hash, actor: origin.actor,
                        lifetimeMicros: lifetime, requestID: origin.requestID, peer: origin.peer)
                }
            } catch let error as PostgresError where error.isUniqueViolation {
                throw Status.aborted("Two calls invited this address at once. Try again.", reason: "INVITATION_RACE")
            }
            guard let row else { throw memberNotFound }
            var answer = Ragdz_V1_InvitationWithToken()
            answer.invitation = Ragdz_V1_Invitation(row)
            answer.token = token.revealed
            return answer
        }
    }

    /// A new member, or a new password for one; nil when the token was taken meanwhile.
    private func take(
        _ invitation: UUID128, _ found: Queries.FindInvitationRow, name: String, hash: String, _ context: ServerContext
    ) async throws -> Queries.MemberRow? {
        let runner = database.as(.tenant(found.tenantID))
        if found.memberID != nil {
            let row = try await Queries.acceptReset(
                runner, invitationID: invitation, password: hash, requestID: context.requestID, peer: context.peer)
            changed(.member(tenant: found.tenantID))
            return row
        }
        do {
            return try await Queries.acceptInvitation(
                runner, invitationID: invitation, memberID: UUID128.v7(), name: name, password: hash,
                requestID: context.requestID, peer: context.peer)
        } catch let error as PostgresError where error.isUniqueViolation {
            throw Self.memberExists
        }
    }

    /// For whom an invitation is made, and as whom it is stored.
    private func reach(_ text: String, _ context: ServerContext) throws(Status) -> (UUID128, Identity) {
        if context.identity.isOperator {
            guard !text.isEmpty else {
                throw .invalidArgument(
                    "An operator names the tenant in tenant_id.", reason: "TENANT_ID_REQUIRED", field: "tenant_id")
            }
            return (try MemberRules.id(text, field: "tenant_id"), .platformOperator)
        }
        let own = try context.requireTenant()
        if !text.isEmpty, try MemberRules.id(text, field: "tenant_id") != own {
            throw .permissionDenied("A tenant invites for itself only.", reason: "FOREIGN_TENANT")
        }
        return (own, .tenant(own))
    }

    static func checkTenant(_ status: String) throws(Status) {
        switch status {
        case "trial", "active": return
        case "suspended":
            throw .permissionDenied(
                "The tenant is suspended: ask the platform's operator.", reason: "TENANT_SUSPENDED")
        default: throw .permissionDenied("The tenant is deleted or being deleted.", reason: "TENANT_DELETED")
        }
    }

    static let invitationInvalid = Status.unauthenticated(
        "There is no such invitation: copy the whole token.", reason: "INVITATION_INVALID")
    static let invitationUsed = Status.failedPrecondition(
        "The invitation was accepted before: log in, or ask for another one.", reason: "INVITATION_USED")
    static let invitationOver = Status.failedPrecondition(
        "The invitation is over or was taken back: ask for another one.", reason: "INVITATION_OVER")
    /// With this SQLSTATE the database refuses a tenant's 1,001st open invitation.
    static let tooManyInvitations = SQLState(rawValue: "RQ002")
    static let invitationsFull = Status.resourceExhausted(
        "The tenant has 1,000 open invitations. Revoke some, or wait until they are accepted or over.",
        reason: "INVITATIONS_FULL")
    static let memberExists = Status.alreadyExists(
        "A member of the tenant has this address.", reason: "MEMBER_EXISTS")
}

extension Ragdz_V1_Invitation {
    init(_ row: Queries.InvitationRow) {
        self.init()
        id = row.invitationID.description
        email = row.email
        role = MemberRole.message(row.role)
        memberID = row.memberID?.description ?? ""
        invitedBy = row.invitedBy
        createTime = Google_Protobuf_Timestamp(unixMicros: row.createTime.unixMicros)
        expireTime = Google_Protobuf_Timestamp(unixMicros: row.expireTime.unixMicros)
        if row.acceptTime != nil {
            status = .accepted
        } else if row.revokeTime != nil {
            status = .revoked
        } else {
            status = row.expireTime.unixMicros <= WallClock.nowMicros() ? .expired : .open
        }
    }
}
