internal import Glibc
internal import HTTP2
internal import NIOCore
internal import RPC

/// What the watchdog of a connection remembers between two looks.
struct Watch {
    var openedAt = NIODeadline.uptimeNanoseconds(0)
    /// When the connection is old, with jitter; nil never.
    var agesAt: NIODeadline?
    /// The last stream that the peer had opened at the last look.
    var lastStream: Int32 = 0
    /// Since when there is no call.
    var idleSince: NIODeadline?
    /// Since when a header block is being received.
    var inBlockSince: NIODeadline?
    /// When the graceful end began.
    var stoppedAt: NIODeadline?

    /// Connections that were opened together do not end together: each lives up to a tenth shorter or longer.
    static let ageJitter = -0.1...0.1

    init() {}

    init(openedAt: NIODeadline, _ configuration: RPCServer.Configuration) {
        self.openedAt = openedAt
        if let age = configuration.maximumConnectionAge {
            let jittered = Double(age.nanoseconds) * (1 + .random(in: Self.ageJitter))
            agesAt = openedAt + .nanoseconds(Int64(jittered))
        }
    }

    /// How often the watchdog looks: half of the shortest time that it must notice, at most every 2.5 seconds.
    static func period(_ configuration: RPCServer.Configuration) -> TimeAmount {
        let times = [
            configuration.handshakeTimeout, configuration.requestTimeout, configuration.idleTimeout, .seconds(5),
        ]
        return .nanoseconds(max(1_000_000, (times.map(\.nanoseconds).min() ?? 0) / 2))
    }
}

// MARK: - Time and the end

extension ServerConnection {
    /// Looks after what nobody else notices: a peer that never speaks, never asks, never ends, or has vanished.
    func look() {
        let now = NIODeadline.now()
        if watch.lastStream != session.lastPeerStream {
            // There were calls between the looks, however short they were.
            watch.lastStream = session.lastPeerStream
            watch.idleSince = nil
            watch.inBlockSince = nil
        }
        for stream in session.liveStreams { (stream as? ServerStream)?.watch(now) }
        if isOverdue(now) {
            // Nobody will take what is still to be sent: the kernel need not keep it either.
            let socket = context?.channel as? any SocketOptionProvider
            guard let done = socket?.setSoLinger(linger(l_onoff: 1, l_linger: 0)) else { return closeNow() }
            done.whenComplete { _ in self.closeNow() }
            return
        }
        if now - (watch.inBlockSince ?? now) > configuration.requestTimeout { session.terminate(.enhanceYourCalm) }
        if session.liveStreamCount == 0 {
            if isGreeted, now - (watch.idleSince ?? now) > configuration.idleTimeout { stop() }
        } else if pingedAt == nil, now - heardAt > configuration.keepaliveInterval {
            pingedAt = now
            session.ping()
        }
        if let agesAt = watch.agesAt, now > agesAt { stop() }
        watch.idleSince = session.liveStreamCount == 0 ? watch.idleSince ?? now : nil
        watch.inBlockSince = session.isInHeaderBlock ? watch.inBlockSince ?? now : nil
        flush()
    }

    /// The peer has not greeted, not answered a PING, or not let go of a connection that was to end, in time.
    private func isOverdue(_ now: NIODeadline) -> Bool {
        if !isGreeted, now - watch.openedAt > configuration.handshakeTimeout { return true }
        if let pingedAt, now - pingedAt > configuration.keepaliveTimeout { return true }
        guard let stoppedAt = watch.stoppedAt else { return false }
        let grace = session.liveStreamCount == 0 ? configuration.keepaliveTimeout : configuration.connectionGrace
        return now - stoppedAt > grace
    }

    /// Ends the connection when its calls are done.
    func stop() {
        if watch.stoppedAt == nil { watch.stoppedAt = .now() }
        session.terminateGracefully()
    }

    func beginShutdown() {
        stop()
        flush()
    }

    func closeNow() {
        for stream in session.liveStreams {
            (stream as? ServerStream)?.abort(.unavailable("The server is stopping: call again.", reason: "SHUTDOWN"))
        }
        // The ends of the calls first: nothing goes out after the GOAWAY.
        flush()
        session.terminate(.noError)
        flush()
        context?.close(promise: nil)
    }

    /// A handler goes on after its stream is over. Who opens and leaves streams faster than their handlers end gets
    /// around the limit of streams, whichever side resets them, so there is a limit for these too.
    func addOrphan() {
        orphans += 1
        if orphans > 2 * Int(configuration.http2.concurrentStreams) { session.terminate(.enhanceYourCalm) }
    }
}
