public import Bytes

/// The scopes of a key: exact (`retrieval.read`), a family (`retrieval.*`) or everything (`*`).
public struct ScopeSet: Sendable, Hashable, ExpressibleByArrayLiteral {
    public let scopes: [String]

    public init(_ scopes: some Sequence<String>) { self.scopes = Array(scopes) }
    public init(arrayLiteral elements: String...) { scopes = elements }

    public static let all: ScopeSet = ["*"]
    public static let none: ScopeSet = []

    /// Whether one of the scopes covers `wanted`. The empty scope and `"-"` are covered by nothing.
    public func allows(_ wanted: String) -> Bool {
        guard !wanted.isEmpty, wanted != "-" else { return false }
        return scopes.contains { scope in
            scope == wanted || scope == "*" || (Self.isFamily(scope) && wanted.utf8.starts(with: scope.utf8.dropLast()))
        }
    }

    /// By its bytes: asked at every call.
    private static func isFamily(_ scope: String) -> Bool {
        let bytes = scope.utf8
        return bytes.count >= 2 && bytes.last == UInt8(ascii: "*")
            && bytes[bytes.index(bytes.endIndex, offsetBy: -2)] == UInt8(ascii: ".")
    }

    /// Whether everything that `other` grants is granted by this set too: a key may not mint a stronger one.
    public func covers(_ other: ScopeSet) -> Bool {
        other.scopes.allSatisfy { scope in
            if scopes.contains(scope) || scopes.contains("*") { return true }
            guard scope != "*" else { return false }
            return scope.hasSuffix(".*") ? coversFamily(scope) : allows(scope)
        }
    }

    private func coversFamily(_ family: String) -> Bool {
        scopes.contains { $0.hasSuffix(".*") && family.utf8.starts(with: $0.utf8.dropLast()) }
    }
}

extension ScopeSet {
    /// What the scope of a group begins with: `group.legal`.
    public static let groupPrefix = "group."

    /// The groups whose documents the key may see: those of scopes such as `group.legal`; `["*"]`, which stands for all,
    /// with `group.*` or `*`.
    public var groups: [String] {
        if scopes.contains("*") || scopes.contains("group.*") { return ["*"] }
        return scopes.filter { $0.hasPrefix(Self.groupPrefix) }.map { String($0.dropFirst(Self.groupPrefix.count)) }
    }
}

/// Who makes a call, as the authentication interceptor found out.
public enum CallIdentity: Sendable, Hashable {
    case anonymous
    case tenantKey(tenant: UUID128, keyID: String, scopes: ScopeSet)
    case platformOperator(name: String)
    /// A person of a tenant, by the session of a console or of the command line.
    indirect case member(Member)
    /// A service of the platform itself, known by its certificate. It acts across tenants, as far as its scopes go.
    case service(name: String, scopes: ScopeSet)

    /// A member of a tenant, as far as a call needs to know it.
    public struct Member: Sendable, Hashable {
        public let tenant: UUID128
        public let id: UUID128
        public let session: UUID128
        /// What the member's role lets it do.
        public let scopes: ScopeSet

        public init(tenant: UUID128, id: UUID128, session: UUID128, scopes: ScopeSet) {
            self.tenant = tenant
            self.id = id
            self.session = session
            self.scopes = scopes
        }
    }

    /// The tenant for which the caller acts: that of a key or of a member.
    public var tenant: UUID128? {
        switch self {
        case .tenantKey(let tenant, _, _): tenant
        case .member(let member): member.tenant
        case .anonymous, .platformOperator, .service: nil
        }
    }

    /// What the caller may do for its tenant; nothing for whoever acts for none.
    public var tenantScopes: ScopeSet {
        switch self {
        case .tenantKey(_, _, let scopes): scopes
        case .member(let member): member.scopes
        case .anonymous, .platformOperator, .service: .none
        }
    }

    /// How the log of changes names the caller: `key:<id>`, `member:<id>`, `operator:<name>`, `service:<name>` or `system`.
    public var actor: String {
        switch self {
        case .tenantKey(_, let keyID, _): "key:\(keyID)"
        case .member(let member): "member:\(member.id)"
        case .platformOperator(let name): "operator:\(name)"
        case .service(let name, _): "service:\(name)"
        case .anonymous: "system"
        }
    }

    /// Whether the caller acts for the platform and names the tenant that it means: an operator, or a service whose
    /// scopes the policy has checked.
    public var isOperator: Bool {
        switch self {
        case .platformOperator, .service: true
        case .anonymous, .tenantKey, .member: false
        }
    }
}
