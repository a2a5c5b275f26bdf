import ProtoRuntime
import RPC
import Schema
import Testing

@testable import Workflows

@Suite(.serialized) struct WatchTests {
    @Test func itResumesFromEveryNumber() async throws {
        try await withScene { scene in
            let run = try await scene.start(definition("test", action("a"), action("b", needs: ["a"])))
            _ = try await scene.working { try await scene.ended(run.id) }
            let all = try await scene.watch(run.id)
            for after in 0...all.count {
                #expect(try await scene.watch(run.id, after: Int64(after)) == Array(all.dropFirst(after)))
            }
            #expect(try await scene.watch(run.id, after: 1_000).isEmpty)
            #expect(
                await reason { _ = try await scene.watch(run.id, after: -1) } == "INVALID_ARGUMENT AFTER_SEQUENCE")
        }
    }

    @Test(.timeLimit(.minutes(5))) func notificationsBringEvents() async throws {
        try await withScene { original in
            // It looks by itself once an hour: only a notification can bring the end.
            var patient = original
            patient.service.watchPoll = .seconds(3_600)
            let scene = patient
            try await scene.listening()
            let run = try await scene.start(definition("test", approval("ok")))
            let box = EventBox()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await scene.watch(run.id) { box.add($0) } }
                while box.events.count < 2 { try await Task.sleep(for: .milliseconds(10)) }
                #expect(box.events.map(\.type) == ["run.started", "approval.waiting"])
                _ = try await scene.approve(run.id)
                try await group.waitForAll()
            }
            #expect(box.events.map(\.type).suffix(3) == ["approval.decided", "step.succeeded", "run.succeeded"])
        }
    }

    @Test func moreThanOneBatchOfEvents() async throws {
        try await withScene { scene in
            var wide = definition("wide")
            wide.steps = (0..<150).map { action("s\($0)") }
            let run = try await scene.start(wide)
            let events = try await scene.watchWhileCancelling(run.id)
            #expect(events.count == 1 + 150 + 2)
            #expect(events.map(\.sequence) == Array(1...Int64(events.count)))
        }
    }

    @Test(.timeLimit(.minutes(5))) func aClientThatGoesEndsTheStream() async throws {
        try await withScene { original in
            var patient = original
            patient.service.watchPoll = .seconds(3_600)
            let scene = patient
            let run = try await scene.start(definition("test", approval("ok")))
            struct Gone: Error {}
            await #expect(throws: Gone.self) {
                try await scene.watch(run.id) { _ in throw Gone() }
            }
            // A cancelled call, while it waits for the next event.
            let box = EventBox()
            await withTaskGroup { group in
                group.addTask { try? await scene.watch(run.id) { box.add($0) } }
                while box.events.count < 2 { try? await Task.sleep(for: .milliseconds(10)) }
                group.cancelAll()
            }
        }
    }
}

extension Scene {
    fileprivate func watchWhileCancelling(_ id: String) async throws -> [Ragdz_V1_RunEvent] {
        let box = EventBox()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await watch(id) { box.add($0) } }
            _ = try await cancel(id)
            try await group.waitForAll()
        }
        return box.events
    }
}
