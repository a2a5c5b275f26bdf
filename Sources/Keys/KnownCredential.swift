internal import Bytes
internal import RPC
internal import Synchronization

/// A looked-up credential as the threads of a process share it: what each call needs of it is there already.
final class KnownCredential: Sendable {
    let record: KeyRecord
    private let identity: CallIdentity
    /// What the state of the key and its tenant comes to, time and place aside.
    private let standing: CredentialVerdict?
    /// When the use of the key is to be noted again; monotonic, in microseconds.
    private let nextNoteMicros = Atomic<Int64>(0)

    init(_ record: KeyRecord, _ reference: KeyReference) {
        self.record = record
        switch record.owner {
        case .platformOperator(let name): identity = .platformOperator(name: name)
        case .tenant(let tenant, _, let scopes):
            identity = .tenantKey(tenant: tenant, keyID: reference.id, scopes: scopes)
        case .member(let member, _): identity = .member(member)
        }
        standing = Self.standing(of: record)
    }

    private static func standing(of record: KeyRecord) -> CredentialVerdict? {
        let tenantStatus: String
        switch record.owner {
        case .platformOperator: return nil
        case .tenant(_, let status, _), .member(_, let status): tenantStatus = status
        }
        return switch tenantStatus {
        case "trial", "active": nil
        case "suspended": .tenantSuspended
        default: .tenantDeleted
        }
    }

    /// The secret that was presented. The work is the same whichever it is, and the same for a key that is not there as for
    /// one of a single secret, so that the time tells nothing.
    static func match(
        _ key: PresentedKey, _ secrets: [KeyRecord.Secret], _ pepper: Pepper
    ) -> KeyRecord.Secret? {
        guard let first = secrets.first else {
            _ = pepper.digest(key, version: pepper.newestVersion)
            return nil
        }
        var version = first.pepperVersion
        var digest = pepper.digest(key, version: version)
        var match: KeyRecord.Secret?
        for secret in secrets {
            if secret.pepperVersion != version {
                version = secret.pepperVersion
                digest = pepper.digest(key, version: version)
            }
            if let digest, let hash = secret.hash, digest == hash { match = secret }
        }
        return match
    }

    /// Whether a session whose token is signed and not over may call now. `now` is Unix time, in microseconds.
    func sessionVerdict(now: Int64) -> CredentialVerdict {
        guard case .member = record.owner else { return .unknown }
        if record.isRevoked { return .revoked }
        if let end = record.expireMicros, end <= now { return .expired }
        return standing ?? .accepted(identity)
    }

    /// Whether the holder of a secret may call now. `now` is Unix time, in microseconds.
    func verdict(of secret: KeyRecord.Secret, peer: @autoclosure () -> String, now: Int64) -> CredentialVerdict {
        if record.isRevoked { return .revoked }
        if record.isDisabled { return .disabled }
        if let end = record.expireMicros, end <= now { return .expired }
        if let end = secret.expireMicros, end <= now { return .expired }
        if !record.networks.isEmpty {
            let address = IPNetwork.address(ofPeer: peer())
            guard record.networks.contains(where: { $0.contains(address) }) else { return .foreignAddress }
        }
        return standing ?? .accepted(identity)
    }

    /// Whether this use is the one to be noted: true once in `KeyUses.intervalMicros`. `now` is monotonic.
    func notesUse(now: Int64) -> Bool {
        let next = nextNoteMicros.load(ordering: .relaxed)
        guard now >= next else { return false }
        return nextNoteMicros.compareExchange(
            expected: next, desired: now + KeyUses.intervalMicros, ordering: .relaxed
        ).exchanged
    }
}
