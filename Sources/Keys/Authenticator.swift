internal import Bytes
internal import Glibc
public import Logging
public import Postgres
public import RPC
internal import Synchronization

/// Finds out who makes a call, and remembers for a short while.
///
/// `run()` must be running for anything to be remembered: it listens to what the database announces about keys. While
/// it cannot hear, every call asks the database, so that a revoked key never outlives its announcement; with the
/// database away as well, every call is refused with `UNAVAILABLE`.
public final class Authenticator: Sendable {
    /// How often the uses of keys are written down.
    public static let useInterval: Duration = .seconds(5)
    /// How long `run` waits before it tries to listen again.
    public static let listenRetry: Duration = .milliseconds(200)
    /// How often the credential of an open stream is looked at when nothing was announced about it.
    public static let watchInterval: Duration = .seconds(2)
    /// How long a stream goes on while nobody can tell whether its credential still holds.
    public static let watchPatience: Duration = .seconds(10)

    private struct State {
        var cache: KeyCache
        var uses = KeyUses()
        var watches = CredentialWatches()
    }

    private let store: CredentialStore
    private let sessions: (any SessionSource)?
    private let logger: Logger
    private let state: Mutex<State>

    /// - Parameter sessions: Who knows members' sessions; nil: sessions are no credentials here.
    public init(
        database: Database, pepper: Pepper, sessions: (any SessionSource)? = nil,
        limits: KeyCache.Limits = .defaults, logger: Logger
    ) {
        store = CredentialStore(database: database, pepper: pepper)
        self.sessions = sessions
        self.logger = logger
        state = Mutex(State(cache: KeyCache(limits: limits)))
    }

    /// The identity that a credential stands for.
    ///
    /// `UNAUTHENTICATED` when it stands for nobody (see `CredentialVerdict` for who learns why), `PERMISSION_DENIED`
    /// when its tenant is suspended, `UNAVAILABLE` when that cannot be found out now.
    public func authenticate(_ credential: String, peer: String = "") async throws -> CallIdentity {
        try await recognise(credential, peer: peer).identity
    }

    /// Who calls, and how much it may.
    struct Caller: Sendable {
        var identity: CallIdentity
        var limits: RateLimits?
    }

    func recognise(_ credential: String, peer: String) async throws -> Caller {
        try await recognise(try PresentedCredential.parse(credential, sessions: sessions), peer: peer)
    }

    private func recognise(_ presented: PresentedCredential, peer: String) async throws -> Caller {
        let record = try await record(of: presented)
        let identity: CallIdentity
        switch presented {
        case .session:
            let verdict = CredentialVerdict.ofSession(record, now: WallClock.nowMicros())
            guard case .accepted(let member) = verdict else { throw Status(session: verdict) }
            identity = member
        case .key(let key):
            let verdict = CredentialVerdict.of(
                key, record: record, pepper: store.pepper, peer: peer, now: WallClock.nowMicros())
            guard case .accepted(let bearer) = verdict else { throw Status(verdict) }
            identity = bearer
        }
        if case .tenantKey(let tenant, let keyID, _) = identity {
            let now = Self.nowMicros()
            state.withLock { $0.uses.note(keyID, tenant: tenant, now: now) }
        }
        return Caller(identity: identity, limits: record?.limits)
    }

    /// Drops what is remembered of a key or a tenant, at once and in this process: who has changed it calls this before
    /// it answers, so that the caller's next call sees the change. All processes hear of it from the database.
    public func forget(_ announcement: KeyCache.Announcement) {
        state.withLock { state in
            state.cache.forget(announcement)
            state.watches.ring(announcement)
        }
    }

    /// Returns when its task is cancelled, and throws as `authenticate` does as soon as the credential of a call that is
    /// under way does not give the right to it any more: at once after an announcement, and at most `watchInterval`
    /// after one that was lost.
    func watch(
        _ credential: String, peer: String, _ identity: CallIdentity, policy: MethodPolicy
    ) async throws {
        // A session's token is good for minutes and its stream for as long as the session.
        let presented = try PresentedCredential.parse(credential, sessions: sessions)
        let reference = presented.reference
        let (ticks, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { $0.watches.add(reference, identity.tenant, bell) }
        defer { state.withLock { $0.watches.remove(number, reference) } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    try? await Task.sleep(for: Self.watchInterval)
                    bell.yield()
                }
            }
            defer { group.cancelAll() }
            var unknownSince: ContinuousClock.Instant?
            for await _ in ticks {
                if Task.isCancelled { return }
                do {
                    let now = try await recognise(presented, peer: peer).identity
                    try PolicyInterceptor.check(now, against: policy)
                    unknownSince = nil
                } catch let status as Status where status.code == .unavailable {
                    let since = unknownSince ?? .now
                    unknownSince = since
                    if since.duration(to: .now) >= Self.watchPatience { throw status }
                }
            }
        }
    }

    /// Listens for changes of keys and writes down their uses, until the task is cancelled.
    public func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.listen() }
            group.addTask { await self.writeUses() }
        }
    }

    private func record(of presented: PresentedCredential) async throws -> KeyRecord? {
        let reference = presented.reference
        let answer = state.withLock { $0.cache.lookUp(reference, now: Self.nowMicros()) }
        switch answer {
        case .found(let record): return record
        case .absent: return nil
        case .ask(let ticket):
            do {
                let record = try await find(presented)
                state.withLock {
                    $0.cache.remember(reference, record, ticket: ticket, now: Self.nowMicros())
                }
                return record
            } catch let error as PostgresError {
                if !error.isCancelled { logger.error("key lookup failed", metadata: ["error": "\(error)"]) }
                throw Status(error)
            }
        }
    }

    private func find(_ presented: PresentedCredential) async throws -> KeyRecord? {
        switch presented {
        case .key(let key): try await store.find(key)
        case .session(_, let id): try await sessions?.find(id).map(KeyRecord.init)
        }
    }

    private func listen() async {
        while !Task.isCancelled {
            do {
                let notifications = try await store.database.listen("ragdz_keys")
                state.withLock { $0.cache.trust() }
                for await notification in notifications { handle(notification) }
            } catch {
                logger.warning("cannot listen for key changes", metadata: ["error": "\(error)"])
            }
            state.withLock { $0.cache.distrust() }
            try? await Task.sleep(for: Self.listenRetry)
        }
    }

    private func handle(_ notification: Notification) {
        state.withLock { state in
            switch notification {
            case .payload(let text):
                if let announcement = KeyCache.Announcement(text) {
                    state.cache.forget(announcement)
                    state.watches.ring(announcement)
                } else {
                    state.cache.forgetEverything()
                }
            case .connectionLost: state.cache.distrust()
            case .connectionRestored: state.cache.trust()
            }
        }
    }

    private func writeUses() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.useInterval)
            for use in state.withLock({ $0.uses.take() }) {
                do { try await store.touch(use.keyID, tenant: use.tenant) } catch {
                    logger.debug("last use not written", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    private static func nowMicros() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }
}

extension Status {
    init(_ malformation: APIKey.Malformation) {
        let hint =
            switch malformation {
            case .prefix: "one begins with \"ragdz_live_\""
            case .length: "it is cut off or too long"
            case .alphabet: "it has a character that no key has"
            case .checksum: "it was changed or mistyped"
            }
        self = .unauthenticated(
            "The credential is not a key of RAG-DZ: \(hint). Copy the whole key.", reason: "KEY_MALFORMED")
    }

    init(_ verdict: CredentialVerdict) {
        switch verdict {
        case .revoked: self = .unauthenticated("The key is revoked.", reason: "KEY_REVOKED")
        case .disabled: self = .unauthenticated("The key is disabled.", reason: "KEY_DISABLED")
        case .expired:
            self = .unauthenticated("The key or its rotated secret has expired.", reason: "KEY_EXPIRED")
        case .foreignAddress:
            self = .permissionDenied(
                "The key may not be used from this address.", reason: "ADDRESS_NOT_ALLOWED")
        case .tenantSuspended:
            self = .permissionDenied(
                "The tenant is suspended: ask the platform's operator.", reason: "TENANT_SUSPENDED")
        case .tenantDeleted:
            self = .permissionDenied("The tenant is deleted or being deleted.", reason: "TENANT_DELETED")
        case .unknown, .accepted:
            self = .unauthenticated("There is no such key.", reason: "KEY_UNKNOWN")
        }
    }
}
