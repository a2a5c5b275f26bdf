import HTTP2
import Testing

/// Floods: each ends in GOAWAY ENHANCE_YOUR_CALM (code 11), and an honest peer below the limit is left alone.
@Suite struct HTTP2FloodTests {
    static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt8 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        [0, 0, UInt8(payload.count), type, flags, 0, 0, 0, stream] + payload
    }

    static let kinds: [(name: String, frame: [UInt8], burst: Int)] = [
        ("ping", frame(6, [UInt8](repeating: 0, count: 8)), HTTP2Limits.defaults.pings.burst),
        ("settings", frame(4), HTTP2Limits.defaults.settings.burst),
        ("empty data", frame(0, stream: 1), HTTP2Limits.defaults.emptyFrames.burst),
        ("padding alone", frame(0, flags: 8, stream: 1, [3, 0, 0, 0]), HTTP2Limits.defaults.emptyFrames.burst),
        ("priority", frame(2, stream: 1, [0, 0, 0, 0, 15]), HTTP2Limits.defaults.priorities.burst),
        ("unknown type", frame(0x42, stream: 1, [1, 2, 3]), HTTP2Limits.defaults.priorities.burst),
        ("window update", frame(8, stream: 1, [0, 0, 0, 1]), HTTP2Limits.defaults.windowUpdates.burst),
        ("goaway", frame(7, [UInt8](repeating: 0, count: 8)), HTTP2Limits.defaults.goAways.burst),
        ("ping answers", frame(6, flags: 1, [UInt8](repeating: 0, count: 8)), HTTP2Limits.defaults.pings.burst),
    ]

    private func opened() throws -> Wire {
        let wire = try Wire()
        try wire.client.submitRequest(RecordedStream(), Wire.request)
        try wire.settle()
        _ = wire.takeLog()
        return wire
    }

    @Test(arguments: kinds.indices) func floodEndsInGoAway(_ index: Int) throws {
        let kind = Self.kinds[index]
        let burst = kind.burst
        let wire = try opened()
        // SETTINGS of the handshake, and their ACK, count too.
        for _ in 0..<(burst - 1) {
            try wire.give(kind.frame, toServer: true)
            _ = try Wire.pull(wire.server)
        }
        #expect(!wire.server.isOver)
        // The bucket leaks: the same number is fine again much later.
        wire.now += 1_000_000_000_000
        for _ in 0..<(burst - 1) {
            try wire.give(kind.frame, toServer: true)
            _ = try Wire.pull(wire.server)
        }
        #expect(!wire.server.isOver)
        for _ in 0..<3 { try wire.give(kind.frame, toServer: true) }
        try wire.carry(toServer: false)
        #expect(wire.log.contains { $0.hasPrefix("client: goAway") && $0.hasSuffix("code 11") }, "\(kind.name)")
        #expect(wire.server.isOver)
    }

    @Test func rapidResetEndsInGoAway() throws {
        let wire = try Wire()
        try wire.settle()
        var opened = 0
        while !wire.server.isOver, opened < 1000 {
            let call = RecordedStream()
            guard (try? wire.client.submitRequest(call, Wire.request)) != nil else { break }
            try wire.carry(toServer: true)
            wire.client.reset(call.id, .cancel)
            try wire.carry(toServer: true)
            try wire.carry(toServer: false)
            opened += 1
        }
        #expect(opened >= 200 && opened <= 202)
        #expect(wire.takeLog().contains { $0.hasPrefix("client: goAway") && $0.hasSuffix("code 11") })
    }

    /// Every HEADERS is malformed: each stream is reset by the server, which must not become the way around the limit.
    @Test func provokedResetsEndInGoAway() throws {
        let wire = try Wire()
        try wire.settle()
        let bad: [UInt8] = [0x83, 0x86, 0x84, 0x40, 0x01, 0x41, 0x01, 0x62]
        var opened = 0
        var last: [UInt8] = []
        while !wire.server.isOver, opened < 1000 {
            let id = UInt16(opened * 2 + 1)
            let head: [UInt8] = [0, 0, 8, 1, 5, 0, 0, UInt8(id >> 8), UInt8(id & 0xFF)]
            try wire.give(head + bad, toServer: true)
            // The client session knows nothing of these streams, so it does not get the answers.
            last = try Wire.pull(wire.server)
            opened += 1
        }
        #expect(opened >= 200 && opened <= 202)
        #expect(last.count > 17 && last.suffix(17)[last.endIndex - 14] == 7 && last.last == 11)
    }

    @Test func continuationFloodEnds() throws {
        let wire = try Wire()
        try wire.settle()
        // HEADERS without END_HEADERS, then CONTINUATION frames that never end.
        try wire.give(Self.frame(1, stream: 1, [0x82, 0x86, 0x84]), toServer: true)
        let more = Self.frame(9, stream: 1, [0x00, 0x01, 0x61, 0x01, 0x62])
        for _ in 0..<HTTP2Limits.defaults.continuations { try wire.give(more, toServer: true) }
        #expect(!wire.server.isOver)
        try wire.give(more, toServer: true)
        try wire.carry(toServer: false)
        #expect(wire.takeLog() == ["client: goAway 1 code 11"])
        #expect(wire.server.isOver)
    }

    /// One field of 4 KB in the table, then one byte for each time that it is said again.
    @Test func headerBombEnds() throws {
        let wire = try Wire()
        try wire.settle()
        var block: [UInt8] =
            [0x83, 0x86, 0x84, 0x40, 0x01, 0x61, 0x7F, 0x81, 0x1E] + [UInt8](repeating: 0x62, count: 4000)
        block += [UInt8](repeating: 0xBE, count: 8000)
        let head: [UInt8] = [0, UInt8(block.count >> 8), UInt8(block.count & 0xFF), 1, 5, 0, 0, 0, 1]
        #expect(throws: HTTP2Error.self) { try wire.give(head + block, toServer: true) }
        try wire.carry(toServer: false)
        #expect(wire.takeLog() == ["client: goAway 1 code 11"])
        #expect(wire.server.isOver)
    }

    /// A client that returns the window of what it got may send as many updates as it likes to.
    @Test func honestWindowUpdatesPass() throws {
        var limits = HTTP2Limits.defaults
        limits.windowUpdates = .init(burst: 4, perSecond: 1)
        let wire = try Wire(limits)
        let call = RecordedStream()
        try wire.client.submitRequest(call, Wire.request)
        wire.client.finish(call)
        try wire.settle()
        let stream = try #require(wire.server.stream(1))
        wire.server.submitResponse(stream, HeaderList([":status": "200"]))
        for _ in 0..<100 {
            stream.extendOutput(by: 40_000).copyBytes(from: [UInt8](repeating: 1, count: 40_000))
            wire.server.resume(stream)
            try wire.carry(toServer: false)
            wire.client.consumeConnection(40_000)
            wire.client.consume(1, 40_000)
            try wire.settle()
        }
        #expect(call.body.count == 4_000_000)
        #expect(!wire.server.isOver)
    }
}
