import HTTP2
import NIOCore
import ProtoRuntime
import RPC
import Testing

@testable import RPCTransport

/// Each: a typed answer, and the server goes on serving.
@Suite(.serialized) struct HostileInputTests {
    static let path = "/test.Echo/Unary"
    static let good = frame(Text("a").wireBytes())

    /// Runs against a fresh server and then makes an honest call.
    private func hostile(
        configure: (inout RPCServer.Configuration) -> Void = { _ in }, _ body: (TestServer) async throws -> Void
    ) async throws {
        // Whoever is hung up on is so for what he sent, not because some default ran out.
        try await TestServer.run(configure: {
            $0.handshakeTimeout = .hours(1)
            configure(&$0)
        }) { test in
            try await body(test)
            let answer = try await test.unary("still here")
            #expect(answer == "still here")
        }
    }

    @Test func honestRawCall() async throws {
        try await hostile { test in
            let peer = try RawPeer.call(test.port, Self.path, Self.good)
            #expect(peer.headers[":status"] == "200")
            #expect(peer.headers["content-type"] == "application/grpc+proto")
            #expect(peer.headers["grpc-status"] == "0")
            #expect(peer.body == Self.good)
        }
    }

    @Test func wrongHTTPIsAnsweredInHTTP() async throws {
        try await hostile { test in
            #expect(try RawPeer.call(test.port, Self.path, [], method: "GET").headers[":status"] == "405")
            for type in ["text/html", "application/grpc-web+proto", "application/grpcx", "application/grpc+json"] {
                let peer = try RawPeer.call(test.port, Self.path, Self.good, contentType: type)
                #expect(peer.headers[":status"] == "415", "\(type)")
            }
            let typed = try RawPeer.call(test.port, Self.path, Self.good, contentType: "application/grpc;charset=x")
            #expect(typed.headers["grpc-status"] == "0")
        }
    }

    @Test func oversizedMessageIsRefusedAtItsLength() async throws {
        try await hostile(configure: { $0.maximumMessageSize = 1000 }) { test in
            for path in [Self.path, "/test.Echo/Join", "/test.Echo/Chat"] {
                let peer = try RawPeer(port: test.port)
                // The length says 16 MiB; only the first bytes of it are sent.
                _ = try peer.post(path, [0, 1, 0, 0, 0, 1, 2, 3], ends: false)
                #expect(try peer.read { peer.headers["grpc-status"] != nil })
                #expect(peer.headers["grpc-status"] == "8", "\(path)")
            }
        }
    }

    @Test func compressedBombIsRefused() async throws {
        try await hostile(configure: { $0.maximumMessageSize = 100_000 }) { test in
            let bomb = [UInt8](repeating: 0, count: 50_000_000).withUnsafeBytes { Gzip.compress($0) } ?? []
            #expect(bomb.count < 100_000)
            let peer = try RawPeer.call(
                test.port, Self.path, frame(bomb, flags: 1), headers: ["grpc-encoding": "gzip"])
            #expect(peer.headers["grpc-status"] == "8")
            let rubbish = try RawPeer.call(
                test.port, Self.path, frame([1, 2, 3], flags: 1), headers: ["grpc-encoding": "gzip"])
            #expect(rubbish.headers["grpc-status"] == "3")
            let undeclared = try RawPeer.call(test.port, Self.path, frame([1, 2, 3], flags: 1))
            #expect(undeclared.headers["grpc-status"] == "13")
            let unknown = try RawPeer.call(test.port, Self.path, Self.good, headers: ["grpc-encoding": "br"])
            #expect(unknown.headers["grpc-status"] == "12")
        }
    }

    @Test func packedRequestsAndAnswersWork() async throws {
        try await hostile(configure: { $0.compressionThreshold = 100 }) { test in
            let message = Text(String(repeating: "x", count: 5000)).wireBytes()
            let packed = message.withUnsafeBytes { Gzip.compress($0) } ?? []
            let peer = try RawPeer.call(
                test.port, Self.path, frame(packed, flags: 1),
                headers: ["grpc-encoding": "gzip", "grpc-accept-encoding": "identity, gzip"])
            #expect(peer.headers["grpc-encoding"] == "gzip")
            #expect(peer.body.first == 1)
            let unpacked = try peer.body.dropFirst(5).withUnsafeBytes { try Gzip.decompress($0, limit: 10_000) }
            #expect(unpacked == message)
        }
    }

    @Test func brokenFramesAndMessages() async throws {
        try await hostile { test in
            let cases: [(body: [UInt8], status: String)] = [
                ([], "3"), ([0, 0], "13"), (Array(Self.good.dropLast()), "13"), (Self.good + Self.good, "3"),
                (frame([0xFF, 0xFF, 0xFF]), "3"), (frame([10, 2, 0xC3, 0x28]), "3"),
                ([0x40] + Self.good.dropFirst(), "13"),
            ]
            for (body, status) in cases {
                let peer = try RawPeer.call(test.port, Self.path, body)
                #expect(peer.headers["grpc-status"] == status, "\(body)")
            }
            let unknown = try RawPeer.call(test.port, "/test.Echo/Nothing", Self.good)
            #expect(unknown.headers["grpc-status"] == "12")
            let odd = try RawPeer.call(test.port, "/", Self.good)
            #expect(odd.headers["grpc-status"] == "12")
        }
    }

    @Test func damagedEnvelopesAreDataLoss() async throws {
        try await hostile { test in
            var body = [UInt8](repeating: 0, count: 17) + Text("abc").wireBytes()
            var writer = FrameWriter(.ragdz)
            body.withUnsafeMutableBytes { writer.seal($0) }
            for index in [6, 15, 20] {
                var damaged = body
                damaged[index] ^= 4
                let peer = try RawPeer.call(test.port, Self.path, damaged, contentType: Framing.ragdzContentType)
                let end = peer.body.dropFirst(17).withUnsafeBytes { StreamEnd(wire: $0) }
                #expect(end?.status.code == .dataLoss, "byte \(index)")
            }
        }
    }

    @Test func largeHeaderListIs431() async throws {
        try await hostile { test in
            let peer = try RawPeer(port: test.port)
            let value = String(repeating: "v", count: 3000)
            _ = try peer.post(
                Self.path, Self.good,
                headers: ["x-1": value, "x-2": value, "x-3": value, "x-4": value, "x-5": value, "x-6": value])
            #expect(try peer.read { !peer.headers.isEmpty })
            #expect(peer.headers[":status"] == "431")
            #expect(peer.headers["grpc-status"] == "8", "a gRPC client makes UNKNOWN of 431 alone")
        }
    }

    @Test func floodsEndTheConnectionAlone() async throws {
        try await hostile { test in
            let ping: [UInt8] = [0, 0, 8, 6, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 8)
            let peer = try RawPeer(port: test.port)
            try peer.flush()
            for _ in 0..<200 { peer.send(ping) }
            #expect(try peer.read { peer.goAway != nil })
            #expect(peer.goAway == HTTP2ErrorCode.enhanceYourCalm.rawValue)
        }
    }

    @Test func rubbishInsteadOfHTTP2() async throws {
        try await hostile { test in
            let peer = try RawPeer(port: test.port)
            peer.send(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            // The server hangs up (its SETTINGS may come first), and does not wait for a timeout.
            let hungUp = (try? peer.read { false }) ?? true
            #expect(hungUp)
        }
    }

    @Test func silentPeerIsHungUpOn() async throws {
        try await hostile(configure: { $0.handshakeTimeout = .milliseconds(100) }) { test in
            let peer = try RawPeer(port: test.port)
            #expect(try peer.read(answering: false) { false })
            #expect(peer.goAway == 0)
        }
    }

    @Test func slowRequestTimesOut() async throws {
        try await hostile(configure: {
            $0.requestTimeout = .milliseconds(100)
            $0.handshakeTimeout = .milliseconds(200)
        }) { test in
            let peer = try RawPeer(port: test.port)
            _ = try peer.post(Self.path, Array(Self.good.prefix(3)), ends: false)
            #expect(try peer.read { peer.headers["grpc-status"] != nil })
            #expect(peer.headers["grpc-status"] == "4")
        }
    }

    @Test func clientGoneInMidStreamFreesTheHandler() async throws {
        try await hostile { test in
            do {
                let peer = try RawPeer(port: test.port)
                _ = try peer.post("/test.Echo/Big", frame(Text("100000").wireBytes()))
                try peer.read { peer.body.count > 20_000 }
            }
            #expect(await test.journal.waits(for: "big stopped"))
        }
    }

    @Test func rawReaderThatNeverReadsBoundsTheProducer() async throws {
        try await hostile { test in
            let peer = try RawPeer(port: test.port)
            _ = try peer.post("/test.Echo/Big", frame(Text("100000").wireBytes()))
            try await Task.sleep(for: .milliseconds(300))
            // The raw peer's window of 256 KiB a stream, 64 KiB of buffer, and one message over.
            #expect(await test.journal.value("written") < 60)
        }
    }
}
