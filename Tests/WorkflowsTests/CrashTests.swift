import Bytes
import ProtoRuntime
import Schema
import Synchronization
import Testing

@testable import Workflows

/// Engines that die as a killed process does: without a word, holding their leases.
@Suite(.serialized) struct CrashTests {
    private static let chain = definition(
        "chain", action("a", "test.effect"), action("b", "test.effect", needs: ["a"]),
        approval("ok", needs: ["b"]), action("c", "test.effect", needs: ["ok"]))

    /// Kills each engine at `moment` of its first claim of each step that has not died there yet.
    @Test(arguments: WorkflowEngine.Moment.allCases)
    func aRunSurvivesADeathAtEveryMoment(_ moment: WorkflowEngine.Moment) async throws {
        try await withScene { scene in
            let run = try await scene.start(Self.chain)
            let died = Mutex<Set<String>>([])
            let dies: @Sendable (WorkflowEngine.Moment, RunStore.Claim) -> Bool = { now, claim in
                now == moment && died.withLock { $0.insert(claim.step).inserted }
            }
            try await Self.live(scene, dies) {
                _ = try await scene.run(run.id) { $0.status == .waiting }
                _ = try await scene.approve(run.id)
                let done = try await scene.ended(run.id)
                #expect(done.status == .succeeded)
            }
            #expect(died.withLock { $0 } == ["a", "b", "c"])
            try await Self.checkOnceAndGapless(run.id, scene, effects: ["a", "b", "c"])
        }
    }

    /// Engine after engine, each of which dies at a random moment; several runs at a time.
    @Test func manyRunsSurviveManyDeaths() async throws {
        try await withScene { scene in
            try await scene.put(Self.chain)
            var ids: [String] = []
            for _ in 0..<6 { ids.append(try await scene.start("chain").id) }
            let random = Mutex(SplitMix(state: 42))
            let deaths = Mutex(0)
            let dies: @Sendable (WorkflowEngine.Moment, RunStore.Claim) -> Bool = { _, _ in
                let dead = random.withLock { Int.random(in: 0..<8, using: &$0) == 0 }
                guard dead else { return false }
                // Enough is enough: the last engines live.
                return deaths.withLock { count in
                    count += 1
                    return count <= 20
                }
            }
            let all = ids
            try await Self.live(scene, dies) {
                for id in all {
                    _ = try await scene.run(id) { $0.status == .waiting }
                    _ = try await scene.approve(id)
                }
                for id in all { #expect(try await scene.ended(id).status == .succeeded) }
            }
            #expect(deaths.withLock { $0 } > 5)
            for id in all { try await Self.checkOnceAndGapless(id, scene, effects: ["a", "b", "c"]) }
        }
    }

    @Test(.timeLimit(.minutes(1))) func cutConnectionsStrandNothing() async throws {
        try await withScene { scene in
            var wide = definition("wide")
            wide.steps = (0..<12).map { action("s\($0)", "test.effect", needs: $0 < 4 ? [] : ["s\($0 - 4)"]) }
            try await scene.put(wide)
            var ids: [String] = []
            for _ in 0..<4 { ids.append(try await scene.start("wide").id) }
            let all = ids
            try await scene.working(scene.engine(Scene.mortal)) {
                for _ in 0..<6 {
                    try await Task.sleep(for: .milliseconds(60))
                    try await scene.cutConnections()
                }
                // The first calls may still meet a connection that is gone.
                for id in all {
                    while (try? await scene.get(id))?.isEnded != true { try await Task.sleep(for: .milliseconds(30)) }
                }
            }
            for id in all {
                #expect(try await scene.get(id).status == .succeeded)
                try await Self.checkOnceAndGapless(id, scene, effects: wide.steps.map(\.id))
            }
        }
    }

    /// Starts an engine, and another one whenever it dies, while `body` runs.
    private static func live(
        _ scene: Scene, _ dies: @escaping @Sendable (WorkflowEngine.Moment, RunStore.Claim) -> Bool,
        _ body: () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled { await scene.engine(Scene.mortal, dies: dies).run() }
            }
            defer { group.cancelAll() }
            try await body()
        }
    }

    static func checkOnceAndGapless(_ id: String, _ scene: Scene, effects: [String]) async throws {
        let events = try await scene.watch(id)
        #expect(events.map(\.sequence) == Array(1...Int64(events.count)))
        for step in effects {
            #expect(events.filter { $0.stepID == step && $0.type == "step.succeeded" }.count == 1)
            let times = try #require(scene.world.effects["\(id)/\(step)"])
            #expect(times >= 1, "under one key: whoever made the effect before finds it")
        }
        #expect(events.filter { RunEvent.isLast(type: $0.type) }.count == 1)
        #expect(events.last?.type == "run.succeeded")
    }
}

@Suite(.serialized) struct FencingTests {
    @Test func aLateResultIsRefused() async throws {
        try await withScene { scene in
            let run = try await scene.start(definition("test", action("a"), approval("ok", needs: ["a"])))
            let (one, two) = (UUID128.v4(), UUID128.v4())
            let old = try #require(
                try await scene.store.claim(upTo: 9, owner: one, lease: .seconds(1)).first)
            #expect(try await scene.store.take(old)?.number == 1)
            #expect(try await scene.store.claim(upTo: 9, owner: two, lease: .seconds(60)).isEmpty)
            try await Task.sleep(for: .milliseconds(1_100))
            let new = try #require(try await scene.store.claim(upTo: 9, owner: two, lease: .seconds(60)).first)
            #expect(new.epoch == old.epoch + 1)
            #expect(try await scene.store.take(new)?.number == 2)
            // The first worker wakes up again.
            #expect(try await scene.store.renew(old, owner: one, lease: .seconds(60)) == .lost)
            let stale = try await scene.store.report(
                .succeeded(outputBytes: 2), output: ["who": "one"], for: old, chance: 0)
            #expect(!stale)
            #expect(try await scene.store.take(old) == nil)
            #expect(try await scene.get(run.id).step("a")?.status == .running)
            let fresh = try await scene.store.report(
                .succeeded(outputBytes: 2), output: ["who": "two"], for: new, chance: 0)
            #expect(fresh)
            let again = try await scene.store.report(
                .succeeded(outputBytes: 2), output: ["who": "two again"], for: new, chance: 0)
            #expect(!again)
            let waiting = try await scene.get(run.id)
            #expect(waiting.step("a")?.output == ["who": "two"])
            #expect(waiting.status == .waiting)
        }
    }

    @Test func aWorkerThatLosesItsLeaseStopsItsAction() async throws {
        try await withScene { scene in
            let run = try await scene.start(definition("test", action("a", "test.sleep")))
            var frozen = Scene.mortal
            frozen.renewal = .seconds(3_600)
            try await scene.working(scene.engine(frozen)) {
                _ = try await scene.run(run.id) { $0.step("a")?.status == .running }
                // The second engine takes the step over when the first one's lease is over.
                try await scene.working(scene.engine(Scene.mortal)) {
                    _ = try await scene.run(run.id) { $0.step("a")?.attempts == 2 }
                    _ = try await scene.cancel(run.id)
                    #expect(try await scene.ended(run.id).status == .cancelled)
                }
            }
            #expect(try await scene.watch(run.id).last?.type == "run.cancelled")
        }
    }

    /// The renewal that was on its way when the attempt ended arrives after it: the pause before the retry stays.
    @Test func aLateRenewalLeavesTheRetryItsPause() async throws {
        try await withScene { scene in
            _ = try await scene.start(definition("test", action("a")))
            let owner = UUID128.v4()
            let claim = try #require(try await scene.store.claim(upTo: 1, owner: owner, lease: .seconds(60)).first)
            _ = try await scene.store.take(claim)
            #expect(try await scene.store.renew(claim, owner: owner, lease: .seconds(60)) == .held)
            let failure = StepFailure(.retryable, reason: "BUSY", "busy", retryAfter: .seconds(5_000))
            _ = try await scene.store.report(.failed(failure), output: nil, for: claim, chance: 0)
            #expect(try await scene.store.renew(claim, owner: owner, lease: .seconds(1)) == .lost)
            #expect(try await scene.secondsUntilDue() > 4_000)
        }
    }

    @Test func stepsOfASuspendedTenantWait() async throws {
        try await withScene { scene in
            try await scene.setTenant("suspended")
            let run = try await scene.start(definition("test", action("a")))
            #expect(try await scene.store.claim(upTo: 9, owner: .v4(), lease: .seconds(9)).isEmpty)
            // Of others nothing waits for it.
            _ = try await scene.put(definition("test", action("a")), as: scene.stranger)
            _ = try await scene.start("test", as: scene.stranger)
            let others = try await scene.store.claim(upTo: 9, owner: .v4(), lease: .seconds(9))
            #expect(others.map(\.tenant) == [scene.stranger])
            try await scene.working {
                try await Task.sleep(for: .milliseconds(200))
                #expect(try await scene.get(run.id).step("a")?.attempts == 0)
                try await scene.setTenant("active")
                #expect(try await scene.ended(run.id).status == .succeeded)
            }
        }
    }

    @Test func theClaimShowsIdsOnlyAndNothingElseCrossesTenants() async throws {
        try await withScene { scene in
            let run = try await scene.start(definition("test", action("a")))
            let claim = try #require(
                try await scene.store.claim(upTo: 1, owner: UUID128.v4(), lease: .seconds(9)).first)
            #expect(claim.tenant == scene.tenant && claim.run.description == run.id)
            var foreign = claim
            foreign.tenant = scene.stranger
            #expect(try await scene.store.take(foreign) == nil)
            #expect(try await scene.store.renew(foreign, owner: UUID128.v4(), lease: .seconds(9)) == .lost)
            let counted = try await scene.store.report(
                .succeeded(outputBytes: 2), output: [:], for: foreign, chance: 0)
            #expect(!counted)
        }
    }

    @Test func eventsAreGaplessUnderConcurrency() async throws {
        try await withScene { scene in
            var wide = definition("wide")
            wide.steps = (0..<60).map { action("s\($0)") }
            let run = try await scene.start(wide)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 { group.addTask { await scene.engine().run() } }
                // Watchers read along while events are being written.
                let streams = try await withThrowingTaskGroup(of: [Int64].self) { watchers in
                    for after in [0, 0, 5, 90] as [Int64] {
                        watchers.addTask { try await scene.watch(run.id, after: after).map(\.sequence) }
                    }
                    return try await watchers.reduce(into: []) { $0.append($1) }
                }
                // run.started, at least three events for each step, run.succeeded.
                let last = try await scene.get(run.id).lastSequence
                #expect(last >= 1 + 60 * 3 + 1)
                for stream in streams {
                    #expect(stream == Array((stream.first ?? 0)...last))
                }
                #expect(streams.map(\.count).sorted() == [Int(last) - 90, Int(last) - 5, Int(last), Int(last)])
                group.cancelAll()
            }
        }
    }
}
