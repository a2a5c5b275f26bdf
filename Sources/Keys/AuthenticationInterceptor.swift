public import RPC

/// Puts the caller's identity into the context of a call: from `authorization: Bearer <key or session>`, or, in a call without
/// that header, from the verified certificate of its connection.
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
        _ context: ServerContext, _ next: (ServerContext) async throws -> Void
    ) async throws {
        guard context.identity == .anonymous, context.method.policy.credential != .none else {
            return try await next(context)
        }
        let names = context.metadata["authorization"] == nil ? context.peerNames : []
        if !names.isEmpty {
            // The methods that services may call answer once; a stream of theirs would have to be watched as well.
            return try await next(context.with(identity: try services.identity(of: names)))
        }
        let credential = try Self.credential(in: context.metadata)
        let peer = context.peer
        let caller = try await authenticator.recognise(credential, peer: peer)
        let identity = caller.identity
        let policy = context.method.policy
        if let limiter, let limits = caller.limits, let (tenant, name) = identity.limitSubject {
            // Before anything is taken: what is refused for its scope costs no tokens.
            try PolicyInterceptor.check(identity, against: policy)
            try await Self.hold(context) {
                try await limiter.admit(tenant: tenant, keyID: name, limits: limits)
            }
        }
        // A call that lasts is not let go on by what was true when it began.
        let known = context.with(identity: identity).watched { [authenticator] in
            try await authenticator.watch(credential, peer: peer, identity, policy: policy)
        }
        try await next(known)
    }

    /// Tells the caller how much is left, also when nothing is.
    private static func hold(_ context: ServerContext, _ body: () async throws -> RateStanding) async throws {
        let standing = try await body()
        guard standing.limit > 0 else { return }
        context.setInitialMetadata("x-ratelimit-limit", String(standing.limit))
        context.setInitialMetadata("x-ratelimit-remaining", String(standing.remaining))
        context.setInitialMetadata("x-ratelimit-reset", String((standing.resetMicros + 999_999) / 1_000_000))
    }

    /// The credential in the headers of a call.
    static func credential(in metadata: Metadata) throws(Status) -> String {
        let values = metadata.all("authorization")
        guard let value = values.first else {
            throw .unauthenticated(
                "The call has no credential: send the header \"authorization: Bearer <key>\".",
                reason: "CREDENTIAL_MISSING")
        }
        // Two headers could be read differently by two readers; nobody sends them in good faith.
        guard values.count == 1, value.utf8.count > scheme.utf8.count,
            value.prefix(scheme.count).lowercased() == scheme
        else {
            throw .unauthenticated(
                "The authorization header is one \"Bearer <key>\".", reason: "CREDENTIAL_MALFORMED")
        }
        return String(value.dropFirst(scheme.count))
    }

    private static let scheme = "bearer "
}

/// Lets a call through when its identity is what the method's policy asks for. What no policy allows is denied.
public struct PolicyInterceptor: ServerInterceptor {
    public init() {}

    public func intercept(
        _ context: ServerContext, _ next: (ServerContext) async throws -> Void
    ) async throws {
        try Self.check(context.identity, against: context.method.policy)
        try await next(context)
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
