import Foundation
import Glibc
import Synchronization

/// An HTTP/1.1 server on a free port of the loopback that answers what the test tells it to: a model server that is
/// slow, wrong, hostile or well. It listens until `stop()` or the end of the process, whoever still holds it.
public final class FakeModelServer: Sendable {
    public struct Request: Sendable {
        public let path: String
        public let headers: [String: String]
        public let body: [UInt8]

        /// The texts of an embedding request.
        public var input: [String] {
            let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
            return object?["input"] as? [String] ?? []
        }
    }

    public struct Reply: Sendable {
        public var status = 200
        public var contentType = "application/json"
        /// Written one by one.
        public var pieces: [String]
        /// Milliseconds before the first byte and between pieces.
        public var delayMilliseconds = 0
        /// Close in the middle instead of ending well.
        public var breakOff = false
        /// Written as they are instead of all the above, a status line or not; then the connection ends.
        public var raw: [[UInt8]]?
        /// How often the last raw piece is written again, unless the client leaves before.
        public var repeats = 0

        public init(_ pieces: String..., status: Int = 200) {
            self.pieces = pieces
            self.status = status
        }

        /// A streamed chat answer, one event a piece of text.
        public static func chat(_ texts: [String]) -> Reply {
            var reply = Reply()
            reply.contentType = "text/event-stream"
            reply.pieces = texts.map { text in
                let object: [String: Any] = ["choices": [["delta": ["content": text]]]]
                let data = (try? JSONSerialization.data(withJSONObject: object)) ?? Data()
                return "data: \(String(decoding: data, as: UTF8.self))\n\n"
            }
            reply.pieces.append(
                "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7}}\n\ndata: [DONE]\n\n")
            return reply
        }

        /// Vectors as a well-behaved server sends them.
        public static func embeddings(_ vectors: [[Float]]) -> Reply {
            let items = vectors.enumerated().map { index, vector in
                "{\"index\":\(index),\"embedding\":[\(vector.map(\.description).joined(separator: ","))]}"
            }
            return Reply("{\"data\":[\(items.joined(separator: ","))]}")
        }
    }

    public let port: Int
    private let listener: Int32
    private let handler: Mutex<@Sendable (Request) -> Reply>
    private let count = Mutex(0)
    private let stopped = Mutex(false)

    public var url: String { "http://127.0.0.1:\(port)/v1" }
    private let answering = Mutex(0)
    /// Replies that are being written: one whose reader has left counts no more once the next piece finds it gone.
    public var openReplies: Int { answering.withLock { $0 } }
    /// How many requests arrived.
    public var requestCount: Int { count.withLock { $0 } }

    public init(_ handler: @escaping @Sendable (Request) -> Reply) throws {
        self.handler = Mutex(handler)
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(listener, raw, length) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, raw, &length) == 0
            }
        }
        guard bound else { throw POSIXError(.EADDRNOTAVAIL) }
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                Thread.detachNewThread { [self] in serve(connection) }
            }
        }
    }

    /// From now on nobody listens: connections are refused.
    public func stop() {
        // Once: the number may belong to somebody else's connection afterwards.
        let first = stopped.withLock { stopped in
            defer { stopped = true }
            return !stopped
        }
        guard first else { return }
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    public func setHandler(_ handler: @escaping @Sendable (Request) -> Reply) {
        self.handler.withLock { $0 = handler }
    }

    private func serve(_ connection: Int32) {
        defer { close(connection) }
        while let request = read(from: connection) {
            count.withLock { $0 += 1 }
            let reply = handler.withLock { $0 }(request)
            answering.withLock { $0 += 1 }
            let isWhole = write(reply, to: connection)
            answering.withLock { $0 -= 1 }
            guard isWhole else { return }
        }
    }

    private func read(from connection: Int32) -> Request? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let split = Data(bytes).range(of: Data(end)) {
                let head = String(decoding: bytes[..<split.lowerBound], as: UTF8.self)
                    .components(separatedBy: "\r\n")
                var headers: [String: String] = [:]
                for line in head.dropFirst() {
                    guard let colon = line.firstIndex(of: ":") else { continue }
                    headers[line[..<colon].lowercased()] = line[line.index(after: colon)...]
                        .trimmingCharacters(in: .whitespaces)
                }
                let length = headers["content-length"].flatMap(Int.init) ?? 0
                if bytes.count >= split.upperBound + length {
                    let path = head.first?.split(separator: " ").dropFirst().first.map(String.init) ?? ""
                    return Request(
                        path: path, headers: headers,
                        body: Array(bytes[split.upperBound..<(split.upperBound + length)]))
                }
            }
            let read = recv(connection, &buffer, buffer.count, 0)
            guard read > 0 else { return nil }
            bytes.append(contentsOf: buffer[..<read])
        }
    }

    private func write(_ reply: Reply, to connection: Int32) -> Bool {
        pause(reply.delayMilliseconds)
        if let raw = reply.raw {
            for piece in raw { guard send(piece, to: connection) else { return false } }
            for _ in 0..<reply.repeats { guard send(raw.last ?? [], to: connection) else { return false } }
            return false
        }
        let length = reply.pieces.map(\.utf8.count).reduce(0, +)
        var head = "HTTP/1.1 \(reply.status) Status\r\nContent-Type: \(reply.contentType)\r\n"
        head += "Content-Length: \(reply.breakOff ? length + 100 : length)\r\n\r\n"
        guard send(head, to: connection) else { return false }
        for (index, piece) in reply.pieces.enumerated() {
            if index > 0 { pause(reply.delayMilliseconds) }
            guard send(piece, to: connection) else { return false }
        }
        return !reply.breakOff
    }

    private func pause(_ milliseconds: Int) {
        if milliseconds > 0 { usleep(UInt32(milliseconds) * 1_000) }
    }

    private func send(_ text: String, to connection: Int32) -> Bool { send(Array(text.utf8), to: connection) }

    private func send(_ bytes: [UInt8], to connection: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes { Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard sent > 0 else { return false }
            rest = rest.dropFirst(sent)
        }
        return true
    }
}
