internal import Glibc
internal import NIOCore
internal import NIOPosix

/// Tells when an event loop has looked at its sockets.
///
/// A loop says nothing of that by itself: what is put off with `execute`, or scheduled for a moment that has come, runs
/// before it looks when other work keeps coming. So there is a pipe among its sockets: a byte that is written now comes
/// out of it after the loop has looked.
///
/// Unchecked: used on its loop only.
final class LoopLook: @unchecked Sendable {
    /// What stands in for the pipe until it is there, and on loops that have no sockets.
    private static let pause = TimeAmount.microseconds(10)
    private static let byte = ByteBuffer(bytes: [0])

    private let loop: any EventLoop
    private var pipe: (any Channel)?
    private var isOpening = false
    private var waiting: (() -> Void)?

    init(_ loop: any EventLoop) { self.loop = loop }

    /// Calls `body` once after the next look. While that is to come, further calls ask for nothing more.
    func ask(_ body: @escaping () -> Void) {
        guard waiting == nil else { return }
        waiting = body
        if let pipe, pipe.isActive {
            pipe.writeAndFlush(Self.byte, promise: nil)
        } else {
            open()
            loop.scheduleTask(in: Self.pause) { self.looked() }
        }
    }

    private func looked() {
        guard let body = waiting else { return }
        waiting = nil
        body()
    }

    private func open() {
        guard !isOpening, MultiThreadedEventLoopGroup.currentEventLoop === loop else { return }
        isOpening = true
        var ends: [Int32] = [-1, -1]
        guard unsafe Glibc.pipe(&ends) == 0 else { return }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let opened = NIOPipeBootstrap(group: loop).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(Door { self.looked() })
            }
        }.takingOwnershipOfDescriptors(input: ends[0], output: ends[1])
        opened.whenSuccess { self.pipe = $0 }
    }

    /// The pipe's end that is read.
    private final class Door: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let rung: () -> Void

        init(_ rung: @escaping () -> Void) { self.rung = rung }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { rung() }
        // The loop ends, and the pipe with it.
        func channelInactive(context: ChannelHandlerContext) { rung() }
    }
}
