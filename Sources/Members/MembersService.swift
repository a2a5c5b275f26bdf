public import Bytes
public import Logging
internal import Postgres
internal import ProtoRuntime
public import RPC
public import Schema
internal import Stores

/// The service `ragdz.v1.Members`.
///
/// The interceptors have checked credential and scope. What is checked here: nobody gives or takes a role above the own
/// rights, a tenant keeps an owner, and what concerns an account is done by its member.
public struct MembersService: Ragdz_V1_Members.ServiceProtocol {
    let database: Database
    let sessions: MemberSessions
    let passwords: PasswordWorkers
    let gate: LoginGate
    let logger: Logger
    let changed: @Sendable (Change) -> Void

    /// What has changed of who may call.
    public enum Change: Sendable, Hashable {
        case session(UUID128)
        case member(tenant: UUID128)
    }

    /// `changed` is called after a session has ended or a member has changed, and before the answer goes out.
    public init(
        sessions: MemberSessions, passwords: PasswordWorkers, limits: LoginLimits = .defaults, logger: Logger,
        changed: @escaping @Sendable (Change) -> Void = { _ in }
    ) {
        database = sessions.database
        self.sessions = sessions
        self.passwords = passwords
        gate = LoginGate(limits: limits)
        self.logger = logger
        self.changed = changed
    }

    public func getMember(_ request: Ragdz_V1_GetMemberRequest, context: ServerContext) async throws -> Ragdz_V1_Member
    {
        let tenant = try context.requireTenant()
        let id = try MemberRules.id(request.id)
        return try await withDatabaseErrors(logger, context) {
            guard let row = try await Queries.getMember(database.as(.tenant(tenant)), memberID: id) else {
                throw memberNotFound
            }
            return Ragdz_V1_Member(row)
        }
    }

    public func listMembers(
        _ request: Ragdz_V1_ListMembersRequest, context: ServerContext
    ) async throws -> Ragdz_V1_ListMembersResponse {
        let tenant = try context.requireTenant()
        let size = try PageSize.resolve(request.pageSize)
        let position = try Self.position(request.pageToken, list: "members") ?? (0, UUID128(hi: 0, lo: 0))
        return try await withDatabaseErrors(logger, context) {
            // One more than the page tells whether there is another page.
            let rows = try await Queries.listMembers(
                database.as(.tenant(tenant)), afterTime: PostgresTimestamp(unixMicros: position.0),
                afterID: position.1, pageSize: Int64(size + 1))
            var response = Ragdz_V1_ListMembersResponse()
            response.members = rows.prefix(size).map(Ragdz_V1_Member.init)
            if rows.count > size {
                let last = rows[size - 1]
                response.nextPageToken = PageToken.make(
                    "members", ["\(last.createTime.unixMicros)", last.memberID.description])
            }
            return response
        }
    }

    public func changeMemberRole(
        _ request: Ragdz_V1_ChangeMemberRoleRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Member {
        let id = try MemberRules.id(request.id)
        let role = try MemberRole(request.role)
        let origin = ChangeOrigin(context)
        return try await changing(id, to: role, context) { transaction, row in
            if row.role == role.rawValue { return row }
            return try await Queries.changeMemberRole(
                transaction, memberID: id, role: role.rawValue, actor: origin.actor, requestID: origin.requestID,
                peer: origin.peer)
        }
    }

    public func removeMember(
        _ request: Ragdz_V1_RemoveMemberRequest, context: ServerContext
    ) async throws -> Ragdz_V1_Member {
        let id = try MemberRules.id(request.id)
        let origin = ChangeOrigin(context)
        return try await changing(id, to: nil, context) { transaction, _ in
            try await Queries.removeMember(
                transaction, memberID: id, actor: origin.actor, requestID: origin.requestID, peer: origin.peer)
        }
    }
}

/// Who made a change and from where: a part of every audit row.
struct ChangeOrigin: Sendable {
    let actor: String
    let requestID: String
    let peer: String

    init(_ context: ServerContext) {
        actor = context.identity.actor
        requestID = context.requestID
        peer = context.peer
    }
}

extension MembersService {
    /// Runs `body` with the member's row while it and all owners are locked; `role` nil: the member goes.
    private func changing(
        _ id: UUID128, to role: MemberRole?, _ context: ServerContext,
        _ body: @escaping @Sendable (Transaction, Queries.MemberRow) async throws -> Queries.MemberRow?
    ) async throws -> Ragdz_V1_Member {
        let tenant = try context.requireTenant()
        let ceiling = try ceiling(context)
        return try await withDatabaseErrors(logger, context) {
            let row = try await database.transaction(as: .tenant(tenant), attempts: Database.usualAttempts) {
                transaction -> Queries.MemberRow? in
                let rows = try await Queries.lockMemberAndOwners(transaction, memberID: id)
                let owners = rows.count { $0.role == MemberRole.owner.rawValue }
                for row in rows where row.memberID == id {
                    try Self.check(MemberRole(rawValue: row.role), becomes: role, ceiling: ceiling, owners: owners)
                    return try await body(transaction, row)
                }
                return nil
            }
            guard let row else { throw memberNotFound }
            changed(.member(tenant: tenant))
            return Ragdz_V1_Member(row)
        }
    }

    /// Whether a member of a role may be made one of another, or go. Pure.
    static func check(
        _ old: MemberRole?, becomes new: MemberRole?, ceiling: MemberRole, owners: Int
    ) throws(Status) {
        guard let old, old <= ceiling, (new ?? .viewer) <= ceiling else { throw roleTooHigh }
        if old == .owner, new != .owner, owners <= 1 {
            throw .failedPrecondition(
                "A tenant keeps an owner: make somebody else an owner first.", reason: "LAST_OWNER")
        }
    }

    /// The highest role that the caller may give or take.
    func ceiling(_ context: ServerContext) throws(Status) -> MemberRole {
        if context.identity.isOperator { return .owner }
        guard let role = MemberRole.highest(within: context.identity.tenantScopes) else { throw Self.roleTooHigh }
        return role
    }

    static let roleTooHigh = Status.permissionDenied(
        "Nobody gives, changes or takes a role above the own rights.", reason: "ROLE_TOO_HIGH")

    var memberNotFound: Status { .notFound("There is no such member.", reason: "MEMBER_NOT_FOUND") }

    /// The member that calls; a key has no account.
    func caller(_ context: ServerContext) throws(Status) -> CallIdentity.Member {
        guard case .member(let member) = context.identity else {
            throw .permissionDenied(
                "This method acts for a person: call it with a session of one.", reason: "MEMBER_REQUIRED")
        }
        return member
    }

    static func position(_ token: String, list: String) throws(Status) -> (Int64, UUID128)? {
        guard let parts = try PageToken.read(token, list: list, parts: 2) else { return nil }
        guard let id = UUID128(parts[1]) else { throw PageToken.invalid }
        return (try PageToken.time(parts[0]), id)
    }
}

extension Ragdz_V1_Member {
    init(_ row: Queries.MemberRow) {
        self.init()
        id = row.memberID.description
        email = row.email
        name = row.name
        role = MemberRole.message(row.role)
        createTime = Google_Protobuf_Timestamp(unixMicros: row.createTime.unixMicros)
        lastLoginTime = row.lastLoginTime.map { Google_Protobuf_Timestamp(unixMicros: $0.unixMicros) }
    }
}
