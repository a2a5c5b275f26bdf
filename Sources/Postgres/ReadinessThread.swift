internal import Glibc
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
        let loop: any EventLoop
        /// Runs on the loop.
        let ready: @Sendable () -> Void
    }

    private struct Targets: Sendable {
        var next: UInt64 = 1
        var byToken: [UInt64: Target] = [:]
    }

    private let epoll: Int32
    private let targets = Mutex(Targets())

    private init() {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC.rawValue))
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
        var interest = EPOLLONESHOT.rawValue
        if read { interest |= EPOLLIN.rawValue | EPOLLRDHUP.rawValue }
        if write { interest |= EPOLLOUT.rawValue }
        var event = epoll_event(events: interest, data: epoll_data_t(u64: token))
        // A descriptor that libpq closed has left the queue by itself, and its number may have come back since.
        if unsafe epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event) == 0 { return true }
        return errno == ENOENT && unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0
    }

    /// Forgets the target. An event that is on its way already reaches nobody. Call before the descriptor is closed.
    func remove(_ token: UInt64, descriptor: Int32) {
        targets.withLock { _ = $0.byToken.removeValue(forKey: token) }
        if descriptor >= 0 {
            var event = epoll_event()
            _ = unsafe epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event)
        }
    }

    private func run() -> Never {
        // A signal belongs to the program's own threads, not to this one.
        var all = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_BLOCK, &all, nil)
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while true {
            let count = unsafe epoll_wait(epoll, &events, Int32(events.count), -1)
            guard count > 0 else { continue }
            for event in events.prefix(Int(count)) {
                let token = unsafe event.data.u64
                guard let target = targets.withLock({ $0.byToken[token] }) else { continue }
                target.loop.execute(target.ready)
            }
        }
    }
}
