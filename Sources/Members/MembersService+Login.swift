internal import Bytes
internal import Logging
internal import Postgres
internal import ProtoRuntime
public import RPC
public import Schema
internal import Stores

// From a password to a session, and from one token to the next.

extension MembersService {
    /// Sessions that a member has at most: the oldest one ends for one more.
    static let maximumSessions: Int64 = 100

    public func login(_ request: Ragdz_V1_LoginRequest, context: ServerContext) async throws -> Ragdz_V1_SessionTokens {
        let network = LoginNetwork(peer: context.peer)
        try gate.admit(network)
        // What can be nobody's is looked up like what nobody has: the answer and the work are the same.
        let slug = Self.loginSlug(request.tenant)
        let email = MemberRules.loginEmail(request.email) ?? ""
        let password = MemberRules.passwordBytes(request.password)
        return try await withDatabaseErrors(logger, context) {
            let found = try await guess(slug: slug, email: email, network)
            let matches = try await passwords.matches(password, stored: found?.password)
            guard matches, let tenant = found?.tenantID, let member = found?.memberID, let stored = found?.password
            else {
                // Never what was typed: a password may stand in the wrong field.
                logger.info(
                    "login refused",
                    metadata: [
                        "network": "\(network.text)", "member": "\(found?.memberID?.description ?? "none")",
                        "request_id": "\(context.requestID)",
                    ])
                throw Self.loginRefused
            }
            try Self.checkTenant(found?.tenantStatus ?? "")
            var fresh: String?
            if passwords.isOutdated(stored), let password { fresh = try await passwords.hash(password) }
            let session = try await Queries.beginSession(
                database.as(.tenant(tenant)), newPassword: fresh, memberID: member, password: stored,
                atMost: Self.maximumSessions - 1, network: network.text, slug: slug, email: email,
                sessionID: UUID128.v4(), lifetimeMicros: sessions.lifetimes.sessionSeconds * 1_000_000,
                peer: context.peer, requestID: context.requestID)
            // Removed, or another password, while this one was checked.
            guard let session else {
                throw Status.aborted("The account changed during the login. Try again.", reason: "LOGIN_RACE")
            }
            let row = try await Queries.getMember(database.as(.tenant(tenant)), memberID: member)
            return tokens(session, row, tenant: tenant)
        }
    }

    public func refreshSession(
        _ request: Ragdz_V1_RefreshSessionRequest, context: ServerContext
    ) async throws -> Ragdz_V1_SessionTokens {
        guard let token = SessionToken.read(request.refreshToken, .refresh, sessions.keys) else {
            throw Status.unauthenticated(
                "The refresh token is cut off, changed, or was not signed here: log in again.",
                reason: "SESSION_TOKEN_INVALID")
        }
        return try await withDatabaseErrors(logger, context) {
            guard let found = try await sessions.find(token.session) else { throw Self.sessionEnded }
            try Self.checkTenant(found.tenantStatus)
            let tenant = found.member.tenant
            let outcome = try await advance(token, found.member, context)
            switch outcome {
            case .advanced(let session, let row): return tokens(session, row, tenant: tenant)
            case .ended: throw Self.sessionEnded
            case .reused:
                changed(.session(token.session))
                logger.warning(
                    "a refresh token was used twice; the session is ended",
                    metadata: ["session": "\(token.session)", "tenant": "\(tenant)", "peer": "\(context.peer)"])
                throw Status.unauthenticated(
                    "The refresh token was used before, so the session is ended: log in again.",
                    reason: "SESSION_REUSED")
            }
        }
    }

    private enum Refreshed: Sendable {
        case advanced(Queries.SessionRow, Queries.MemberRow?)
        case reused, ended
    }

    private func advance(
        _ token: SessionToken, _ member: CallIdentity.Member, _ context: ServerContext
    ) async throws -> Refreshed {
        let lifetimes = sessions.lifetimes
        return try await database.transaction(as: .tenant(member.tenant), attempts: Database.usualAttempts) {
            transaction -> Refreshed in
            let locked = try await Queries.lockSession(transaction, sessionID: token.session)
            guard let locked else { return .ended }
            let decision = RefreshDecision.of(
                presented: token.generation, generation: locked.generation, ageMicros: locked.ageMicros,
                isOver: locked.revokeTime != nil || locked.ended, lifetimes: lifetimes)
            let session: Queries.SessionRow?
            switch decision {
            case .advance: session = try await Queries.advanceSession(transaction, sessionID: token.session)
            case .again: session = try await Queries.getSession(transaction, sessionID: token.session)
            case .ended: return .ended
            case .reuse:
                _ = try await Queries.revokeSession(
                    transaction, sessionID: token.session, actor: "system", action: "session.reuse",
                    requestID: context.requestID, peer: context.peer)
                return .reused
            }
            guard let session else { return .ended }
            return .advanced(session, try await Queries.getMember(transaction, memberID: member.id))
        }
    }

    /// Counts a guess at a password, and gives what it is checked against.
    func guess(slug: String, email: String, _ network: LoginNetwork) async throws -> Queries.BeginLoginRow? {
        let limits = gate.limits
        let found = try await Queries.beginLogin(
            database.as(.none), slug: slug, email: email, network: network.text, accountGap: limits.account.gapMicros,
            accountBurst: limits.account.burst, networkGap: limits.network.gapMicros,
            networkBurst: limits.network.burst, atMicros: nil)
        if let wait = found?.waitMicros, wait > 0 { throw LoginGate.delayed(wait) }
        return found
    }

    private func tokens(
        _ session: Queries.SessionRow, _ member: Queries.MemberRow?, tenant: UUID128
    ) -> Ragdz_V1_SessionTokens {
        let keys = sessions.keys
        let sessionEnd = UInt32(clamping: session.endTime.unixMicros / 1_000_000)
        let tokenEnd = min(UInt32(clamping: sessions.nowSeconds + sessions.lifetimes.tokenSeconds), sessionEnd)
        let generation = UInt32(clamping: session.generation)
        func text(_ kind: SessionToken.Kind, _ end: UInt32) -> String {
            SessionToken(kind: kind, session: session.sessionID, generation: generation, end: end).text(keys)
        }
        var answer = Ragdz_V1_SessionTokens()
        answer.sessionToken = text(.session, tokenEnd)
        answer.expireTime = Google_Protobuf_Timestamp(unixMicros: Int64(tokenEnd) * 1_000_000)
        answer.refreshToken = text(.refresh, sessionEnd)
        answer.sessionEndTime = Google_Protobuf_Timestamp(unixMicros: session.endTime.unixMicros)
        answer.member = member.map(Ragdz_V1_Member.init)
        answer.tenantID = tenant.description
        return answer
    }

    /// A slug that a tenant could have; what could be none is the empty one, which is nobody's.
    private static func loginSlug(_ text: String) -> String {
        let isSlug =
            text.utf8.count <= 63
            && text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
        return isSlug ? text : ""
    }

    static let loginRefused = Status.unauthenticated(
        "Tenant, address and password do not belong together.", reason: "LOGIN_REFUSED")
    static let sessionEnded = Status.unauthenticated("The session has ended: log in again.", reason: "SESSION_ENDED")
}
