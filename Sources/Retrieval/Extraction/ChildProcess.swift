internal import Glibc
internal import Synchronization

/// What a child process may take.
struct ChildLimits: Sendable {
    /// Seconds of wall clock, then it is killed.
    var seconds = 60
    /// Seconds of CPU time.
    var cpuSeconds = 60
    /// Bytes of address space: 1 GiB.
    var memoryBytes = 1 << 30
    /// Bytes of its output; more ends it.
    var outputBytes = 96 << 20
}

/// How a child ended.
struct ChildResult: Sendable {
    enum End: Sendable, Equatable {
        case exited(Int32)
        case signalled(Int32)
        case timeout
        case outputTooLarge
        case cancelled
    }

    let end: End
    let output: Spool
    /// The first kilobytes of its standard error.
    let errors: [UInt8]
}

struct ChildLaunchError: Error {
    let code: Int32
}

/// Runs a program on a hostile file: bounded in time, memory and output, with nothing of our environment.
///
/// The work happens on a thread of its own, so that neither an event loop nor the pool for computations waits for it.
enum ChildProcess {
    /// `input` is the child's standard input: nothing, unless given.
    static func run(_ arguments: [String], input: Int32? = nil, limits: ChildLimits) async throws -> ChildResult {
        let cancelled = CancelFlag()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let work = ChildWork(
                    arguments: arguments, input: input, limits: limits, cancelled: cancelled, continuation)
                work.spawnThread()
            }
        } onCancel: {
            cancelled.set()
        }
    }
}

/// Read by the child's thread at each turn of its wait.
private final class CancelFlag: Sendable {
    private let flag = Atomic(false)
    func set() { flag.store(true, ordering: .relaxed) }
    var isSet: Bool { flag.load(ordering: .relaxed) }
}

private final class ChildWork: Sendable {
    private let arguments: [String]
    private let input: Int32?
    private let limits: ChildLimits
    private let cancelled: CancelFlag
    private let continuation: CheckedContinuation<ChildResult, any Error>

    init(
        arguments: [String], input: Int32?, limits: ChildLimits, cancelled: CancelFlag,
        _ continuation: CheckedContinuation<ChildResult, any Error>
    ) {
        self.arguments = arguments
        self.input = input
        self.limits = limits
        self.cancelled = cancelled
        self.continuation = continuation
    }

    /// The thread owns the work; the continuation is resumed exactly once, at its end.
    func spawnThread() {
        let reference = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let failed = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ChildWork>.fromOpaque(argument).takeRetainedValue().work()
                return nil
            }, reference.toOpaque())
        if failed != 0 {
            reference.release()
            continuation.resume(throwing: ChildLaunchError(code: failed))
        } else {
            pthread_detach(thread)
        }
    }

    private func work() {
        do { continuation.resume(returning: try runChild()) } catch { continuation.resume(throwing: error) }
    }

    private func runChild() throws -> ChildResult {
        let output = try Pipe()
        let errors = try Pipe()
        let child = try spawn(output: output, errors: errors)
        output.closeWriting()
        errors.closeWriting()
        var collector = Collector(limit: limits.outputBytes)
        let ended: ChildResult.End?
        do { ended = try collect(output: output, errors: errors, &collector) } catch {
            kill(-child, SIGKILL)
            var status: Int32 = 0
            while waitpid(child, &status, 0) < 0, errno == EINTR {}
            throw error
        }
        // The group, so that nothing that the program started lives on.
        if ended != nil { kill(-child, SIGKILL) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7F
        let end = ended ?? (signal == 0 ? .exited((status >> 8) & 0xFF) : .signalled(signal))
        return ChildResult(end: end, output: collector.output, errors: collector.errors)
    }

    /// Reads both pipes until they end, or until a limit is reached.
    private func collect(
        output: borrowing Pipe, errors: borrowing Pipe, _ collector: inout Collector
    ) throws -> ChildResult.End? {
        let deadline = Self.milliseconds() + limits.seconds * 1_000
        var open = [
            pollfd(fd: output.reading, events: Int16(POLLIN), revents: 0),
            pollfd(fd: errors.reading, events: Int16(POLLIN), revents: 0),
        ]
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while open.contains(where: { $0.fd >= 0 }) {
            if cancelled.isSet { return .cancelled }
            let left = deadline - Self.milliseconds()
            if left <= 0 { return .timeout }
            // Wakes often enough to notice a cancellation.
            if poll(&open, nfds_t(open.count), Int32(min(left, 50))) < 0, errno != EINTR { return .cancelled }
            for index in open.indices where open[index].fd >= 0 && open[index].revents != 0 {
                let count = read(open[index].fd, &buffer, buffer.count)
                if count > 0 {
                    guard try collector.take(buffer[..<count], errors: index == 1) else { return .outputTooLarge }
                } else if count == 0 || errno != EINTR {
                    open[index].fd = -1
                }
            }
        }
        return nil
    }

    private func spawn(output: borrowing Pipe, errors: borrowing Pipe) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, output.writing, 1)
        posix_spawn_file_actions_adddup2(&actions, errors.writing, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        // prlimit sets the bounds and then becomes the program.
        let words =
            ["prlimit", "--as=\(limits.memoryBytes)", "--cpu=\(limits.cpuSeconds)", "--core=0", "--nofile=64", "--"]
            + arguments
        var pointers: [UnsafeMutablePointer<CChar>?] = words.map { (word: String) in strdup(word) } + [nil]
        let settings = ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"]
        var environment: [UnsafeMutablePointer<CChar>?] = settings.map { (word: String) in strdup(word) } + [nil]
        defer { for pointer in pointers + environment { free(pointer) } }
        var child = pid_t()
        let failed = posix_spawnp(&child, "prlimit", &actions, &attributes, &pointers, &environment)
        guard failed == 0 else { throw ChildLaunchError(code: failed) }
        return child
    }

    private static func milliseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
    }
}

/// What the child wrote, up to the limits.
private struct Collector {
    private static let errorBytes = 4_096
    let limit: Int
    let output = Spool()
    var errors: [UInt8] = []

    init(limit: Int) { self.limit = limit }

    mutating func take(_ bytes: ArraySlice<UInt8>, errors isErrors: Bool) throws -> Bool {
        if isErrors {
            errors.append(contentsOf: bytes.prefix(max(0, Self.errorBytes - errors.count)))
            return true
        }
        guard output.count + bytes.count <= limit else { return false }
        try output.append(bytes)
        return true
    }
}

/// Two descriptors that close with their owner.
private struct Pipe: ~Copyable {
    let reading: Int32
    private(set) var writing: Int32

    init() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw ChildLaunchError(code: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        reading = ends[0]
        writing = ends[1]
    }

    func closeWriting() {
        close(writing)
    }

    deinit {
        close(reading)
    }
}
