internal import Synchronization

/// A context that can be read again from its files while connections go on with the old one.
public final class TLSCredentials: Sendable {
    public let role: TLSContext.Role
    public let configuration: TLSConfiguration
    private let current: Mutex<TLSContext>

    public init(_ role: TLSContext.Role, _ configuration: TLSConfiguration) throws(TLSError) {
        self.role = role
        self.configuration = configuration
        current = Mutex(try TLSContext(role, configuration))
    }

    /// What new connections use.
    public var context: TLSContext { current.withLock { $0 } }

    /// Reads the files again. When they are bad it throws and nothing changes.
    public func reload() throws(TLSError) {
        let fresh = try TLSContext(role, configuration)
        current.withLock { $0 = fresh }
    }
}
