import Bridge
import Foundation
import Logging
import NIOCore
import NIOPosix
import RPC
import Synchronization

/// A bridge on a free port of the loopback, and curl to talk to it.
enum BridgeUnderTest {
    struct Answer {
        var status = 0
        var headers: [String: String] = [:]
        var body = ""
    }

    /// Runs `body` against a bridge over `router` and stops the bridge afterwards.
    static func run(
        _ router: Router, configuration: Bridge.Configuration? = nil, isReady: Bool = true,
        _ body: @escaping @Sendable (Client) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var configuration = configuration ?? Bridge.Configuration()
        configuration.port = 0
        let bridge = Bridge(
            configuration: configuration, router: router, group: group, logger: Logger(label: "test"),
            readiness: { [.init(part: "database", isReady: isReady)] })
        let (addresses, continuation) = AsyncStream<Int>.makeStream()
        let serving = Task {
            do { try await bridge.run { continuation.yield($0?.port ?? 0) } } catch is CancellationError {}
        }
        var iterator = addresses.makeAsyncIterator()
        let port = await iterator.next() ?? 0
        do {
            try await body(Client(port: port))
        } catch {
            serving.cancel()
            throw error
        }
        serving.cancel()
        try await serving.value
        try await group.shutdownGracefully()
    }

    struct Client: Sendable {
        let port: Int
        var base: String { "http://127.0.0.1:\(port)" }

        /// One request by curl; a status of 0 means that no answer came.
        func curl(_ arguments: String..., path: String) async throws -> Answer {
            try await run(arguments + [base + path]) { _ in false }
        }

        /// A request whose client leaves as soon as it has read `text` so many times.
        func curl(until text: String, count: Int, path: String) async throws -> Answer {
            try await run([base + path]) { $0.components(separatedBy: text).count > count }
        }

        private func run(
            _ arguments: [String], until hasEnough: @escaping @Sendable (String) -> Bool
        ) async throws -> Answer {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
            process.arguments = ["-sS", "-i", "-N", "--max-time", "300", "--raw"] + arguments
            let output = Pipe()
            process.standardOutput = output
            process.standardError = FileHandle.nullDevice
            try process.run()
            let data = await withCheckedContinuation { continuation in
                DispatchQueue.global().async {
                    var data = Data()
                    while case let more = output.fileHandleForReading.availableData, !more.isEmpty {
                        data += more
                        if hasEnough(String(decoding: data, as: UTF8.self)) { process.terminate() }
                    }
                    process.waitUntilExit()
                    continuation.resume(returning: data)
                }
            }
            return Self.parse(String(decoding: data, as: UTF8.self))
        }

        private static func parse(_ text: String) -> Answer {
            var answer = Answer()
            var rest = text[...]
            while rest.hasPrefix("HTTP/1.1 ") {
                answer.status = Int(rest.dropFirst(9).prefix(3)) ?? 0
                guard let end = rest.range(of: "\r\n\r\n") else { break }
                answer.headers = [:]
                for line in rest[..<end.lowerBound].components(separatedBy: "\r\n").dropFirst() {
                    guard let colon = line.firstIndex(of: ":") else { continue }
                    let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
                    answer.headers[line[..<colon].lowercased()] = value
                }
                rest = rest[end.upperBound...]
            }
            answer.body = String(rest)
            return answer
        }
    }
}
