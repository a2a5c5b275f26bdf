import Tenancy
import Testing

@Suite struct TenantLifecycleTests {
    @Test func everyStateAndOrderIsDecided() {
        for (state, suspended, resumed) in [
            (TenantLifecycle.trial, TenantLifecycle.Outcome.changed(.suspended), TenantLifecycle.Outcome.unchanged),
            (.active, .changed(.suspended), .unchanged),
            (.suspended, .unchanged, .changed(.active)),
            (.deleting, .refused, .refused),
            (.deleted, .refused, .refused),
        ] {
            #expect(state.suspend() == suspended)
            #expect(state.resume(trialEndMicros: nil, now: 100) == resumed)
        }
        #expect(TenantLifecycle.allCases.count == 5)
    }

    @Test func aTrialGoesOnUntilItsEnd() {
        #expect(TenantLifecycle.suspended.resume(trialEndMicros: 101, now: 100) == .changed(.trial))
        #expect(TenantLifecycle.suspended.resume(trialEndMicros: 100, now: 100) == .changed(.active))
    }

    @Test func onlyTrialAndActiveAreServed() {
        #expect(TenantLifecycle.allCases.filter(\.isServed) == [.trial, .active])
    }
}
