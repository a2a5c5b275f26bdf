public import RPC
internal import Synchronization

/// The service map that is in force. It can be replaced while calls go on.
public final class ServiceDirectory: Sendable {
    private let current: Mutex<ServiceMap>

    public init(_ map: ServiceMap = ServiceMap()) { current = Mutex(map) }

    public func replace(_ map: ServiceMap) { current.withLock { $0 = map } }

    /// Who bears these names; see `ServiceMap` for who is refused.
    func identity(of names: [String]) throws(Status) -> CallIdentity {
        try current.withLock { $0 }.identity(of: names)
    }
}
