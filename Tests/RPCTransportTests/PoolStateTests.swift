import RPC
import Testing

@testable import RPCTransport

/// Which connection a call gets, as a transcript.
@Suite struct PoolStateTests {
    typealias Pool = PoolState<String>
    static let down = Status.unavailable("down")

    /// A pool of these addresses, all connected; connection 1 belongs to the first one.
    static func connected(_ addresses: String..., limits: Pool.Limits = .init()) -> Pool {
        var pool = Pool(limits: limits)
        _ = pool.pick { _ in 0 }
        for action in pool.resolved(addresses, isWaitedFor: true) {
            if case .connect(let id, _) = action { pool.connected(id) }
        }
        return pool
    }

    static func pick(_ pool: inout Pool, room: (Int) -> Int = { _ in 1 }) -> Pool.Pick { pool.pick(room: room).0 }

    @Test func theFirstCallResolvesAndConnects() {
        var pool = Pool()
        #expect(pool.pick { _ in 1 } == (.wait, [.resolve(failures: 0)]))
        #expect(pool.pick { _ in 1 } == (.wait, []))
        #expect(pool.resolved(["a", "b", "a"], isWaitedFor: true) == [.connect(1, "a"), .connect(2, "b")])
        #expect(pool.pick { _ in 1 } == (.wait, []))
        pool.connected(2)
        #expect(pool.pick { _ in 1 } == (.use(2), []))
        pool.connected(1)
        #expect(Self.pick(&pool) == .use(1))
        #expect(Self.pick(&pool) == .use(2))
        #expect(Self.pick(&pool) == .use(1))
    }

    @Test func aLostConnectionIsMadeAgainByTheNextCall() {
        var pool = Self.connected("a", "b")
        pool.retired(1)
        let (pick, actions) = pool.pick { _ in 1 }
        #expect(pick == .use(2), "the other address serves meanwhile")
        #expect(actions == [.connect(3, "a")])
        pool.connected(3)
        #expect(Set([Self.pick(&pool), Self.pick(&pool)]) == [.use(2), .use(3)])
    }

    @Test func aFailedConnectPausesTheAddress() {
        var pool = Pool()
        _ = pool.pick { _ in 1 }
        _ = pool.resolved(["a"], isWaitedFor: true)
        #expect(pool.connectFailed(1, Self.down) == [.pause("a", failures: 1), .resolve(failures: 1)])
        #expect(pool.pick { _ in 1 } == (.fail(Self.down), []))
        #expect(pool.pauseEnded("a", isWaitedFor: false) == [])
        #expect(pool.pick { _ in 1 } == (.wait, [.connect(2, "a")]))
        #expect(pool.connectFailed(2, Self.down) == [.pause("a", failures: 2)], "the name is being asked for already")
        #expect(pool.pauseEnded("a", isWaitedFor: true) == [.connect(3, "a")])
        pool.connected(3)
        #expect(Self.pick(&pool) == .use(3))
        pool.retired(3)
        #expect(pool.pick { _ in 1 } == (.wait, [.connect(4, "a")]))
        #expect(pool.connectFailed(4, Self.down) == [.pause("a", failures: 1)], "a success forgives")
    }

    @Test func aServerThatGoesEndsThePausesOfOthers() {
        var pool = Pool()
        _ = pool.pick { _ in 1 }
        _ = pool.resolved(["a", "b"], isWaitedFor: true)
        pool.connected(2)
        _ = pool.connectFailed(1, Self.down)
        #expect(pool.pick { _ in 1 } == (.use(2), []), "a pauses")
        pool.retired(2)
        #expect(pool.pick { _ in 1 } == (.wait, [.connect(3, "a"), .connect(4, "b")]))
        #expect(pool.pauseEnded("a", isWaitedFor: true) == [], "the old pause means nothing any more")
    }

    @Test func aFullConnectionGetsACompanion() {
        var pool = Self.connected("a", limits: .init(connectionsPerAddress: 2))
        #expect(pool.pick { _ in 0 } == (.wait, [.connect(2, "a")]))
        #expect(pool.pick { _ in 0 } == (.wait, []), "one is on its way")
        pool.connected(2)
        #expect(Self.pick(&pool) { $0 == 2 ? 100 : 3 } == .use(2), "the emptier one")
        #expect(pool.pick { _ in 0 } == (.wait, []), "no third one")
    }

    @Test func newAddressesComeAndOldOnesGo() {
        var pool = Self.connected("a", "b")
        #expect(pool.shouldResolve() == [.resolve(failures: 0)])
        #expect(pool.shouldResolve() == [])
        #expect(pool.resolved(["b", "c"], isWaitedFor: false) == [.retire(1)])
        let (pick, actions) = pool.pick { _ in 1 }
        #expect(pick == .use(2))
        #expect(actions == [.connect(3, "c")])
        pool.connected(1)
        #expect(Self.pick(&pool) == .use(2), "news of what is gone is ignored")
    }

    @Test func anUnknownNameIsAskedForAgain() {
        var pool = Pool()
        _ = pool.pick { _ in 1 }
        #expect(pool.resolveFailed(Self.down) == [.resolve(failures: 1)])
        #expect(pool.pick { _ in 1 } == (.fail(Self.down), []))
        #expect(pool.resolveFailed(Self.down) == [.resolve(failures: 2)])
        #expect(pool.resolved(["a"], isWaitedFor: true) == [.connect(1, "a")])
        pool.connected(1)
        #expect(pool.shouldResolve() == [.resolve(failures: 0)])
        #expect(pool.resolveFailed(Self.down) == [.resolve(failures: 1)])
        #expect(Self.pick(&pool) == .use(1), "an old answer is better than none")
    }

    @Test func unhealthyServersGetNoCalls() {
        var pool = Pool()
        _ = pool.pick { _ in 1 }
        _ = pool.resolved(["a", "b"], isWaitedFor: true)
        pool.connected(1, isServing: nil)
        pool.connected(2, isServing: nil)
        #expect(Self.pick(&pool) == .wait, "they have not said yet")
        pool.healthChanged(1, isServing: false)
        pool.healthChanged(2, isServing: false)
        if case .fail = Self.pick(&pool) {} else { Issue.record("nobody serves") }
        pool.healthChanged(2, isServing: true)
        #expect([Self.pick(&pool), Self.pick(&pool)] == [.use(2), .use(2)])
        pool.healthChanged(2, isServing: false)
        pool.healthChanged(1, isServing: true)
        #expect(Self.pick(&pool) == .use(1))
    }

    @Test func manyAddressesAreCut() {
        var pool = Pool(limits: .init(addresses: 2))
        _ = pool.pick { _ in 1 }
        #expect(pool.resolved(["a", "b", "c"], isWaitedFor: true) == [.connect(1, "a"), .connect(2, "b")])
    }
}
