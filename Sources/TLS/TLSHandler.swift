public import NIOCore

/// TLS as a handler of an NIO channel: plaintext towards the application, ciphertext towards the socket.
///
/// What is written before the handshake is done waits for it. A failure closes the channel after the alert is sent.
///
/// Unchecked: a channel's handlers run on its event loop.
public final class TLSHandler: ChannelDuplexHandler, @unchecked Sendable {
    public typealias InboundIn = ByteBuffer
    public typealias InboundOut = ByteBuffer
    public typealias OutboundIn = ByteBuffer
    public typealias OutboundOut = ByteBuffer

    /// Plaintext that is read at once: the largest TLS record.
    private static let recordSize = 16 << 10

    private let session: TLSSession
    private var waiting: [(data: ByteBuffer, promise: EventLoopPromise<Void>?)] = []
    private var hasBegun = false

    public init(_ context: TLSContext, hostname: String? = nil) throws {
        session = try TLSSession(context, hostname: hostname)
    }

    /// The names in the peer's certificate, once the handshake is done.
    public var peerNames: [String] { session.peerNames }
    public var version: String { session.version }

    public func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    public func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard !hasBegun else { return }
        hasBegun = true
        attempt(context) { try session.handshake() }
        sendOutput(context, flush: true)
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let cipher = Self.unwrapInboundIn(data)
        attempt(context) {
            unsafe try cipher.withUnsafeReadableBytes { unsafe try session.received($0) }
            if session.state == .established, !waiting.isEmpty { try writeWaiting(context) }
            while session.state == .established {
                var plain = context.channel.allocator.buffer(capacity: max(Self.recordSize, cipher.readableBytes))
                let size = unsafe try plain.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.recordSize) {
                    unsafe try session.read(into: $0)
                }
                guard size > 0 else { break }
                context.fireChannelRead(Self.wrapInboundOut(plain))
            }
        }
        if session.state == .closed { context.close(promise: nil) }
    }

    public func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        // Handshake messages and alerts, which no write of the application carries.
        sendOutput(context, flush: true)
    }

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let plain = Self.unwrapOutboundIn(data)
        switch session.state {
        case .handshaking: waiting.append((plain, promise))
        case .established:
            attempt(context) { try unsafe plain.withUnsafeReadableBytes { unsafe try session.write($0) } }
            sendOutput(context, flush: false, promise: promise)
        case .closed, .failed: promise?.fail(ChannelError.ioOnClosedChannel)
        }
    }

    public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .all {
            session.close()
            sendOutput(context, flush: true)
        }
        context.close(mode: mode, promise: promise)
    }

    public func channelInactive(context: ChannelHandlerContext) {
        if session.state == .handshaking {
            context.fireErrorCaught(TLSError(.handshakeFailed, "the peer left during the TLS handshake"))
        }
        for write in waiting { write.promise?.fail(ChannelError.ioOnClosedChannel) }
        waiting = []
        context.fireChannelInactive()
    }

    private func writeWaiting(_ context: ChannelHandlerContext) throws {
        for write in waiting {
            unsafe try write.data.withUnsafeReadableBytes { unsafe try session.write($0) }
            write.promise?.succeed()
        }
        waiting = []
    }

    private func sendOutput(
        _ context: ChannelHandlerContext, flush: Bool, promise: EventLoopPromise<Void>? = nil
    ) {
        let size = session.outputSize
        guard size > 0 else {
            promise?.succeed()
            return
        }
        var cipher = context.channel.allocator.buffer(capacity: size)
        unsafe cipher.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { unsafe session.takeOutput(into: $0) }
        context.write(Self.wrapOutboundOut(cipher), promise: promise)
        if flush { context.flush() }
    }

    private func attempt(_ context: ChannelHandlerContext, _ body: () throws -> Void) {
        do {
            try body()
        } catch {
            sendOutput(context, flush: true)
            context.fireErrorCaught(error)
            context.close(promise: nil)
        }
    }
}
