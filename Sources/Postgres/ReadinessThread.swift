internal import CPQ
internal import Glibc
internal import LoopExecutor
internal import NIOCore
internal import Synchronization

/// Tells event loops when a descriptor that libpq owns can be read or written.
///
/// NIO watches only descriptors that it owns itself. So one thread of the process waits in `epoll_wait` and does
/// nothing else: every event becomes a task of the loop that asked, and all libpq calls happen there. A watch is
/// one-shot: after an event the loop works until libpq is satisfied and then arms it again, so that no event of a
/// descriptor that is being worked on can pile up.
final class ReadinessThread: Sendable {
    /// The thread lives as long as the process; a `Database` more or less makes no difference to it.
    static let shared = ReadinessThread()

    struct Target: Sendable {
        let executor: LoopExecutor
        /// Runs on the loop.
        let ready: @Sendable () -> Void

        init(loop: any EventLoop, ready: @escaping @Sendable () -> Void) {
            executor = .on(loop)
            self.ready = ready
        }
    }

    private struct Targets: Sendable {
        var next: UInt64 = 1
        var byToken: [UInt64: Target] = [:]
    }

    private let epoll: Int32
    private let targets = Mutex(Targets())

    private init() {
        epoll = ragdz_epoll_create()
        var thread = pthread_t()
        // The thread gets the queue's number, not `self`: it reaches the table through `shared`.
        let started = unsafe pthread_create(&thread, nil, { _ in ReadinessThread.shared.run() }, nil)
        if started == 0 { pthread_detach(thread) }
    }

    /// A number under which the target can be armed.
    func register(_ target: Target) -> UInt64 {
        targets.withLock { targets in
            let token = targets.next
            targets.next += 1
            targets.byToken[token] = target
            return token
        }
    }

    /// Asks for one event. Returns false when the descriptor cannot be watched, which means that it is closed.
    func arm(_ token: UInt64, descriptor: Int32, read: Bool, write: Bool) -> Bool {
        ragdz_epoll_arm(epoll, descriptor, read ? 1 : 0, write ? 1 : 0, token) == 0
    }

    /// Forgets the target. An event that is on its way already reaches nobody. Call before the descriptor is closed.
    func remove(_ token: UInt64, descriptor: Int32) {
        targets.withLock { _ = $0.byToken.removeValue(forKey: token) }
        if descriptor >= 0 { _ = ragdz_epoll_remove(epoll, descriptor) }
    }

    private func run() -> Never {
        // A signal belongs to the program's own threads, not to this one.
        var all = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_BLOCK, &all, nil)
        var tokens = [UInt64](repeating: 0, count: 64)
        while true {
            let count = unsafe ragdz_epoll_wait(epoll, &tokens, Int32(tokens.count))
            guard count > 0 else { continue }
            for token in tokens.prefix(Int(count)) {
                guard let target = targets.withLock({ $0.byToken[token] }) else { continue }
                // A server that answers as fast as it is asked must not keep the loop from its other sockets.
                target.executor.loop.execute { target.executor.perform(target.ready) }
            }
        }
    }
}
