internal import RPC

/// The answers to credentials that are refused. They are made once: whoever sends bad keys by the thousand costs little.
extension Status {
    static func malformedKey(_ malformation: APIKey.Malformation) -> Status {
        switch malformation {
        case .prefix: malformedPrefix
        case .length: malformedLength
        case .alphabet: malformedAlphabet
        case .checksum: malformedChecksum
        }
    }

    private static let malformedPrefix = malformedKey("one begins with \"ragdz_live_\"")
    private static let malformedLength = malformedKey("it is cut off or too long")
    private static let malformedAlphabet = malformedKey("it has a character that no key has")
    private static let malformedChecksum = malformedKey("it was changed or mistyped")

    private static func malformedKey(_ hint: String) -> Status {
        .unauthenticated(
            "The credential is not a key of RAG-DZ: \(hint). Copy the whole key.", reason: "KEY_MALFORMED")
    }

    static func refused(_ verdict: CredentialVerdict) -> Status {
        switch verdict {
        case .revoked: keyRevoked
        case .disabled: keyDisabled
        case .expired: keyExpired
        case .foreignAddress: foreignAddress
        case .tenantSuspended: tenantSuspended
        case .tenantDeleted: tenantDeleted
        case .unknown, .accepted: keyUnknown
        }
    }

    private static let keyUnknown = unauthenticated("There is no such key.", reason: "KEY_UNKNOWN")
    private static let keyRevoked = unauthenticated("The key is revoked.", reason: "KEY_REVOKED")
    private static let keyDisabled = unauthenticated("The key is disabled.", reason: "KEY_DISABLED")
    private static let keyExpired = unauthenticated(
        "The key or its rotated secret has expired.", reason: "KEY_EXPIRED")
    private static let foreignAddress = permissionDenied(
        "The key may not be used from this address.", reason: "ADDRESS_NOT_ALLOWED")
    private static let tenantSuspended = permissionDenied(
        "The tenant is suspended: ask the platform's operator.", reason: "TENANT_SUSPENDED")
    private static let tenantDeleted = permissionDenied(
        "The tenant is deleted or being deleted.", reason: "TENANT_DELETED")
}
