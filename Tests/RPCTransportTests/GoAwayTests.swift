import NIOCore
import NIOPosix
import ProtoRuntime
import RPC
import RPCTransport
import Testing

/// An answer that arrives in the same read as the server's GOAWAY: the connection ends while its events are handled.
@Suite struct GoAwayTests {
    /// Says to the first request whatever `answer` holds, in one piece.
    final class ScriptedServer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let answer: [UInt8]
        private var seen: [UInt8] = []
        private var hasAnswered = false

        init(_ answer: [UInt8]) { self.answer = answer }

        func channelActive(context: ChannelHandlerContext) { write(Frames.frame(4, 0, 0, []), context) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            seen += Array(Self.unwrapInboundIn(data).readableBytesView)
            guard !hasAnswered, Frames.types(seen).contains(1) else { return }
            hasAnswered = true
            write(Frames.frame(4, 1, 0, []) + answer, context)
        }

        private func write(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
            context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        }
    }

    enum Frames {
        static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt8, _ payload: [UInt8]) -> [UInt8] {
            [0, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF), type, flags, 0, 0, 0, stream] + payload
        }

        /// The types of the frames after the client's preface.
        static func types(_ bytes: [UInt8]) -> [UInt8] {
            var rest = bytes.dropFirst(24)
            var types: [UInt8] = []
            while rest.count >= 9 {
                let at = rest.startIndex
                let size = 9 + Int(rest[at]) << 16 + Int(rest[at + 1]) << 8 + Int(rest[at + 2])
                guard rest.count >= size else { break }
                types.append(rest[at + 3])
                rest = rest.dropFirst(size)
            }
            return types
        }

        /// GOAWAY with `stream` as the last stream that was taken, code NO_ERROR (RFC 9113 §6.8).
        static func goAway(last stream: UInt8) -> [UInt8] { frame(7, 0, 0, [0, 0, 0, stream, 0, 0, 0, 0]) }

        /// `:status: 200` and the content-type as a literal (RFC 7541 §6.1, §6.2.2).
        static func headers(_ stream: UInt8, contentType: String) -> [UInt8] {
            frame(1, 4, stream, [0x88, 0x0F, 0x10, UInt8(contentType.utf8.count)] + Array(contentType.utf8))
        }
    }

    /// The two envelopes of docs/framing.md: "salam", and the end, OK.
    static let salam: [UInt8] = [
        0x10, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF, 0x80, 0xFE, 0x18, 0x0A, 5, 0x73, 0x61, 0x6C, 0x61, 0x6D,
    ]

    static func call(_ answer: [UInt8]) async throws -> String {
        let group = MultiThreadedEventLoopGroup.singleton
        let server = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ScriptedServer(answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let client = RPCClient(.host("127.0.0.1", port: server.localAddress?.port ?? 0), group: group)
        let method = MethodDescriptor(
            service: "test.Say", name: "Say", callType: .unary, requestType: Text.self, responseType: Text.self)
        let result: Result<Text, any Error>
        do { result = .success(try await client.unary(method, Text("x"), options: .defaults)) } catch {
            result = .failure(error)
        }
        await client.close()
        try await server.close()
        return try result.get().value
    }

    @Test func anAnswerThatComesWithGoAwayIsReadOnce() async throws {
        // docs/framing.md: StreamEnd{status{}} under sequence 2.
        let end: [UInt8] = [0x90, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0x4B, 0x30, 0x84, 0x84, 0x0A, 0]
        let answer =
            Frames.goAway(last: 1) + Frames.headers(1, contentType: "application/vnd.ragdz.rpc+proto")
            + Frames.frame(0, 1, 1, Self.salam + end)
        #expect(try await Self.call(answer) == "salam")
    }

    @Test func aCallBeyondGoAwayIsMadeAgainElsewhere() async throws {
        await #expect(throws: Status.self) { try await Self.call(Frames.goAway(last: 0)) }
    }
}
