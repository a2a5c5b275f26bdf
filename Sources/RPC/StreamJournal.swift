public import Bytes

/// Where a stream stands: its id and the number of the last message that its client has.
public struct StreamPosition: Sendable, Hashable {
    public let stream: UUID128
    /// 0 when the client has none. At most `Int64.max`.
    public let lastSequence: UInt64
    /// What `StreamCheck` makes of the messages that the client has; nil when it does not say.
    public let check: UInt32?

    public init(stream: UUID128, lastSequence: UInt64, check: UInt32? = nil) {
        self.stream = stream
        self.lastSequence = lastSequence
        self.check = check
    }

    /// Reads `ID;LAST_SEQUENCE`, the value of `ragdz-resume`; nil when it is not of that form.
    public init?(header: some StringProtocol, check: (some StringProtocol)? = String?.none) {
        let parts = header.split(separator: ";", omittingEmptySubsequences: false)
        guard parts.count == 2, let stream = UUID128(parts[0]), let last = Int64(parts[1]), last >= 0,
            parts[1].first?.isNumber == true
        else { return nil }
        if let check {
            guard check.utf8.count == 8, let value = UInt32(check, radix: 16) else { return nil }
            self.init(stream: stream, lastSequence: UInt64(last), check: value)
        } else {
            self.init(stream: stream, lastSequence: UInt64(last))
        }
    }

    /// The value of `ragdz-resume`.
    public var header: String { "\(stream);\(lastSequence)" }
}

/// What a call says about taking up a stream.
public enum StreamResumption: Sendable, Hashable {
    /// The transport cannot do it: stock gRPC, and calls inside the process.
    case unsupported
    /// A new stream, whose client may come back.
    case fresh
    /// The call goes on where a stream broke.
    case after(StreamPosition)
}

/// One resumable stream of a tenant.
public struct StreamName: Sendable, Hashable {
    public let tenant: UUID128
    public let id: UUID128
    /// The method's path.
    public let method: String

    public init(tenant: UUID128, id: UUID128, method: String) {
        self.tenant = tenant
        self.id = id
        self.method = method
    }
}

/// What a journal knows of a stream that is taken up.
public struct StreamRecord: Sendable, Hashable {
    /// The right to go on with the stream; it takes the right from whoever had it.
    public let epoch: Int64
    /// The sequence number of the first of `messages`.
    public let firstSequence: UInt64
    /// What was said, in wire form. A long stream's oldest messages may be gone.
    public let messages: [[UInt8]]
    /// How the stream ended, as the journal was given it; nil when it did not end.
    public let end: [UInt8]?

    public init(epoch: Int64, firstSequence: UInt64, messages: [[UInt8]], end: [UInt8]?) {
        self.epoch = epoch
        self.firstSequence = firstSequence
        self.messages = messages
        self.end = end
    }

    public var lastSequence: UInt64 { firstSequence + UInt64(messages.count) - 1 }
}

/// Keeps what was said on resumable streams, so that a client that lost its connection gets exactly the rest, from
/// any server that uses the same journal.
///
/// Every message is kept before it is sent. Messages are numbered 1, 2, 3…; `append` names the number that it follows,
/// and is refused (`STREAM_TAKEN_OVER`) when the epoch is not the stream's newest one any more. What can go wrong is
/// thrown as a `Status` with one of the reasons of `Status+Streams.swift`.
public protocol StreamJournal: Sendable {
    /// The tenant whose streams are kept for this caller; nil when they are not kept.
    func keeper(of identity: CallIdentity) -> UUID128?
    /// Begins a stream that has said nothing yet; returns its first epoch.
    func begin(_ stream: StreamName, request: [UInt8]) async throws -> Int64
    /// Keeps messages that follow number `last`.
    func append(_ stream: StreamName, epoch: Int64, after last: UInt64, _ messages: [[UInt8]]) async throws
    /// Keeps how the stream ended after number `last`.
    func end(_ stream: StreamName, epoch: Int64, after last: UInt64, _ end: [UInt8]) async throws
    /// Takes the stream up for a client that has the messages up to `last`, under a new epoch. The request must be the
    /// one that the stream began with.
    func resume(_ stream: StreamName, request: [UInt8], after last: UInt64) async throws -> StreamRecord
}

/// A checksum over the messages of a stream: two sides that have the same one have the same messages.
public struct StreamCheck: Sendable, Hashable {
    public private(set) var value: UInt32 = 0

    public init() {}

    /// Takes in the next message, in wire form and unpacked: CRC32C over the checksum so far and the message's own
    /// CRC32C, both big endian.
    public mutating func add(_ message: UnsafeRawBufferPointer) {
        let pair = UInt64(value) << 32 | UInt64(CRC32C.checksum(message))
        value = withUnsafeBytes(of: pair.bigEndian) { CRC32C.checksum($0) }
    }

    public mutating func add(_ message: [UInt8]) { message.withUnsafeBytes { add($0) } }
}
