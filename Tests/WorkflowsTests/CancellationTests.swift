import Schema
import Testing

@testable import Workflows

@Suite(.serialized) struct CancellationTests {
    @Test func aNotificationBringsACancellationToARunningStep() async throws {
        try await withScene { scene in
            try await scene.listening()
            let run = try await scene.start(
                definition("test", action("a", "test.sleep"), action("b", needs: ["a"])))
            // Its next renewal is in an hour.
            try await scene.working(scene.engine(Scene.patient)) {
                _ = try await scene.run(run.id) { $0.step("a")?.status == .running }
                let cancelling = try await scene.cancel(run.id, reason: "changed my mind")
                #expect([.running, .cancelled].contains(cancelling.status))
                let done = try await scene.ended(run.id)
                #expect(done.status == .cancelled)
                #expect(done.error == "changed my mind")
                #expect(done.steps.map(\.status) == [.cancelled, .cancelled])
                #expect(try await scene.cancel(run.id).status == .cancelled, "again is alike")
            }
            #expect(scene.world.cancelled == ["a"])
            #expect(
                try await scene.watch(run.id).map(\.type).suffix(2) == ["run.cancelling", "run.cancelled"])
        }
    }

    @Test func itAlsoArrivesWithoutNotifications() async throws {
        try await withScene { scene in
            let run = try await scene.start(definition("test", action("a", "test.sleep")))
            // An engine that no signal reaches: it finds out when it renews its lease.
            let deaf = WorkflowEngine(
                store: scene.store, signals: WorkflowSignals(database: scene.database, logger: Scene.logger),
                actions: scene.world.registry, configuration: Scene.quick, logger: Scene.logger)
            try await scene.working(deaf) {
                _ = try await scene.run(run.id) { $0.step("a")?.status == .running }
                _ = try await scene.cancel(run.id)
                #expect(try await scene.ended(run.id).status == .cancelled)
            }
        }
    }

    @Test func aRunThatWaitsEndsAtOnce() async throws {
        try await withScene { scene in
            let run = try await scene.start(definition("test", approval("ok"), timer("t", micros: 60_000_000)))
            #expect(try await scene.cancel(run.id).status == .cancelled)
            #expect(await reason { _ = try await scene.approve(run.id) } == "FAILED_PRECONDITION NOTHING_WAITING")
            #expect(
                await reason { _ = try await scene.approve(run.id, step: "ok") } == "FAILED_PRECONDITION RUN_ENDED")
        }
    }

    @Test func anEffectThatHappenedAllTheSameIsTold() async throws {
        try await withScene { scene in
            let run = try await scene.start(definition("test", action("a", "test.deaf")))
            try await scene.working {
                _ = try await scene.run(run.id) { $0.step("a")?.status == .running }
                _ = try await scene.cancel(run.id)
                let done = try await scene.ended(run.id)
                #expect(done.status == .cancelled)
                #expect(done.step("a")?.status == .succeeded)
            }
        }
    }

    @Test func whatHasEndedStays() async throws {
        try await withScene { scene in
            let run = try await scene.start(definition("test", action("a")))
            _ = try await scene.working { try await scene.ended(run.id) }
            #expect(await reason { _ = try await scene.cancel(run.id) } == "FAILED_PRECONDITION RUN_ENDED")
        }
    }
}
