import Testing

@testable import HTTP2

/// Frames in, a verdict out.
@Suite struct FrameInspectorTests {
    static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt8 = 0, _ size: Int = 0) -> [UInt8] {
        [0, UInt8(size >> 8), UInt8(size & 0xFF), type, flags, 0, 0, 0, stream] + [UInt8](repeating: 0, count: size)
    }

    private func server(_ limits: HTTP2Limits = .defaults) -> FrameInspector {
        var inspector = FrameInspector(isServer: true, limits: limits) { 1_000_000_000 }
        #expect(see(&inspector, [UInt8](repeating: 0, count: FrameInspector.prefaceSize)) == nil)
        return inspector
    }

    private func see(_ inspector: inout FrameInspector, _ bytes: [UInt8]) -> FrameInspector.Refusal? {
        bytes.withUnsafeBytes { inspector.inspect($0) }
    }

    @Test func callsPass() {
        var inspector = server()
        for stream: UInt8 in [1, 3, 5] {
            #expect(see(&inspector, Self.frame(1, flags: 4, stream: stream, 30)) == nil)
            #expect(see(&inspector, Self.frame(0, flags: 1, stream: stream, 5)) == nil)
            inspector.close(stream == 5 ? 0 : Int32(stream))
        }
        // Trailers of the stream that is still open, and DATA of streams in turn.
        #expect(see(&inspector, Self.frame(1, flags: 5, stream: 5, 3)) == nil)
    }

    @Test func framesOnClosedStreamsAreStopped() {
        var inspector = server()
        #expect(see(&inspector, Self.frame(1, flags: 4, stream: 1, 3) + Self.frame(1, flags: 4, stream: 3, 3)) == nil)
        inspector.close(1)
        #expect(see(&inspector, Self.frame(8, stream: 1, 4)) == nil)
        let late = Self.frame(0, stream: 3, 9) + Self.frame(0, stream: 1, 9)
        #expect(see(&inspector, late) == .init(offset: 18, code: .streamClosed))
    }

    @Test func headersOnClosedStreamsAreStopped() {
        var inspector = server()
        #expect(see(&inspector, Self.frame(1, flags: 4, stream: 1, 3) + Self.frame(1, flags: 4, stream: 3, 3)) == nil)
        inspector.close(1)
        #expect(see(&inspector, Self.frame(1, stream: 1, 9)) == .init(offset: 0, code: .streamClosed))
    }

    @Test func framesAfterTheirOwnResetAreStopped() {
        var inspector = server()
        #expect(see(&inspector, Self.frame(1, flags: 4, stream: 3, 3)) == nil)
        // The peer's own reset closes at once, in the same read.
        let reset = Self.frame(3, stream: 3, 4) + Self.frame(0, stream: 3, 1)
        #expect(see(&inspector, reset) == .init(offset: 13, code: .streamClosed))
    }

    @Test func skippedStreamsCannotBeOpened() {
        var inspector = server()
        #expect(see(&inspector, Self.frame(1, flags: 4, stream: 7, 3)) == nil)
        #expect(see(&inspector, Self.frame(1, flags: 4, stream: 3, 3)) == .init(offset: 0, code: .protocolError))
    }

    /// It once trapped: the number after the last but one is not two less than any.
    @Test func streamNumbersMayReachTheirEnd() {
        var inspector = server()
        for last: UInt8 in [0xFE, 0xFF] {
            let head: [UInt8] = [0, 0, 0, 1, 4, 0x7F, 0xFF, 0xFF, last]
            #expect(see(&inspector, head) == nil)
        }
        #expect(see(&inspector, Self.frame(1, flags: 4, stream: 3, 3)) == .init(offset: 0, code: .protocolError))
    }

    @Test func headerBlocksHaveAnEnd() {
        var limits = HTTP2Limits.defaults
        limits.headerBlockSize = 1000
        var inspector = server(limits)
        let block = Self.frame(1, stream: 1, 600) + Self.frame(9, stream: 1, 300)
        #expect(see(&inspector, block) == nil)
        #expect(see(&inspector, Self.frame(9, stream: 1, 200)) == .init(offset: 0, code: .enhanceYourCalm))
    }

    /// However the socket cuts the bytes, the verdict falls at the same frame.
    @Test func anySplitGivesTheSameVerdict() {
        let good = Self.frame(1, flags: 4, stream: 1, 20) + Self.frame(0, flags: 1, stream: 1, 5) + Self.frame(6, 8)
        let bytes = good + Self.frame(3, stream: 1, 4) + Self.frame(0, stream: 1, 7)
        let bad = bytes.count - 16
        for first in 0...bytes.count {
            for second in stride(from: first, through: bytes.count, by: 5) {
                var inspector = server()
                var stopped: Int?
                var start = 0
                for piece in [bytes[..<first], bytes[first..<second], bytes[second...]] {
                    if let refusal = see(&inspector, Array(piece)), stopped == nil {
                        #expect(refusal.code == .streamClosed)
                        stopped = start + refusal.offset
                    }
                    start += piece.count
                }
                // A header in two reads is judged when its last byte is there.
                #expect(stopped.map { $0 >= bad && $0 < bad + 9 } == true, "\(first) \(second)")
            }
        }
    }
}
