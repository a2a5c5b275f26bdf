public import RPC

/// Puts the caller's identity into the context of a call: from `authorization: Bearer <key or session>`, or, in a call
/// without that header, from the verified certificate of its connection.
///
/// Calls from inside the process may bring an identity that trusted code has set; a transport never does. A method
/// that is open to all is not asked for a credential, and one that is sent is not looked at.
public struct AuthenticationInterceptor: ServerInterceptor {
    private let authenticator: Authenticator
    private let services: ServiceDirectory
    private let limiter: RateLimiter?

    /// - Parameters:
    ///   - services: Who the bearers of client certificates are; nobody by default.
    ///   - limiter: With one, a call that its method's policy allows has to keep to the limits of its key and tenant too.
    public init(
        _ authenticator: Authenticator, services: ServiceDirectory = ServiceDirectory(), limiter: RateLimiter? = nil
    ) {
        self.authenticator = authenticator
        self.services = services
        self.limiter = limiter
    }

    public func intercept(
        _ context: ServerContext, _ next: @concurrent (ServerContext) async throws -> Void
    ) async throws {
        let method = context.method
        guard context.identity == .anonymous, method.policy.credential != .none else { return try await next(context) }
        let metadata = context.metadata
        guard let credential = try Self.credential(in: metadata) else {
            let names = context.peerNames
            guard !names.isEmpty else { throw Status.credentialMissing }
            // The methods that services may call answer once; a stream of theirs would have to be watched as well.
            return try await next(context.with(identity: try services.identity(of: names)))
        }
        // The usual call knows its caller and its limits here, without a wait.
        let caller: Authenticator.Caller
        if let known = try authenticator.recall(credential, peer: context.peer) {
            caller = known
        } else {
            caller = try await authenticator.recognise(credential, peer: context.peer)
        }
        let identity = caller.identity
        var known = context.with(identity: identity)
        var place: OpenCalls.Place?
        defer { if let place { limiter?.leave(place) } }
        if let limiter, let limits = caller.limits, let (tenant, keyID) = identity.limitSubject {
            // Before anything is taken: what is refused for its scope costs no tokens.
            try PolicyInterceptor.check(identity, against: method.policy)
            do {
                place = try limiter.enter(tenant: tenant, keyID: keyID, limits: limits)
                let costClass = method.policy.costClass
                if let standing = try limiter.take(
                    tenant: tenant, keyID: keyID, limits: limits, costClass: costClass, tell: context.tell)
                {
                    context.tell(standing)
                } else {
                    context.tell(
                        try await limiter.admit(
                            tenant: tenant, keyID: keyID, limits: limits, costClass: costClass, tell: context.tell))
                }
            } catch let refusal as Status {
                // Who waits for a refusal has no call under way.
                if let taken = place { limiter.leave(taken) }
                place = nil
                await limiter.holdBack(refusal, tenant: tenant, keyID: keyID, deadline: context.deadline)
                throw refusal
            }
        }
        if method.callType != .unary {
            // A call that lasts is not let go on by what was true when it began.
            let (peer, policy, credential) = (context.peer, method.policy, String(credential))
            known = known.watched { [authenticator] in
                try await authenticator.watch(credential, peer: peer, identity, policy: policy)
            }
        }
        try await next(known)
    }

    /// The credential in the headers of a call, where it stands; nil when there is none.
    static func credential(in metadata: Metadata) throws(Status) -> Substring? {
        var found: String?
        for entry in metadata.entries where entry.name == "authorization" {
            // Two headers could be read differently by two readers; nobody sends them in good faith.
            guard case .text(let value) = entry.value, found == nil else { throw .credentialMalformed }
            found = value
        }
        guard let found else { return nil }
        let bytes = found.utf8
        guard bytes.count > scheme.utf8CodeUnitCount, isBearer(bytes) else { throw .credentialMalformed }
        return found[bytes.index(bytes.startIndex, offsetBy: scheme.utf8CodeUnitCount)...]
    }

    private static let scheme: StaticString = "bearer "

    private static func isBearer(_ bytes: String.UTF8View) -> Bool {
        scheme.withUTF8Buffer { scheme in
            // A blank stays one with the bit of lower case set.
            zip(scheme, bytes).allSatisfy { $0 == $1 | 0x20 }
        }
    }
}

extension ServerContext {
    /// Tells the caller how much is left, also when nothing is.
    func tell(_ standing: RateStanding) {
        guard standing.limit > 0 else { return }
        var metadata = Metadata()
        metadata.add(uncheckedName: "x-ratelimit-limit", .text(String(standing.limit)))
        metadata.add(uncheckedName: "x-ratelimit-remaining", .text(String(standing.remaining)))
        metadata.add(
            uncheckedName: "x-ratelimit-reset", .text(String((standing.resetMicros + 999_999) / 1_000_000)))
        scope.addInitialMetadata(metadata)
    }
}

extension Status {
    static let credentialMissing = unauthenticated(
        "The call has no credential: send the header \"authorization: Bearer <key>\".", reason: "CREDENTIAL_MISSING")
    static let credentialMalformed = unauthenticated(
        "The authorization header is one \"Bearer <key>\".", reason: "CREDENTIAL_MALFORMED")
}

/// Lets a call through when its identity is what the method's policy asks for. What no policy allows is denied.
public struct PolicyInterceptor: ServerCheck {
    public init() {}

    public func check(_ context: ServerContext) throws {
        try Self.check(context.identity, against: context.method.policy)
    }

    /// Throws unless the identity satisfies the policy.
    public static func check(_ identity: CallIdentity, against policy: MethodPolicy) throws(Status) {
        switch (policy.credential, identity) {
        case (.none, _): return
        case (_, .anonymous):
            throw .unauthenticated("The call has no credential.", reason: "CREDENTIAL_MISSING")
        case (.operator, .platformOperator), (.tenantKeyOrOperator, .platformOperator): return
        case (.operator, .service(_, let scopes)), (.tenantKeyOrOperator, .service(_, let scopes)):
            guard scopes.allows(policy.scope) else {
                throw .permissionDenied(
                    "The service lacks the scope \"\(policy.scope)\".", reason: "SCOPE_MISSING")
            }
        case (.tenantKey, .tenantKey(_, _, let scopes)), (.tenantKeyOrOperator, .tenantKey(_, _, let scopes)):
            guard scopes.allows(policy.scope) else {
                throw .permissionDenied(
                    "The key lacks the scope \"\(policy.scope)\".", reason: "SCOPE_MISSING")
            }
        case (.tenantKey, .member(let member)), (.tenantKeyOrOperator, .member(let member)):
            guard member.scopes.allows(policy.scope) else {
                throw .permissionDenied(
                    "The member's role does not include \"\(policy.scope)\".", reason: "SCOPE_MISSING")
            }
        case (.operator, .tenantKey), (.operator, .member):
            throw .permissionDenied("This method is for operators of the platform.", reason: "OPERATOR_REQUIRED")
        case (.tenantKey, .platformOperator), (.tenantKey, .service):
            throw .permissionDenied(
                "This method acts for a tenant: call it with a tenant's API key.", reason: "TENANT_KEY_REQUIRED")
        }
    }
}
