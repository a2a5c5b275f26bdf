import Glibc
import HTTP2

/// A client that waits for its answers on a blocking socket, so that every run does the same.
final class BlockingPeer {
    private let descriptor: Int32
    private let session: HTTP2Session
    private var space = [UInt8](repeating: 0, count: 1 << 20)
    private var open = 0

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
        guard connected == 0 else { throw BenchFailure(text: "connect: \(errno)") }
        var limits = HTTP2Limits.defaults
        limits.streamWindow = 16 << 20
        limits.connectionWindow = 16 << 20
        session = try HTTP2Session(.client, limits: limits) { 0 }
    }

    deinit { close(descriptor) }

    /// Makes so many calls at once and returns when all have ended with status 0.
    func call(_ path: String, _ body: [UInt8], times: Int) throws {
        let headers = HeaderList([
            ":method": "POST", ":scheme": "http", ":path": path, ":authority": "bench",
            "content-type": "application/grpc", "te": "trailers",
        ])
        for _ in 0..<times {
            let stream = HTTP2Stream()
            try session.submitRequest(stream, headers)
            stream.extendOutput(by: body.count).copyBytes(from: body)
            session.finish(stream)
        }
        open = times
        while open > 0 {
            try flush()
            let size = recv(descriptor, &space, space.count, 0)
            guard size > 0 else { throw BenchFailure(text: "the server hung up") }
            try space.withUnsafeBytes { bytes in
                try session.receive(UnsafeRawBufferPointer(rebasing: bytes[..<size]))
                for event in session.events { try note(event) }
                session.clearEvents()
            }
        }
    }

    private func note(_ event: HTTP2Event) throws {
        switch event.kind {
        case .trailers:
            var status = ""
            session.forEachHeader(of: event) { name, value in
                if name.elementsEqual("grpc-status".utf8) { status = String(decoding: value, as: UTF8.self) }
            }
            guard status == "0" else { throw BenchFailure(text: "a call ended with status \(status)") }
        case .data:
            session.consumeConnection(event.bytes.count)
            session.consume(event.streamID, event.bytes.count)
        case .closed: open -= 1
        case .goAway: throw BenchFailure(text: "the server says goodbye: \(event.code)")
        default: break
        }
    }

    private func flush() throws {
        while true {
            let size = try space.withUnsafeMutableBytes { try session.pull(into: $0) }
            if size == 0 { return }
            var sent = 0
            while sent < size {
                let step = space.withUnsafeBytes {
                    send(descriptor, $0.baseAddress.map { $0 + sent }, size - sent, Int32(MSG_NOSIGNAL))
                }
                guard step > 0 else { throw BenchFailure(text: "send: \(errno)") }
                sent += step
            }
        }
    }
}
