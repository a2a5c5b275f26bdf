public import Bytes
internal import Cryptography
public import RPC

/// What the database knows about a key, as far as checking a credential needs it.
public struct KeyRecord: Sendable, Hashable {
    /// A stored secret of the key.
    public struct Secret: Sendable, Hashable {
        public var pepperVersion: Int32
        /// Nil for one that no credential can have.
        var hash: Digest?
        /// When it ends, in Unix microseconds: by its grace or its key's rotation; nil: with its key.
        public var expireMicros: Int64?
        /// Which secret of its key it is, counted from 1.
        var generation: Int

        public init(pepperVersion: Int32, hash: [UInt8], expireMicros: Int64? = nil, generation: Int = 1) {
            self.pepperVersion = pepperVersion
            self.hash = Digest(hash)
            self.expireMicros = expireMicros
            self.generation = generation
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
        let known = record.map { KnownCredential($0, key.reference) }
        return key.withPresented { presented in
            let match = KnownCredential.match(presented, known?.record.secrets ?? [], pepper)
            guard let known, let match else { return .unknown }
            return known.verdict(of: match, peer: peer, now: now)
        }
    }
}
