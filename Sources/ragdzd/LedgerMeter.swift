internal import Bytes
internal import Retrieval
internal import Tenancy

/// Lets retrieval count against the quotas that tenancy keeps: neither room knows the other one.
struct LedgerMeter: UsageMeter {
    private let ledger: QuotaLedger

    init(_ ledger: QuotaLedger) { self.ledger = ledger }

    func hold(_ kind: MeteredUse, _ amount: Int64, tenant: UUID128) async throws -> @Sendable (Int64) -> Void {
        let hold = try await ledger.hold(kind == .tokens ? .tokens : .queries, amount, tenant: tenant)
        return { [ledger] real in ledger.settle(hold, real: real) }
    }
}
