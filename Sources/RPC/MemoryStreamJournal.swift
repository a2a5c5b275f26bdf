public import Bytes
internal import Synchronization

/// A journal in the memory of one process: streams outlive their connections, but not their server.
///
/// For services without a database, and for tests. Holds at most `Limits.streams` streams; the one that was longest
/// without a word gives way.
public final class MemoryStreamJournal: StreamJournal {
    /// How much is held, and for how long. Every limit has a number.
    public struct Limits: Sendable, Hashable {
        /// Streams that are held at once. Default: 1,000.
        public var streams: Int
        /// Bytes of messages that are held of one stream; the oldest give way. Default: 1 MiB.
        public var bytesPerStream: Int
        /// How long a stream is held after its last word. Default: 15 minutes.
        public var lifetime: Duration

        public init(streams: Int = 1_000, bytesPerStream: Int = 1 << 20, lifetime: Duration = .seconds(900)) {
            self.streams = streams
            self.bytesPerStream = bytesPerStream
            self.lifetime = lifetime
        }

        /// 1,000 streams of 1 MiB, 15 minutes.
        public static var defaults: Limits { Limits() }
    }

    private struct Kept {
        let request: [UInt8]
        var epoch: Int64 = 1
        var firstSequence: UInt64 = 1
        var messages: [[UInt8]] = []
        var bytes = 0
        var end: [UInt8]?
        var touchedAt = ContinuousClock.now
        var lastSequence: UInt64 { firstSequence + UInt64(messages.count) - 1 }
    }

    private let limits: Limits
    private let streams = Mutex<[StreamName: Kept]>([:])

    public init(limits: Limits = .defaults) { self.limits = limits }

    /// Who calls without a tenant shares one: for services that know no tenants.
    public func keeper(of identity: CallIdentity) -> UUID128? { identity.tenant ?? UUID128(hi: 0, lo: 0) }

    public func begin(_ stream: StreamName, request: [UInt8]) async throws -> Int64 {
        streams.withLock { streams in
            if streams.count >= limits.streams,
                let oldest = streams.min(by: { $0.value.touchedAt < $1.value.touchedAt })
            {
                streams[oldest.key] = nil
            }
            streams[stream] = Kept(request: request)
        }
        return 1
    }

    public func append(
        _ stream: StreamName, epoch: Int64, after last: UInt64, _ messages: [[UInt8]]
    ) async throws {
        try change(stream, epoch, last) { kept in
            kept.messages += messages
            kept.bytes += messages.reduce(0) { $0 + $1.count }
            while kept.bytes > limits.bytesPerStream, kept.messages.count > 1 {
                kept.bytes -= kept.messages.removeFirst().count
                kept.firstSequence += 1
            }
        }
    }

    public func end(_ stream: StreamName, epoch: Int64, after last: UInt64, _ end: [UInt8]) async throws {
        try change(stream, epoch, last) { $0.end = end }
    }

    private func change(
        _ stream: StreamName, _ epoch: Int64, _ last: UInt64, _ body: (inout Kept) -> Void
    ) throws {
        try streams.withLock { streams in
            guard var kept = streams[stream] else { throw Status.streamExpired }
            guard kept.epoch == epoch, kept.lastSequence == last, kept.end == nil else { throw Status.streamTakenOver }
            body(&kept)
            kept.touchedAt = .now
            streams[stream] = kept
        }
    }

    public func resume(_ stream: StreamName, request: [UInt8], after last: UInt64) async throws -> StreamRecord {
        try streams.withLock { streams in
            guard var kept = streams[stream] else {
                let isOthers = streams.keys.contains { $0.tenant == stream.tenant && $0.id == stream.id }
                throw isOthers ? Status.streamRequestDiffers : .streamUnknown
            }
            guard kept.request == request else { throw Status.streamRequestDiffers }
            guard kept.touchedAt.duration(to: .now) <= limits.lifetime else { throw Status.streamExpired }
            guard last <= kept.lastSequence else { throw Status.streamPosition(last, of: kept.lastSequence) }
            guard last + 1 >= kept.firstSequence else {
                throw Status.streamPositionLost(last, kept: kept.firstSequence)
            }
            kept.epoch += 1
            kept.touchedAt = .now
            streams[stream] = kept
            return StreamRecord(
                epoch: kept.epoch, firstSequence: kept.firstSequence, messages: kept.messages, end: kept.end)
        }
    }
}
