import HTTP2
import NIOCore
import ProtoRuntime
import RPC
import Testing

@testable import RPCTransport

/// Limits that only a socket shows; the attacks of Tests/Foreign/http2 walk the others.
@Suite(.serialized) struct ConnectionLimitTests {
    static let path = "/test.Echo/Unary"
    static let good = frame(Text("a").wireBytes())

    /// It once was kept without a bound: the method takes one request, and the stream's end never came.
    @Test func aSingleRequestThatGoesOnIsRefused() async throws {
        try await TestServer.run { test in
            let peer = try RawPeer(port: test.port)
            let more = [UInt8](repeating: 0, count: LargeRequests.tail + 1)
            _ = try peer.post(Self.path, Self.good + more, ends: false)
            #expect(try peer.read { peer.headers["grpc-status"] != nil })
            #expect(peer.headers["grpc-status"] == "3")
            #expect(try await test.unary("others go on") == "others go on")
        }
    }

    /// A message alone must not be refused for what it waits for: its end may come late.
    @Test func aSingleRequestMayEndLate() async throws {
        try await TestServer.run { test in
            let peer = try RawPeer(port: test.port)
            let stream = try peer.post(Self.path, Self.good, ends: false)
            peer.session.ping()
            try peer.flush()
            peer.session.finish(stream)
            try peer.flush()
            #expect(try peer.read { peer.headers["grpc-status"] != nil })
            #expect(peer.headers["grpc-status"] == "0")
        }
    }

    @Test func largeRequestsShareTheirRoom() async throws {
        try await TestServer.run(configure: { $0.connectionRequestBuffer = 5 << 20 }) { test in
            let text = String(repeating: "x", count: 3 << 20)
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<6 { group.addTask { try await test.unary(text).utf8.count } }
                for try await size in group { #expect(size == text.utf8.count) }
            }
        }
    }

    /// However small the room is made, the largest message that is allowed fits into it.
    @Test func theLargestRequestAlwaysHasRoom() async throws {
        try await TestServer.run(configure: { $0.connectionRequestBuffer = 1 }) { test in
            let text = String(repeating: "x", count: (4 << 20) - 5)
            let echoed = try await test.unary(text)
            #expect(echoed.utf8.count == text.utf8.count)
        }
    }

    @Test func oneConnectionTooManyIsToldToGo() async throws {
        try await TestServer.run(configure: { $0.maximumConnections = 1 }) { test in
            let first = try await test.unary("first")
            #expect(first == "first")
            let peer = try RawPeer(port: test.port)
            try peer.flush()
            #expect(try peer.read { peer.goAway != nil })
            #expect(peer.goAway == HTTP2ErrorCode.noError.rawValue)
            #expect(try await test.unary("still there") == "still there")
        }
    }

    @Test func anOldConnectionEndsAfterItsCalls() async throws {
        try await TestServer.run(configure: {
            $0.maximumConnectionAge = .milliseconds(50)
            $0.handshakeTimeout = .milliseconds(100)
        }) { test in
            let peer = try RawPeer(port: test.port)
            let stream = try peer.post("/test.Echo/Chat", Self.good, ends: false)
            #expect(try peer.read { peer.goAway != nil })
            #expect(peer.goAway == HTTP2ErrorCode.noError.rawValue)
            #expect(peer.headers["grpc-status"] == nil)
            // The call goes on to its end, and then the server hangs up.
            peer.session.finish(stream)
            try peer.flush()
            #expect(try peer.read { false })
            #expect(peer.headers["grpc-status"] == "0")
        }
    }

    @Test func anOldConnectionIsCutAfterItsGrace() async throws {
        try await TestServer.run(configure: {
            $0.maximumConnectionAge = .milliseconds(50)
            $0.connectionGrace = .milliseconds(50)
            $0.handshakeTimeout = .milliseconds(100)
        }) { test in
            let peer = try RawPeer(port: test.port)
            _ = try peer.post("/test.Echo/Chat", Self.good, ends: false)
            #expect(try peer.read { false })
            #expect(peer.goAway == HTTP2ErrorCode.noError.rawValue)
            #expect(peer.headers["grpc-status"] == "14")
        }
    }
}
