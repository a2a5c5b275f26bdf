/// The moment on the monotonic clock after which nobody waits for the answer any more.
public struct Deadline: Sendable, Hashable, Comparable {
    /// When the process first looked at the clock: the deadline is kept as nanoseconds from there, which is half as
    /// large as an instant and, unlike it, needs no memory of special alignment in the objects that hold one.
    private static let origin = ContinuousClock.now
    private let nanoseconds: Int64

    public init(_ instant: ContinuousClock.Instant) {
        nanoseconds = Self.origin.duration(to: instant).wholeNanoseconds
    }

    public static func after(_ timeout: Duration) -> Deadline { Deadline(.now.advanced(by: timeout)) }

    public var instant: ContinuousClock.Instant { Self.origin.advanced(by: .nanoseconds(nanoseconds)) }

    /// What is left, never negative.
    public var remaining: Duration { max(.zero, ContinuousClock.now.duration(to: instant)) }
    public var hasPassed: Bool { ContinuousClock.now >= instant }

    public static func < (left: Deadline, right: Deadline) -> Bool { left.nanoseconds < right.nanoseconds }
}

extension Duration {
    /// Whole nanoseconds, saturating at `Int64.max` (292 years).
    public var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (total, overflowed) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflowed ? .max : total
    }
}

/// Runs `body` and cancels it when the deadline passes; then throws `DEADLINE_EXCEEDED`.
///
/// Transports keep deadlines on their event loop's timers; this one is for calls that no transport carries.
public func withDeadline<R: Sendable>(
    _ deadline: Deadline?, _ body: @escaping @Sendable () async throws -> R
) async throws -> R {
    guard let deadline else { return try await body() }
    if deadline.hasPassed { throw Status.deadlineExceeded() }
    return try await withThrowingTaskGroup(of: R?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(until: deadline.instant, clock: .continuous)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let result = first else { throw Status.deadlineExceeded() }
        return result
    }
}
