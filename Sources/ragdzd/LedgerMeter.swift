internal import Bytes
internal import Keys
internal import Retrieval
internal import Tenancy

/// Lets retrieval count against the month's quotas, which tenancy keeps, and the minute's limit of tokens, which keys keeps:
/// none of these rooms knows another.
struct LedgerMeter: UsageMeter {
    private let ledger: QuotaLedger
    private let limiter: RateLimiter

    init(_ ledger: QuotaLedger, _ limiter: RateLimiter) {
        self.ledger = ledger
        self.limiter = limiter
    }

    func hold(_ kind: MeteredUse, _ amount: Int64, tenant: UUID128) async throws -> @Sendable (Int64) -> Void {
        guard kind == .tokens else {
            let hold = try await ledger.hold(.queries, amount, tenant: tenant)
            return { [ledger] real in ledger.settle(hold, real: real) }
        }
        let settle = try await limiter.takeModelTokens(amount, tenant: tenant)
        do {
            let hold = try await ledger.hold(.tokens, amount, tenant: tenant)
            return { [ledger] real in
                settle(real)
                ledger.settle(hold, real: real)
            }
        } catch {
            settle(0)
            throw error
        }
    }
}
