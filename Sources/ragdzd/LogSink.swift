internal import Dispatch
internal import Glibc
internal import Synchronization

/// Takes log lines and writes them to a descriptor from a queue of its own.
///
/// Whoever logs is on an event loop, and a pipe whose reader is slow must not stop it: a line is put into a buffer, and
/// what has gathered is written at once. Beyond `maximumBacklog` lines are dropped and counted; the count is written as
/// soon as there is room again.
final class LogSink: Sendable {
    static let standardError = LogSink(descriptor: STDERR_FILENO)

    /// How many bytes may wait for a slow reader: 4 MiB.
    static let maximumBacklog = 4 << 20

    private struct State {
        var pending: [UInt8] = []
        var dropped = 0
        var isScheduled = false
    }

    private let descriptor: Int32
    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "ragdz.log")

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Adds a line, with its line feed.
    func append(_ line: [UInt8]) {
        let mustSchedule = state.withLock { state in
            guard state.pending.count + line.count <= Self.maximumBacklog else {
                state.dropped += 1
                return false
            }
            state.pending += line
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if mustSchedule { queue.async { self.drain() } }
    }

    /// Returns when everything that was added before is written.
    func flush() { queue.sync { drain() } }

    private func drain() {
        while true {
            let batch = state.withLock { state in
                defer { state.pending = [] }
                if state.dropped > 0 {
                    state.pending +=
                        "{\"level\":\"warning\",\"message\":\"log lines dropped: \(state.dropped)\"}\n".utf8
                    state.dropped = 0
                }
                if state.pending.isEmpty { state.isScheduled = false }
                return state.pending
            }
            if batch.isEmpty { return }
            write(batch)
        }
    }

    private func write(_ bytes: [UInt8]) {
        var start = 0
        while start < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress?.advanced(by: start), bytes.count - start)
            }
            if count < 0 {
                if errno == EINTR { continue }
                // Nobody reads any more: there is nowhere to tell it.
                return
            }
            start += count
        }
    }
}
