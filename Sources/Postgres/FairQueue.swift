internal import DequeModule

/// Those who wait, a queue for each share (a tenant); the shares take turns.
///
/// A share that has a thousand waiting delays another one by one element per turn, not by a thousand. When there is no
/// room, the share that has most gives way: its newest element goes, so that who asks for little is served whatever
/// others ask for.
struct FairQueue<Element> {
    private var shares: [Identity: Deque<Element>] = [:]
    /// The shares that have somebody waiting; the first one is next.
    private var turns: Deque<Identity> = []
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }
    /// Whose turn it is.
    var first: Element? { turns.first.flatMap { shares[$0]?.first } }
    /// The oldest of every share.
    var heads: [Element] { turns.compactMap { shares[$0]?.first } }

    mutating func append(_ element: Element, share: Identity) {
        count += 1
        if shares[share]?.append(element) == nil {
            shares[share] = [element]
            turns.append(share)
        }
    }

    /// Whether one of the share waits.
    func contains(_ share: Identity) -> Bool { count > 0 && shares[share] != nil }

    mutating func popFirst() -> Element? { popFirst { _ in true } }

    /// The oldest of the first share that may be served now.
    mutating func popFirst(where isAllowed: (Identity) -> Bool) -> Element? {
        guard let place = turns.firstIndex(where: isAllowed) else { return nil }
        let share = turns.remove(at: place)
        guard let element = shares[share]?.popFirst() else { return nil }
        count -= 1
        if shares[share]?.isEmpty ?? true { shares[share] = nil } else { turns.append(share) }
        return element
    }

    /// Takes out the newest element of the share that has most, to make room for one of `share`. Nil when that would be
    /// `share` itself.
    mutating func giveWay(to share: Identity) -> Element? {
        let own = (shares[share]?.count ?? 0) + 1
        // With more than half of all, nobody has more.
        guard own <= count / 2, let longest = shares.max(by: { $0.value.count < $1.value.count }),
            longest.value.count > own, let element = shares[longest.key]?.popLast()
        else { return nil }
        count -= 1
        if shares[longest.key]?.isEmpty ?? true { drop(longest.key) }
        return element
    }

    mutating func removeFirst(where matches: (Element) -> Bool) -> Bool {
        for share in turns {
            guard let index = shares[share]?.firstIndex(where: matches) else { continue }
            shares[share]?.remove(at: index)
            count -= 1
            if shares[share]?.isEmpty ?? true { drop(share) }
            return true
        }
        return false
    }

    /// Takes out the oldest of each share for as long as they match.
    mutating func popHeads(while matches: (Element) -> Bool) -> [Element] {
        var taken: [Element] = []
        for share in turns {
            while let head = shares[share]?.first, matches(head) {
                taken.append(head)
                shares[share]?.removeFirst()
                count -= 1
            }
            if shares[share]?.isEmpty ?? true { shares[share] = nil }
        }
        turns.removeAll { shares[$0] == nil }
        return taken
    }

    mutating func removeAll() -> [Element] {
        let all = turns.flatMap { shares[$0].map(Array.init) ?? [] }
        self = FairQueue()
        return all
    }

    private mutating func drop(_ share: Identity) {
        shares[share] = nil
        turns.removeAll { $0 == share }
    }
}
