public import NIOCore
import Synchronization

/// An NIO event loop as the executor of the tasks that it starts.
///
/// A task begun with `Task.immediate(executorPreference:)` on the loop runs its first stretch in place, and every
/// later stretch (after a sleep, a continuation resumed elsewhere, `async let`, children of a group) comes back to
/// the same loop. `Task {}` and `Task.detached {}` inside it leave the loop.
///
/// A loop runs everything that is ready before it looks at its sockets again, so tasks that keep waking each other
/// would keep it from ever hearing a peer. After every `jobsBetweenRests` stretches the executor therefore holds
/// back what comes for a moment, and the loop gets to its sockets.
///
/// Unchecked: what changes is touched on the loop only.
public final class LoopExecutor: TaskExecutor, @unchecked Sendable {
    /// Stretches of tasks that run before the loop looks at its sockets, at the latest.
    static let jobsBetweenRests = 256
    /// How long a rest lasts: enough for one look.
    static let rest = TimeAmount.microseconds(10)

    public let loop: any EventLoop
    private var jobsSinceRest = 0
    /// `resumeInPlace` is at work: the next job on the loop is the one that it wants.
    @exclusivity(unchecked) private var expectsJob = false
    @exclusivity(unchecked) private var expectedJob: UnownedJob?
    private var heldBack: [UnownedJob] = []
    private var isResting = false

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
        if loop.inEventLoop, expectsJob {
            expectsJob = false
            expectedJob = job
            return
        }
        // Never in place, even on the loop: the code that resumes a continuation goes on first.
        loop.execute { self.run(job) }
    }

    /// Resumes a task of this executor and runs it up to its next suspension before it returns.
    ///
    /// Must be called on the loop, from outside its tasks, with the continuation of a task that prefers this executor.
    public func resumeInPlace(_ continuation: UnsafeContinuation<Void, Never>) {
        expectsJob = true
        continuation.resume()
        expectsJob = false
        guard let job = expectedJob else { return }
        expectedJob = nil
        job.runSynchronously(on: asUnownedTaskExecutor())
    }

    private func run(_ job: UnownedJob) {
        if isResting { return heldBack.append(job) }
        jobsSinceRest += 1
        if jobsSinceRest > Self.jobsBetweenRests {
            isResting = true
            heldBack.append(job)
            loop.scheduleTask(in: Self.rest) { self.wake() }
        } else {
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    private func wake() {
        isResting = false
        jobsSinceRest = 0
        let jobs = heldBack
        heldBack = []
        for job in jobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
    }
}
