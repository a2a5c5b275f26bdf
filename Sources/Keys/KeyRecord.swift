public import Bytes
public import RPC

/// What the database knows about a key, as far as checking a credential needs it.
public struct KeyRecord: Sendable, Hashable {
    /// A stored secret of the key.
    public struct Secret: Sendable, Hashable {
        public var pepperVersion: Int32
        public var hash: [UInt8]
        /// The end of its grace in Unix microseconds; nil for the newest secret.
        public var expireMicros: Int64?

        public init(pepperVersion: Int32, hash: [UInt8], expireMicros: Int64? = nil) {
            self.pepperVersion = pepperVersion
            self.hash = hash
            self.expireMicros = expireMicros
        }
    }

    /// Whom the key speaks for.
    public enum Owner: Sendable, Hashable {
        case tenant(UUID128, status: String, scopes: ScopeSet)
        case platformOperator(name: String)
        /// A member by one of its sessions; the scopes are those of its role.
        case member(CallIdentity.Member, tenantStatus: String)

        var tenant: UUID128? {
            switch self {
            case .tenant(let tenant, _, _): tenant
            case .member(let member, _): member.tenant
            case .platformOperator: nil
            }
        }
    }

    public var owner: Owner
    /// Unix microseconds; nil: never.
    public var expireMicros: Int64?
    public var isDisabled: Bool
    public var isRevoked: Bool
    public var secrets: [Secret]
    /// How much it may be used; nil for an operator's credential.
    public var limits: RateLimits?
    /// Where it may be used from; empty: anywhere.
    public var networks: [IPNetwork]

    public init(
        owner: Owner, expireMicros: Int64? = nil, isDisabled: Bool = false, isRevoked: Bool = false,
        secrets: [Secret], limits: RateLimits? = nil, networks: [IPNetwork] = []
    ) {
        self.limits = limits
        self.networks = networks
        self.owner = owner
        self.expireMicros = expireMicros
        self.isDisabled = isDisabled
        self.isRevoked = isRevoked
        self.secrets = secrets
    }
}

/// Whether a credential is good at a moment.
///
/// What can go wrong, and who learns of it: without the right secret the answer is always `unknown`, whatever the
/// database holds, so that nobody can probe for ids. Only who has the secret is told that the key is revoked, disabled
/// or expired, or that its tenant is suspended.
public enum CredentialVerdict: Sendable, Hashable {
    case accepted(CallIdentity)
    case unknown
    case revoked
    case disabled
    case expired
    /// It is used from outside of its networks.
    case foreignAddress
    case tenantSuspended
    case tenantDeleted

    /// Checks `key`, used by `peer` (`10.1.2.3:443`), against what was found under its id (nil: nothing) at `now` in Unix
    /// microseconds.
    public static func of(
        _ key: APIKey, record: KeyRecord?, pepper: Pepper, peer: String = "", now: Int64
    ) -> CredentialVerdict {
        guard let record else {
            // The same work as for a key that exists, so that the time tells nothing either.
            _ = pepper.hash(key)
            return .unknown
        }
        // No early exit: with two secrets both are compared.
        var match: KeyRecord.Secret?
        for secret in record.secrets
        where pepper.verify(key, hash: secret.hash, version: secret.pepperVersion) {
            match = secret
        }
        guard let match else { return .unknown }
        if record.isRevoked { return .revoked }
        if record.isDisabled { return .disabled }
        if let end = record.expireMicros, end <= now { return .expired }
        if let end = match.expireMicros, end <= now { return .expired }
        if !record.networks.isEmpty {
            let address = IPNetwork.address(ofPeer: peer)
            guard record.networks.contains(where: { $0.contains(address) }) else { return .foreignAddress }
        }
        switch record.owner {
        case .platformOperator(let name): return .accepted(.platformOperator(name: name))
        case .tenant(let tenant, let status, let scopes):
            return served(status, .tenantKey(tenant: tenant, keyID: key.id, scopes: scopes))
        case .member: return .unknown
        }
    }

    /// Checks a session whose token is signed and not expired, against what was found under its id.
    static func ofSession(_ record: KeyRecord?, now: Int64) -> CredentialVerdict {
        guard let record, case .member(let member, let status) = record.owner else { return .unknown }
        if record.isRevoked { return .revoked }
        if let end = record.expireMicros, end <= now { return .expired }
        return served(status, .member(member))
    }

    private static func served(_ tenantStatus: String, _ identity: CallIdentity) -> CredentialVerdict {
        switch tenantStatus {
        case "trial", "active": .accepted(identity)
        case "suspended": .tenantSuspended
        default: .tenantDeleted
        }
    }
}
