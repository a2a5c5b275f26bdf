import HTTP2
import Testing

/// A stream that writes down what happens to it.
final class RecordedStream: HTTP2Stream, @unchecked Sendable {
    var body: [UInt8] = []
    var hasEnded = false
    var closedWith: HTTP2ErrorCode?
    var drains = 0

    override func received(_ bytes: UnsafeRawBufferPointer, endsStream: Bool) {
        body += Array(bytes)
        if endsStream { hasEnded = true }
    }
    override func closed(_ code: HTTP2ErrorCode) { closedWith = code }
    override func drained() { drains += 1 }

    func put(_ text: [UInt8]) { extendOutput(by: text.count).copyBytes(from: text) }
}

/// A client and a server session back to back: no socket, no sleep, a clock that the test turns.
final class Wire {
    var now: UInt64 = 1_000_000_000
    private(set) var client: HTTP2Session!
    private(set) var server: HTTP2Session!
    var log: [String] = []
    var attachesStreams = true

    init(_ limits: HTTP2Limits = .defaults) throws {
        client = try HTTP2Session(.client) { [unowned self] in now }
        server = try HTTP2Session(.server, limits: limits) { [unowned self] in now }
    }

    static func pull(_ session: HTTP2Session, room: Int = 1 << 20) throws -> [UInt8] {
        var space = [UInt8](repeating: 0, count: room)
        let size = try space.withUnsafeMutableBytes { try session.pull(into: $0) }
        return Array(space[..<size])
    }

    /// One side's bytes to the other; what arrives there goes into the log.
    @discardableResult
    func carry(toServer: Bool) throws -> Int {
        let bytes = try Self.pull(toServer ? client : server)
        try give(bytes, toServer: toServer)
        return bytes.count
    }

    func give(_ bytes: [UInt8], toServer: Bool) throws {
        let session: HTTP2Session = toServer ? server : client
        let name = toServer ? "server" : "client"
        try bytes.withUnsafeBytes { buffer in
            try session.receive(buffer)
            for event in session.events { note(event, session, name) }
            session.clearEvents()
        }
        for stream in session.takeDrained() { stream.drained() }
    }

    private func note(_ event: HTTP2Event, _ session: HTTP2Session, _ name: String) {
        var text = "\(name): \(event.kind) \(event.streamID)"
        if event.endsStream, event.kind != .closed { text += " ends" }
        if event.code != 0 { text += " code \(event.code)" }
        if event.kind == .headers || event.kind == .trailers {
            var fields: [String] = []
            session.forEachHeader(of: event) {
                fields.append("\(String(decoding: $0, as: UTF8.self))=\(String(decoding: $1, as: UTF8.self))")
            }
            text += " [\(fields.joined(separator: " "))]"
            if session.role == .server, event.kind == .headers, attachesStreams {
                _ = session.attach(RecordedStream(), to: event.streamID)
            }
        }
        if event.kind == .data {
            text += " \(event.bytes.count)"
            (event.stream ?? session.stream(event.streamID))?.received(event.bytes, endsStream: event.endsStream)
        }
        if event.kind == .closed { event.stream?.closed(HTTP2ErrorCode(rawValue: event.code)) }
        if event.kind != .settings { log.append(text) }
    }

    func settle() throws {
        while try carry(toServer: true) + carry(toServer: false) > 0 {}
    }

    static let request = HeaderList([":method": "POST", ":scheme": "http", ":path": "/a", ":authority": "h"])

    func takeLog() -> [String] {
        defer { log = [] }
        return log
    }
}

@Suite struct HTTP2SessionTests {
    @Test func requestAndAnswerWithTrailers() throws {
        let wire = try Wire()
        let call = RecordedStream()
        try wire.client.submitRequest(call, Wire.request)
        call.put(Array("ping".utf8))
        wire.client.finish(call)
        try wire.settle()
        #expect(
            wire.takeLog() == [
                "server: headers 1 [:method=POST :scheme=http :path=/a :authority=h]", "server: data 1 ends 4",
            ])
        let stream = try #require(wire.server.stream(1))
        stream.extendOutput(by: 4).copyBytes(from: Array("pong".utf8))
        wire.server.submitResponse(stream, HeaderList([":status": "200"]))
        wire.server.finish(stream, trailers: HeaderList(["grpc-status": "0"]))
        try wire.settle()
        #expect(
            wire.takeLog() == [
                "client: headers 1 [:status=200]", "client: data 1 4", "client: trailers 1 ends [grpc-status=0]",
                "client: closed 1", "server: closed 1",
            ])
        #expect(call.body == Array("pong".utf8))
        #expect(call.isClosed)
    }

    @Test func trailersOnlyAnswerIsOneBlock() throws {
        let wire = try Wire()
        let call = RecordedStream()
        try wire.client.submitRequest(call, Wire.request)
        wire.client.finish(call)
        try wire.settle()
        _ = wire.takeLog()
        let stream = try #require(wire.server.stream(1))
        wire.server.submitResponse(stream, HeaderList([":status": "200", "grpc-status": "5"]), endStream: true)
        try wire.settle()
        #expect(
            wire.takeLog() == [
                "client: headers 1 ends [:status=200 grpc-status=5]", "client: closed 1", "server: closed 1",
            ])
    }

    @Test func earlyAnswerTellsTheClientToStop() throws {
        let wire = try Wire()
        let call = RecordedStream()
        try wire.client.submitRequest(call, Wire.request)
        try wire.settle()
        let stream = try #require(wire.server.stream(1))
        wire.server.submitResponse(stream, HeaderList([":status": "200"]), endStream: true)
        try wire.settle()
        let log = wire.takeLog()
        #expect(log.suffix(3) == ["client: headers 1 ends [:status=200]", "client: closed 1", "server: closed 1"])
        #expect(call.closedWith == .noError)
    }

    @Test func windowHoldsTheSenderUntilTheReaderConsumes() throws {
        var limits = HTTP2Limits.defaults
        limits.streamWindow = 65_535
        let wire = try Wire(limits)
        try wire.settle()
        let call = RecordedStream()
        try wire.client.submitRequest(call, Wire.request)
        call.put([UInt8](repeating: 1, count: 200_000))
        call.wakeBelow = 100_000
        try wire.settle()
        let stream = try #require(wire.server.stream(1) as? RecordedStream)
        #expect(stream.body.count == 65_535)
        #expect(call.queuedBytes == 200_000 - 65_535)
        wire.server.consumeConnection(65_535)
        wire.server.consume(1, 65_535)
        try wire.settle()
        #expect(stream.body.count == 2 * 65_535)
        for stream in wire.client.takeDrained() { stream.drained() }
        #expect(call.drains == 1)
        #expect(call.wakeBelow == nil)
    }

    @Test func resetReachesTheOtherSide() throws {
        let wire = try Wire()
        let call = RecordedStream()
        try wire.client.submitRequest(call, Wire.request)
        try wire.settle()
        let stream = try #require(wire.server.stream(1) as? RecordedStream)
        wire.client.reset(1, .cancel)
        try wire.settle()
        #expect(stream.closedWith == .cancel)
        #expect(stream.isClosed)
        #expect(wire.server.liveStreamCount == 0)
        // Using it now is an ordinary race, not a crash.
        stream.put([1])
        wire.server.submitResponse(stream, HeaderList([":status": "200"]))
        wire.server.finish(stream)
        try wire.settle()
    }

    /// Found by fuzzing: nghttp2 counts each part of a CONTINUATION's header as a CONTINUATION of its own.
    @Test func framesMayArriveByteByByte() throws {
        let wire = try Wire()
        try wire.settle()
        let block: [UInt8] = [0x83, 0x86, 0x84, 0x01, 0x01, 0x68]
        var bytes: [UInt8] = [0, 0, 3, 1, 1, 0, 0, 0, 1] + block[..<3]
        bytes += [0, 0, 3, 9, 4, 0, 0, 0, 1] + block[3...]
        for byte in bytes { try wire.give([byte], toServer: true) }
        #expect(wire.takeLog() == ["server: headers 1 ends [:method=POST :scheme=http :path=/ :authority=h]"])
    }

    @Test func largeHeaderListIsReportedNotKept() throws {
        let wire = try Wire()
        try wire.settle()
        var headers = Wire.request
        for number in 0..<20 { headers.add("x-\(number)", String(repeating: "v", count: 1000)) }
        try wire.client.submitRequest(RecordedStream(), headers)
        try wire.settle()
        #expect(wire.takeLog() == ["server: headersTooLarge 1"])
    }

    @Test func gracefulStopLosesNothing() throws {
        let wire = try Wire()
        let call = RecordedStream()
        try wire.client.submitRequest(call, Wire.request)
        try wire.settle()
        wire.server.terminateGracefully()
        try wire.settle()
        let stream = try #require(wire.server.stream(1))
        #expect(!wire.server.isOver)
        wire.server.submitResponse(stream, HeaderList([":status": "200"]), endStream: true)
        try wire.settle()
        #expect(call.closedWith == .noError)
        #expect(wire.server.isOver)
    }

    /// The notice names no stream, so a request that crosses it is taken; the last word names the last stream.
    @Test func aRequestThatCrossesTheNoticeIsTaken() throws {
        let wire = try Wire()
        let first = RecordedStream()
        try wire.client.submitRequest(first, Wire.request)
        wire.client.finish(first)
        try wire.settle()
        _ = wire.takeLog()
        wire.server.terminateGracefully()
        let crossing = RecordedStream()
        try wire.client.submitRequest(crossing, Wire.request)
        wire.client.finish(crossing)
        let onItsWay = try Wire.pull(wire.client)
        try wire.carry(toServer: false)
        #expect(wire.takeLog() == ["client: goAway 2147483647"])
        try wire.give(onItsWay, toServer: true)
        try wire.carry(toServer: true)
        #expect(wire.takeLog().first?.hasPrefix("server: headers 3") == true)
        try wire.carry(toServer: false)
        #expect(wire.takeLog() == ["client: goAway 3"])
        #expect(!wire.server.isOver)
        for id: Int32 in [1, 3] {
            let stream = try #require(wire.server.stream(id))
            wire.server.submitResponse(stream, HeaderList([":status": "200"]), endStream: true)
        }
        try wire.settle()
        #expect(first.closedWith == .noError && crossing.closedWith == .noError)
        #expect(wire.server.isOver)
    }

    @Test func abandonedStreamsAreHandedBack() throws {
        let wire = try Wire()
        try wire.client.submitRequest(RecordedStream(), Wire.request)
        try wire.settle()
        #expect(wire.server.abandonStreams().count == 1)
        #expect(wire.server.liveStreamCount == 0)
    }

    // MARK: - What comes after the end

    static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt8 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        [0, 0, UInt8(payload.count), type, flags, 0, 0, 0, stream] + payload
    }
    static func goAway(last: UInt8) -> [UInt8] { frame(7, [0, 0, 0, last, 0, 0, 0, 0]) }

    /// The log of a session that gets these bytes in pieces of this size; it has, or gets, the stream 1.
    func hear(_ bytes: [UInt8], piece: Int, toServer: Bool) throws -> [String] {
        let wire = try Wire()
        try wire.client.submitRequest(RecordedStream(), Wire.request)
        try wire.settle()
        _ = wire.takeLog()
        for start in stride(from: 0, to: bytes.count, by: piece) {
            try wire.give(Array(bytes[start..<min(start + piece, bytes.count)]), toServer: toServer)
        }
        return wire.takeLog()
    }

    /// Found by fuzzing: nghttp2 read on behind the end when that came in the same read.
    @Test func afterTheLastStreamOfALeavingServerNothingIsRead() throws {
        let pong = Self.frame(6, flags: 1, [UInt8](repeating: 0, count: 8))
        let refused = Self.goAway(last: 0) + Self.goAway(last: 0) + pong
        // The answer of a stream that was taken, then what nobody waits for.
        let answered =
            Self.goAway(last: 1) + pong + Self.frame(1, flags: 5, stream: 1, [0x88])
            + Self.frame(3, stream: 1, [0, 0, 0, 0]) + pong + Self.goAway(last: 1)
        for piece in 1...answered.count {
            #expect(
                try hear(refused, piece: piece, toServer: false) == ["client: goAway 0", "client: closed 1 code 7"])
            #expect(
                try hear(answered, piece: piece, toServer: false) == [
                    "client: goAway 1", "client: pingAcknowledged 0", "client: headers 1 ends [:status=200]",
                    "client: closed 1",
                ], "in pieces of \(piece)")
        }
    }

    @Test func afterTheLastStreamOfALeavingClientNothingIsRead() throws {
        let further = Self.frame(1, flags: 5, stream: 3, [0x83, 0x86, 0x84, 0x01, 0x01, 0x68])
        let bytes = Self.goAway(last: 0) + Self.frame(3, stream: 1, [0, 0, 0, 8]) + further
        for piece in 1...bytes.count {
            #expect(try hear(bytes, piece: piece, toServer: true) == ["server: goAway 0", "server: closed 1 code 8"])
        }
    }

    @Test func rubbishIsAnError() throws {
        let wire = try Wire()
        #expect(throws: HTTP2Error.self) {
            try wire.give(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8), toServer: true)
        }
    }
}
