public import RPC
internal import Schema

/// What a person is in a tenant. Each role may all that the ones below it may.
public enum MemberRole: String, Sendable, Hashable, CaseIterable, Comparable {
    case viewer, member, admin, owner

    /// The scopes of a session of this role.
    public var scopes: ScopeSet { Self.tables[self] ?? .none }

    public static func < (left: MemberRole, right: MemberRole) -> Bool { left.rank < right.rank }

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    private static let tables: [MemberRole: ScopeSet] = {
        let viewer = ["tenant.read", "retrieval.read", "workflows.read", "account.read", "account.write"]
        let member = viewer + ["retrieval.write", "workflows.write", "workflows.approve"]
        let admin = member + ["audit.read", "keys.read", "keys.write", "members.read", "members.write"]
        return [.viewer: ScopeSet(viewer), .member: ScopeSet(member), .admin: ScopeSet(admin), .owner: .all]
    }()

    /// The highest role that holds nothing beyond `scopes`; nil when even a viewer would. It is what bounds whom a caller may
    /// invite or change, be it a member or a key: nobody raises above the own rights. What concerns only the own
    /// account is nothing that a key could hold, and does not count.
    static func highest(within scopes: ScopeSet) -> MemberRole? {
        allCases.last { role in
            scopes.covers(ScopeSet(role.scopes.scopes.filter { !$0.hasPrefix("account.") }))
        }
    }

    init(_ role: Ragdz_V1_Role, field: String = "role") throws(Status) {
        switch role {
        case .viewer: self = .viewer
        case .member: self = .member
        case .admin: self = .admin
        case .owner: self = .owner
        default:
            throw .invalidArgument(
                "\(field) is ROLE_VIEWER, ROLE_MEMBER, ROLE_ADMIN or ROLE_OWNER.", reason: "UNKNOWN_ROLE",
                field: field)
        }
    }

    /// The role of a stored row.
    static func message(_ stored: String) -> Ragdz_V1_Role {
        switch MemberRole(rawValue: stored) {
        case .viewer: .viewer
        case .member: .member
        case .admin: .admin
        case .owner: .owner
        case nil: .unspecified
        }
    }
}
