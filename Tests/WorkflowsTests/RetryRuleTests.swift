import RPC
import Testing

@testable import Workflows

@Suite struct RetryRuleTests {
    @Test func pausesDoubleUpToTheCeiling() {
        let rule = RetryRule.defaults
        let shortest = (1...8).map { rule.pauseMicros(afterFailure: $0, chance: 0) / 1_000 }
        #expect(shortest == [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
        let longest = (1...8).map { rule.pauseMicros(afterFailure: $0, chance: 0.999_999_999) }
        for (short, long) in zip(shortest, longest) {
            #expect(long <= short * 2_000 && long > short * 1_990)
        }
    }

    @Test func extremesStayInRange() {
        let rule = RetryRule(maxAttempts: 20, initialBackoffMicros: .max / 2, maxBackoffMicros: 86_400_000_000)
        #expect(rule.pauseMicros(afterFailure: 1_000_000, chance: 0.5) <= 86_400_000_000)
        let none = RetryRule(maxAttempts: 2, initialBackoffMicros: 0, maxBackoffMicros: 0)
        #expect(none.pauseMicros(afterFailure: 1, chance: 0.9) == 0)
    }

    @Test func errorsTellTheirClass() {
        #expect(StepFailure(Status.unavailable("away")).kind == .retryable)
        #expect(StepFailure(Status.resourceExhausted("slow", retryAfter: .seconds(9))).retryAfter == .seconds(9))
        #expect(StepFailure(Status.notFound("no", reason: "COLLECTION_NOT_FOUND")).kind == .permanent)
        #expect(StepFailure(Status.notFound("no", reason: "COLLECTION_NOT_FOUND")).reason == "COLLECTION_NOT_FOUND")
        #expect(StepFailure(CancellationError()).reason == "INTERRUPTED")
        struct Secret: Error { let path = "/etc/secret" }
        #expect(StepFailure(Secret()) == .retryable(reason: "INTERNAL", "The action met an unexpected Secret."))
    }

    @Test func messagesCanBeStored() {
        let failure = StepFailure.permanent(reason: "X", "a\0b" + String(repeating: "é", count: 3_000))
        #expect(failure.message.hasPrefix("ab"))
        #expect(failure.message.count == 2_000)
    }
}
