public import Bytes
public import Postgres
internal import RPC

/// In whose name the database is asked: a tenant, and the groups of whoever calls.
public struct Caller: Sendable, Hashable {
    public let tenant: UUID128
    public let groups: AccessGroups

    public init(tenant: UUID128, groups: AccessGroups = .none) {
        self.tenant = tenant
        self.groups = groups
    }

    var identity: Identity { .tenant(tenant, groups: groups) }
}

extension ServerContext {
    /// The tenant and groups of a tenant's key or member, or `PERMISSION_DENIED` for anybody else.
    func requireCaller() throws(Status) -> Caller {
        Caller(tenant: try requireTenant(), groups: AccessGroups(identity.tenantScopes.groups))
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
