internal import Bytes
internal import Glibc
public import Logging

/// Listens to the channel on which the database announces changes, and tells how far everything has been heard.
///
/// Each half second a beat is sent over the connection that listens. Announcements arrive in the order of their
/// commits, so when the beat comes back everything that was committed before it was sent has been heard. A channel that
/// loses what is announced, for whatever reason, loses the beats too: caches that end `staleness` after the last beat
/// (see `AnnouncedLimits`) are never older than that.
public struct AnnouncedChannel: Sendable {
    public enum Limits {
        /// How often a beat is sent.
        public static let beat: Duration = .milliseconds(500)
        /// How long to wait before listening is tried again.
        public static let retry: Duration = .milliseconds(200)
    }

    public enum Event: Sendable, Hashable {
        case announced(String)
        /// Everything that was announced before this moment (monotonic, in microseconds) has been heard.
        case heardAll(beforeMicros: Int64)
        /// Announcements may have been lost.
        case lost
    }

    private let name: String
    private let database: Database
    private let logger: Logger
    /// Which beats are ours: other processes send theirs on the same channel.
    private let prefix = "beat:\(UUID128.v4()):"

    public init(_ name: String, of database: Database, logger: Logger) {
        self.name = name
        self.database = database
        self.logger = logger
    }

    /// Until the task is cancelled. `receive` is called in the order of the events, one at a time, and must not block.
    public func run(_ receive: @Sendable (Event) -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    beat()
                    try? await Task.sleep(for: Limits.beat)
                }
            }
            await listen(receive)
            group.cancelAll()
        }
    }

    /// Monotonic, in microseconds.
    public static func nowMicros() -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    private func beat() { database.echo("\(prefix)\(Self.nowMicros())", on: name) }

    private func listen(_ receive: @Sendable (Event) -> Void) async {
        while !Task.isCancelled {
            do {
                let notifications = try await database.listen(name)
                begin(receive)
                for await notification in notifications { translate(notification, receive) }
            } catch {
                logger.warning("cannot listen", metadata: ["channel": "\(name)", "error": "\(error)"])
            }
            receive(.lost)
            try? await Task.sleep(for: Limits.retry)
        }
    }

    private func translate(_ notification: Notification, _ receive: @Sendable (Event) -> Void) {
        switch notification {
        case .payload(let text) where text.hasPrefix("beat:"):
            guard text.hasPrefix(prefix), let moment = Int64(text.dropFirst(prefix.count)) else { return }
            receive(.heardAll(beforeMicros: moment))
        case .payload(let text): receive(.announced(text))
        case .connectionLost: receive(.lost)
        case .connectionRestored: begin(receive)
        }
    }

    /// What was looked up before this moment may have changed without a word.
    private func begin(_ receive: @Sendable (Event) -> Void) {
        receive(.lost)
        beat()
    }
}
