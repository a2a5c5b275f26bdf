import RPC
import Synchronization
import Testing

@testable import Retrieval

@Suite struct ExtractionGateTests {
    /// Bodies that end when they are told to, and what they saw.
    private final class Stage: Sendable {
        private struct State {
            var inside = 0
            var most = 0
            var order: [Int] = []
            var isOpen = false
        }
        private let state = Mutex(State())
        var inside: Int { state.withLock { $0.inside } }
        var most: Int { state.withLock { $0.most } }
        var order: [Int] { state.withLock { $0.order } }
        func open() { state.withLock { $0.isOpen = true } }

        func body(_ number: Int) async {
            state.withLock { state in
                state.inside += 1
                state.most = max(state.most, state.inside)
                state.order.append(number)
            }
            while !state.withLock({ $0.isOpen }) { await Task.yield() }
            state.withLock { $0.inside -= 1 }
        }
    }

    private func until(_ met: () -> Bool) async {
        while !met() { await Task.yield() }
    }

    @Test(.timeLimit(.minutes(1))) func twoRunAndTheOthersWaitInOrder() async throws {
        let gate = ExtractionGate(running: 2, waiting: 4)
        let stage = Stage()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<6 {
                group.addTask { try? await gate.pass { await stage.body(number) } }
                await until { number < 2 ? stage.inside == number + 1 : gate.waitingNow == number - 1 }
            }
            #expect(stage.inside == 2)
            #expect(await status { try await gate.pass {} }?.reason == "INGEST_BUSY")
            #expect(await status { try await gate.pass {} }?.retryAfter == .seconds(5))
            stage.open()
            await group.waitForAll()
        }
        #expect(stage.most == 2)
        #expect(stage.order == Array(0..<6))
        try await gate.pass {}
    }

    @Test(.timeLimit(.minutes(1))) func aCallerThatGivesUpLeavesTheQueue() async throws {
        let gate = ExtractionGate(running: 1, waiting: 4)
        let stage = Stage()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await gate.pass { await stage.body(0) } }
            await until { stage.inside == 1 }
            let waiter = Task { try await gate.pass { await stage.body(1) } }
            await until { gate.waitingNow == 1 }
            waiter.cancel()
            #expect(await status { try await waiter.value }?.message.contains("Cancel") == true)
            #expect(gate.waitingNow == 0)
            stage.open()
            await group.waitForAll()
        }
        #expect(stage.order == [0])
        try await gate.pass {}
    }

    @Test func uploadsShareOneBound() throws {
        let memory = UploadMemory(limit: 100)
        var (one, two) = (0, 0)
        try memory.take(60, for: &one)
        #expect(throws: Status.self) { try memory.take(41, for: &two) }
        try memory.take(40, for: &two)
        memory.giveBack(one)
        try memory.take(60, for: &two)
        memory.giveBack(two)
        var all = 0
        try memory.take(100, for: &all)
    }
}
