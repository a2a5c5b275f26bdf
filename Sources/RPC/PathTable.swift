/// An open-addressing hash table from the bytes of a path to its route.
///
/// A `Dictionary<String, Route>` would need a `String` per call; this one compares the received bytes in place.
struct PathTable: Sendable {
    private struct Slot: Sendable {
        let hash: UInt64
        let path: [UInt8]
        let route: Route
    }

    private var slots: [Slot?] = [nil]

    init() {}

    init(_ routes: some Collection<Route>) {
        var capacity = 2
        while capacity < routes.count * 2 { capacity *= 2 }
        slots = Array(repeating: nil, count: capacity)
        for route in routes {
            let path = Array(route.method.path.utf8)
            let hash = path.withUnsafeBytes(Self.hash)
            var index = Int(truncatingIfNeeded: hash) & (capacity - 1)
            while slots[index] != nil { index = (index + 1) & (capacity - 1) }
            slots[index] = Slot(hash: hash, path: path, route: route)
        }
    }

    func find(_ path: UnsafeRawBufferPointer) -> Route? {
        let hash = Self.hash(path)
        var index = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while let slot = slots[index] {
            if slot.hash == hash, slot.path.elementsEqual(path) { return slot.route }
            index = (index + 1) & (slots.count - 1)
        }
        return nil
    }

    /// FNV-1a: the paths are ours, so nobody can choose colliding ones.
    private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }
}
