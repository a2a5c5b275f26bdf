import Testing

@testable import Postgres

/// The pool's rules, read as transcripts: what happened, what the pool then wants done. No sockets, no clocks.
@Suite struct PoolStateMachineTests {
    struct Pool {
        var machine: PoolStateMachine<String>
        var now: Int64 = 0

        init(minimum: Int = 0, maximum: Int = 2, depth: Int = 3, waiters: Int = 10) {
            var limits = PoolLimits.defaults
            limits.minimum = minimum
            limits.maximum = maximum
            limits.pipelineDepth = depth
            limits.waiters = waiters
            limits.waitMilliseconds = 1000
            limits.idleMilliseconds = 5000
            machine = PoolStateMachine(limits: limits)
        }

        mutating func unit(_ name: String, cost: Int64 = StatementCosts.unknown) -> [String] {
            machine.submit(name, .unit, cost: cost, now: now)
            return actions()
        }
        mutating func lease(_ name: String) -> [String] {
            machine.submit(name, .lease, now: now)
            return actions()
        }
        mutating func connected(_ id: Int) -> [String] {
            _ = machine.connected(id, now: now)
            return actions()
        }
        mutating func failed(_ id: Int) -> [String] {
            machine.connectFailed(id, PostgresError(.connectFailed, "away"), now: now)
            return actions()
        }
        mutating func finished(_ id: Int, cost: Int64 = StatementCosts.unknown) -> [String] {
            machine.finishedUnit(id, cost: cost, now: now)
            return actions()
        }
        mutating func released(_ id: Int) -> [String] {
            machine.released(id, now: now)
            return actions()
        }
        mutating func lost(_ id: Int) -> [String] {
            machine.lost(id, now: now)
            return actions()
        }
        mutating func tick(at time: Int64) -> [String] {
            now = time
            machine.tick(now: now)
            return actions()
        }
        mutating func close() -> [String] {
            machine.close()
            return actions()
        }

        mutating func actions() -> [String] {
            var texts: [String] = []
            while let action = machine.nextAction() {
                switch action {
                case .run(let request, let id): texts.append("run \(request) on \(id)")
                case .connect(let id): texts.append("connect \(id)")
                case .close(let id): texts.append("close \(id)")
                case .fail(let request, let error): texts.append("fail \(request): \(error.code)")
                }
            }
            return texts
        }
    }

    @Test func theFirstCallOpensAConnectionAndRunsWhenItIsThere() {
        var pool = Pool()
        #expect(pool.unit("a") == ["connect 0"])
        #expect(pool.unit("b") == ["connect 1"])
        #expect(pool.unit("c") == [], "two connections are all there may be")
        #expect(pool.connected(0) == ["run a on 0", "run b on 0", "run c on 0"])
        #expect(pool.connected(1) == [])
        #expect(pool.unit("d") == ["run d on 1"], "the idle one goes first")
    }

    @Test func unitsShareAConnectionAndItGrowsBeforeItIsFull() {
        var pool = Pool(maximum: 2, depth: 3)
        _ = pool.unit("a")
        _ = pool.connected(0)
        #expect(pool.unit("b") == ["run b on 0"])
        #expect(pool.unit("c") == ["connect 1", "run c on 0"], "two in flight: worth another connection")
        #expect(pool.unit("d") == [], "the pipeline is full")
        #expect(pool.connected(1) == ["run d on 1"])
        #expect(pool.finished(0) == [])
        #expect(pool.unit("e") == ["run e on 1"])
    }

    @Test func aLeaseHasItsConnectionAlone() {
        var pool = Pool(maximum: 1)
        _ = pool.lease("t")
        #expect(pool.connected(0) == ["run t on 0"])
        #expect(pool.unit("a") == [])
        #expect(pool.lease("u") == [])
        #expect(pool.released(0) == ["run a on 0"], "in order of arrival")
        #expect(pool.unit("b") == [], "the connection is set aside for the lease that waits")
        #expect(pool.finished(0) == ["run u on 0"])
        #expect(pool.released(0) == ["run b on 0"])
    }

    @Test func unitsDoNotStarveALease() {
        var pool = Pool(maximum: 1, depth: 2)
        _ = pool.unit("a")
        _ = pool.connected(0)
        #expect(pool.lease("t") == [])
        #expect(pool.unit("b") == [])
        #expect(pool.finished(0) == ["run t on 0"])
    }

    @Test func whoWaitsTooLongFails() {
        var pool = Pool(maximum: 1)
        _ = pool.lease("t")
        _ = pool.connected(0)
        _ = pool.unit("a")
        pool.now = 400
        _ = pool.lease("u")
        #expect(pool.machine.nextTick(now: 400) == 1000)
        #expect(pool.tick(at: 1000) == ["fail a: poolExhausted"])
        #expect(pool.tick(at: 1400) == ["fail u: poolExhausted"])
        #expect(pool.released(0) == [])
    }

    @Test func oneWaiterTooManyFailsAtOnce() {
        var pool = Pool(maximum: 1, waiters: 2)
        _ = pool.lease("t")
        _ = pool.connected(0)
        #expect(pool.unit("a") == [])
        #expect(pool.unit("b") == [])
        #expect(pool.unit("c") == ["fail c: poolExhausted"])
    }

    @Test func aWaiterThatGaveUpIsForgotten() {
        var pool = Pool(maximum: 1)
        _ = pool.lease("t")
        _ = pool.connected(0)
        _ = pool.unit("a")
        #expect(pool.machine.withdraw { $0 == "a" })
        #expect(!pool.machine.withdraw { $0 == "t" })
        #expect(pool.released(0) == [])
    }

    @Test func pausesGrowWhileTheDatabaseIsAway() {
        var pool = Pool(maximum: 4)
        _ = pool.unit("a")
        #expect(pool.failed(0) == [])
        #expect(pool.machine.nextTick(now: 0) == 50)
        #expect(pool.tick(at: 49) == [])
        #expect(pool.tick(at: 50) == ["connect 1"])
        #expect(pool.unit("b") == [], "one attempt at a time")
        #expect(pool.failed(1) == [])
        #expect(pool.tick(at: 149) == [])
        #expect(pool.tick(at: 150) == ["connect 2"])
        #expect(pool.connected(2) == ["run a on 2", "run b on 2"])
    }

    @Test func nobodyWaitsForADatabaseThatIsAwayForLong() {
        var pool = Pool(maximum: 1)
        _ = pool.unit("a")
        _ = pool.failed(0)
        #expect(pool.tick(at: 950) == ["connect 1"])
        pool.now = 1001
        #expect(pool.failed(1) == ["fail a: connectFailed"])
        #expect(pool.unit("b") == ["fail b: connectFailed"], "at once")
        #expect(pool.tick(at: 1200) == ["connect 2"], "it is still tried, without anybody waiting")
        #expect(pool.connected(2) == [])
        #expect(pool.unit("c") == ["run c on 2"])
    }

    @Test func aLostConnectionIsReplacedForThoseWhoWait() {
        var pool = Pool(maximum: 1)
        _ = pool.lease("t")
        _ = pool.connected(0)
        _ = pool.unit("a")
        #expect(pool.lost(0) == ["connect 1"])
        #expect(pool.released(0) == [], "the lease ends after its connection")
        #expect(pool.connected(1) == ["run a on 1"])
    }

    @Test func idleConnectionsCloseDownToTheMinimum() {
        var pool = Pool(minimum: 1, maximum: 2)
        _ = pool.unit("a")
        _ = pool.connected(0)
        _ = pool.unit("b")
        #expect(pool.unit("c") == ["connect 1", "run c on 0"])
        _ = pool.connected(1)
        for _ in 0..<3 { _ = pool.finished(0) }
        #expect(pool.machine.nextTick(now: 0) == 5000)
        #expect(pool.tick(at: 5000) == ["close 0"])
        #expect(pool.machine.connectionCount == 1)
    }

    @Test func closingFailsWhoWaitsAndEndsWhatIsIdle() {
        var pool = Pool(maximum: 2, depth: 1)
        _ = pool.unit("a")
        _ = pool.connected(0)
        _ = pool.lease("t")
        _ = pool.connected(1)
        _ = pool.unit("b")
        #expect(pool.close() == ["fail b: closed"])
        #expect(pool.unit("c") == ["fail c: closed"])
        #expect(pool.finished(0) == ["close 0"])
        #expect(pool.released(1) == ["close 1"])
        #expect(pool.machine.connectionCount == 0)
    }

    @Test func anyOrderOfEventsKeepsTheLimits() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            var pool = Pool(maximum: 3, depth: 2)
            var running: [Int: [String]] = [:]
            var connecting: Set<Int> = []
            var answered: Set<String> = []
            var submitted = 0
            func take(_ texts: [String]) {
                for text in texts {
                    let words = text.split(separator: " ")
                    switch words[0] {
                    case "run": running[Int(words[3]) ?? -1, default: []].append(String(words[1]))
                    case "connect": connecting.insert(Int(words[1]) ?? -1)
                    case "close": running[Int(words[1]) ?? -1] = nil
                    default: answered.insert(String(words[1].dropLast()))
                    }
                }
            }
            func end(_ id: Int, _ pool: inout Pool) {
                guard let name = running[id]?.first else { return }
                running[id]?.removeFirst()
                answered.insert(name)
                take(name.hasPrefix("l") ? pool.released(id) : pool.finished(id))
            }
            for _ in 0..<200 {
                switch Int.random(in: 0..<6, using: &random) {
                case 0, 1:
                    take(pool.unit("u\(submitted)"))
                    submitted += 1
                case 2:
                    take(pool.lease("l\(submitted)"))
                    submitted += 1
                case 3: if let id = connecting.popFirst() { take(pool.connected(id)) }
                default: if let id = running.keys.randomElement(using: &random) { end(id, &pool) }
                }
                for (_, names) in running {
                    #expect(names.count <= 2)
                    #expect(names.count == 1 || !names.contains { $0.hasPrefix("l") }, "a lease is alone")
                }
                #expect(pool.machine.connectionCount <= 3)
            }
            // Whatever happened, all that waits is served in the end.
            while answered.count < submitted {
                if let id = connecting.popFirst() { take(pool.connected(id)) }
                let before = answered.count
                for id in running.keys.sorted() { end(id, &pool) }
                guard answered.count > before || !connecting.isEmpty else { break }
            }
            #expect(answered.count == submitted)
        }
    }
}
