import Bytes
import ProtoRuntime
import Synchronization

/// The messages that a broken stream had said, handed to the handler that goes on with it.
final class SaidBefore: Sendable {
    let messages: [[UInt8]]
    private let taken = Atomic<Bool>(false)

    init(_ messages: [[UInt8]]) { self.messages = messages }

    /// Whether the handler goes on after the messages, rather than from its beginning.
    var isTakenUp: Bool { taken.load(ordering: .acquiring) }

    func takeUp<M: Message>(as type: M.Type) throws -> [M] {
        let typed: [M]
        do { typed = try messages.map { try M(wire: $0) } } catch { throw Status.streamChanged }
        taken.store(true, ordering: .releasing)
        return typed
    }
}

/// A call whose responses are kept before they are sent.
///
/// A handler writes in turn, so the lock is never waited for; it is there because handlers may move between threads.
final class JournaledCall: ServerCall {
    enum Limits {
        /// Messages that are kept in one step at most.
        static let gatheredMessages = 64
        /// Bytes of them at most.
        static let gatheredBytes = 256 << 10
    }

    private struct State {
        var pending: [[UInt8]] = []
        var pendingBytes = 0
        /// How many messages the journal has.
        var sequence: UInt64 = 0
        /// nil before the first message is kept.
        var epoch: Int64?
        /// How many messages a handler that runs from its beginning has repeated.
        var repeated: UInt64 = 0
    }

    private let inner: any ServerCall
    private let journal: any StreamJournal
    private let name: StreamName
    private let scope: any CallScope
    private let said: SaidBefore?
    /// The number of the first of `said.messages`.
    private let firstSaid: UInt64
    private let state: Mutex<State>

    init(
        _ inner: any ServerCall, _ journal: any StreamJournal, _ name: StreamName, _ scope: any CallScope,
        after record: StreamRecord? = nil, said: SaidBefore? = nil
    ) {
        self.inner = inner
        self.journal = journal
        self.name = name
        self.scope = scope
        self.said = said
        firstSaid = record?.firstSequence ?? 1
        var state = State()
        if let record { (state.sequence, state.epoch) = (record.lastSequence, record.epoch) }
        self.state = Mutex(state)
    }

    func request<M: Message>(as type: M.Type) throws -> M { try inner.request(as: type) }
    func nextRequest<M: Message>(as type: M.Type) async throws -> M? { try await inner.nextRequest(as: type) }
    func requestBytes() throws -> [UInt8] { try inner.requestBytes() }

    func send<M: Message>(_ message: M) throws {
        let bytes = message.wireBytes()
        let isTakenUp = said?.isTakenUp ?? true
        try state.withLock { state in
            if !isTakenUp, state.repeated < firstSaid - 1 + UInt64(said?.messages.count ?? 0) {
                state.repeated += 1
                // What is not kept any more cannot be compared; the newest messages can.
                guard state.repeated >= firstSaid else { return }
                guard said?.messages[Int(state.repeated - firstSaid)] == bytes else { throw Status.streamChanged }
            } else {
                state.pending.append(bytes)
                state.pendingBytes += bytes.count
            }
        }
    }

    var isWritable: Bool { state.withLock { $0.pending.isEmpty } }
    var gathers: Bool {
        state.withLock { $0.pending.count < Limits.gatheredMessages && $0.pendingBytes < Limits.gatheredBytes }
    }

    /// Keeps what is pending, then sends it.
    func writable() async throws {
        let (messages, epoch, last) = state.withLock { state in
            defer { (state.pending, state.pendingBytes) = ([], 0) }
            return (state.pending, state.epoch, state.sequence)
        }
        guard !messages.isEmpty else { return try await inner.writable() }
        let held: Int64
        if let epoch {
            held = epoch
        } else {
            held = try await journal.begin(name, request: inner.requestBytes())
            scope.addInitialMetadata(["ragdz-stream-id": name.id.description])
        }
        try await journal.append(name, epoch: held, after: last, messages)
        state.withLock { ($0.epoch, $0.sequence) = (held, last + UInt64(messages.count)) }
        for message in messages { try await Self.pass(message, to: inner) }
    }

    /// The handler is done: what is left goes out, and the end is kept if it is one for good.
    func finish(_ status: Status) async throws {
        if status.isOK, !isWritable { try await writable() }
        let (epoch, last, repeated) = state.withLock { ($0.epoch, $0.sequence, $0.repeated) }
        if status.isOK, let said, !said.isTakenUp, repeated < last,
            repeated < firstSaid - 1 + UInt64(said.messages.count)
        {
            throw Status.streamChanged
        }
        guard let epoch, Self.isFinal(status) else { return }
        let end = StreamEnd(status: status, metadata: scope.addedTrailers)
        try await journal.end(name, epoch: epoch, after: last, end.wireBytes())
    }

    /// Whether a stream that ends so is over; otherwise it is interrupted, and may be taken up.
    static func isFinal(_ status: Status) -> Bool {
        switch status.code {
        case .unavailable, .cancelled, .deadlineExceeded, .aborted: false
        default: !Task.isCancelled
        }
    }

    /// Sends a message that is in wire form already.
    static func pass(_ message: [UInt8], to call: any ServerCall) async throws {
        // A message without fields of its own writes what it does not know: all of these bytes.
        guard let raw = try? Google_Protobuf_Empty(wire: message) else { throw Status.streamChanged }
        try call.send(raw)
        if !call.isWritable { try await call.writable() }
    }
}

/// A stream that is taken up by running it again: what the client has is left out.
final class RepeatedCall: ServerCall {
    private struct State {
        var left: UInt64
        var check = StreamCheck()
        var mayPass: Bool { left == 0 }
    }

    private let inner: any ServerCall
    private let expected: UInt32?
    private let state: Mutex<State>

    init(_ inner: any ServerCall, after position: StreamPosition) {
        self.inner = inner
        expected = position.check
        state = Mutex(State(left: position.lastSequence))
    }

    func request<M: Message>(as type: M.Type) throws -> M { try inner.request(as: type) }
    func nextRequest<M: Message>(as type: M.Type) async throws -> M? { try await inner.nextRequest(as: type) }
    func requestBytes() throws -> [UInt8] { try inner.requestBytes() }
    var isWritable: Bool { inner.isWritable }
    func writable() async throws { try await inner.writable() }

    func send<M: Message>(_ message: M) throws {
        let passes = try state.withLock { state in
            if state.mayPass { return true }
            state.check.add(message.wireBytes())
            state.left -= 1
            if state.left == 0, let expected, expected != state.check.value { throw Status.streamChanged }
            return false
        }
        if passes { try inner.send(message) }
    }

    /// The handler is done; it must have come at least as far as the client.
    func finish() throws {
        guard state.withLock({ $0.mayPass }) else { throw Status.streamChanged }
    }
}
