internal import RPC
internal import Synchronization

/// The service map that is in force. It can be replaced while calls go on.
public final class ServiceDirectory: Sendable {
    /// Certificates whose services are remembered; more are looked up in the map each time.
    public static let rememberedCertificates = 1024

    private struct State {
        var map: ServiceMap
        /// By the names of a certificate. A map has up to a thousand patterns, and a service calls often.
        var known: [[String]: CallIdentity] = [:]
    }

    private let state: Mutex<State>

    public init(_ map: ServiceMap = ServiceMap()) { state = Mutex(State(map: map)) }

    /// Counts from the next call on, on connections that are open too.
    public func replace(_ map: ServiceMap) { state.withLock { $0 = State(map: map) } }

    /// Who bears these names; see `ServiceMap` for who is refused.
    func identity(of names: [String]) throws(Status) -> CallIdentity {
        let (known, map) = state.withLock { ($0.known[names], $0.map) }
        if let known { return known }
        let identity = try map.identity(of: names)
        state.withLock { state in
            // Another map may be in force by now.
            guard state.map == map, state.known.count < Self.rememberedCertificates else { return }
            state.known[names] = identity
        }
        return identity
    }
}
