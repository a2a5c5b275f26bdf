import Bytes
import Synchronization
import Testing

@testable import Models

/// Who works when on what can do one thing at a time.
@Suite struct TenantTurnsTests {
    let greedy = UUID128(hi: 1, lo: 1)
    let modest = UUID128(hi: 2, lo: 2)

    /// Notes who was served, and serves only when it is told to.
    private final class Bench: Sendable {
        let served = Mutex<[String]>([])
        let gate: AsyncStream<Void>
        let open: AsyncStream<Void>.Continuation
        init() { (gate, open) = AsyncStream.makeStream() }
    }

    /// Queues one piece of work and returns when it waits.
    private func queue(
        _ name: String, _ tenant: UUID128, _ turns: TenantTurns, _ bench: Bench, waiting: Int
    ) async -> Task<ModelError?, Never> {
        let task = Task {
            await TenantTurns.$tenant.withValue(tenant) { () async -> ModelError? in
                do throws(ModelError) {
                    try await turns.run { () async throws(ModelError) in bench.served.withLock { $0.append(name) } }
                    return nil
                } catch { return error }
            }
        }
        while turns.waiterCount != waiting { await Task.yield() }
        return task
    }

    /// Somebody works until the bench is opened.
    private func hold(_ turns: TenantTurns, _ bench: Bench) async -> Task<Void, Never> {
        let (began, tell) = AsyncStream<Void>.makeStream()
        let task = Task {
            try? await turns.run { () async throws(ModelError) in
                tell.finish()
                for await _ in bench.gate {}
            }
            return
        }
        for await _ in began {}
        return task
    }

    @Test func aTenantThatFloodsDelaysAnotherByOneTurn() async {
        let turns = TenantTurns(concurrent: 1)
        let bench = Bench()
        let holder = await hold(turns, bench)
        var tasks: [Task<ModelError?, Never>] = []
        for number in 0..<50 {
            tasks.append(await queue("g\(number)", greedy, turns, bench, waiting: number + 1))
        }
        tasks.append(await queue("m0", modest, turns, bench, waiting: 51))
        tasks.append(await queue("m1", modest, turns, bench, waiting: 52))
        bench.open.finish()
        await holder.value
        for task in tasks { #expect(await task.value == nil) }
        #expect(Array(bench.served.withLock { $0 }.prefix(5)) == ["g0", "m0", "g1", "m1", "g2"])
        #expect(bench.served.withLock { $0.count } == 52)
    }

    @Test func whoHasMostWaitingGivesWayWhenThereIsNoRoom() async {
        let turns = TenantTurns(concurrent: 1, room: 3)
        let bench = Bench()
        let holder = await hold(turns, bench)
        var flood: [Task<ModelError?, Never>] = []
        for number in 0..<3 { flood.append(await queue("g\(number)", greedy, turns, bench, waiting: number + 1)) }
        let late = await queue("m", modest, turns, bench, waiting: 3)
        #expect(await flood[2].value?.code == .busy)
        // The one who has most is told so himself.
        let more = await queue("g3", greedy, turns, bench, waiting: 3)
        #expect(await more.value?.code == .busy)
        bench.open.finish()
        await holder.value
        #expect(await late.value == nil)
        #expect(await flood[0].value == nil)
        #expect(await flood[1].value == nil)
    }

    @Test func whoIsCancelledLeavesTheQueueAndTakesNoTurn() async {
        let turns = TenantTurns(concurrent: 1)
        let bench = Bench()
        let holder = await hold(turns, bench)
        let gone = await queue("gone", greedy, turns, bench, waiting: 1)
        let stays = await queue("stays", modest, turns, bench, waiting: 2)
        gone.cancel()
        #expect(await gone.value?.code == .cancelled)
        #expect(turns.waiterCount == 1)
        bench.open.finish()
        await holder.value
        #expect(await stays.value == nil)
        #expect(bench.served.withLock { $0 } == ["stays"])
        // The place is free again.
        try? await turns.run { () async throws(ModelError) in bench.served.withLock { $0.append("after") } }
        #expect(bench.served.withLock { $0 } == ["stays", "after"])
    }
}
