public import NIOCore
import Synchronization

/// An NIO event loop as the executor of the tasks that it starts.
///
/// A task begun with `Task.immediate(executorPreference:)` on the loop runs its first stretch in place, and every
/// later stretch (after a sleep, a continuation resumed elsewhere, `async let`, children of a group) comes back to
/// the same loop. `Task {}` and `Task.detached {}` inside it leave the loop.
public final class LoopExecutor: TaskExecutor {
    public let loop: any EventLoop

    private static let all = Mutex<[ObjectIdentifier: LoopExecutor]>([:])

    private init(_ loop: any EventLoop) { self.loop = loop }

    /// The one executor of this loop. Two executors of one loop would make tasks hop between them.
    ///
    /// It is kept for the life of the process, as loops are.
    public static func on(_ loop: any EventLoop) -> LoopExecutor {
        all.withLock { all in
            if let known = all[ObjectIdentifier(loop)] { return known }
            let executor = LoopExecutor(loop)
            all[ObjectIdentifier(loop)] = executor
            return executor
        }
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = asUnownedTaskExecutor()
        // Never in place, even on the loop: the code that resumes a continuation goes on first.
        loop.execute { job.runSynchronously(on: executor) }
    }
}
