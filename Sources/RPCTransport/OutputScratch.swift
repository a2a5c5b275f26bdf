internal import HTTP2
internal import LoopExecutor
internal import NIOCore

/// What the server's connections of one event loop share. Used on its loop only.
final class LoopShare: Sendable {
    let scratch = OutputScratch()
    let workers: CallWorkers

    init(_ loop: any EventLoop) { workers = CallWorkers(.on(loop)) }
}

/// The buffer that the connections of one loop fill in turn, so that an idle connection holds none.
///
/// Unchecked: used on its loop only.
final class OutputScratch: @unchecked Sendable {
    /// Bytes that are written at once.
    private static let size = 64 << 10
    private var buffer: ByteBuffer

    init(_ allocator: ByteBufferAllocator = ByteBufferAllocator()) { buffer = allocator.buffer(capacity: Self.size) }

    /// The session's next bytes; nil when it has none.
    func fill(from session: HTTP2Session) throws -> ByteBuffer? {
        // When the socket has taken the last fill, nobody else holds the storage and this reuses it.
        buffer.clear(minimumCapacity: Self.size)
        let size = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.size) {
            try session.pull(into: $0)
        }
        return size > 0 ? buffer : nil
    }
}
