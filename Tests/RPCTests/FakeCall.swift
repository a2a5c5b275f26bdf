import ProtoRuntime
import RPC
import Synchronization

typealias Text = Google_Protobuf_StringValue

/// A call that remembers what was sent, and can lose its peer.
final class FakeCall: ServerCall {
    struct State {
        var sent: [[UInt8]] = []
        /// How many messages go out before the peer is gone; nil: all.
        var left: Int?
    }

    let request: [UInt8]
    private let state: Mutex<State>

    init(_ request: Text = Text("question"), breaksAfter left: Int? = nil) {
        self.request = request.wireBytes()
        state = Mutex(State(left: left))
    }

    var sent: [String] {
        state.withLock { $0.sent }.map { (try? Text(wire: $0).value) ?? "?" }
    }

    func request<M: Message>(as type: M.Type) throws -> M { try M(wire: request) }
    func requestBytes() throws -> [UInt8] { request }
    func nextRequest<M: Message>(as type: M.Type) async throws -> M? { nil }
    func send<M: Message>(_ message: M) throws {
        try state.withLock { state in
            if let left = state.left {
                guard left > 0 else { throw Status.cancelled("gone") }
                state.left = left - 1
            }
            state.sent.append(message.wireBytes())
        }
    }
    var isWritable: Bool { true }
    func writable() async throws {}
}

/// The scope of a call that says how its stream is to be taken up.
final class FakeScope: CallScope {
    let method: MethodDescriptor
    let metadata = Metadata()
    let deadline: Deadline? = nil
    let peer = "test"
    let requestID = "r-1"
    let resumption: StreamResumption
    private let written = Mutex((initial: Metadata(), trailers: Metadata()))

    init(_ method: MethodDescriptor, _ resumption: StreamResumption = .fresh) {
        self.method = method
        self.resumption = resumption
    }

    func addInitialMetadata(_ metadata: Metadata) { written.withLock { $0.initial.add(contentsOf: metadata) } }
    func addTrailers(_ metadata: Metadata) { written.withLock { $0.trailers.add(contentsOf: metadata) } }
    var addedTrailers: Metadata { written.withLock { $0.trailers } }
    var streamID: String? { written.withLock { $0.initial["ragdz-stream-id"] } }
}

/// The status that `body` throws.
func status(_ body: () async throws -> Void) async -> Status? {
    do {
        try await body()
        return nil
    } catch { return error as? Status ?? Status(.unknown, "\(error)") }
}
