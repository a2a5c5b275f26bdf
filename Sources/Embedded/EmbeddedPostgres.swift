import Foundation
public import Logging
import Synchronization

/// A private PostgreSQL in a data folder, over a Unix socket that only we and the user it runs as can reach.
///
/// It ends with us, however we end: a small shell waits beside it for the end of a pipe that we hold, and then shuts
/// the server down. A start waits for what a killed predecessor left behind to end; PostgreSQL recovers by itself.
public final class EmbeddedPostgres: Sendable {
    public struct Configuration: Sendable {
        /// Everything is stored below `postgres` in it.
        public var dataFolder: String
        public var runtime: Runtime
        /// False trades safety against a power cut for speed: for tests only.
        public var durable: Bool
        /// Memory for the server's page cache, in megabytes; nil: a sixteenth of the machine's, 128 at least and 1,024
        /// at most.
        public var sharedMemory: Int?
        public var maximumConnections: Int

        /// Durable, 100 connections.
        public init(
            dataFolder: String, runtime: Runtime = Runtime(), durable: Bool = true, sharedMemory: Int? = nil,
            maximumConnections: Int = 100
        ) {
            self.dataFolder = dataFolder
            self.runtime = runtime
            self.durable = durable
            self.sharedMemory = sharedMemory
            self.maximumConnections = maximumConnections
        }
    }

    private enum Limits {
        /// Recovery after a kill may read all that was written since the last checkpoint.
        static let start = Duration.seconds(60)
        static let stop = Duration.seconds(20)
        /// How long a predecessor may take to end by itself before it is told to.
        static let predecessor = Duration.seconds(5)
        /// How long a start that fails at once is tried again.
        static let retry = Duration.seconds(5)
        static let restartPause = Duration.milliseconds(200)
        /// `sockaddr_un` holds this many bytes, with the zero at the end.
        static let socketPath = 107
        /// The log is started afresh when it is longer than this.
        static let logBytes = 16 * 1024 * 1024
    }

    public static let databaseName = "ragdz"
    /// The folder of the socket: the `host` of a connection string.
    public let socketFolder: String
    let configuration: Configuration
    let logger: Logger
    let layout: Layout
    let user: UnprivilegedUser
    let programs: String
    private let lock: Int32
    private let state: Mutex<State>

    private struct State {
        var child: ChildProcess?
        var stopping = false
    }

    struct Layout: Sendable {
        let folder: String
        var cluster: String { folder + "/cluster" }
        var log: String { folder + "/server.log" }
        var pidFile: String { cluster + "/postmaster.pid" }
    }

    /// Starts the server, and makes its files when the folder is new. Returns when it accepts connections.
    public static func start(_ configuration: Configuration, logger: Logger) async throws -> EmbeddedPostgres {
        let server = try EmbeddedPostgres(configuration, logger: logger)
        try await server.prepare()
        try await server.launch()
        return server
    }

    /// A connection string for the superuser, who creates and migrates.
    public var ownerURL: String { url(user: "postgres") }
    /// A connection string for the role that serves.
    public var appURL: String { url(user: "ragdz_app") }

    public func url(user: String, database: String = databaseName) -> String {
        "host='\(socketFolder)' user='\(user)' dbname='\(database)'"
    }

    /// The main process of the server, for tests that kill it.
    public var processID: Int32? { postmaster() }

    private init(_ configuration: Configuration, logger: Logger) throws {
        self.configuration = configuration
        self.logger = logger
        user = try UnprivilegedUser.current()
        programs = try configuration.runtime.postgresPrograms()
        layout = Layout(folder: configuration.dataFolder + "/postgres")
        try user.makePrivateFolder(layout.folder)
        lock = open(layout.folder + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw EmbeddedError.system("cannot open \(layout.folder)/lock") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw EmbeddedError("another process uses the data folder \(configuration.dataFolder); stop it first")
        }
        let near = layout.folder + "/socket"
        if (near + "/.s.PGSQL.5432").utf8.count <= Limits.socketPath {
            socketFolder = near
        } else {
            // The path does not fit into a socket address: a short one, fixed by the long one, takes its place.
            socketFolder = "/tmp/ragdz-\(user.uid)-\(String(Self.fingerprint(layout.folder), radix: 36))/socket"
        }
        try user.makePrivateFolder(socketFolder)
        state = Mutex(State())
    }

    private static func fingerprint(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    // MARK: - Files

    private func prepare() async throws {
        try await endPredecessor()
        let files = FileManager.default
        // `initdb` writes this file last of all, so its absence means that nothing of value is there.
        let complete = layout.folder + "/complete"
        if files.fileExists(atPath: complete) { return }
        try? files.removeItem(atPath: layout.cluster)
        var arguments = [
            programs + "/initdb", "-D", layout.cluster, "-U", "postgres", "--auth=trust", "--encoding=UTF8",
            "--locale=C.UTF-8", "--set", "timezone=UTC", "--set", "lc_messages=C",
        ]
        if !configuration.durable { arguments.append("--no-sync") }
        try await run(arguments, what: "initdb")
        let create = "echo 'create database \(Self.databaseName)' | \"$0\" --single -D \"$1\" postgres >/dev/null"
        try await run(["/bin/sh", "-c", create, programs + "/postgres", layout.cluster], what: "create database")
        guard files.createFile(atPath: complete, contents: nil) else {
            throw EmbeddedError.system("cannot write \(complete)")
        }
    }

    private func run(_ arguments: [String], what: String) async throws {
        let log = try openLog()
        defer { close(log) }
        let child = try ChildProcess(user.prefix + arguments, environment: environment, output: log)
        guard await child.waitUntilExit() == 0 else {
            throw EmbeddedError("\(what) failed; see \(layout.log): \(lastLogLine())")
        }
    }

    private var environment: [String: String] {
        ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"]
    }

    private func openLog() throws -> Int32 {
        var info = stat()
        let long = stat(layout.log, &info) == 0 && info.st_size > Limits.logBytes
        let log = open(layout.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (long ? O_TRUNC : 0), 0o600)
        guard log >= 0 else { throw EmbeddedError.system("cannot open \(layout.log)") }
        return log
    }

    private func lastLogLine() -> String {
        let text = (try? String(contentsOfFile: layout.log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").last.map(String.init) ?? "no output"
    }

    // MARK: - Running

    /// Starts the server beside a shell that outlives us for as long as it takes to shut the server down.
    private static let watcher = """
        exec 3<&0 0</dev/null
        "$@" 3<&- & server=$!
        (read -r line <&3; kill -INT $server) & reader=$!
        wait $server; status=$?
        kill $reader 2>/dev/null
        exit $status
        """

    private var settings: [String] {
        var settings = [
            "listen_addresses=", "unix_socket_directories=\(socketFolder)", "unix_socket_permissions=0700",
            "max_connections=\(configuration.maximumConnections)",
            "shared_buffers=\(configuration.sharedMemory ?? PageCache.usual)MB",
            // A search reads some thousand pages here and there, most of them in the system's cache: handing each read to a
            // process for reading costs more than the read.
            "io_method=sync",
            // Nobody replicates from an embedded server.
            "wal_level=minimal", "max_wal_senders=0", "max_wal_size=1GB", "checkpoint_timeout=15min",
            // Thousands of partitions of tenants may take part in one statement.
            "max_locks_per_transaction=256", "maintenance_work_mem=128MB", "random_page_cost=1.1",
            // Our statements are short: compiling them or sending them to helpers costs more than it saves.
            "jit=off", "max_parallel_workers_per_gather=0",
            "logging_collector=off", "log_min_duration_statement=1000", "log_line_prefix=%m [%p] ",
            "log_statement=none", "log_parameter_max_length=0", "log_parameter_max_length_on_error=0",
        ]
        if !configuration.durable {
            settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"]
        }
        return settings
    }

    private func launch() async throws {
        let clock = ContinuousClock()
        let began = clock.now
        while true {
            let child = try startChild()
            while child.isRunning, !isReady(), clock.now < began + Limits.start {
                try await Task.sleep(for: .milliseconds(10))
            }
            if child.isRunning, isReady() {
                Task.detached { [self] in await supervise(child) }
                return
            }
            await child.stop(grace: .zero)
            // Processes of a killed server may hold its shared memory for a moment, and then a new one refuses.
            guard clock.now < began + Limits.retry else {
                throw EmbeddedError("PostgreSQL did not come up; see \(layout.log): \(lastLogLine())")
            }
            try await Task.sleep(for: Limits.restartPause)
        }
    }

    private func startChild() throws -> ChildProcess {
        let log = try openLog()
        defer { close(log) }
        let server = [programs + "/postgres", "-D", layout.cluster] + settings.flatMap { ["-c", $0] }
        let child = try ChildProcess(
            user.prefix + ["/bin/sh", "-c", Self.watcher, "watcher"] + server, environment: environment, output: log)
        state.withLock { $0.child = child }
        return child
    }

    /// Starts the server again when it ends without being asked to.
    private func supervise(_ first: ChildProcess) async {
        var child = first
        while true {
            let status = await child.waitUntilExit()
            if state.withLock({ $0.stopping }) { return }
            logger.error(
                "PostgreSQL ended; starting it again", metadata: ["status": "\(status)", "log": "\(layout.log)"])
            try? await Task.sleep(for: Limits.restartPause)
            try? await endPredecessor()
            if state.withLock({ $0.stopping }) { return }
            guard let next = try? startChild() else { continue }
            child = next
        }
    }

    /// Shuts the server down: transactions under way are rolled back, everything committed is on disk.
    public func stop() async {
        let child = state.withLock { state in
            state.stopping = true
            return state.child
        }
        await child?.stop(grace: Limits.stop)
        flock(lock, LOCK_UN)
        close(lock)
    }

    /// Ends the server at once, as a power cut would, and does not start it again: for tests of recovery.
    public func killServer() {
        if let pid = postmaster() { kill(pid, SIGKILL) }
    }

    // MARK: - The server's own notes

    /// The lines of `postmaster.pid`: number, data folder, start time, port, socket folder, address, key, status.
    private func notes() -> [Substring] {
        guard let text = try? String(contentsOfFile: layout.pidFile, encoding: .utf8) else { return [] }
        return text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    private func isReady() -> Bool {
        let notes = notes()
        guard notes.count >= 8, notes[7].hasPrefix("ready"), let pid = postmaster() else { return false }
        // The status of a killed predecessor must not pass for that of the server which is starting.
        return kill(pid, 0) == 0 || errno == EPERM
    }

    /// The server's process, when there is one of ours.
    private func postmaster() -> pid_t? {
        guard let pid = notes().first.flatMap({ pid_t($0) }), pid > 1 else { return nil }
        // The number may belong to a stranger since a reboot.
        guard let command = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline"),
            String(decoding: command, as: UTF8.self).contains(layout.cluster)
        else { return nil }
        return pid
    }

    /// Waits for a server that a killed predecessor of ours left, and ends it when it does not end by itself.
    private func endPredecessor() async throws {
        let clock = ContinuousClock()
        let began = clock.now
        var told = 0
        while let pid = postmaster() {
            let waited = clock.now - began
            if waited > Limits.start { throw EmbeddedError("a PostgreSQL of before (process \(pid)) does not end") }
            if told == 0, waited > Limits.predecessor { kill(pid, SIGINT) }
            if told <= 1, waited > Limits.predecessor * 2 { kill(pid, SIGQUIT) }
            if told == 0, waited > Limits.predecessor { told = 1 }
            if told == 1, waited > Limits.predecessor * 2 { told = 2 }
            try await Task.sleep(for: .milliseconds(10))
        }
        disownStranger()
    }

    /// No process on Linux has this number: it is one more than the largest (PID_MAX_LIMIT).
    private static let nobody: pid_t = 4_194_305

    /// When the notes name a process of our own user that is no PostgreSQL on this folder, its number was given out
    /// again, and PostgreSQL would refuse to start beside it for ever. The notes then get a number that nobody has; the
    /// rest stays, by which PostgreSQL looks for children of the dead server that still use its memory.
    private func disownStranger() {
        var lines = notes()
        guard let pid = lines.first.flatMap({ pid_t($0) }), pid > 1,
            let command = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline"),
            !String(decoding: command, as: UTF8.self).contains(layout.cluster)
        else { return }
        lines[0] = "\(Self.nobody)"
        try? lines.joined(separator: "\n").write(toFile: layout.pidFile, atomically: false, encoding: .utf8)
    }
}
