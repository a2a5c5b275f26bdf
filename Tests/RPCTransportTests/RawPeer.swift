import Glibc
import HTTP2

/// A peer that may do whatever a well-behaved client would not: a blocking socket and an HTTP/2 session to write
/// and read frames with, when the test wants that.
final class RawPeer {
    struct Failure: Error { let text: String }

    private let descriptor: Int32
    let session: HTTP2Session
    /// What the server answered on the one stream that these tests use.
    var headers: [String: String] = [:]
    var body: [UInt8] = []
    var goAway: UInt32?
    var resets: [UInt32] = []

    init(port: Int) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Failure(text: "connect: \(errno)") }
        // What a test has sent is at the server, whatever the peer has acknowledged.
        var noDelay: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &noDelay, socklen_t(MemoryLayout<Int32>.size))
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        session = try HTTP2Session(.client) { 0 }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let size = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard size > 0 else { return }
            rest = rest.dropFirst(size)
        }
    }

    /// Writes what the session has to say.
    func flush() throws {
        var space = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let size = try space.withUnsafeMutableBytes { try session.pull(into: $0) }
            if size == 0 { return }
            send(Array(space[..<size]))
        }
    }

    /// Opens a stream to `path` with this body; without `ends` the request stays open.
    func post(
        _ path: String, _ body: [UInt8], contentType: String = "application/grpc", method: String = "POST",
        headers extra: KeyValuePairs<String, String> = [:], ends: Bool = true
    ) throws -> HTTP2Stream {
        var headers = HeaderList([
            ":method": method, ":scheme": "http", ":path": path, ":authority": "x", "content-type": contentType,
        ])
        for (name, value) in extra { headers.add(name, value) }
        let stream = HTTP2Stream()
        try session.submitRequest(stream, headers)
        if !body.isEmpty { stream.extendOutput(by: body.count).copyBytes(from: body) }
        if ends { session.finish(stream) }
        try flush()
        return stream
    }

    /// Reads until `isDone` or the server closes; false when it stays silent for five seconds.
    @discardableResult
    func read(answering: Bool = true, until isDone: () -> Bool) throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while !isDone() {
            let size = recv(descriptor, &buffer, buffer.count, 0)
            // A server that hangs up with our bytes unread resets the connection: that is hanging up too.
            if size == 0 || (size < 0 && errno == ECONNRESET) { return true }
            guard size > 0 else { return false }
            try buffer[..<size].withUnsafeBytes { bytes in
                try session.receive(bytes)
                for event in session.events { note(event) }
                session.clearEvents()
            }
            if answering { try flush() }
        }
        return true
    }

    private func note(_ event: HTTP2Event) {
        switch event.kind {
        case .headers, .trailers:
            session.forEachHeader(of: event) {
                headers[String(decoding: $0, as: UTF8.self)] = String(decoding: $1, as: UTF8.self)
            }
        case .data:
            body += Array(event.bytes)
            session.consumeConnection(event.bytes.count)
            session.consume(event.streamID, event.bytes.count)
        case .goAway: goAway = event.code
        case .closed: resets.append(event.code)
        default: break
        }
    }

    /// A call from first byte to last.
    static func call(
        _ port: Int, _ path: String, _ body: [UInt8], contentType: String = "application/grpc",
        method: String = "POST", headers: KeyValuePairs<String, String> = [:]
    ) throws -> RawPeer {
        let peer = try RawPeer(port: port)
        _ = try peer.post(path, body, contentType: contentType, method: method, headers: headers)
        try peer.read { !peer.resets.isEmpty }
        return peer
    }
}

/// A gRPC frame.
func frame(_ payload: [UInt8], flags: UInt8 = 0) -> [UInt8] {
    let size = UInt32(payload.count)
    return [flags] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: size >> $0) } + payload
}
