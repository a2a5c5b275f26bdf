internal import RPC

/// Which connection a call takes, when connections are made, and when an address is left alone: a pure value.
///
/// Every address of the target has its own phase and its own connections. Calls go round the addresses that have a
/// connection; an address gets a further connection when all that it has are full. What can go wrong is the network's
/// fault: a connect fails (the address pauses, longer each time), a connection is lost or says GOAWAY (it takes no
/// more calls; the next call connects again at once), a name cannot be resolved (asked again after a pause). News of
/// a connection that is not known any more is an ordinary race and ignored.
struct PoolState<Address: Hashable & Sendable>: Sendable {
    typealias ConnectionID = Int

    struct Limits: Sendable {
        /// Connections to one address.
        var connectionsPerAddress = 4
        /// Addresses that are used of a name that has many.
        var addresses = 16
    }

    enum Action: Equatable {
        case connect(ConnectionID, Address)
        /// Leave the address alone for the pause that belongs to so many failures, then say `pauseEnded`.
        case pause(Address, failures: Int)
        /// Ask for the addresses again, after the pause that belongs to so many failures.
        case resolve(failures: Int)
        /// The connection's address is gone: end it when its calls are done.
        case retire(ConnectionID)
    }

    enum Pick: Hashable {
        case use(ConnectionID)
        /// Something is on its way: ask again after the next news.
        case wait
        /// Nothing is reachable now. Who waits for ready asks again after the next news.
        case fail(Status)
    }

    private struct Slot {
        let id: ConnectionID
        /// Whether the server says by its health service that it wants calls; nil while it has not said.
        var isServing: Bool?
    }

    private enum Phase: Equatable {
        case idle
        case connecting(ConnectionID)
        case pausing
    }

    private struct Endpoint {
        let address: Address
        var phase = Phase.idle
        var slots: [Slot] = []
        var failures = 0
        var lastFailure: Status?
    }

    private enum Resolution: Equatable {
        case unknown
        case asking
        case known
        /// Failed so many times; asked again after a pause.
        case failed(Int, Status)
    }

    private let limits: Limits
    private var endpoints: [Endpoint] = []
    private var resolution = Resolution.unknown
    private var nextID = 1
    private var cursor = 0

    init(limits: Limits = Limits()) { self.limits = limits }

    /// The connections that take calls.
    var connections: [ConnectionID] { endpoints.flatMap { $0.slots.map(\.id) } }

    // MARK: - A call needs a connection

    /// `room` says how many more calls a connection takes.
    mutating func pick(room: (ConnectionID) -> Int) -> (Pick, [Action]) {
        switch resolution {
        case .unknown:
            resolution = .asking
            return (.wait, [.resolve(failures: 0)])
        case .asking where endpoints.isEmpty: return (.wait, [])
        case .failed(_, let status) where endpoints.isEmpty: return (.fail(status), [])
        default: break
        }
        // Every address has its connection, so that the load spreads and a lost one costs nothing.
        var actions = endpoints.indices.flatMap { endpoints[$0].slots.isEmpty ? connect($0) : [] }
        if let id = roundRobin(room) { return (.use(id), actions) }
        if let full = endpoints.indices.first(where: { mayGrow($0) }) { actions += connect(full) }
        let isHopeful = endpoints.contains { endpoint in
            if case .connecting = endpoint.phase { return true }
            return endpoint.slots.contains { $0.isServing != false }
        }
        if isHopeful { return (.wait, actions) }
        return (.fail(endpoints.compactMap(\.lastFailure).last ?? Self.unready), actions)
    }

    private static var unready: Status {
        .unavailable("No server of the target takes calls now. Try again.", reason: Status.notConnectedReason)
    }

    /// All connections are full, and one more is allowed.
    private func mayGrow(_ index: Int) -> Bool {
        let endpoint = endpoints[index]
        return endpoint.phase == .idle && !endpoint.slots.isEmpty
            && endpoint.slots.count < limits.connectionsPerAddress && endpoint.slots.contains { $0.isServing == true }
    }

    private mutating func roundRobin(_ room: (ConnectionID) -> Int) -> ConnectionID? {
        for step in 0..<endpoints.count {
            let index = (cursor + step) % endpoints.count
            let free = endpoints[index].slots.filter { $0.isServing == true && room($0.id) > 0 }
            guard let best = free.max(by: { room($0.id) < room($1.id) }) else { continue }
            cursor = (index + 1) % endpoints.count
            return best.id
        }
        return nil
    }

    private mutating func connect(_ index: Int) -> [Action] {
        guard endpoints[index].phase == .idle else { return [] }
        let id = nextID
        nextID += 1
        endpoints[index].phase = .connecting(id)
        return [.connect(id, endpoints[index].address)]
    }

    // MARK: - News

    /// The connection is up. With nil its health service has to say first whether it wants calls.
    mutating func connected(_ id: ConnectionID, isServing: Bool? = true) {
        guard let index = endpoints.firstIndex(where: { $0.phase == .connecting(id) }) else { return }
        endpoints[index].phase = .idle
        endpoints[index].failures = 0
        endpoints[index].lastFailure = nil
        endpoints[index].slots.append(Slot(id: id, isServing: isServing))
    }

    /// The connection could not be made.
    mutating func connectFailed(_ id: ConnectionID, _ status: Status) -> [Action] {
        guard let index = endpoints.firstIndex(where: { $0.phase == .connecting(id) }) else { return [] }
        endpoints[index].phase = .pausing
        endpoints[index].failures += 1
        endpoints[index].lastFailure = status
        // Perhaps the servers have moved.
        let actions = [Action.pause(endpoints[index].address, failures: endpoints[index].failures)]
        guard resolution == .known else { return actions }
        resolution = .asking
        return actions + [.resolve(failures: 1)]
    }

    mutating func pauseEnded(_ address: Address, isWaitedFor: Bool) -> [Action] {
        guard let index = endpoints.firstIndex(where: { $0.address == address && $0.phase == .pausing }) else {
            return []
        }
        endpoints[index].phase = .idle
        return isWaitedFor ? connect(index) : []
    }

    mutating func healthChanged(_ id: ConnectionID, isServing: Bool) {
        for index in endpoints.indices {
            guard let slot = endpoints[index].slots.firstIndex(where: { $0.id == id }) else { continue }
            endpoints[index].slots[slot].isServing = isServing
        }
    }

    /// The connection takes no more calls: lost, or on its way out.
    ///
    /// When servers are restarted in turn, the one that goes may be followed by one that has just come back: whoever
    /// pauses is tried again.
    mutating func retired(_ id: ConnectionID) {
        guard connections.contains(id) else { return }
        for index in endpoints.indices {
            endpoints[index].slots.removeAll { $0.id == id }
            if endpoints[index].phase == .pausing { endpoints[index].phase = .idle }
        }
    }

    // MARK: - Addresses

    /// It is time to look whether the addresses have changed.
    mutating func shouldResolve() -> [Action] {
        guard resolution == .known else { return [] }
        resolution = .asking
        return [.resolve(failures: 0)]
    }

    mutating func resolved(_ addresses: [Address], isWaitedFor: Bool) -> [Action] {
        resolution = .known
        var seen: Set<Address> = []
        let wanted = addresses.filter { seen.insert($0).inserted }.prefix(limits.addresses)
        var actions: [Action] = []
        for endpoint in endpoints where !wanted.contains(endpoint.address) {
            actions += endpoint.slots.map { .retire($0.id) }
        }
        endpoints = wanted.map { address in
            endpoints.first { $0.address == address } ?? Endpoint(address: address)
        }
        cursor = endpoints.isEmpty ? 0 : cursor % endpoints.count
        if isWaitedFor { actions += endpoints.indices.flatMap { endpoints[$0].slots.isEmpty ? connect($0) : [] } }
        return actions
    }

    /// The name has no address now. Known addresses are kept: an old answer is better than none.
    mutating func resolveFailed(_ status: Status) -> [Action] {
        var failures = 1
        if case .failed(let before, _) = resolution { failures = before + 1 }
        resolution = .failed(failures, status)
        return [.resolve(failures: failures)]
    }
}

extension Status {
    /// The reason of a call for which no connection could be made.
    static let notConnectedReason = "CONNECT_FAILED"
}
