/// One connection, as the rules of the pool see it.
struct PoolSlot {
    enum State: Hashable { case connecting, shared, draining, retiring, leased }

    let id: Int
    var state = State.connecting
    var inFlight = 0
    /// On whose account the newest unit runs; nobody in particular does not count.
    private(set) var share = Identity.none
    var idleSince: Int64 = 0
    /// When it has lived long enough.
    var retires: Int64 = .max
    /// How long the units on their way are expected to take, in microseconds.
    private var expected: Int64 = 0
    /// When the server began with the unit that it is at, in milliseconds.
    private var begunAt: Int64 = 0

    init(id: Int) { self.id = id }

    mutating func started(cost: Int64, share: Identity, now: Int64) {
        if inFlight == 0 {
            begunAt = now
            self.share = share
        } else if share != .none {
            self.share = share
        }
        inFlight += 1
        expected += cost
    }

    mutating func finished(cost: Int64, now: Int64) {
        inFlight -= 1
        expected = inFlight == 0 ? 0 : max(0, expected - cost)
        begunAt = now
    }

    /// In microseconds. A unit that takes longer than expected holds up those behind it for nobody knows how long: at least for
    /// as long again.
    func backlog(now: Int64) -> Int64 {
        let late = inFlight == 0 ? 0 : (now - begunAt) * 1000
        return late > Self.tick ? expected + late : expected
    }

    /// The clock of the pool counts milliseconds: a unit that began just now may seem to be one old.
    private static let tick: Int64 = 1000
}

extension [PoolSlot] {
    /// What a quick unit may wait for others on its connection, in microseconds.
    private static var soon: Int64 { 1000 }

    /// The fullest connection that is expected to be through soon with what it has and this; otherwise the one that is through
    /// first. Few busy processes answer sooner than many: each that sleeps has to be woken and to find a processor. But nothing
    /// quick is put behind something slow while another connection has room.
    func place(
        cost: Int64, depth: Int, now: Int64, where isAllowed: (PoolSlot) -> Bool = { _ in true }
    ) -> (index: Int, isSoon: Bool)? {
        var fullest: (index: Int, backlog: Int64)?
        var first: (index: Int, backlog: Int64)?
        for (index, slot) in enumerated() where slot.state == .shared && slot.inFlight < depth && isAllowed(slot) {
            let backlog = slot.backlog(now: now)
            if first.map({ backlog < $0.backlog }) ?? true { first = (index, backlog) }
            guard slot.inFlight > 0, backlog + cost <= Self.soon else { continue }
            if fullest.map({ backlog > $0.backlog }) ?? true { fullest = (index, backlog) }
        }
        if let fullest { return (fullest.index, true) }
        return first.map { ($0.index, $0.backlog + cost <= Self.soon) }
    }

    /// Whether one of `share` may go there: of several connections one stays free of whoever has filled all others, for those
    /// who ask for little.
    func mayUse(_ slot: PoolSlot, _ share: Identity, depth: Int) -> Bool {
        if slot.inFlight > 0, slot.share == share { return true }
        var others = 0
        var filled = 0
        for other in self where other.state == .shared && other.id != slot.id {
            others += 1
            if other.inFlight >= depth, other.share == share { filled += 1 }
        }
        return filled == 0 || filled < others
    }
}

/// What each statement takes at the server, from when it was sent, or the one before it was done, to its answer: a mean that
/// follows the last dozen times.
struct StatementCosts {
    private var mean: [Statement: Int64] = [:]

    /// In microseconds. What nobody has seen yet is taken for slow, and has nothing put behind it.
    func expected(_ statement: Statement?) -> Int64 {
        statement.flatMap { mean[$0] } ?? Self.unknown
    }

    mutating func note(_ statement: Statement, took microseconds: Int64) {
        let sample = min(max(0, microseconds), Self.unknown)
        guard let before = mean[statement] else {
            if mean.count >= Self.most { mean = [:] }
            return mean[statement] = sample
        }
        mean[statement] = before + (sample - before) / 8
    }

    static let unknown: Int64 = 1_000_000
    /// Far more than a program has statements.
    private static let most = 4096
}
