internal import Bytes

/// The open streams of this process by their credential, so that an announcement reaches those that it is about.
struct CredentialWatches: Sendable {
    typealias Bell = AsyncStream<Void>.Continuation

    private struct Watch: Sendable {
        var tenant: UUID128?
        var bell: Bell
    }

    private var watches: [KeyReference: [Int: Watch]] = [:]
    private var count = 0

    /// The number under which `remove` finds it.
    mutating func add(_ credential: KeyReference, _ tenant: UUID128?, _ bell: Bell) -> Int {
        count += 1
        watches[credential, default: [:]][count] = Watch(tenant: tenant, bell: bell)
        return count
    }

    mutating func remove(_ number: Int, _ credential: KeyReference) {
        watches[credential]?[number] = nil
        if watches[credential]?.isEmpty == true { watches[credential] = nil }
    }

    func ring(_ announcement: KeyAnnouncement) {
        switch announcement {
        case .credential(let credential):
            for watch in watches[credential, default: [:]].values { watch.bell.yield() }
        case .tenant(let tenant):
            for watch in watches.values.lazy.flatMap(\.values) where watch.tenant == tenant { watch.bell.yield() }
        }
    }
}
