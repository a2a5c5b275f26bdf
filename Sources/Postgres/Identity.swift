public import Bytes

/// As whom a statement runs. It holds for one unit of work (one call or one transaction) and never outlives it.
public enum Identity: Sendable, Hashable {
    /// A tenant: row-level security shows its rows and no others; of those that are limited to groups, what one of these
    /// groups may see.
    case tenant(UUID128, groups: AccessGroups = .none)
    /// The platform's operator: the unit runs as the role `ragdz_operator`.
    case platformOperator
    /// Nobody: tenant tables show no row.
    case none
}

extension Identity {
    /// On whose account it waits: the tenant's, whatever its groups are.
    var share: Identity {
        if case .tenant(let tenant, _) = self { .tenant(tenant) } else { self }
    }
}

/// The groups of a caller. Rows may be limited to groups; those are there for whoever has one of them.
public struct AccessGroups: Sendable, Hashable {
    /// The elements of an array of PostgreSQL, without its braces; empty: no group.
    let list: String

    private init(list: String) { self.list = list }

    /// Sees only what is not limited.
    public static let none = AccessGroups(list: "")
    /// Sees everything of the tenant: for work on the tenant's behalf that answers nobody.
    public static let all = AccessGroups(list: "*")

    /// `"*"` stands for all groups. What is no name of a group (see `isName`) is left out: it could be no row's.
    public init(_ names: some Sequence<String>) {
        let names = Set(names)
        self =
            names.contains("*") ? .all : AccessGroups(list: names.filter(Self.isName).sorted().joined(separator: ","))
    }

    /// Whether these include the group.
    public func contains(_ name: String) -> Bool {
        self == .all || list.split(separator: ",").contains { $0 == name }
    }

    /// 1 to 63 lower-case letters, digits, hyphens and underscores, beginning with a letter or digit.
    public static func isName(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...63).contains(bytes.count), let first = bytes.first, first != 0x2D, first != 0x5F else {
            return false
        }
        return bytes.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x5F }
    }
}

/// What a subscriber of `Database.listen` receives.
public enum Notification: Sendable, Hashable {
    /// A `NOTIFY` on the channel, with its payload (empty when none was given).
    case payload(String)
    /// Notifications may be lost from here on: the connection broke, or the subscriber was too slow. Whoever caches
    /// by notifications must stop to trust its cache.
    case connectionLost
    /// Notifications arrive again. Whatever happened in between was not reported: read the state afresh.
    case connectionRestored
}
