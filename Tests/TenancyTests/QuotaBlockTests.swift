import Bytes
import RPC
import Testing

@testable import Tenancy

/// The block of one node, as a transcript.
@Suite struct QuotaBlockTests {
    /// A database as `ragdz.turn_quota` is one.
    struct Counter {
        var limit: Int64?
        var used: Int64 = 0
        var reservations: [UUID128: Int64] = [:]
        var reserved: Int64 { reservations.values.reduce(0, +) }

        mutating func make(_ turn: QuotaBlock.Turn) -> QuotaBlock.Grant {
            if let settled = turn.settled, reservations.removeValue(forKey: settled) != nil { used += turn.spent }
            var granted: Int64 = 0
            if let opened = turn.opened {
                if let known = reservations[opened] {
                    granted = known
                } else {
                    let room = limit.map { max($0 - used - reserved, 0) } ?? turn.wanted + 16 * turn.spare
                    granted = min(room, turn.wanted + min(turn.spare, max(room - turn.wanted, 0) / 16))
                    if granted > 0 { reservations[opened] = granted }
                }
            }
            return .init(granted: granted, used: used, reserved: reserved, allowed: limit, resetMicros: 9)
        }
    }

    static func turn(_ decision: QuotaBlock.Decision) throws -> QuotaBlock.Turn {
        guard case .ask(let turn) = decision else {
            Issue.record("\(decision) asks nothing")
            throw CancellationError()
        }
        return turn
    }

    @Test func asksOnceAndSpendsWhatItGot() throws {
        var counter = Counter(limit: 100_000)
        var block = QuotaBlock(quota: "queries")
        let first = try Self.turn(block.hold(1, isPending: false, now: 0))
        #expect(first.settled == nil && first.spent == 0 && first.wanted == 1)
        #expect(block.hold(1, isPending: false, now: 0) == .wait, "somebody asks already")
        block.receive(counter.make(first), now: 0)
        #expect(block.hold(1, isPending: true, now: 0) == .held(isLow: true))
        let second = try Self.turn(block.hold(1, isPending: true, now: 0))
        #expect(second.wanted == 2, "what is held, and what is asked for")
        #expect(second.spare == 200, "one part in five hundred")
        block.receive(counter.make(second), now: 0)
        #expect(block.hold(1, isPending: true, now: 0) == .held(isLow: false))
        for _ in 0..<150 { #expect(block.hold(1, isPending: false, now: 1) == .held(isLow: false)) }
        for _ in 0..<152 { block.settle(1, real: 1) }
        #expect(counter.used == 0 && counter.reserved == 202)
        let endDue = block.sweep(now: QuotaBlock.Limits.termMicros)
        let end = try #require(endDue)
        block.receive(counter.make(end), now: QuotaBlock.Limits.termMicros)
        #expect(counter.used == 152, "the term is over, and what was spent is settled")
        // Idle for a term: everything goes back.
        let idleDue = block.sweep(now: 2 * QuotaBlock.Limits.termMicros)
        let idle = try #require(idleDue)
        #expect(idle.opened == nil)
        block.receive(counter.make(idle), now: 0)
        #expect(counter.used == 152 && counter.reserved == 0 && block.isIdle)
    }

    @Test func refusesByItselfForAMomentWhenNothingIsLeft() throws {
        var counter = Counter(limit: 2)
        var block = QuotaBlock(quota: "queries")
        block.receive(counter.make(try Self.turn(block.hold(3, isPending: false, now: 0))), now: 0)
        let refused = QuotaStanding(quota: "queries", limit: 2, used: 2, wanted: 3, resetMicros: 9)
        #expect(block.hold(3, isPending: true, now: 1) == .refused(refused))
        #expect(block.hold(2, isPending: false, now: 1) == .held(isLow: false), "less is there")
        #expect(
            block.hold(1, isPending: false, now: 2)
                == .refused(
                    QuotaStanding(
                        quota: "queries", limit: 2, used: 2, wanted: 1, resetMicros: 9)))
        block.settle(2, real: 0)
        // An operator gives more: it is seen after a second at the latest.
        counter.limit = 10
        let turn = try Self.turn(block.hold(5, isPending: false, now: QuotaBlock.Limits.closedMicros + 1))
        block.receive(counter.make(turn), now: 0)
        #expect(block.hold(5, isPending: true, now: 0) == .held(isLow: false))
    }

    @Test func aTurnThatWasNotAnsweredIsMadeAgainAndCountsOnce() throws {
        var counter = Counter(limit: 1_000)
        var block = QuotaBlock(quota: "tokens")
        block.receive(counter.make(try Self.turn(block.hold(10, isPending: false, now: 0))), now: 0)
        #expect(block.hold(10, isPending: true, now: 0) == .held(isLow: false))
        block.settle(10, real: 7)
        let turnDue = block.sweep(now: QuotaBlock.Limits.termMicros)
        let turn = try #require(turnDue)
        // It was made, and the answer is lost.
        _ = counter.make(turn)
        block.lose()
        #expect(counter.used == 7)
        #expect(block.hold(2, isPending: false, now: 0) == .held(isLow: false), "both blocks have it")
        let again = try Self.turn(block.hold(2, isPending: false, now: 0))
        #expect(again == turn)
        block.receive(counter.make(again), now: 0)
        #expect(counter.used == 7, "counted once")
        #expect(block.isIdle == false, "somebody waits")
    }

    @Test func whatWasTakenBeyondTheHoldCountsInFull() throws {
        var counter = Counter(limit: 100)
        var block = QuotaBlock(quota: "tokens")
        block.receive(counter.make(try Self.turn(block.hold(60, isPending: false, now: 0))), now: 0)
        #expect(block.hold(60, isPending: true, now: 0) == .held(isLow: false))
        block.settle(60, real: 130)
        block.receive(counter.make(try Self.turn(block.hold(1, isPending: false, now: 0))), now: 0)
        #expect(counter.used == 130 && counter.reserved == 0)
        guard case .refused(let standing) = block.hold(1, isPending: true, now: 0) else {
            Issue.record("there is nothing left")
            return
        }
        #expect(standing.used == 130 && standing.limit == 100)
    }

    @Test func nodesNeverPassTheLimitAndLoseNothing() {
        var random = SeededRandom(seed: 4)
        for limit: Int64 in [0, 1, 7, 700, 60_000] {
            var counter = Counter(limit: limit)
            var nodes = (0..<4).map { _ in QuotaBlock(quota: "queries") }
            var admitted: Int64 = 0
            var lost: [Int: QuotaBlock.Turn] = [:]
            func turn(_ node: Int, _ turn: QuotaBlock.Turn, _ now: Int64) {
                // Some answers are lost, after or before the turn was made.
                switch Int.random(in: 0..<12, using: &random) {
                case 0:
                    _ = counter.make(turn)
                    nodes[node].lose()
                case 1: nodes[node].lose()
                default: nodes[node].receive(counter.make(turn), now: now)
                }
                lost[node] = turn
                #expect(counter.used + counter.reserved <= limit)
            }
            for step in 0..<20_000 {
                let now = Int64(step) * 5_000
                let node = Int.random(in: 0..<4, using: &random)
                switch nodes[node].hold(1, isPending: false, now: now) {
                case .held:
                    admitted += 1
                    nodes[node].settle(1, real: 1)
                case .ask(let asked):
                    turn(node, asked, now)
                    nodes[node].leave(1)
                case .refused, .wait: break
                }
                if let due = nodes[node].sweep(now: now) { turn(node, due, now) }
            }
            for node in nodes.indices {
                while let due = nodes[node].sweep(now: .max, isLast: true) {
                    nodes[node].receive(counter.make(due), now: 0)
                }
            }
            #expect(counter.used == admitted && counter.reserved == 0, "limit \(limit)")
            #expect(admitted <= limit)
            #expect(limit > 700 || admitted == limit, "20,000 callers use up \(limit)")
        }
    }
}

/// The same numbers each time.
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        var mixed = state
        mixed ^= mixed >> 33
        mixed = mixed &* 0xff51_afd7_ed55_8ccd
        mixed ^= mixed >> 33
        return mixed
    }
}
