internal import LoopExecutor
internal import NIOCore

/// The tasks in which the calls of one event loop run, one call after the other.
///
/// To make a task for every call costs as much as all of HTTP/2 does for it, so tasks are kept: calls that are ready
/// wait in a queue until the socket's bytes are parsed, then a parked worker is resumed in place and takes call after
/// call. When a handler suspends, its worker stays with it, and the next call gets another worker; so calls wait for
/// each other no more than with a task each.
///
/// Connections take turns (`CallTurn`): what one of them brought beyond its turn waits in its `backlog`, and the loop reads from
/// the others before it goes on.
///
/// A cancelled call cancels its worker's task. A task cannot be un-cancelled: such a worker ends after that call.
/// Task-local values cannot pass from call to call, because they end with the scope that bound them, and workers are
/// detached: they inherit none.
///
/// Unchecked: used on its loop only.
final class CallWorkers: @unchecked Sendable {
    /// Workers that are kept for later on one loop; a burst of slow calls may make more, which end after it.
    private static let maximumParked = 64

    private let executor: LoopExecutor
    /// Calls in the order in which they became ready, from `taken` on.
    @exclusivity(unchecked) private var ready: [ServerStream?] = []
    @exclusivity(unchecked) private var taken = 0
    @exclusivity(unchecked) private var parked: [(CallWorker, UnsafeContinuation<Void, Never>)] = []

    @exclusivity(unchecked) private var isStopped = false

    @exclusivity(unchecked) private var turn = CallTurn()
    /// Connections with a backlog, in the order of their turns.
    @exclusivity(unchecked) private var waiting: [ServerConnection] = []
    @exclusivity(unchecked) private var turnIsScheduled = false

    init(_ executor: LoopExecutor) { self.executor = executor }

    /// Lets the parked workers end: they and this object hold each other. Workers with a call end after it. From any
    /// thread.
    func stop() {
        executor.loop.execute {
            self.isStopped = true
            let idle = self.parked
            self.parked = []
            for (_, continuation) in idle { continuation.resume() }
        }
    }

    /// Queues a call; the caller runs `drain` before it lets go of the bytes that the call may still point into.
    func add(_ call: ServerStream) { ready.append(call) }

    /// Runs every queued call of `connection` up to its first suspension, or as many as its turn allows. `now`: when the
    /// read began that brought them.
    func drain(_ connection: ServerConnection, at now: NIODeadline) {
        guard !ready.isEmpty else { return }
        turn.begin(ObjectIdentifier(connection), at: now)
        if connection.backlog.isEmpty { run() }
        if taken < ready.count { postpone(connection) }
        ready.removeAll(keepingCapacity: true)
        taken = 0
    }

    private func run() {
        while taken < ready.count, !turn.hasEnded {
            let worker: CallWorker
            if let (idle, continuation) = parked.popLast() {
                worker = idle
                executor.resumeInPlace(continuation)
            } else {
                worker = CallWorker()
                let task = Task.immediateDetached(executorPreference: executor) { await self.work(worker) }
                worker.began(task)
            }
            // It came back because it ended or because the handler waits.
            worker.call?.suspended()
        }
    }

    /// Keeps what is left in `ready` for a later turn.
    private func postpone(_ connection: ServerConnection) {
        if connection.backlog.isEmpty { waiting.append(connection) }
        for place in taken..<ready.count {
            guard let call = ready[place].take(), !call.isOver else { continue }
            call.suspended()
            connection.backlog.append(call)
        }
        scheduleTurn()
    }

    private func scheduleTurn() {
        guard !turnIsScheduled, !waiting.isEmpty else { return }
        turnIsScheduled = true
        executor.afterNextLook { self.takeTurn() }
    }

    /// The connection that has waited longest goes on.
    private func takeTurn() {
        turnIsScheduled = false
        let connection = waiting.removeFirst()
        swap(&ready, &connection.backlog)
        turn.goOn(at: .now())
        run()
        if taken < ready.count { postpone(connection) }
        ready.removeAll(keepingCapacity: true)
        taken = 0
        scheduleTurn()
    }

    nonisolated(nonsending) private func work(_ worker: CallWorker) async {
        while true {
            while let call = next() {
                worker.call = call
                call.worker = worker
                await call.run()
                call.worker = nil
                worker.call = nil
                if worker.isCancelled { return }
            }
            if isStopped || parked.count >= Self.maximumParked { return }
            await withUnsafeContinuation { continuation in
                parked.append((worker, continuation))
            }
        }
    }

    private func next() -> ServerStream? {
        while taken < ready.count {
            guard turn.takesOneMore() else { return nil }
            taken += 1
            // The peer may have taken it back in the same read.
            if let call = ready[taken - 1].take(), !call.isOver { return call }
        }
        return nil
    }
}

/// One of the tasks of `CallWorkers`. Unchecked: used on its loop only.
final class CallWorker: @unchecked Sendable {
    /// The call that it runs, which `CallWorkers.work` holds.
    @exclusivity(unchecked) unowned(unsafe) var call: ServerStream?
    @exclusivity(unchecked) private(set) var isCancelled = false
    @exclusivity(unchecked) private var task: Task<Void, Never>?

    func began(_ task: Task<Void, Never>) {
        self.task = task
        if isCancelled { task.cancel() }
    }

    /// Cancels the call that runs, and with it the worker.
    func cancel() {
        isCancelled = true
        task?.cancel()
    }
}
