public import Bytes
public import ProtoRuntime
import Synchronization

/// What a handler knows about its call: method, headers, deadline, peer and who calls.
public struct ServerContext: Sendable {
    public let scope: any CallScope
    public private(set) var identity: CallIdentity
    /// What was said before the stream broke, when this call takes one up.
    var said: SaidBefore?
    /// Runs beside the handler of a streaming call: it throws when the caller's right to the call has ended, which ends
    /// the call with that status, and returns when its task is cancelled.
    public private(set) var watch: (@Sendable () async throws -> Void)?

    /// Learns who calls as soon as that is known.
    private var witness: CallWitness?

    public init(_ scope: any CallScope, identity: CallIdentity = .anonymous) {
        self.scope = scope
        self.identity = identity
    }

    /// The context of a call that no transport carries: the bridge's and the tests'.
    public init(
        method: MethodDescriptor, metadata: Metadata = Metadata(), deadline: Deadline? = nil,
        peer: String = "in-process", requestID: String? = nil, identity: CallIdentity = .anonymous
    ) {
        scope = DetachedScope(
            method: method, metadata: metadata, deadline: deadline, peer: peer,
            requestID: requestID ?? RequestID.from(metadata) ?? UUID128.v7().description)
        self.identity = identity
    }

    public var method: MethodDescriptor { scope.method }
    public var metadata: Metadata { scope.metadata }
    public var deadline: Deadline? { scope.deadline }
    public var peer: String { scope.peer }
    /// The DNS and URI names of the caller's verified certificate; empty without mTLS.
    public var peerNames: [String] { scope.peerNames }
    public var requestID: String { scope.requestID }
    /// The caller's language from `accept-language`: `"fr"`, `"ar"` or `"en"`; `"fr"` when it does not say.
    public var language: String { AcceptLanguage.best(of: scope.metadata["accept-language"]) }

    /// Adds one header to the answer; without effect once the first message is on its way.
    public func setInitialMetadata(_ name: String, _ value: String) { scope.addInitialMetadata([name: value]) }
    /// Adds one trailer to the answer.
    public func setTrailer(_ name: String, _ value: String) { scope.addTrailers([name: value]) }
    /// Adds one binary trailer, whose name ends in `-bin`.
    public func setTrailer(_ name: String, bytes: [UInt8]) {
        var trailer = Metadata()
        trailer.add(name, bytes: bytes)
        scope.addTrailers(trailer)
    }

    /// Whether the request message that was read last came packed.
    public var requestWasCompressed: Bool { scope.requestWasCompressed }
    /// How the responses from now on are packed. Without it the server's threshold decides; a call that wants any of
    /// its responses packed says so before the first.
    public func setCompression(_ compression: MessageCompression) { scope.setCompression(compression) }

    /// The same call in the name of somebody whom an interceptor has authenticated.
    public func with(identity: CallIdentity) -> ServerContext {
        var copy = self
        copy.identity = identity
        witness?.learn(identity)
        return copy
    }

    /// The same call, with somebody outside of the authentication who learns as whom it goes on.
    package func witnessed(by witness: CallWitness) -> ServerContext {
        var copy = self
        copy.witness = witness
        return copy
    }

    /// The same call as one that takes up a stream which has said these messages (wire form): for tests of handlers.
    public func takingUp(_ messages: [[UInt8]]) -> ServerContext {
        var copy = self
        copy.said = SaidBefore(messages)
        return copy
    }

    /// What the caller has been told already, when this call takes up a stream that broke; nil for any other call.
    ///
    /// Asking for it is a promise: whatever the handler writes from here on comes after these messages. A handler
    /// that never asks runs from its beginning; what it repeats must equal, byte for byte, what was said, and is left
    /// out, else the call ends with `ABORTED` (`STREAM_CHANGED`). Of a very long stream only the newest messages are
    /// there (see `StreamJournal`).
    public func takeUpStream<M: Message>(as type: M.Type) throws -> [M]? { try said?.takeUp(as: type) }

    /// The same call, which ends as soon as `watch` throws. A unary call is over before that matters and has none.
    public func watched(by watch: @escaping @Sendable () async throws -> Void) -> ServerContext {
        guard method.callType != .unary else { return self }
        var copy = self
        copy.watch = watch
        return copy
    }

    /// The tenant in whose name the call runs, or `PERMISSION_DENIED` for anybody else.
    public func requireTenant() throws(Status) -> UUID128 {
        guard let tenant = identity.tenant else {
            throw .permissionDenied(
                "This method acts for a tenant: call it with a tenant's API key.", reason: "TENANT_KEY_REQUIRED")
        }
        return tenant
    }

    /// The headers and trailers that a detached call's handler has set, for who turns them into an answer.
    public var detachedAnswer: (initialMetadata: Metadata, trailers: Metadata) {
        (scope as? DetachedScope)?.answer ?? (Metadata(), Metadata())
    }
}

/// Who calls, for interceptors around the one that finds it out.
package final class CallWitness: Sendable {
    private let known: Mutex<CallIdentity>

    package init(_ identity: CallIdentity) { known = Mutex(identity) }

    package var identity: CallIdentity { known.withLock { $0 } }
    func learn(_ identity: CallIdentity) { known.withLock { $0 = identity } }
}

/// The scope of a call inside the process.
final class DetachedScope: CallScope {
    let method: MethodDescriptor
    let metadata: Metadata
    let deadline: Deadline?
    let peer: String
    let requestID: String
    private let written = Mutex((initial: Metadata(), trailers: Metadata()))

    init(method: MethodDescriptor, metadata: Metadata, deadline: Deadline?, peer: String, requestID: String) {
        self.method = method
        self.metadata = metadata
        self.deadline = deadline
        self.peer = peer
        self.requestID = requestID
    }

    func addInitialMetadata(_ metadata: Metadata) { written.withLock { $0.initial.add(contentsOf: metadata) } }
    func addTrailers(_ metadata: Metadata) { written.withLock { $0.trailers.add(contentsOf: metadata) } }
    var addedTrailers: Metadata { written.withLock { $0.trailers } }
    var answer: (Metadata, Metadata) { written.withLock { ($0.initial, $0.trailers) } }
}

/// The caller's own name for a call.
public enum RequestID {
    /// Longer ids are ignored: they go into every log line.
    public static let maximumLength = 128

    /// `x-request-id`, when it is short visible ASCII.
    public static func from(_ metadata: Metadata) -> String? {
        guard let id = metadata["x-request-id"], !id.isEmpty, id.utf8.count <= maximumLength,
            id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        return id
    }
}

/// Picks one of the languages that RAG-DZ speaks.
public enum AcceptLanguage {
    public static let supported = ["fr", "ar", "en"]

    /// The first supported language by weight, then by order; `"fr"` when none is.
    public static func best(of header: String?) -> String {
        guard let header else { return supported[0] }
        var best = supported[0]
        var bestWeight = 0.0
        for item in header.utf8.split(separator: UInt8(ascii: ",")).prefix(16) {
            let parts = item.split(separator: UInt8(ascii: ";"))
            guard let tag = parts.first.flatMap({ String($0.drop(while: { $0 == 0x20 }).prefix(2)) })?.lowercased(),
                supported.contains(tag)
            else { continue }
            let weight = parts.dropFirst().compactMap(quality).first ?? 1
            if weight > bestWeight { (best, bestWeight) = (tag, weight) }
        }
        return best
    }

    private static func quality(_ part: Substring.UTF8View.SubSequence) -> Double? {
        guard let text = String(part)?.filter({ $0 != " " }), text.hasPrefix("q=") else { return nil }
        return Double(text.dropFirst(2))
    }
}
