public import ProtoRuntime

/// How many messages flow each way in a call.
public enum CallType: Sendable, Hashable {
    case unary, serverStreaming, clientStreaming, bidirectional

    public var streamsRequests: Bool { self == .clientStreaming || self == .bidirectional }
    public var streamsResponses: Bool { self == .serverStreaming || self == .bidirectional }
}

/// Whether calling a method twice is the same as calling it once; decides what a client may retry by itself.
public enum Idempotency: Sendable, Hashable {
    case unknown, noSideEffects, idempotent

    public var mayRetry: Bool { self != .unknown }
}

/// The `google.api.http` rule of a method, as the bridge and the OpenAPI document read it.
public struct HTTPRule: Sendable, Hashable {
    /// Upper case, e.g. `"POST"`.
    public let verb: String
    /// e.g. `"/v1/collections/{collection_id}/documents"`.
    public let template: String
    /// The request field that the HTTP body holds; `"*"` for the whole message, empty for none.
    public let body: String
    /// The response field that becomes the HTTP body; empty for the whole message.
    public let responseBody: String
    public let additional: [HTTPRule]

    public init(
        verb: String, template: String, body: String = "", responseBody: String = "", additional: [HTTPRule] = []
    ) {
        self.verb = verb
        self.template = template
        self.body = body
        self.responseBody = responseBody
        self.additional = additional
    }
}

/// What a caller must hold, from `ragdz.policy` in the proto file.
public struct MethodPolicy: Sendable, Hashable {
    public enum Credential: Sendable, Hashable {
        case tenantKey, `operator`, tenantKeyOrOperator, none
    }

    public let credential: Credential
    /// The scope that a tenant key must carry, e.g. `"retrieval.read"`.
    public let scope: String
    public let resumable: Bool
    /// Groups methods of like cost for limits and metering, e.g. `"search"`.
    public let costClass: String

    public init(credential: Credential, scope: String = "", resumable: Bool = false, costClass: String = "") {
        self.credential = credential
        self.scope = scope
        self.resumable = resumable
        self.costClass = costClass
    }

    /// What a method without the option gets: a tenant key with a scope that no key can carry.
    public static let denied = MethodPolicy(credential: .tenantKey, scope: "-")
    /// Open to everyone: health, reflection.
    public static let open = MethodPolicy(credential: .none)
}

/// One method of a service: its name, its types and what the proto file says about it. An object, since every call is handed
/// its method's several times.
public final class MethodDescriptor: Sendable {
    /// The full name, e.g. `"ragdz.v1.Tenants"`.
    public let service: String
    /// e.g. `"CreateTenant"`.
    public let name: String
    /// e.g. `"/ragdz.v1.Tenants/CreateTenant"`.
    public let path: String
    public let callType: CallType
    public let requestType: any Message.Type
    public let responseType: any Message.Type
    public let http: HTTPRule?
    public let policy: MethodPolicy
    public let idempotency: Idempotency

    public init(
        service: String, name: String, callType: CallType, requestType: any Message.Type,
        responseType: any Message.Type, http: HTTPRule? = nil, policy: MethodPolicy = .denied,
        idempotency: Idempotency = .unknown
    ) {
        self.service = service
        self.name = name
        self.path = "/\(service)/\(name)"
        self.callType = callType
        self.requestType = requestType
        self.responseType = responseType
        self.http = http
        self.policy = policy
        self.idempotency = idempotency
    }
}

/// One service: its full name and its methods in the order of the proto file.
public struct ServiceDescriptor: Sendable {
    public let name: String
    public let methods: [MethodDescriptor]

    public init(name: String, methods: [MethodDescriptor]) {
        self.name = name
        self.methods = methods
    }
}
