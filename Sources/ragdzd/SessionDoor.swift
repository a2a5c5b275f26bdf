internal import Bytes
internal import Keys
internal import Logging
internal import Members
internal import RPC

/// Lets sessions of members in as credentials: the authentication is of one feature, the sessions are of another.
struct SessionDoor: SessionSource {
    let sessions: MemberSessions

    func session(of token: String) throws(Status) -> UUID128 { try sessions.session(of: token) }

    func find(_ session: UUID128) async throws -> KnownSession? {
        try await sessions.find(session).map { found in
            KnownSession(
                member: found.member, tenantStatus: found.tenantStatus, tenantPlan: found.tenantPlan,
                endMicros: found.endMicros, isRevoked: found.isRevoked)
        }
    }
}

extension Authenticator {
    /// Drops what this process remembers of who has just changed.
    func forget(_ change: MembersService.Change) {
        switch change {
        case .session(let id): forget(.credential(.init(kind: .session, id: id.description)))
        case .member(let tenant): forget(.tenant(tenant))
        }
    }
}

/// The keys that sign sessions: from `RAGDZ_SESSION_KEYS`, or from a file in the data folder that is made at the first start
/// and read again when it changes, so that keys are rotated while the server runs.
struct SessionKeyFile: Sendable {
    let keys: SessionKeys
    /// Nil when the environment gives the keys.
    private let path: String?
    private let logger: Logger

    init(_ settings: Settings, _ folder: DataFolder, _ logger: Logger) throws {
        self.logger = logger
        do {
            if let text = settings.sessionKeys {
                path = nil
                keys = try SessionKeys(parsing: text)
            } else {
                let path = folder.file("session-keys")
                self.path = path
                keys = try SessionKeys(
                    parsing: try SecretFile.loadOrGenerate(at: path) { try SessionKeys.generateText() })
            }
        } catch let error as SessionKeys.Malformed {
            throw Settings.Invalid(error.description)
        }
    }

    /// Until the task is cancelled. A file that cannot be read changes nothing: the old keys stay in force.
    func watch(_ sessions: MemberSessions) async {
        guard let path else { return }
        var known = FileStamp(path)
        while (try? await Task.sleep(for: Credentials.watchInterval)) != nil {
            let now = FileStamp(path)
            if now == known { continue }
            known = now
            do {
                sessions.replaceKeys(try SessionKeys(parsing: try SecretFile.load(from: path)))
                logger.notice("session keys read again")
            } catch {
                logger.error("session keys not read again; the old ones stay in force", metadata: ["error": "\(error)"])
            }
        }
    }
}
