public import Bytes
internal import Glibc
public import Logging
public import Postgres
package import RPC
internal import Stores
internal import Synchronization

/// Holds calls to the limits of their keys and tenants, exactly within a process and closely across all of them,
/// without a round trip for the usual call.
///
/// The truth stands in the database, a row for each limit. A process takes a small share of a limit (0.2 % of a
/// period's tokens) for half a second, spends it by itself, fetches the next one while there is still some left, and
/// gives back what it did not spend. So N processes together exceed or waste at most N times a share; while a limit
/// is used up, they refuse by themselves until the moment that the database named. See decision 0096 for the bound.
///
/// `run()` must be running for shares to be fetched ahead and given back; without it each process asks when it has to,
/// and shares that nobody spends come back by time.
public final class RateLimiter: Sendable {
    public enum Limits {
        /// How long a share is ours to spend.
        public static let term: Duration = .milliseconds(500)
        /// How often shares whose term is over are given back.
        public static let sweep: Duration = .milliseconds(250)
        /// How long callers wait for one answer of the database about limits.
        static let patience: Duration = .seconds(2)
        /// How often a caller looks again after it asked or waited, before it is told to come back: each look follows
        /// an answer of the database, so that more than two are rare.
        static let looks = 8
        /// Tenants are spread over so many locks.
        static let lanes = 16
    }

    private struct Fetch: Sendable {
        let key: RateKey
        let lane: Int
    }

    /// Asks whoever keeps the limits.
    typealias Lease = @Sendable ([RateAsk], UUID128) async throws(PostgresError) -> [RateState.Grant]

    private let lease: Lease
    private let pause: @Sendable (Duration) async -> Void
    private let logger: Logger
    private let lanes: [Lane]
    private let openCalls = OpenCalls()
    private let fetches: AsyncStream<Fetch>
    private let bell: AsyncStream<Fetch>.Continuation

    /// A lock with what it guards.
    private final class Lane: Sendable {
        let state = Mutex(RateLane())
    }

    public convenience init(database: Database, logger: Logger) {
        self.init(logger: logger) { asks, tenant throws(PostgresError) in
            try await Self.lease(asks, of: tenant, database)
        }
    }

    /// One that is given whatever it asks for: for measuring what a call costs.
    package static func generous() -> RateLimiter {
        RateLimiter(logger: Logger(label: "limits") { _ in SwiftLogNoOpLogHandler() }) { asks, _ in
            asks.map { .init(granted: $0.wanted, waitNanos: 0, remaining: $0.share.rule.burst) }
        }
    }

    init(
        logger: Logger, pause: @escaping @Sendable (Duration) async -> Void = { try? await Task.sleep(for: $0) },
        lease: @escaping Lease
    ) {
        self.lease = lease
        self.pause = pause
        self.logger = logger
        lanes = (0..<Limits.lanes).map { _ in Lane() }
        (fetches, bell) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1_024))
    }

    /// As `admit`, for the usual call, which needs nothing of the database; nil for one that does.
    package func take(
        tenant: UUID128, keyID: String, limits: RateLimits, costClass: String = "", cost: Int64 = 1,
        tell: (RateStanding) -> Void
    ) throws(Status) -> RateStanding? {
        let number = Self.lane(of: tenant)
        let now = Self.nowMicros()
        let name = RateLane.name(keyID, costClass)
        let step = lanes[number].state.withLock { $0.take(tenant, name, limits, cost: cost, now: now) }
        switch step {
        case .admitted(let standing, let key):
            if let key { bell.yield(Fetch(key: key, lane: number)) }
            return standing
        case .refused(let standing, let retry):
            tell(standing)
            throw Self.refusal(standing, retry)
        case nil, .ask, .wait: return nil
        }
    }

    private static func lane(of tenant: UUID128) -> Int {
        Int(truncatingIfNeeded: tenant.lo ^ tenant.hi) & (Limits.lanes - 1)
    }

    /// Takes `cost` from every limit that the key is under, or from none: its own, its tenant's, and its tenant's for methods
    /// of this cost class where there is one. `tell` learns where the limit stands that a refusal is about.
    ///
    /// Throws `RESOURCE_EXHAUSTED` (`RATE_LIMITED`) with the time after which to come back, and `UNAVAILABLE` when the
    /// database has to be asked and is away.
    @discardableResult
    public func admit(
        tenant: UUID128, keyID: String, limits: RateLimits, costClass: String = "", cost: Int64 = 1,
        tell: (RateStanding) -> Void = { _ in }
    ) async throws -> RateStanding {
        let verdict = try await decide(in: Self.lane(of: tenant), cost: cost) { lane, isPending, now in
            lane.step(tenant, keyID, limits, costClass: costClass, cost: cost, isPending: isPending, now: now)
        }
        switch verdict {
        case .admitted(let standing): return standing
        case .refused(let standing, let retry):
            tell(standing)
            throw Self.refusal(standing, retry)
        case .unknown: return RateStanding(limit: 0, remaining: 0, resetMicros: 0)
        }
    }

    /// Takes what a language model may read and write for a tenant from the tenant's minute. What it returns is called once,
    /// with what the model took: the rest goes back.
    ///
    /// A tenant none of whose calls came to this process has no limit here, since nobody knows its plan: such work is the
    /// server's own, which was asked for elsewhere. Throws `RESOURCE_EXHAUSTED` (`MODEL_TOKENS_LIMITED`) with the time after
    /// which there is enough.
    public func takeModelTokens(
        _ count: Int64, tenant: UUID128
    ) async throws -> @Sendable (_ used: Int64) -> Void {
        let number = Self.lane(of: tenant)
        let verdict = try await decide(in: number, cost: count) { lane, isPending, now in
            lane.step(modelTokens: count, of: tenant, isPending: isPending, now: now)
        }
        switch verdict {
        case .admitted: break
        case .unknown: return { _ in }
        case .refused(let standing, let retry):
            // The limit says when some are there again; as many as this call wants take their time.
            let all = min(count, standing.limit) * 60_000_000 / max(1, standing.limit)
            throw Status.resourceExhausted(
                "Language models have taken the \(standing.limit) tokens that the plan gives a minute. Come back after the "
                    + "time that this answer names.", reason: "MODEL_TOKENS_LIMITED",
                retryAfter: .microseconds(max(retry, all, 1)))
        }
        let lane = lanes[number]
        return { used in lane.state.withLock { $0.settle(modelTokens: count, used: used, of: tenant) } }
    }

    private enum Verdict {
        case admitted(RateStanding)
        case refused(RateStanding, retryMicros: Int64)
        case unknown
    }

    /// Looks again after each answer of the database until it is decided.
    private func decide(
        in number: Int, cost: Int64,
        _ step: @Sendable (inout RateLane, _ isPending: Bool, _ now: Int64) -> RateLane.Step?
    ) async throws -> Verdict {
        let lane = lanes[number]
        var isPending = false
        for _ in 0..<Limits.looks {
            let now = Self.nowMicros()
            let wasPending = isPending
            switch lane.state.withLock({ step(&$0, wasPending, now) }) {
            case nil: return .unknown
            case .admitted(let standing, let key):
                if let key { bell.yield(Fetch(key: key, lane: number)) }
                return .admitted(standing)
            case .refused(let standing, let retry): return .refused(standing, retryMicros: retry)
            case .ask(let key, let asks):
                if let status = await ask(asks, of: key, in: lane) {
                    lane.state.withLock { $0.leave(key, cost: cost) }
                    throw status
                }
                isPending = true
            case .wait(let key):
                let status: Status? = await withCheckedContinuation { continuation in
                    let waits = lane.state.withLock { $0.wait(key, continuation) }
                    if !waits { continuation.resume(returning: nil) }
                }
                if let status {
                    lane.state.withLock { $0.leave(key, cost: cost) }
                    throw status
                }
                isPending = true
            }
        }
        throw Status.resourceExhausted(
            "Too many calls at once. Try again in a moment.", reason: "RATE_CONTENDED", retryAfter: .milliseconds(100))
    }

    /// Takes a place among the calls that are under way; `leave` gives it back, however the call ends. Throws
    /// `RESOURCE_EXHAUSTED` (`CONCURRENCY_LIMITED`) when the key or its tenant has no place left on this node.
    func enter(tenant: UUID128, keyID: String, limits: RateLimits) throws(Status) -> OpenCalls.Place {
        switch openCalls.enter(tenant: tenant, keyID: keyID, limits: limits) {
        case .success(let place): return place
        case .failure(let reached):
            // When a call of the caller's will end, nobody here knows.
            throw .resourceExhausted(
                "The key or its tenant has \(reached.limit) calls under way, which is its limit. Wait until one of them "
                    + "has ended.", reason: "CONCURRENCY_LIMITED", retryAfter: .milliseconds(100))
        }
    }

    func leave(_ place: OpenCalls.Place) { openCalls.leave(place) }

    /// How many calls of a tenant are under way on this node.
    public func openCalls(of tenant: UUID128) -> Int { Int(openCalls.count(of: tenant)) }

    /// Lets a refusal wait when its key gets many of them (`RefusalPace`). A connection has so many calls at once, so that a flood
    /// slows down to what costs the others nothing. Nobody waits past half of his deadline.
    func holdBack(
        _ refusal: Status, tenant: UUID128, keyID: String, deadline: Deadline?, now: Int64 = RateLimiter.nowMicros()
    ) async {
        guard refusal.code == .resourceExhausted, refusal.retryAfter != nil else { return }
        let hold = lanes[Self.lane(of: tenant)].state.withLock { $0.hold(keyID, now: now) }
        guard hold > 0 else { return }
        await pause(min(.microseconds(hold), deadline.map { $0.remaining / 2 } ?? .microseconds(hold)))
    }

    private static func refusal(_ standing: RateStanding, _ retryMicros: Int64) -> Status {
        .resourceExhausted(
            "The key or its tenant has used up its limit of \(standing.limit) calls. Come back after the time that "
                + "this answer names.", reason: "RATE_LIMITED", retryAfter: .microseconds(max(retryMicros, 1)))
    }

    /// Asks the database and wakes those who wait; the status that nobody could be decided with, if any.
    private func ask(_ asks: [RateAsk], of key: RateKey, in lane: Lane) async -> Status? {
        let asked = Self.nowMicros()
        do {
            let grants = asks.isEmpty ? [] : try await lease(asks, key.tenant)
            let term = Limits.term.wholeMicros
            let waiters = lane.state.withLock {
                $0.receive(grants, for: asks, of: key, askedMicros: asked, term: term)
            }
            for waiter in waiters { waiter.resume(returning: nil) }
            return nil
        } catch {
            if !error.isCancelled { logger.error("limits cannot be read", metadata: ["error": "\(error)"]) }
            // Of a caller that was cancelled the others know nothing: they ask for themselves.
            let status: Status? = error.isCancelled ? nil : Status(error)
            let waiters = lane.state.withLock { $0.lose(asks, of: key) }
            for waiter in waiters { waiter.resume(returning: status) }
            return status ?? .cancelled()
        }
    }

    private static func lease(
        _ asks: [RateAsk], of tenant: UUID128, _ database: Database
    ) async throws(PostgresError) -> [RateState.Grant] {
        // Others wait for this answer, and they have deadlines.
        let rows = try await Database.within(Limits.patience) { () async throws(PostgresError) in
            try await Queries.leaseRates(
                database.as(.tenant(tenant)), subjects: asks.map(\.share.subject), rules: asks.map(\.share.rule.name),
                intervals: asks.map(\.share.rule.intervalNanos), bursts: asks.map(\.share.rule.burst),
                wanted: asks.map(\.wanted), paces: asks.map(\.pace), returned: asks.map(\.returned), atNanos: nil)
        }
        var grants = [RateState.Grant](
            repeating: .init(granted: 0, waitNanos: 0, remaining: 0), count: asks.count)
        for row in rows where grants.indices.contains(Int(row.place) - 1) {
            grants[Int(row.place) - 1] = RateState.Grant(
                granted: row.granted, waitNanos: row.waitNanos, remaining: row.remaining)
        }
        return grants
    }

    /// Fetches shares ahead of need and gives back what was not spent, until the task is cancelled.
    public func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await fetch in self.fetches {
                    let lane = self.lanes[fetch.lane]
                    guard let asks = lane.state.withLock({ $0.fetch(fetch.key) }) else { continue }
                    _ = await self.ask(asks, of: fetch.key, in: lane)
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    try? await Task.sleep(for: Limits.sweep)
                    await self.giveBack()
                }
            }
        }
    }

    private func giveBack() async {
        for lane in lanes {
            let now = Self.nowMicros()
            for (tenant, asks) in lane.state.withLock({ $0.sweep(now: now) }) {
                // What cannot be given back now comes back by time.
                _ = try? await lease(asks, tenant)
            }
        }
    }

    static func nowMicros() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}

extension Duration {
    fileprivate var wholeMicros: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
