internal import Bytes
internal import RPC

/// What one node has set aside of one month's quota of one tenant, to spend without asking. Pure: the ledger holds the
/// lock, asks the database and keeps the time.
///
/// ```
/// empty ── ask ─▶ asking ── given ─▶ open ── spent, or its term is over ─▶ asking …
///                        └─ nothing there ─▶ closed until a moment, then empty
/// ```
/// What can go wrong, and what then holds:
/// - the node dies: what it had not settled is released when the reservation expires; what it had spent of it since the
///   last turn, at most a term's worth and at most the block, is never counted;
/// - the database does not answer: the same turn is made again, and counts once;
/// - calls take more than they had held: the block goes below zero and gives nothing until the database has seen it.
struct QuotaBlock: Sendable {
    enum Limits {
        /// How long a block is spent before it is settled: 5 seconds. Also how late an answer of GetUsage may be.
        static let termMicros: Int64 = 5_000_000
        /// How long a reservation outlives its holder: 60 seconds. A holder renews it with every turn.
        static let lifetimeMicros: Int64 = 60_000_000
        /// How long a node refuses by itself after the database had nothing: 1 second.
        static let closedMicros: Int64 = 1_000_000
        /// A block is at most this part of the limit.
        static let share: Int64 = 500
        /// And at most this much, also without a limit.
        static let most: Int64 = 10_000
    }

    /// One step at the database: settles the open reservation and makes the next one.
    struct Turn: Sendable, Hashable {
        var settled: UUID128?
        var spent: Int64
        var opened: UUID128?
        var wanted: Int64
        var spare: Int64
    }

    /// The database's answer.
    struct Grant: Sendable, Hashable {
        var granted: Int64
        var used: Int64
        var reserved: Int64
        /// Nil: no limit.
        var allowed: Int64?
        var resetMicros: Int64?
    }

    enum Decision: Sendable, Hashable {
        /// `isLow`: ask for more while the call goes on.
        case held(isLow: Bool)
        case refused(QuotaStanding)
        /// Ask the database with this turn.
        case ask(Turn)
        /// Somebody asks already.
        case wait
    }

    let quota: String
    private var reservation: UUID128?
    /// Of the open reservation.
    private var amount: Int64 = 0
    /// Really taken since the last turn.
    private var spent: Int64 = 0
    /// Set aside for calls under way.
    private var held: Int64 = 0
    /// What callers wait for.
    private var demand: Int64 = 0
    private var turn: Turn?
    /// Of a turn under way: what may be held meanwhile, because both the old block and the new one have it.
    private var ahead: Int64 = 0
    /// A turn that was not answered. It may have been made: until the same was asked again, nothing else is.
    private var unanswered: Turn?
    private var endMicros: Int64 = 0
    private var closedUntilMicros: Int64 = 0
    private var known: Grant?

    init(quota: String) { self.quota = quota }

    var isAsking: Bool { turn != nil }
    /// Nothing would be lost with it.
    var isIdle: Bool {
        reservation == nil && turn == nil && unanswered == nil && held == 0 && spent == 0 && demand == 0
    }

    private var left: Int64 { amount - spent - held }
    private var isSettled: Bool { turn == nil && unanswered == nil }
    private var isLow: Bool { isSettled && left < spare / 4 }
    private var spare: Int64 {
        guard let known else { return 0 }
        return min(known.allowed.map { $0 / Limits.share } ?? Limits.most, Limits.most)
    }

    /// A caller wants `wanted`; `isPending` when it asked or waited before.
    mutating func hold(_ wanted: Int64, isPending: Bool, now: Int64) -> Decision {
        if (isSettled ? left : ahead) >= wanted {
            if isPending { demand -= wanted }
            held += wanted
            if !isSettled { ahead -= wanted }
            return .held(isLow: now >= closedUntilMicros && isLow)
        }
        if isSettled, now < closedUntilMicros, let known {
            if isPending { demand -= wanted }
            return .refused(
                QuotaStanding(
                    quota: quota, limit: known.allowed ?? .max, used: known.used + known.reserved, wanted: wanted,
                    resetMicros: known.resetMicros))
        }
        if !isPending { demand += wanted }
        return turn == nil ? .ask(beginTurn(isActive: true)) : .wait
    }

    /// A caller gave up while it waited.
    mutating func leave(_ wanted: Int64) { demand -= wanted }

    /// A call is over: of what it had set aside, `real` was taken, which may be more.
    mutating func settle(_ wanted: Int64, real: Int64) {
        held -= wanted
        spent += real
    }

    /// The turn that is made ahead of need; nil when there is one already, or enough.
    mutating func fetch() -> Turn? { isLow ? beginTurn(isActive: true) : nil }

    /// The turn that is due at the end of a term, if any. Who was idle keeps only what calls under way hold.
    mutating func sweep(now: Int64, isLast: Bool = false) -> Turn? {
        guard turn == nil, reservation != nil || unanswered != nil || spent > 0, isLast || now >= endMicros else {
            return nil
        }
        return beginTurn(isActive: spent > 0 && !isLast)
    }

    private mutating func beginTurn(isActive: Bool) -> Turn {
        let next: Turn
        if let unanswered {
            next = unanswered
        } else {
            ahead = isActive ? max(left, 0) : 0
            let wanted = held + demand + ahead
            let spare = isActive ? spare : 0
            next = Turn(
                settled: reservation, spent: spent, opened: wanted + spare > 0 ? UUID128.v4() : nil, wanted: wanted,
                spare: spare)
        }
        unanswered = nil
        turn = next
        return next
    }

    /// The turn was made.
    mutating func receive(_ grant: Grant, now: Int64) {
        guard let turn else { return }
        reservation = grant.granted > 0 ? turn.opened : nil
        amount = grant.granted
        spent -= turn.spent
        ahead = 0
        endMicros = now + Limits.termMicros
        known = grant
        closedUntilMicros = grant.granted < turn.wanted ? now + Limits.closedMicros : 0
        self.turn = nil
    }

    /// The turn was not answered.
    mutating func lose() {
        unanswered = turn
        turn = nil
    }
}
