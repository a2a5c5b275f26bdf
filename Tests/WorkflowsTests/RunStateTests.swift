import Schema
import Testing

@testable import Workflows

/// A run of two branches that meet: `a` → (`b`, approval `ok`) → `z`.
@Suite struct RunStateTests {
    private static let diamond = definition(
        "test", action("a"), action("b", needs: ["a"], attempts: 2), approval("ok", needs: ["a"]),
        action("z", needs: ["b", "ok"]))
    private let graph: Graph
    private var state: RunState
    private let first: RunState.Changes

    init() throws {
        graph = try Graph(Self.diamond)
        (state, first) = RunState.started(graph, workflow: "test", version: 7)
    }

    /// Claims as the database does: one more epoch, then the rules.
    private mutating func take(_ id: String) throws -> (RunState.Taken, RunState.Changes, Int64) {
        let place = try #require(graph.place(of: id))
        state.steps[place].leaseEpoch += 1
        let epoch = state.steps[place].leaseEpoch
        let (taken, changes) = state.take(place, epoch: epoch, in: graph)
        return (taken, changes, epoch)
    }

    private mutating func report(_ report: RunState.Report, _ id: String, _ epoch: Int64) throws -> RunState.Changes? {
        state.report(report, of: try #require(graph.place(of: id)), epoch: epoch, in: graph, chance: 0)
    }

    private mutating func finish(_ id: String) throws -> [RunEvent]? {
        let (_, _, epoch) = try take(id)
        return try report(.succeeded(outputBytes: 2), id, epoch)?.events
    }

    private mutating func approve(_ approved: Bool, _ comment: String = "") throws -> RunState.Changes {
        try state.decide(
            2, Decision(approved: approved, comment: comment, decidedBy: "k1"), outputBytes: 9, in: graph)
    }

    @Test mutating func allGoesWell() throws {
        #expect(first.events == [.runStarted(workflow: "test", version: 7), .stepReady("a")])
        #expect(first.steps == [0: .after(micros: 0)])
        let (taken, begun, epoch) = try take("a")
        #expect(taken == .run(attempt: 1))
        #expect(begun.events == [.stepStarted("a", attempt: 1)])
        #expect(begun.steps == [0: .unchanged])
        let done = try report(.succeeded(outputBytes: 2), "a", epoch)
        #expect(done?.events == [.stepSucceeded("a"), .stepReady("b"), .approvalWaiting("ok")])
        #expect(done?.steps == [0: .never, 1: .after(micros: 0), 2: .never])
        #expect(!state.isWaiting(in: graph), "b can go on")
        #expect(try finish("b") == [.stepSucceeded("b")])
        #expect(state.isWaiting(in: graph))
        let yes = Decision(approved: true, comment: "fine", decidedBy: "k1")
        #expect(
            try approve(true, "fine").events == [.approvalDecided("ok", yes), .stepSucceeded("ok"), .stepReady("z")])
        #expect(try finish("z") == [.stepSucceeded("z"), .runSucceeded])
        #expect(state.phase == .ended(.succeeded))
    }

    @Test mutating func aRetryableFailureIsTriedAgainAndThenFailsTheRun() throws {
        _ = try finish("a")
        let down = StepFailure.retryable(reason: "UNAVAILABLE", "down")
        var (_, _, epoch) = try take("b")
        let retried = try report(.failed(down), "b", epoch)
        #expect(
            retried?.events
                == [.stepRetrying("b", reason: "UNAVAILABLE", message: "down", pauseMicros: 500_000)])
        #expect(retried?.steps == [1: .after(micros: 500_000)])
        (_, _, epoch) = try take("b")
        let failed = try report(.failed(down), "b", epoch)
        #expect(
            failed?.events == [
                .stepFailed("b", reason: "UNAVAILABLE", message: "down"),
                .runFailed(error: "Step \"b\" failed: down"),
            ])
        #expect(state.steps.map(\.phase) == [.succeeded, .failed, .cancelled, .cancelled])
    }

    @Test mutating func aPermanentFailureIsNotTriedAgain() throws {
        let (_, _, epoch) = try take("a")
        _ = try report(.failed(.permanent(reason: "BAD", "no")), "a", epoch)
        #expect(state.steps[0].phase == .failed)
        #expect(state.isEnded)
    }

    @Test mutating func theFailingServiceNamesTheLeastPause() throws {
        let (_, _, epoch) = try take("a")
        let busy = StepFailure(.retryable, reason: "BUSY", "busy", retryAfter: .seconds(30))
        #expect(try report(.failed(busy), "a", epoch)?.steps == [0: .after(micros: 30_000_000)])
    }

    @Test mutating func aLostWorkerIsReplacedAndItsLateResultRefused() throws {
        let (_, _, old) = try take("a")
        let (taken, changes, new) = try take("a")
        #expect(taken == .run(attempt: 2))
        #expect(
            changes.events == [
                .stepRetrying(
                    "a", reason: "WORKER_LOST", message: "The worker of attempt 1 was lost.", pauseMicros: 0),
                .stepStarted("a", attempt: 2),
            ])
        let before = state
        #expect(try report(.succeeded(outputBytes: 1), "a", old) == nil)
        #expect(try report(.failed(.permanent(reason: "X", "x")), "a", old) == nil)
        #expect(state == before)
        #expect(try report(.succeeded(outputBytes: 1), "a", new) != nil)
        #expect(try report(.succeeded(outputBytes: 1), "a", new) == nil, "a second report counts for nothing")
    }

    @Test mutating func aStepThatKillsEveryWorkerFailsAtLast() throws {
        var starts = 0
        var pauses: [Int64] = []
        for _ in 0..<100 where !state.isEnded {
            let (taken, changes, _) = try take("a")
            if case .run = taken { starts += 1 }
            if case .after(let micros)? = changes.steps[0] { pauses.append(micros / 1_000_000) }
        }
        #expect(starts == Limits.losses + 1)
        #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60], "the process gets time between two deaths")
        #expect(state.steps[0].phase == .failed)
        #expect(state.steps[0].failures == 0)
    }

    @Test mutating func anOldClaimFindsNothing() throws {
        state.steps[0].leaseEpoch = 5
        let (taken, changes) = state.take(0, epoch: 4, in: graph)
        #expect(taken == .nothing && changes.isEmpty)
    }

    @Test mutating func cancellingWaitsForWhatRuns() throws {
        _ = try finish("a")
        let (_, _, epoch) = try take("b")
        let changes = try state.cancel(reason: "no more")
        #expect(changes.events == [.runCancelling(reason: "no more")])
        #expect(changes.stopsRunningSteps)
        #expect(try state.cancel(reason: "again").isEmpty)
        #expect(throws: RunState.Refusal.runEnded) { try approve(true) }
        #expect(try report(.stopped, "b", epoch)?.events == [.runCancelled(reason: "no more")])
        #expect(state.steps.map(\.phase) == [.succeeded, .cancelled, .cancelled, .cancelled])
        #expect(try state.cancel(reason: "later").isEmpty, "cancelled is cancelled")
    }

    @Test mutating func whatWasDoneWhileCancellingIsToldAsDone() throws {
        let (_, _, epoch) = try take("a")
        _ = try state.cancel(reason: "")
        #expect(
            try report(.succeeded(outputBytes: 3), "a", epoch)?.events
                == [.stepSucceeded("a"), .runCancelled(reason: "")])
    }

    @Test mutating func aRunThatStopsDoesNotHangOnALostWorker() throws {
        _ = try take("a")
        _ = try state.cancel(reason: "")
        let (taken, changes, _) = try take("a")
        #expect(taken == .nothing)
        #expect(changes.events == [.runCancelled(reason: "")])
    }

    @Test mutating func aRefusedApprovalFailsTheRun() throws {
        _ = try finish("a")
        _ = try finish("b")
        let no = Decision(approved: false, comment: "weak", decidedBy: "k1")
        #expect(
            try approve(false, "weak").events == [
                .approvalDecided("ok", no), .stepFailed("ok", reason: "REFUSED", message: "Refused: weak"),
                .runFailed(error: "Step \"ok\" failed: Refused: weak"),
            ])
        #expect(try approve(false).isEmpty, "deciding alike again changes nothing")
        #expect(throws: RunState.Refusal.decidedOtherwise) { try approve(true) }
        #expect(throws: RunState.Refusal.runEnded) { try state.cancel(reason: "") }
    }

    @Test mutating func whichApprovalIsMeant() throws {
        #expect(throws: RunState.Refusal.noneWaiting) { try state.soleApproval(in: graph) }
        #expect(throws: RunState.Refusal.notYetWaiting) { try approve(true) }
        #expect(throws: RunState.Refusal.notAnApproval) {
            try state.decide(
                0, Decision(approved: true, comment: "", decidedBy: ""), outputBytes: 0, in: graph)
        }
        _ = try finish("a")
        #expect(try state.soleApproval(in: graph) == 2)
        _ = try approve(true)
        #expect(try state.soleApproval(in: graph) == 2, "a repeated call finds what it decided")
        let two = try Graph(definition("two", approval("x"), approval("y")))
        let (waiting, _) = RunState.started(two, workflow: "two", version: 1)
        #expect(throws: RunState.Refusal.manyWaiting) { try waiting.soleApproval(in: two) }
    }

    @Test func timersFireOnce() throws {
        let graph = try Graph(definition("t", timer("t", micros: 9_000_000), approval("ok", needs: ["t"])))
        var (state, changes) = RunState.started(graph, workflow: "t", version: 1)
        #expect(changes.events.last == .timerWaiting("t", delayMicros: 9_000_000))
        #expect(changes.steps == [0: .after(micros: 9_000_000)])
        #expect(!state.isWaiting(in: graph), "a timer goes on by itself")
        state.steps[0].leaseEpoch = 1
        let (taken, fired) = state.take(0, epoch: 1, in: graph)
        #expect(taken == .nothing)
        #expect(fired.events == [.timerFired("t"), .stepSucceeded("t"), .approvalWaiting("ok")])
        let (_, again) = state.take(0, epoch: 1, in: graph)
        #expect(again.events.isEmpty)
        #expect(again.steps == [0: .never])
    }

    @Test mutating func aStepThatIsGivenBackIsReadyAtOnce() throws {
        let (_, _, epoch) = try take("a")
        let changes = try report(.released, "a", epoch)
        #expect(changes?.events == [.stepReady("a")])
        #expect(changes?.makesReady == true)
        #expect(try take("a").0 == .run(attempt: 2))
        #expect(state.steps[0].losses == 0 && state.steps[0].failures == 0)
    }

    /// Any order of takes, reports, decisions and cancellations ends in a sound state with one last event.
    @Test(arguments: 0..<200) func randomWalks(_ seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let graph = try Graph(Self.diamond)
        var (state, changes) = RunState.started(graph, workflow: "w", version: 1)
        var events = changes.events
        for _ in 0..<400 where !state.isEnded {
            let place = Int.random(in: graph.steps.indices, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<4:
                state.steps[place].leaseEpoch += 1
                changes = state.take(place, epoch: state.steps[place].leaseEpoch, in: graph).1
            case 4..<8:
                let reports: [RunState.Report] = [
                    .succeeded(outputBytes: 1), .failed(.retryable(reason: "R", "r")), .stopped, .released,
                ]
                let epoch = state.steps[place].leaseEpoch - Int64.random(in: 0...1, using: &random)
                changes =
                    state.report(
                        reports.randomElement(using: &random) ?? .released, of: place, epoch: epoch, in: graph,
                        chance: 0) ?? .init()
            case 8:
                let yes = Decision(approved: Bool.random(using: &random), comment: "", decidedBy: "")
                changes = (try? state.decide(place, yes, outputBytes: 1, in: graph)) ?? .init()
            default:
                guard Int.random(in: 0..<20, using: &random) == 0 else { continue }
                changes = (try? state.cancel(reason: "")) ?? .init()
            }
            events += changes.events
        }
        let last = events.filter { RunEvent.isLast(type: $0.type) }
        #expect(last.count == (state.isEnded ? 1 : 0))
        if state.isEnded {
            #expect(events.last == last.first)
            #expect(state.steps.allSatisfy { $0.phase.isFinal })
        }
        for step in graph.steps {
            #expect(events.filter { $0 == .stepSucceeded(step.id) }.count <= 1)
        }
    }
}

/// A small seeded generator, so that a failing walk can be walked again.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
