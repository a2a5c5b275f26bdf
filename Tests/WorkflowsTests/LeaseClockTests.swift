import ProtoRuntime
import RPC
import Schema
import Testing

@testable import Workflows

/// A database whose clock jumps: to the rows that is the same as if their times had moved the other way.
@Suite struct LeaseClockTests {
    @Test func aLeaseOutlivesAClockThatGoesBack() async throws {
        try await withScene { scene in
            let run = try await scene.start(
                definition("test", action("a", "test.sleep", attempts: 1, timeout: .init(microseconds: 60_000_000))))
            try await scene.working {
                for _ in 0..<2_000 where scene.world.calls.isEmpty { try await Task.sleep(for: .milliseconds(10)) }
                _ = try await scene.asOwner("update ragdz.run_steps set due_at = due_at + interval '1 hour'")
                // The worker that lives renews its lease by the clock as it is now.
                for _ in 0..<1_000 where try await scene.secondsUntilDue() > 60 {
                    try await Task.sleep(for: .milliseconds(20))
                }
                #expect(try await scene.secondsUntilDue() < 60)
                var cancel = Ragdz_V1_CancelRunRequest()
                cancel.id = run.id
                _ = try await scene.service.cancelRun(cancel, context: scene.context())
                #expect(try await scene.ended(run.id).status == .cancelled)
            }
            #expect(scene.world.calls == ["a#1"], "nobody else took it")
        }
    }

    @Test func aLeaseThatSeemsOverIsTakenOnceAndItsResultCountsOnce() async throws {
        try await withScene { scene in
            let run = try await scene.start(definition("test", action("a", "test.effect")))
            _ = try await scene.asOwner("update ragdz.run_steps set due_at = due_at - interval '1 hour'")
            let done = try await scene.working { try await scene.ended(run.id) }
            #expect(done.status == .succeeded)
            #expect(scene.world.effects.values.allSatisfy { $0 == 1 } && scene.world.effects.count == 1)
        }
    }
}
