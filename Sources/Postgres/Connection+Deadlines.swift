internal import DequeModule
internal import NIOCore

extension Connection {
    /// Tells the callers of what should have been answered by now, and returns when the next answer is due. What the
    /// server says of them later is read and dropped, since the connection counts on it.
    func giveUp(now: NIODeadline) -> NIODeadline? {
        var next: NIODeadline?
        for span in spans {
            guard let unit = span.unit, let due = unit.due, !unit.isFinished else { continue }
            guard due <= now else {
                next = min(next ?? due, due)
                continue
            }
            cancel(unit)
            unit.finish(
                .failure(
                    PostgresError(
                        .deadlinePassed, "the server did not answer in time", statement: unit.statement?.name,
                        outcomeUnknown: true)))
        }
        return next
    }
}
