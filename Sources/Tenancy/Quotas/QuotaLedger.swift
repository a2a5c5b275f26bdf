public import Bytes
internal import Glibc
public import Logging
public import Postgres
public import RPC
internal import Stores
internal import Synchronization

/// Room of a month's quota that a call has set aside; give it back with `QuotaLedger.settle`.
public struct QuotaHold: Sendable {
    let key: QuotaLedger.Key
    let amount: Int64
}

/// Counts what calls use up of their tenants' monthly quotas, without a round trip for the usual call.
///
/// How to use it: `hold` what the call may take, make the call, `settle` with what it took. Both are in memory while the
/// node's block lasts; the block is settled in the database every five seconds and when it is spent. Documents, chunks,
/// bytes, members, keys and runs do not come here: triggers count their rows in the transaction that writes them
/// (`ragdz.count_rows` in sql/migrations/0012_quotas.sql; the refusal is `PostgresError.quotaRefusal`).
///
/// The bound (decision 0123): used and reserved together never pass the limit, whatever the number of nodes and callers. A
/// caller may be refused while other nodes still hold unspent blocks: each at most 1/500 of the limit and 1/16 of what was
/// left when it was taken, for at most five seconds. A node that is killed leaves uncounted what it had spent since its
/// last turn, at most five seconds' worth and at most its block.
public final class QuotaLedger: Sendable {
    public enum Limits {
        /// How often blocks whose term is over are looked for.
        public static let sweep: Duration = .seconds(1)
        /// How often reservations of dead holders are released, here and for all nodes.
        public static let release: Duration = .seconds(10)
        /// Reservations that are released at once.
        static let releases = 500
        /// Tenants are spread over so many locks.
        static let lanes = 16
    }

    /// What is counted here.
    public enum Metered: String, Sendable, Hashable {
        case queries, tokens
    }

    struct Key: Sendable, Hashable {
        let tenant: UUID128
        let quota: Metered
    }

    private struct Slot {
        var block: QuotaBlock
        var waiters: [CheckedContinuation<Status?, Never>] = []
    }

    /// A lock with what it guards.
    private final class Lane: Sendable {
        let slots = Mutex<[Key: Slot]>([:])

        func withBlock<R>(_ key: Key, _ body: (inout QuotaBlock) -> R) -> R {
            slots.withLock { slots in
                body(&slots[key, default: Slot(block: QuotaBlock(quota: key.quota.rawValue))].block)
            }
        }

        /// Ends a turn and gives those who waited for it.
        func end(_ key: Key, _ body: (inout QuotaBlock) -> Void) -> [CheckedContinuation<Status?, Never>] {
            slots.withLock { slots in
                guard slots[key] != nil else { return [] }
                body(&slots[key, default: Slot(block: QuotaBlock(quota: key.quota.rawValue))].block)
                defer { slots[key]?.waiters = [] }
                return slots[key]?.waiters ?? []
            }
        }
    }

    private let database: Database
    private let logger: Logger
    private let now: @Sendable () -> Int64
    private let lanes: [Lane]
    private let fetches: AsyncStream<Key>
    private let bell: AsyncStream<Key>.Continuation

    public convenience init(database: Database, logger: Logger) {
        self.init(database: database, logger: logger, now: Self.monotonicMicros)
    }

    /// With a clock of one's own, in microseconds, that only goes forward.
    init(database: Database, logger: Logger, now: @escaping @Sendable () -> Int64) {
        self.database = database
        self.logger = logger
        self.now = now
        lanes = (0..<Limits.lanes).map { _ in Lane() }
        (fetches, bell) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1_024))
    }

    /// Sets `amount` aside, all of it or nothing.
    ///
    /// Throws `RESOURCE_EXHAUSTED` (`QUOTA_USED_UP`) with the time at which the next month begins, and `UNAVAILABLE` when
    /// the database has to be asked and is away.
    public func hold(_ quota: Metered, _ amount: Int64 = 1, tenant: UUID128) async throws -> QuotaHold {
        let key = Key(tenant: tenant, quota: quota)
        let lane = lane(of: tenant)
        var isPending = false
        while true {
            if Task.isCancelled {
                if isPending { lane.withBlock(key) { $0.leave(amount) } }
                throw Status.cancelled()
            }
            switch lane.withBlock(key, { $0.hold(amount, isPending: isPending, now: now()) }) {
            case .held(let isLow):
                if isLow { bell.yield(key) }
                return QuotaHold(key: key, amount: amount)
            case .refused(let standing):
                throw Status.quotaExceeded(standing, nowMicros: WallClock.nowMicros())
            case .ask(let turn):
                isPending = true
                if let status = await make(turn, key, lane) {
                    lane.withBlock(key) { $0.leave(amount) }
                    throw status
                }
            case .wait:
                isPending = true
                let status: Status? = await withCheckedContinuation { continuation in
                    let waits = lane.slots.withLock { slots in
                        guard slots[key]?.block.isAsking == true else { return false }
                        slots[key]?.waiters.append(continuation)
                        return true
                    }
                    if !waits { continuation.resume(returning: nil) }
                }
                if let status {
                    lane.withBlock(key) { $0.leave(amount) }
                    throw status
                }
            }
        }
    }

    /// The call took `real` of what it had set aside; more than that counts as well. Once for each hold.
    public func settle(_ hold: QuotaHold, real: Int64) {
        lane(of: hold.key.tenant).withBlock(hold.key) { $0.settle(hold.amount, real: max(real, 0)) }
    }

    /// Keeps blocks and reservations in order, until the task is cancelled.
    public func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await key in self.fetches {
                    let lane = self.lane(of: key.tenant)
                    guard let turn = lane.withBlock(key, { $0.fetch() }) else { continue }
                    _ = await self.make(turn, key, lane)
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    try? await Task.sleep(for: Limits.sweep)
                    await self.sweep()
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    await self.releaseLate()
                    try? await Task.sleep(for: Limits.release)
                }
            }
        }
    }

    /// Settles everything: for a server that stops, so that nothing waits for its reservations to expire.
    public func close() async { await sweep(isLast: true) }

    func sweep(isLast: Bool = false) async {
        for lane in lanes {
            let moment = now()
            let turns: [(Key, QuotaBlock.Turn)] = lane.slots.withLock { slots in
                for (key, slot) in slots where slot.block.isIdle && slot.waiters.isEmpty { slots[key] = nil }
                return slots.keys.compactMap { key in
                    slots[key]?.block.sweep(now: moment, isLast: isLast).map { (key, $0) }
                }
            }
            for (key, turn) in turns { _ = await make(turn, key, lane) }
        }
    }

    /// Releases reservations whose holders died; how many.
    @discardableResult
    func releaseLate() async -> Int64 {
        do {
            return try await Queries.releaseQuotas(database.as(.none), atMost: Limits.releases) ?? 0
        } catch {
            if !error.isCancelled { logger.warning("reservations are not released", metadata: ["error": "\(error)"]) }
            return 0
        }
    }

    private func lane(of tenant: UUID128) -> Lane {
        lanes[Int(truncatingIfNeeded: tenant.lo ^ tenant.hi) & (Limits.lanes - 1)]
    }

    /// Makes a turn and wakes those who wait for it; the status of one that was not answered.
    private func make(_ turn: QuotaBlock.Turn, _ key: Key, _ lane: Lane) async -> Status? {
        do {
            let row = try await Queries.turnQuota(
                database.as(.tenant(key.tenant)), quota: key.quota.rawValue, settled: turn.settled, spent: turn.spent,
                opened: turn.opened, atLeast: 1, wanted: turn.wanted, spare: turn.spare,
                lifetimeMicros: QuotaBlock.Limits.lifetimeMicros, at: nil)
            let grant = QuotaBlock.Grant(
                granted: row?.granted ?? 0, used: row?.used ?? 0, reserved: row?.reserved ?? 0, allowed: row?.allowed,
                resetMicros: row?.resetTime?.unixMicros)
            for waiter in lane.end(key, { $0.receive(grant, now: self.now()) }) { waiter.resume(returning: nil) }
            return nil
        } catch {
            if !error.isCancelled { logger.error("quotas cannot be read", metadata: ["error": "\(error)"]) }
            // Of a caller that was cancelled the others know nothing: they ask for themselves.
            let status: Status? = error.isCancelled ? nil : Status(error)
            for waiter in lane.end(key, { $0.lose() }) { waiter.resume(returning: status) }
            return status ?? .cancelled()
        }
    }

    static func monotonicMicros() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}
