public import Bytes

/// An announcement of the database on the channel `ragdz_keys`: whose standing has changed.
public enum KeyAnnouncement: Sendable, Hashable {
    case credential(KeyReference)
    case tenant(UUID128)

    /// Reads `key:<id>`, `operator:<id>`, `session:<uuid>` or `tenant:<uuid>`; nil for anything else.
    public init?(_ payload: String) {
        let parts = payload.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        switch parts[0] {
        case "key": self = .credential(KeyReference(kind: .live, id: parts[1]))
        case "operator": self = .credential(KeyReference(kind: .platformOperator, id: parts[1]))
        case "session":
            guard let session = UUID128(parts[1]) else { return nil }
            self = .credential(KeyReference(session: session))
        case "tenant":
            guard let tenant = UUID128(parts[1]) else { return nil }
            self = .tenant(tenant)
        default: return nil
        }
    }
}
