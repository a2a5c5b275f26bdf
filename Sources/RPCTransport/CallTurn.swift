internal import NIOCore

/// Decides how long the calls of one connection may begin one after the other, before the loop looks at the others.
///
/// A read may bring hundreds of calls, and a handler works some microseconds before it first waits. While a connection
/// is alone on its loop, all of them begin at once; when several call, each begins calls for `slice` and then waits for
/// its next turn. It keeps only what order needs, so it is tested as a transcript.
struct CallTurn {
    /// How long one connection begins calls in a row, in nanoseconds. Looked at between calls, so that a call that does
    /// not suspend may take longer.
    static let slice: Int64 = 100_000
    /// Calls that begin between two looks at the clock.
    static let stride = 4
    /// A connection counts as calling for so long after its last call.
    static let memory = TimeAmount.seconds(1)

    private var last: ObjectIdentifier?
    private var sharedUntil = NIODeadline.uptimeNanoseconds(0)
    private var isShared = false
    private var began = NIODeadline.uptimeNanoseconds(0)
    private var left = CallTurn.stride
    /// The calls that have not begun wait for another turn.
    private(set) var hasEnded = false

    /// A read of `connection` brought calls.
    mutating func begin(_ connection: ObjectIdentifier, at now: NIODeadline) {
        if last != connection {
            if last != nil { sharedUntil = now + Self.memory }
            last = connection
        }
        goOn(at: now)
    }

    /// A connection goes on with what an earlier turn left.
    mutating func goOn(at now: NIODeadline) {
        isShared = now < sharedUntil
        began = now
        left = Self.stride
        hasEnded = false
    }

    /// Whether one more call may begin; asked before each.
    mutating func takesOneMore(_ clock: () -> NIODeadline = NIODeadline.now) -> Bool {
        guard isShared else { return true }
        left -= 1
        guard left < 0 else { return true }
        left = Self.stride - 1
        hasEnded = (clock() - began).nanoseconds > Self.slice
        return !hasEnded
    }
}
