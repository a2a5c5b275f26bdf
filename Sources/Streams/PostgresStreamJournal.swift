public import Bytes
internal import Cryptography
public import Logging
public import Postgres
public import RPC
internal import Stores

/// Keeps what resumable streams say in PostgreSQL, so that any server of the database can go on with them.
///
/// One statement a write. Streams of callers without a tenant are not kept. Besides the reasons of
/// `Status+Streams.swift`, calls fail with `UNAVAILABLE` while the database is away: a client then tries again.
public struct PostgresStreamJournal: StreamJournal {
    /// How much is kept, and for how long. Every limit has a number.
    public struct Limits: Sendable, Hashable {
        /// Bytes of messages that are kept of one stream; beyond it the oldest give way. Default: 4 MiB.
        public var bytesPerStream: Int
        /// Seconds that a stream is kept after its end. Default: 900.
        public var lifetimeAfterEnd: Int
        /// Seconds that a stream without an end is kept after its last message. Default: 86,400, a day.
        public var lifetimeWithoutEnd: Int
        /// How often what has expired is looked for. Default: 60 seconds.
        public var purgeInterval: Duration
        /// Streams that one look deletes at most. Default: 500.
        public var purgeBatch: Int

        public init(
            bytesPerStream: Int = 4 << 20, lifetimeAfterEnd: Int = 900, lifetimeWithoutEnd: Int = 86_400,
            purgeInterval: Duration = .seconds(60), purgeBatch: Int = 500
        ) {
            self.bytesPerStream = bytesPerStream
            self.lifetimeAfterEnd = lifetimeAfterEnd
            self.lifetimeWithoutEnd = lifetimeWithoutEnd
            self.purgeInterval = purgeInterval
            self.purgeBatch = purgeBatch
        }

        /// 4 MiB a stream; 15 minutes after the end, a day without one; purged every minute.
        public static var defaults: Limits { Limits() }
    }

    private let database: Database
    private let limits: Limits
    private let logger: Logger

    public init(database: Database, limits: Limits = .defaults, logger: Logger) {
        self.database = database
        self.limits = limits
        self.logger = logger
    }

    public func keeper(of identity: CallIdentity) -> UUID128? { identity.tenant }

    public func begin(_ stream: StreamName, request: [UInt8]) async throws -> Int64 {
        try await answering {
            try await Queries.beginStream(
                database.as(.tenant(stream.tenant)), id: stream.id, method: stream.method,
                requestDigest: SHA256.hash(request), lifetimeSeconds: Int64(limits.lifetimeWithoutEnd))
            return 1
        }
    }

    public func append(
        _ stream: StreamName, epoch: Int64, after last: UInt64, _ messages: [[UInt8]]
    ) async throws {
        let kept = try await answering {
            try await Queries.appendMessages(
                database.as(.tenant(stream.tenant)), messageCount: Int64(messages.count),
                byteCount: Int64(messages.reduce(0) { $0 + $1.count }),
                lifetimeSeconds: Int64(limits.lifetimeWithoutEnd),
                id: stream.id, epoch: epoch, lastSequence: Int64(last), messages: MessageBatch.join(messages),
                byteLimit: Int64(limits.bytesPerStream))
        }
        guard kept != nil else { throw Status.streamTakenOver }
    }

    public func end(_ stream: StreamName, epoch: Int64, after last: UInt64, _ end: [UInt8]) async throws {
        let kept = try await answering {
            try await Queries.endStream(
                database.as(.tenant(stream.tenant)), ending: end, lifetimeSeconds: Int64(limits.lifetimeAfterEnd),
                id: stream.id, epoch: epoch, lastSequence: Int64(last))
        }
        guard kept != nil else { throw Status.streamTakenOver }
    }

    public func resume(_ stream: StreamName, request: [UInt8], after last: UInt64) async throws -> StreamRecord {
        let digest = SHA256.hash(request)
        let database = database.as(.tenant(stream.tenant))
        return try await answering {
            let taken = try await Queries.takeUpStream(
                database, id: stream.id, method: stream.method, requestDigest: digest, lastSequence: Int64(last))
            guard let taken else {
                let found = try await Queries.describeStream(
                    database, method: stream.method, requestDigest: digest, id: stream.id)
                guard let found else { throw Status.streamUnknown }
                guard found.isSame else { throw Status.streamRequestDiffers }
                guard !found.isExpired else { throw Status.streamExpired }
                throw Status.streamPosition(last, of: UInt64(found.lastSequence))
            }
            let rows = try await Queries.streamMessages(database, id: stream.id)
            let first = UInt64(rows.first?.firstSequence ?? taken.lastSequence + 1)
            guard last + 1 >= first else { throw Status.streamPositionLost(last, kept: first) }
            let messages = try rows.flatMap { try MessageBatch.split($0.messages, count: Int($0.messageCount)) }
            guard first + UInt64(messages.count) == UInt64(taken.lastSequence) + 1 else { throw Status.journalDamaged }
            return StreamRecord(
                epoch: taken.epoch, firstSequence: first, messages: messages, end: taken.ending)
        }
    }

    // MARK: - Purging

    /// Deletes what has expired, until the task is cancelled.
    public func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: limits.purgeInterval)
            if Task.isCancelled { return }
            do {
                while try await purge() >= limits.purgeBatch {}
            } catch {
                logger.debug("expired streams were not purged", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Deletes what has expired, up to `purgeBatch` streams; returns how many it dealt with.
    @discardableResult
    public func purge() async throws -> Int {
        Int(try await Queries.purgeStreams(database.as(.none), wanted: limits.purgeBatch) ?? 0)
    }

    private func answering<R>(_ body: () async throws -> R) async throws -> R {
        do { return try await body() } catch let error as PostgresError {
            if !error.isCancelled { logger.error("database error", metadata: ["error": "\(error)"]) }
            throw Status(error)
        }
    }
}

/// Several messages in one value: each behind its size.
enum MessageBatch {
    static func join(_ messages: [[UInt8]]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(messages.reduce(0) { $0 + $1.count + 4 })
        for message in messages {
            withUnsafeBytes(of: UInt32(message.count).bigEndian) { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: message)
        }
        return bytes
    }

    static func split(_ bytes: [UInt8], count: Int) throws(Status) -> [[UInt8]] {
        var messages: [[UInt8]] = []
        var rest = bytes[...]
        while rest.count >= 4 {
            let size = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(4)
            guard size <= rest.count else { throw .journalDamaged }
            messages.append(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        guard rest.isEmpty, messages.count == count else { throw .journalDamaged }
        return messages
    }
}

extension Status {
    static let journalDamaged = dataLoss(
        "What the stream said is damaged: make the call again.", reason: "STREAM_DAMAGED")
}
