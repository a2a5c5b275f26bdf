internal import Bytes
internal import Cryptography
public import Logging
public import Postgres
public import RPC
internal import Stores
internal import Synchronization

/// Finds out who makes a call, and remembers for a short while.
///
/// `run()` must be running for anything to be remembered: it listens to what the database announces about keys. While
/// it cannot hear, and from two seconds after it has last proved to hear, every call asks the database, so that a revoked
/// key never outlives its announcement by more; with the database away as well, every call is refused with `UNAVAILABLE`.
public final class Authenticator: Sendable {
    /// How often the uses of keys are written down.
    public static let useInterval: Duration = .seconds(5)
    /// How often the credential of an open stream is looked at when nothing was announced about it.
    public static let watchInterval: Duration = .seconds(2)
    /// How long a stream goes on while nobody can tell whether its credential still holds.
    public static let watchPatience: Duration = .seconds(10)

    private struct State {
        var uses = KeyUses()
        var watches = CredentialWatches()
        var secondLooks = SecondLooks()
    }

    private let store: any CredentialSource
    private let sessions: (any SessionSource)?
    private let pepper: Pepper
    private let logger: Logger
    private let cache: AnnouncedCache<KeyReference, KnownCredential>
    private let state = Mutex(State())
    private let channel: AnnouncedChannel?

    /// - Parameter sessions: Who knows members' sessions; nil: sessions are no credentials here.
    public init(
        database: Database, pepper: Pepper, sessions: (any SessionSource)? = nil,
        limits: AnnouncedLimits = .defaults, logger: Logger
    ) {
        store = CredentialStore(database: database, pepper: pepper)
        self.sessions = sessions
        self.pepper = pepper
        self.logger = logger
        cache = AnnouncedCache(limits: limits)
        channel = AnnouncedChannel("ragdz_keys", of: database, logger: logger)
    }

    /// One that knows a single key, on this thread at once, and no database: for measuring what a call costs.
    package init(pepper: Pepper, knowing key: APIKey, _ record: KeyRecord) {
        store = OneCredential(reference: key.reference, record: record)
        sessions = nil
        self.pepper = pepper
        logger = Logger(label: "keys") { _ in SwiftLogNoOpLogHandler() }
        cache = AnnouncedCache(limits: .init(lifetimeMicros: .max / 4, maximumEntries: 2, stalenessMicros: .max / 4))
        channel = nil
        let now = AnnouncedChannel.nowMicros()
        cache.heardAll(before: now)
        guard case .ask(let ticket) = cache.lookUp(key.reference, now: now) else { return }
        cache.remember(key.reference, KnownCredential(record, key.reference), ticket: ticket, now: now)
    }

    /// The identity that a credential stands for.
    ///
    /// `UNAUTHENTICATED` when it stands for nobody (see `CredentialVerdict` for who learns why), `PERMISSION_DENIED`
    /// when its tenant is suspended, `UNAVAILABLE` when that cannot be found out now.
    public func authenticate(_ credential: String, peer: String = "") async throws -> CallIdentity {
        if let caller = try recall(credential[...], peer: peer) { return caller.identity }
        return try await recognise(credential[...], peer: peer).identity
    }

    /// Who calls, and how much it may.
    package struct Caller: Sendable {
        package var identity: CallIdentity
        package var limits: RateLimits?
    }

    /// Who calls, when this thread knows the credential: for a key without a lock, an allocation or a wait. Throws as
    /// `authenticate` does, for a malformed credential always.
    package func recall(_ credential: Substring, peer: @autoclosure () -> String) throws(Status) -> Caller? {
        let now = AnnouncedChannel.nowMicros()
        if let session = try session(of: credential) {
            guard let known = cache.recall(KeyReference(session: session), now: now) else { return nil }
            return try Self.judge(session: known)
        }
        let found = Self.withPresented(credential) { key -> Result<Caller?, Status> in
            guard let known = cache.recall(key.reference, now: now) else { return .success(nil) }
            return judge(key, known, peer: peer(), now: now)
        }
        return try found.get()
    }

    /// Who calls, from what any thread knows or from the database.
    func recognise(_ credential: Substring, peer: String) async throws -> Caller {
        if let session = try session(of: credential) { return try await recognise(session: session) }
        let reference = try Self.withPresented(credential) { .success($0.reference) }.get()
        let known = try await known(reference) { [store] in try await store.find(reference) }
        func judged(_ known: KnownCredential?) throws(Status) -> Caller? {
            let now = AnnouncedChannel.nowMicros()
            return try Self.withPresented(credential) { judge($0, known, peer: peer, now: now) }.get()
        }
        if let caller = try judged(known) { return caller }
        // The holder of a new secret can be here before the announcement that its key was rotated.
        if known != nil, state.withLock({ $0.secondLooks.take(now: AnnouncedChannel.nowMicros()) }),
            let newer = try await found({ [store] in try await store.find(reference) }),
            let caller = try judged(KnownCredential(newer, reference))
        {
            cache.forget(reference)
            return caller
        }
        throw Status.refused(.unknown)
    }

    private func recognise(session: UUID128) async throws -> Caller {
        let known = try await known(KeyReference(session: session)) { [sessions] in
            try await sessions?.find(session).map(KeyRecord.init)
        }
        return try Self.judge(session: known)
    }

    /// The session that a credential is a token of; nil for a key. Throws for a token that is forged or over.
    private func session(of credential: Substring) throws(Status) -> UUID128? {
        guard let sessions, credential.utf8.starts(with: Self.sessionPrefix.utf8) else { return nil }
        return try sessions.session(of: String(credential))
    }

    private static let sessionPrefix = "ragdz_session_"

    private static func judge(session known: KnownCredential?) throws(Status) -> Caller {
        let verdict = known?.sessionVerdict(now: WallClock.nowMicros()) ?? .unknown
        guard case .accepted(let member) = verdict else { throw .refusedSession(verdict) }
        return Caller(identity: member, limits: known?.record.limits)
    }

    /// Runs the body on the credential where it stands; a malformed one has a status without it.
    private static func withPresented<R>(
        _ credential: Substring, _ body: (PresentedKey) -> Result<R, Status>
    ) -> Result<R, Status> {
        func read(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<R, Status> {
            switch PresentedKey.read(bytes) {
            case .success(let key): body(key)
            case .failure(let malformation): .failure(.malformedKey(malformation))
            }
        }
        if let result = credential.utf8.withContiguousStorageIfAvailable(read) { return result }
        return Array(credential.utf8).withUnsafeBufferPointer(read)
    }

    /// Nil when the secret is none of those that are known.
    private func judge(
        _ key: PresentedKey, _ known: KnownCredential?, peer: @autoclosure () -> String, now: Int64
    ) -> Result<Caller?, Status> {
        let match = KnownCredential.match(key, known?.record.secrets ?? [], pepper)
        guard let known, let match else { return .success(nil) }
        let verdict = known.verdict(of: match, peer: peer(), now: WallClock.nowMicros())
        guard case .accepted(let identity) = verdict else { return .failure(.refused(verdict)) }
        if known.notesUse(now: now) { noteUse(key, match, identity, now: now) }
        return .success(Caller(identity: identity, limits: known.record.limits))
    }

    @inline(never)
    private func noteUse(_ key: PresentedKey, _ secret: KeyRecord.Secret, _ identity: CallIdentity, now: Int64) {
        guard case .tenantKey(let tenant, let keyID, _) = identity else { return }
        var rehashed: RehashedSecret?
        if secret.pepperVersion != pepper.newestVersion, let oldHash = secret.hash,
            let hash = pepper.digest(key, version: pepper.newestVersion)
        {
            rehashed = RehashedSecret(
                tenant: tenant, keyID: keyID, generation: secret.generation, oldHash: oldHash.bytes,
                pepperVersion: pepper.newestVersion, hash: hash.bytes)
        }
        state.withLock {
            $0.uses.note(keyID, tenant: tenant, now: now)
            if let rehashed { $0.uses.note(rehashed) }
        }
    }

    /// Drops what is remembered of a key or a tenant, at once and in this process: who has changed it calls this before
    /// it answers, so that the caller's next call sees the change. All processes hear of it from the database.
    public func forget(_ announcement: KeyAnnouncement) {
        switch announcement {
        case .credential(let key): cache.forget(key)
        case .tenant(let tenant):
            cache.forget { _, known in known.record.owner.tenant == tenant }
        }
        state.withLock { $0.watches.ring(announcement) }
    }

    /// Returns when its task is cancelled, and throws as `authenticate` does as soon as the credential of a call that is
    /// under way does not give the right to it any more: at once after an announcement, and at most `watchInterval`
    /// after one that was lost.
    func watch(
        _ credential: String, peer: String, _ identity: CallIdentity, policy: MethodPolicy
    ) async throws {
        // A session's token is good for minutes and its stream for as long as the session.
        let session = try session(of: credential[...])
        let reference =
            try session.map(KeyReference.init(session:))
            ?? Self.withPresented(credential[...]) { .success($0.reference) }.get()
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
                    let now: Caller
                    if let session {
                        now = try await recognise(session: session)
                    } else {
                        now = try await recognise(credential[...], peer: peer)
                    }
                    try PolicyInterceptor.check(now.identity, against: policy)
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
            if let channel { group.addTask { await channel.run(self.hear) } }
            group.addTask { await self.writeUses() }
            group.addTask { await self.reportPeppers() }
        }
    }

    private func known(
        _ key: KeyReference, _ find: () async throws -> KeyRecord?
    ) async throws -> KnownCredential? {
        switch cache.lookUp(key, now: AnnouncedChannel.nowMicros()) {
        case .found(let known): return known
        case .absent: return nil
        case .ask(let ticket):
            do {
                let known = try await found(find).map { KnownCredential($0, key) }
                cache.remember(key, known, ticket: ticket, now: AnnouncedChannel.nowMicros())
                return known
            } catch {
                cache.giveUp(key, ticket: ticket)
                throw error
            }
        }
    }

    private func found(_ find: () async throws -> KeyRecord?) async throws -> KeyRecord? {
        do { return try await find() } catch let error as PostgresError {
            if !error.isCancelled { logger.error("key lookup failed", metadata: ["error": "\(error)"]) }
            throw Status(error)
        }
    }

    private func hear(_ event: AnnouncedChannel.Event) {
        switch event {
        case .heardAll(let moment): cache.heardAll(before: moment)
        case .lost: cache.distrust()
        case .announced(let text):
            if let announcement = KeyAnnouncement(text) {
                forget(announcement)
            } else {
                cache.forgetEverything()
            }
        }
    }

    /// Says at the start which older versions of the pepper are still needed.
    private func reportPeppers() async {
        guard let found = try? await store.secretsByPepper() else { return }
        for (version, count) in found where version != pepper.newestVersion {
            let about: Logger.Metadata = ["version": "\(version)", "secrets": "\(count)"]
            if pepper.knows(version) {
                logger.notice("live secrets are hashed with another version of the pepper", metadata: about)
            } else {
                logger.error("live secrets cannot be checked: their version of the pepper is missing", metadata: about)
            }
        }
    }

    private func writeUses() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.useInterval)
            for secret in state.withLock({ $0.uses.takeRehashed() }) {
                // What fails is tried again at a later use.
                do { try await store.rehash(secret) } catch {
                    logger.debug("hash not renewed", metadata: ["error": "\(error)"])
                }
            }
            for use in state.withLock({ $0.uses.take() }) {
                do { try await store.touch(use.keyID, tenant: use.tenant) } catch {
                    logger.debug("last use not written", metadata: ["error": "\(error)"])
                }
            }
        }
    }
}
