/// Growing pauses, spread so that many clients do not come back together.
public struct Backoff: Sendable, Hashable {
    public var initial: Duration
    public var maximum: Duration

    public init(initial: Duration, maximum: Duration) {
        self.initial = initial
        self.maximum = maximum
    }

    /// 100 ms doubling up to 10 seconds, each spread by half in both directions.
    public static var defaults: Backoff { Backoff(initial: .milliseconds(100), maximum: .seconds(10)) }

    /// The pause after this many failures (from 1); `spread` is a random number from 0 to 1.
    public func pause(after failures: Int, spread: Double = .random(in: 0...1)) -> Duration {
        let doubled = initial * (1 << min(max(failures - 1, 0), 20))
        return min(doubled, maximum) * (0.5 + spread)
    }
}

/// When a call that failed is made again by itself.
///
/// A call that the server provably has not seen (its stream was refused, no connection could be made) is made again
/// whatever the method does. Any other failed call is made again only when the method is marked `NO_SIDE_EFFECTS` or
/// `IDEMPOTENT` in its proto file, the status is one of `codes`, no response has been handed on yet, and the client's
/// `RetryBudget` allows it.
public struct RetryPolicy: Sendable, Hashable {
    /// How often a call is made in all. Default: 4.
    public var maximumAttempts: Int
    /// The pause before a further attempt, unless the server names one (`RetryInfo`). Default: `Backoff.defaults`.
    public var backoff: Backoff
    /// The statuses after which an idempotent call is made again. Default: `UNAVAILABLE`.
    public var codes: Set<Status.Code>
    /// How often a resumable stream is taken up again without a single new message in between, before the failure is
    /// told. With the default pauses that is about a minute. Default: 12.
    public var maximumResumptions: Int

    public init(
        maximumAttempts: Int = 4, backoff: Backoff = .defaults, codes: Set<Status.Code> = [.unavailable],
        maximumResumptions: Int = 12
    ) {
        self.maximumAttempts = maximumAttempts
        self.backoff = backoff
        self.codes = codes
        self.maximumResumptions = maximumResumptions
    }

    /// Four attempts after `UNAVAILABLE`, pauses from 100 ms to 10 seconds, streams taken up 12 times.
    public static var defaults: RetryPolicy { RetryPolicy() }
    /// Every failure is told at once; broken streams are not taken up.
    public static var never: RetryPolicy { RetryPolicy(maximumAttempts: 1, codes: [], maximumResumptions: 0) }
}

/// A second copy of a call goes out when the first is slow; the first answer counts and the others are cancelled.
///
/// Only for unary methods marked `NO_SIDE_EFFECTS`: the server may do the work several times.
public struct HedgingPolicy: Sendable, Hashable {
    /// Copies in all, the first one included; 2 to 5.
    public var maximumAttempts: Int
    /// How long each copy has before the next one goes out. About the 95th percentile of the method is a good value.
    public var delay: Duration

    public init(maximumAttempts: Int = 2, delay: Duration) {
        self.maximumAttempts = min(max(maximumAttempts, 1), 5)
        self.delay = delay
    }
}

/// Keeps retries from multiplying the load on servers that are down: the token bucket of gRPC's proposal A6.
///
/// It begins full. A failure that might be retried costs one token, a success gives `tokenRatio` back, and while at
/// most half of the tokens are left nothing is retried.
public struct RetryBudget: Sendable, Hashable {
    public let maximumTokens: Double
    public let tokenRatio: Double
    public private(set) var tokens: Double

    public init(maximumTokens: Double = 100, tokenRatio: Double = 0.1) {
        self.maximumTokens = maximumTokens
        self.tokenRatio = tokenRatio
        tokens = maximumTokens
    }

    /// 100 tokens, a tenth of one back for each success.
    public static var defaults: RetryBudget { RetryBudget() }

    public var allows: Bool { tokens > maximumTokens / 2 }
    public mutating func failed() { tokens = max(0, tokens - 1) }
    public mutating func succeeded() { tokens = min(maximumTokens, tokens + tokenRatio) }
}

/// What one call may still try: a pure value, asked after every failure.
///
/// Nothing can go wrong in it. It is told what the transport knows of the failure and says whether the call is over.
public struct RetryState: Sendable {
    /// What is known of a failed attempt.
    public struct Failure: Sendable, Hashable {
        public var status: Status
        /// The server has not seen the call.
        public var isUnprocessed: Bool
        /// Parts of the answer were handed on, or the requests cannot be sent again.
        public var isCommitted: Bool
        /// The stream can be taken up where it broke.
        public var canResume: Bool
        /// The server says: not again.
        public var isFinal: Bool

        public init(
            _ status: Status, isUnprocessed: Bool = false, isCommitted: Bool = false, canResume: Bool = false,
            isFinal: Bool = false
        ) {
            self.status = status
            self.isUnprocessed = isUnprocessed
            self.isCommitted = isCommitted
            self.canResume = canResume
            self.isFinal = isFinal
        }
    }

    public enum Verdict: Sendable, Hashable {
        case giveUp
        /// Once more, after this many failures' pause at least; `pushback` is the server's own wish.
        case again(failures: Int, pushback: Duration?)
        /// At once: nothing was lost but a race with a closing connection.
        case atOnce
        /// Take the stream up.
        case resume(failures: Int, pushback: Duration?)
    }

    /// How often a call that the server did not see goes elsewhere without a pause.
    public static let transparentAttempts = 3

    private let policy: RetryPolicy
    private let idempotency: Idempotency
    private var attempts = 0
    private var transparent = 0
    private var unreached = 0
    private var resumptions = 0

    public init(_ policy: RetryPolicy, _ idempotency: Idempotency) {
        self.policy = policy
        self.idempotency = idempotency
    }

    /// How many attempts the server may have seen so far: `grpc-previous-rpc-attempts`.
    public var previousAttempts: Int { attempts }

    /// The stream goes on: it has all its resumptions again.
    public mutating func progressed() { resumptions = 0 }

    public mutating func failed(_ failure: Failure, _ budget: inout RetryBudget) -> Verdict {
        if failure.canResume {
            resumptions += 1
            guard resumptions <= policy.maximumResumptions, !failure.isFinal else { return .giveUp }
            return .resume(failures: resumptions, pushback: failure.status.retryAfter)
        }
        guard !failure.isCommitted else { return .giveUp }
        if failure.isUnprocessed {
            guard policy.maximumAttempts > 1 else { return .giveUp }
            if failure.status.reason == Status.notProcessedReason, transparent < Self.transparentAttempts {
                transparent += 1
                return .atOnce
            }
            unreached += 1
            guard unreached < policy.maximumAttempts else { return .giveUp }
            return .again(failures: unreached, pushback: failure.status.retryAfter)
        }
        guard policy.codes.contains(failure.status.code) || failure.status.reason == Status.attemptTimeoutReason else {
            return .giveUp
        }
        attempts += 1
        budget.failed()
        guard idempotency.mayRetry, attempts < policy.maximumAttempts, budget.allows, !failure.isFinal else {
            return .giveUp
        }
        return .again(failures: attempts, pushback: failure.status.retryAfter)
    }
}

extension Status {
    /// The reason of a call that the server has not seen: it may be made again whatever the method does.
    public static let notProcessedReason = "NOT_PROCESSED"
    /// The reason of an attempt that took longer than `CallOptions.attemptTimeout`.
    public static let attemptTimeoutReason = "ATTEMPT_TIMEOUT"
}
