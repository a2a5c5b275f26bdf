public import NIOCore
import Synchronization

/// An NIO event loop as the executor of the tasks that it starts.
///
/// A task begun with `Task.immediate(executorPreference:)` on the loop runs its first stretch in place, and every
/// later stretch (after a sleep, a continuation resumed elsewhere, `async let`, children of a group) comes back to
/// the same loop. `Task {}` and `Task.detached {}` inside it leave the loop.
///
/// A loop runs everything that is ready before it looks at its sockets again, so tasks that keep waking each other, or
/// another thread that brings work as fast as it is done, would keep it from ever hearing a peer. After every
/// `jobsBetweenLooks` stretches the executor therefore holds back what comes until the loop has looked.
///
/// Unchecked: what changes is touched on the loop only.
public final class LoopExecutor: TaskExecutor, @unchecked Sendable {
    /// Stretches of tasks, and other work, that run before the loop looks at its sockets, at the latest.
    static let jobsBetweenLooks = 32

    public let loop: any EventLoop
    private var jobsSinceLook = 0
    /// `resumeInPlace` is at work: the next job on the loop is the one that it wants.
    @exclusivity(unchecked) private var expectsJob = false
    @exclusivity(unchecked) private var expectedJob: UnownedJob?
    private enum Work {
        case job(UnownedJob)
        case body(() -> Void)
    }
    /// What waits until the loop has looked.
    private var heldBack: [Work] = []
    private var isHoldingBack = false
    private var afterLook: [() -> Void] = []
    private let look: LoopLook

    private static let all = Mutex<[ObjectIdentifier: LoopExecutor]>([:])

    private init(_ loop: any EventLoop) {
        self.loop = loop
        look = LoopLook(loop)
    }

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

    private func run(_ job: UnownedJob) { run(.job(job)) }

    /// Runs work that another thread brings, now or, when the loop has to look at its sockets first, after that. In order
    /// among such work and the stretches of tasks. Must be called on the loop.
    public func perform(_ body: @escaping () -> Void) { run(.body(body)) }

    /// Runs `body` after the loop has looked at its sockets. Must be called on the loop.
    public func afterNextLook(_ body: @escaping () -> Void) {
        afterLook.append(body)
        look.ask { [self] in hasLooked() }
    }

    private func run(_ work: Work) {
        if isHoldingBack { return heldBack.append(work) }
        jobsSinceLook += 1
        if jobsSinceLook > Self.jobsBetweenLooks {
            isHoldingBack = true
            heldBack.append(work)
            look.ask { [self] in hasLooked() }
        } else {
            begin(work)
        }
    }

    private func begin(_ work: Work) {
        switch work {
        case .job(let job): job.runSynchronously(on: asUnownedTaskExecutor())
        case .body(let body): body()
        }
    }

    private func hasLooked() {
        let bodies = afterLook
        afterLook = []
        let works = heldBack
        heldBack = []
        isHoldingBack = false
        jobsSinceLook = 0
        for body in bodies { body() }
        // More than fit wait for the next look.
        for work in works { run(work) }
    }
}
