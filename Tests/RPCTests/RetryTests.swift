import RPC
import Testing

/// What a client may try again, as a transcript.
@Suite struct RetryTests {
    static let down = Status.unavailable("down")

    @Test func idempotentCallsAreMadeAgain() {
        var budget = RetryBudget.defaults
        var state = RetryState(.defaults, .idempotent)
        #expect(state.failed(.init(Self.down), &budget) == .again(failures: 1, pushback: nil))
        #expect(state.failed(.init(Self.down), &budget) == .again(failures: 2, pushback: nil))
        #expect(state.previousAttempts == 2)
        #expect(state.failed(.init(Self.down), &budget) == .again(failures: 3, pushback: nil))
        #expect(state.failed(.init(Self.down), &budget) == .giveUp, "four attempts in all")
    }

    @Test func othersAreNot() {
        var budget = RetryBudget.defaults
        var state = RetryState(.defaults, .unknown)
        #expect(state.failed(.init(Self.down), &budget) == .giveUp)
        var safe = RetryState(.defaults, .noSideEffects)
        #expect(safe.failed(.init(.invalidArgument("no")), &budget) == .giveUp)
        #expect(safe.failed(.init(Self.down, isCommitted: true), &budget) == .giveUp)
        #expect(safe.failed(.init(Self.down, isFinal: true), &budget) == .giveUp, "the server says: not again")
    }

    @Test func whatTheServerNeverSawGoesElsewhere() {
        var budget = RetryBudget.defaults
        var state = RetryState(.defaults, .unknown)
        let refused = Status.unavailable("closing", reason: Status.notProcessedReason)
        for _ in 0..<RetryState.transparentAttempts {
            #expect(state.failed(.init(refused, isUnprocessed: true), &budget) == .atOnce)
        }
        #expect(state.failed(.init(refused, isUnprocessed: true), &budget) == .again(failures: 1, pushback: nil))
        #expect(budget == .defaults, "no fault of the servers")
        var never = RetryState(.never, .idempotent)
        #expect(never.failed(.init(refused, isUnprocessed: true), &budget) == .giveUp)
    }

    @Test func theServersWishCounts() {
        var budget = RetryBudget.defaults
        var state = RetryState(.defaults, .idempotent)
        let busy = Status.unavailable("busy", retryAfter: .seconds(3))
        #expect(state.failed(.init(busy), &budget) == .again(failures: 1, pushback: .seconds(3)))
    }

    @Test func theBudgetRunsOut() {
        var budget = RetryBudget(maximumTokens: 4, tokenRatio: 0.5)
        func attempt() -> RetryState.Verdict {
            var state = RetryState(.defaults, .idempotent)
            return state.failed(.init(Self.down), &budget)
        }
        #expect(attempt() == .again(failures: 1, pushback: nil))
        #expect(attempt() == .giveUp, "two of four tokens are left")
        budget.succeeded()
        #expect(budget.allows)
        budget.succeeded()
        #expect(budget.tokens == 3)
        for _ in 0..<20 { budget.succeeded() }
        #expect(budget.tokens == 4)
    }

    @Test func streamsAreTakenUpWhileTheyComeOn() {
        var budget = RetryBudget.defaults
        var state = RetryState(RetryPolicy(maximumResumptions: 2), .unknown)
        let broken = RetryState.Failure(Self.down, isCommitted: true, canResume: true)
        #expect(state.failed(broken, &budget) == .resume(failures: 1, pushback: nil))
        #expect(state.failed(broken, &budget) == .resume(failures: 2, pushback: nil))
        state.progressed()
        #expect(state.failed(broken, &budget) == .resume(failures: 1, pushback: nil))
        #expect(state.failed(broken, &budget) == .resume(failures: 2, pushback: nil))
        #expect(state.failed(broken, &budget) == .giveUp)
    }

    @Test func anAttemptThatTookTooLongIsMadeAgain() {
        var budget = RetryBudget.defaults
        let late = Status.deadlineExceeded("late", reason: Status.attemptTimeoutReason)
        var state = RetryState(.defaults, .idempotent)
        #expect(state.failed(.init(late), &budget) == .again(failures: 1, pushback: nil))
        #expect(state.failed(.init(.deadlineExceeded()), &budget) == .giveUp, "the whole call's time is up")
    }

    @Test func pausesGrowAndAreSpread() {
        let backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(1))
        #expect(backoff.pause(after: 1, spread: 0) == .milliseconds(50))
        #expect(backoff.pause(after: 1, spread: 1) == .milliseconds(150))
        #expect(backoff.pause(after: 3, spread: 0.5) == .milliseconds(400))
        #expect(backoff.pause(after: 60, spread: 0.5) == .seconds(1))
        #expect(HedgingPolicy(maximumAttempts: 99, delay: .zero).maximumAttempts == 5)
    }
}
