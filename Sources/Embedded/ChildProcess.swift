import Foundation
import Synchronization

/// A child process that ends when we do: it holds the reading end of a pipe whose other end only we have.
///
/// The kernel closes our end even when we are killed, so the child sees the end of its standard input in every case.
final class ChildProcess: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let pid: pid_t
    private let lifeline: Int32
    private let state = Mutex(State())

    private struct State {
        var lifelineOpen = true
        var status: Int32?
        var waiting: [CheckedContinuation<Int32, Never>] = []
    }

    /// Starts a program. Standard output and error go to `output`, a descriptor that stays the caller's.
    init(_ arguments: [String], environment: [String: String], output: Int32) throws {
        var ends: [Int32] = [0, 0]
        guard privatePipe(&ends) else { throw Failure(description: "no pipe: \(String(cString: strerror(errno)))") }
        defer { close(ends[0]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        // The child has signals as usual and a process group of its own: Ctrl-C in a terminal is for us to act on.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        let argv = arguments.map { strdup($0) } + [nil]
        let envp = environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var pid: pid_t = 0
        let result = posix_spawnp(&pid, arguments[0], &actions, &attributes, argv, envp)
        guard result == 0 else {
            close(ends[1])
            throw Failure(description: "\(arguments[0]) cannot be started: \(String(cString: strerror(result)))")
        }
        self.pid = pid
        lifeline = ends[1]
        // A thread of its own, since waiting blocks for as long as the child lives.
        Thread.detachNewThread { [self] in reap() }
    }

    private func reap() {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let ended = status
        let waiting = state.withLock { state in
            state.status = ended
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: ended) }
        closeLifeline()
    }

    var isRunning: Bool { state.withLock { $0.status == nil } }

    /// The child sees the end of its standard input, which asks it to end.
    func closeLifeline() {
        let wasOpen = state.withLock { state in
            defer { state.lifelineOpen = false }
            return state.lifelineOpen
        }
        if wasOpen { close(lifeline) }
    }

    /// No effect on a child that has ended: its number may belong to another process by now.
    func signal(_ number: Int32) {
        state.withLock { state in if state.status == nil { kill(pid, number) } }
    }

    /// The status as `waitpid` reports it.
    @discardableResult
    func waitUntilExit() async -> Int32 {
        await withCheckedContinuation { continuation in
            let ended: Int32? = state.withLock { state in
                if state.status == nil { state.waiting.append(continuation) }
                return state.status
            }
            if let ended { continuation.resume(returning: ended) }
        }
    }

    /// Asks the child to end and waits; after `grace` it is killed.
    func stop(grace: Duration) async {
        closeLifeline()
        let clock = ContinuousClock()
        let limit = clock.now + grace
        while isRunning, clock.now < limit { try? await Task.sleep(for: .milliseconds(10)) }
        signal(SIGKILL)
        await waitUntilExit()
    }
}

/// Two connected descriptors that no other child inherits, not even one that is started this very moment.
func privatePipe(_ ends: inout [Int32]) -> Bool {
    socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0
}
