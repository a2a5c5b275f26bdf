public import Bytes

/// What a client calls a call that it may make again by itself: the same in all attempts, and another one for each call.
public enum CallName {
    /// Sent with methods that are `IDEMPOTENT` and have effects.
    public static let header = "ragdz-call"
}

extension ServerContext {
    /// What the client calls this call; nil when it does not say so, or not as our clients do.
    public var callName: UUID128? { metadata[CallName.header].flatMap { UUID128($0) } }
}
