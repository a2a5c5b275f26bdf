import Foundation
public import Logging
import Synchronization

/// The embedding model of the embedded default: a small server of ours in a child process, OpenAI-compatible, reachable
/// from this machine only. It is started again when it ends, on the same port, and it ends when we do.
public final class EmbeddingServer: Sendable {
    private enum Limits {
        /// Loading the model takes about a second on an idle machine.
        static let start = Duration.seconds(60)
        static let stop = Duration.seconds(3)
        static let firstPause = Duration.milliseconds(200)
        static let longestPause = Duration.seconds(10)
    }

    public static let model = "use-multilingual-v3"
    public static let dimensions = 512
    /// The same vectors cut short, for collections that are moved from one model to another by hand.
    public static let shortModel = "use-multilingual-v3-256"
    public static let shortDimensions = 256

    private let runtime: Runtime
    private let user: UnprivilegedUser
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var child: ChildProcess?
        var port = 0
        var ready = false
        var stopping = false
    }

    /// Starts the server. Returns when it can answer.
    public static func start(runtime: Runtime = Runtime(), logger: Logger) async throws -> EmbeddingServer {
        let server = try EmbeddingServer(runtime: runtime, logger: logger)
        let child = try await server.launch()
        Task.detached { await server.supervise(child) }
        return server
    }

    private init(runtime: Runtime, logger: Logger) throws {
        self.runtime = runtime
        self.logger = logger
        user = try UnprivilegedUser.current()
        guard FileManager.default.isExecutableFile(atPath: runtime.python),
            FileManager.default.fileExists(atPath: runtime.embeddingServer)
        else {
            throw EmbeddedError(
                "there is no embedding server in \(runtime.folder); run scripts/install-runtime.sh, or set "
                    + "RAGDZ_EMBEDDINGS_URL to use your own")
        }
    }

    /// The base of the OpenAI-compatible interface, such as `http://127.0.0.1:40123/v1`. It stays the same.
    public var url: String { "http://127.0.0.1:\(state.withLock { $0.port })/v1" }
    /// Whether the server answers now.
    public var isReady: Bool { state.withLock { $0.ready } }
    /// The child, for tests that kill it.
    public var processID: Int32? { state.withLock { $0.child?.pid } }

    private func launch() async throws -> ChildProcess {
        var ends: [Int32] = [0, 0]
        guard privatePipe(&ends) else { throw EmbeddedError.system("no pipe") }
        let port = state.withLock { $0.port }
        let arguments = [runtime.python, "-u", runtime.embeddingServer, "--port", "\(port)"]
        let environment = [
            "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "2", "HOME": "/nonexistent",
        ]
        let child: ChildProcess
        do {
            defer { close(ends[1]) }
            child = try ChildProcess(user.prefix + arguments, environment: environment, output: ends[1])
        } catch {
            close(ends[0])
            throw error
        }
        state.withLock { $0.child = child }
        let output = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true)
        guard let answered = await Self.firstLine(of: output, matching: #/"port": (\d+)/#, limit: Limits.start) else {
            await child.stop(grace: .zero)
            throw EmbeddedError("the embedding server did not come up (\(runtime.embeddingServer))")
        }
        state.withLock { state in
            state.port = answered
            state.ready = true
        }
        // What it writes later must not fill the pipe and stop it.
        Thread.detachNewThread { while !output.availableData.isEmpty {} }
        return child
    }

    /// The number in the first line that matches, or nil when the output ends or the time is over before.
    private static func firstLine(
        of output: FileHandle, matching pattern: Regex<(Substring, Substring)>, limit: Duration
    ) async -> Int? {
        let clock = ContinuousClock()
        let end = clock.now + limit
        let descriptor = output.fileDescriptor
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        defer { _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK) }
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 4096)
        while clock.now < end {
            let count = read(descriptor, &buffer, buffer.count)
            if count == 0 { return nil }
            if count > 0 { text += String(decoding: buffer.prefix(count), as: UTF8.self) }
            if let match = text.firstMatch(of: pattern), text.contains("}") { return Int(match.1) }
            if count < 0 { try? await Task.sleep(for: .milliseconds(20)) }
        }
        return nil
    }

    private func supervise(_ first: ChildProcess) async {
        var child = first
        var pause = Limits.firstPause
        while true {
            let status = await child.waitUntilExit()
            state.withLock { $0.ready = false }
            logger.error("the embedding server ended", metadata: ["status": "\(status)"])
            while true {
                if state.withLock({ $0.stopping }) { return }
                try? await Task.sleep(for: pause)
                if state.withLock({ $0.stopping }) { return }
                guard let next = try? await launch() else {
                    pause = min(pause * 2, Limits.longestPause)
                    continue
                }
                child = next
                pause = Limits.firstPause
                break
            }
        }
    }

    public func stop() async {
        let child = state.withLock { state in
            state.stopping = true
            state.ready = false
            return state.child
        }
        await child?.stop(grace: Limits.stop)
    }
}
