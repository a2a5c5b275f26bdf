import Bytes
import Postgres
import ProtoRuntime
import Schema
import Testing

@testable import Workflows

/// The engine on the real database, as the role without ownership.
@Suite(.serialized) struct EngineTests {
    @Test func stepsPassOnTheirOutputs() async throws {
        try await withScene { scene in
            let run = try await scene.start(
                definition(
                    "test", action("a", with: ["x": "${input.word}"]),
                    action("b", needs: ["a"], with: ["y": "<${steps.a.x}>", "run": "${run.id}"])),
                ["word": "سلام"])
            #expect(run.status == .running)
            let done = try await scene.working { try await scene.ended(run.id) }
            #expect(done.status == .succeeded)
            #expect(done.output == ["y": "<سلام>", "run": .string(run.id)])
            #expect(done.steps.map(\.status) == [.succeeded, .succeeded])
            #expect(done.endTime != nil)
            let events = try await scene.watch(run.id)
            #expect(
                events.map(\.type) == [
                    "run.started", "step.ready", "step.started", "step.succeeded", "step.ready", "step.started",
                    "step.succeeded", "run.succeeded",
                ])
            #expect(events.map(\.sequence) == Array(1...8))
            #expect(done.lastSequence == 8)
        }
    }

    @Test func branchesRunAtTheSameTimeAndMeet() async throws {
        try await withScene { scene in
            var wide = definition("wide", action("start"))
            wide.steps += (0..<20).map { action("s\($0)", needs: ["start"], with: ["n": .number(Double($0))]) }
            wide.steps.append(action("end", needs: (0..<20).map { "s\($0)" }, with: ["last": "${steps.s19.n}"]))
            let run = try await scene.start(wide)
            // Two engines race for the steps.
            let done = try await scene.working {
                try await scene.working { try await scene.ended(run.id) }
            }
            #expect(done.status == .succeeded)
            #expect(done.output == ["last": 19])
            #expect(scene.world.calls.count == 22, "each step ran once: \(scene.world.calls)")
            let events = try await scene.watch(run.id)
            #expect(events.map(\.sequence) == Array(1...Int64(events.count)))
        }
    }

    @Test func aFailureThatMayPassIsTriedAgain() async throws {
        try await withScene { scene in
            scene.world.failNext(2)
            let run = try await scene.start(
                definition(
                    "test", action("a", "test.flaky", attempts: 3, backoff: .init(microseconds: 20_000))))
            let done = try await scene.working { try await scene.ended(run.id) }
            #expect(done.status == .succeeded)
            #expect(done.step("a")?.attempts == 3)
            #expect(done.step("a")?.error == "")
            let retries = try await scene.watch(run.id).filter { $0.type == "step.retrying" }
            #expect(retries.map { $0.data?["reason"] } == ["AWAY", "AWAY"])
        }
    }

    @Test func theLastAttemptDecides() async throws {
        try await withScene { scene in
            scene.world.failNext(9)
            let run = try await scene.start(
                definition(
                    "test", action("a", "test.flaky", attempts: 2, backoff: .init(microseconds: 1_000)),
                    action("b", needs: ["a"])))
            let done = try await scene.working { try await scene.ended(run.id) }
            #expect(done.status == .failed)
            #expect(done.error == "Step \"a\" failed: The other side is away.")
            #expect(done.steps.map(\.status) == [.failed, .cancelled])
            #expect(scene.world.calls == ["a#1", "a#2"])
        }
    }

    @Test func aPermanentFailureIsNotTriedAgain() async throws {
        try await withScene { scene in
            let run = try await scene.start(definition("test", action("a", "test.broken", attempts: 9)))
            let done = try await scene.working { try await scene.ended(run.id) }
            #expect(done.status == .failed)
            #expect(scene.world.calls == ["a#1"])
        }
    }

    @Test func referencesThatLeadNowhereFailTheStep() async throws {
        try await withScene { scene in
            let run = try await scene.start(
                definition("test", action("a"), action("b", needs: ["a"], with: ["x": "${steps.a.absent}"])))
            let done = try await scene.working { try await scene.ended(run.id) }
            #expect(done.status == .failed)
            #expect(done.step("b")?.error.contains("steps.a.absent") == true)
            #expect(scene.world.calls == ["a#1"], "the action is not asked")
        }
    }

    @Test func anAttemptHasATimeLimit() async throws {
        try await withScene { scene in
            let run = try await scene.start(
                definition(
                    "test",
                    action(
                        "a", "test.sleep", attempts: 2, backoff: .init(microseconds: 0),
                        timeout: .init(microseconds: 60_000))))
            let done = try await scene.working { try await scene.ended(run.id) }
            #expect(done.status == .failed)
            #expect(scene.world.cancelled == ["a", "a"])
            #expect(done.error == "Step \"a\" failed: The attempt took longer than 0.06 s.")
        }
    }

    @Test func outputsAreBounded() async throws {
        try await withScene { scene in
            let one = try await scene.start(
                definition("one", action("a", "test.large", with: ["bytes": .number(Double(Limits.outputBytes))])))
            var many = definition("many")
            many.steps = (0..<10).map {
                action("s\($0)", "test.large", needs: $0 == 0 ? [] : ["s\($0 - 1)"], with: ["bytes": 250_000])
            }
            let all = try await scene.start(many)
            try await scene.working {
                #expect(try await scene.ended(one.id).error.contains("exceeds") == true)
                let full = try await scene.ended(all.id)
                #expect(full.status == .failed)
                #expect(full.steps.filter { $0.status == .succeeded }.count == 8)
            }
        }
    }

    @Test func aTimerWaits() async throws {
        try await withScene { scene in
            let run = try await scene.start(
                definition("test", timer("t", micros: 400_000), action("a", needs: ["t"])))
            #expect(try await scene.get(run.id).step("t")?.status == .waiting)
            let due = try await scene.asOwner(
                "select (extract(epoch from due_at) * 1e6)::bigint as n from ragdz.run_steps where due_at is not null")
            #expect(try await scene.working { try await scene.ended(run.id) }.status == .succeeded)
            let events = try await scene.watch(run.id)
            let times = events.compactMap { event in event.time.map { (event.type, $0.unixMicros) } }
            let fired = try #require(times.first { $0.0 == "timer.fired" }?.1)
            #expect(try fired >= due[0].get("n", as: Int64.self), "no timer rings before its time")
        }
    }

    @Test(.timeLimit(.minutes(5))) func drainingGivesStepsBack() async throws {
        try await withScene { scene in
            let run = try await scene.start(
                definition("test", action("a", "test.sleep", with: ["seconds": 60])))
            try await scene.working(scene.engine(Scene.patient)) {
                _ = try await scene.run(run.id) { $0.step("a")?.status == .running }
            }
            let given = try await scene.get(run.id)
            #expect(given.step("a")?.status == .ready)
            #expect(scene.world.cancelled == ["a"])
            // The lease was one of an hour: nobody waits for it to run out.
            try await scene.working(scene.engine()) {
                _ = try await scene.run(run.id) { $0.step("a")?.status == .running }
            }
        }
    }

    @Test func drainingLetsShortStepsEnd() async throws {
        try await withScene { scene in
            let run = try await scene.start(definition("test", action("a", "test.sleep", with: ["seconds": 0.3])))
            let engine = scene.engine()
            await withTaskGroup { group in
                group.addTask { await engine.run() }
                _ = try? await scene.run(run.id) { $0.step("a")?.status == .running }
                engine.drain(grace: .seconds(10))
            }
            #expect(try await scene.get(run.id).status == .succeeded)
        }
    }
}
