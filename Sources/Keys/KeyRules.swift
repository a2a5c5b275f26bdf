internal import Bytes
internal import Postgres
internal import ProtoRuntime
internal import RPC
internal import Schema

/// What a key's fields may hold. Pure: requests in, values or a `Status` out.
enum KeyRules {
    /// Characters (Unicode scalars) of a name.
    static let nameLength = 1...100
    /// Scopes of one key.
    static let maximumScopes = 64
    /// The longest life of a key: ten years of 365.25 days, in microseconds.
    static let maximumLifetimeMicros: Int64 = 3652 * 86_400_000_000 + 43_200_000_000
    /// How long a rotated secret lives on when the caller does not say: 24 hours, in microseconds.
    static let defaultGraceMicros: Int64 = 86_400_000_000
    /// The longest grace: 30 days, in microseconds.
    static let maximumGraceMicros: Int64 = 30 * 86_400_000_000

    static func name(_ name: String) throws(Status) -> String {
        let scalars = name.unicodeScalars
        guard nameLength.contains(scalars.count), scalars.allSatisfy({ $0.properties.generalCategory != .control }),
            !scalars.allSatisfy(\.properties.isWhitespace)
        else {
            throw .invalidArgument(
                "name is 1 to 100 characters, without control characters and not blank.", reason: "INVALID_NAME",
                field: "name")
        }
        return name
    }

    /// The scopes in the order given, without repetitions. Each must cover a scope that some method asks for.
    static func scopes(_ scopes: [String], known: Set<String>) throws(Status) -> [String] {
        guard !scopes.isEmpty else {
            throw .invalidArgument(
                "scopes is empty, and a key without scopes can do nothing: name some, e.g. \"retrieval.read\", or \"*\".",
                reason: "NO_SCOPES", field: "scopes")
        }
        var seen: Set<String> = []
        var result: [String] = []
        for scope in scopes where seen.insert(scope).inserted {
            guard isGroup(scope) || known.contains(where: { ScopeSet([scope]).allows($0) }) else {
                throw .invalidArgument(
                    "\"\(scope.prefix(64))\" is no scope; there are \(known.sorted().joined(separator: ", ")), "
                        + "families such as \"retrieval.*\", groups such as \"group.legal\", and \"*\".",
                    reason: "UNKNOWN_SCOPE", field: "scopes")
            }
            result.append(scope)
        }
        guard result.count <= maximumScopes else {
            throw .invalidArgument("A key has at most 64 scopes.", reason: "TOO_MANY_SCOPES", field: "scopes")
        }
        return result
    }

    /// `group.<name>` or `group.*`: what the key may see of the documents that are limited to groups.
    private static func isGroup(_ scope: String) -> Bool {
        guard scope.hasPrefix(ScopeSet.groupPrefix) else { return false }
        let name = String(scope.dropFirst(ScopeSet.groupPrefix.count))
        return name == "*" || AccessGroups.isName(name)
    }

    /// The life of a key in microseconds; nil: without end.
    static func lifetime(_ ttl: Google_Protobuf_Duration?) throws(Status) -> Int64? {
        guard let ttl else { return nil }
        guard let micros = micros(ttl), micros > 0, micros <= maximumLifetimeMicros else {
            throw .invalidArgument(
                "ttl is more than zero and at most ten years; leave it out for a key without end.",
                reason: "INVALID_TTL", field: "ttl")
        }
        return micros
    }

    /// The grace of a rotation in microseconds.
    static func grace(_ grace: Google_Protobuf_Duration?) throws(Status) -> Int64 {
        guard let grace else { return defaultGraceMicros }
        guard let micros = micros(grace), (0...maximumGraceMicros).contains(micros) else {
            throw .invalidArgument(
                "grace is zero to 30 days; leave it out for 24 hours.", reason: "INVALID_GRACE", field: "grace")
        }
        return micros
    }

    /// How long the secrets of a key may be made to live: an hour to 366 days, in microseconds.
    static let rotationPeriodMicros: ClosedRange<Int64> = 3_600_000_000...(366 * 86_400_000_000)

    /// The life of the secrets of a key in microseconds; nil: without end.
    static func rotationPeriod(_ period: Google_Protobuf_Duration?) throws(Status) -> Int64? {
        guard let period else { return nil }
        guard let micros = micros(period), rotationPeriodMicros.contains(micros) else {
            throw .invalidArgument(
                "rotation_period is an hour to 366 days; leave it out for secrets that live as long as their key.",
                reason: "INVALID_ROTATION_PERIOD", field: "rotation_period")
        }
        return micros
    }

    /// Characters of the name of a rotation.
    static let requestIDLength = 1...100

    /// The caller's name for a rotation; nil when it has none.
    static func rotationRequest(_ id: String) throws(Status) -> String? {
        if id.isEmpty { return nil }
        guard requestIDLength.contains(id.utf8.count), id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .invalidArgument(
                "request_id is 1 to 100 visible ASCII characters, such as a random UUID; leave it out to rotate at each "
                    + "call.", reason: "INVALID_REQUEST_ID", field: "request_id")
        }
        return id
    }

    /// Calls at once that a limit may speak of.
    static let concurrentCalls: ClosedRange<Int64> = 0...1_000_000

    /// Networks of one key.
    static let maximumNetworks = 64

    static func limits(_ limits: Ragdz_V1_KeyLimits?) throws(Status) -> Ragdz_V1_KeyLimits {
        let limits = limits ?? Ragdz_V1_KeyLimits()
        let range = 0...RateRule.Limits.count.upperBound
        guard range.contains(limits.requestsPerMinute), range.contains(limits.requestsPerHour),
            range.contains(limits.burst), limits.burst == 0 || limits.requestsPerMinute > 0,
            concurrentCalls.contains(limits.concurrentCalls)
        else {
            throw .invalidArgument(
                "Limits are 0 to \(range.upperBound), concurrent_calls to \(concurrentCalls.upperBound); burst belongs to "
                    + "requests_per_minute.", reason: "INVALID_LIMITS", field: "limits")
        }
        return limits
    }

    /// The networks in the order given, without repetitions.
    static func networks(_ networks: [String]) throws(Status) -> [String] {
        var seen: Set<String> = []
        let distinct = networks.filter { seen.insert($0).inserted }
        guard distinct.count <= maximumNetworks else {
            throw .invalidArgument(
                "A key has at most \(maximumNetworks) networks.", reason: "TOO_MANY_NETWORKS",
                field: "allowed_networks")
        }
        for network in distinct where IPNetwork(network) == nil {
            throw .invalidArgument(
                "\"\(network.prefix(64))\" is no network: write 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32, with no bits set "
                    + "behind the prefix.", reason: "INVALID_NETWORK", field: "allowed_networks")
        }
        return distinct
    }

    static func id(_ text: String) throws(Status) -> String {
        guard APIKey.isID(text) else {
            throw .invalidArgument(
                "id is a key's id: 22 letters and digits, the part after \"ragdz_live_\".", reason: "INVALID_ID",
                field: "id")
        }
        return text
    }

    static func tenant(_ text: String) throws(Status) -> UUID128 {
        guard let tenant = UUID128(text) else {
            throw .invalidArgument("tenant_id is a UUID.", reason: "INVALID_ID", field: "tenant_id")
        }
        return tenant
    }

    /// Every scope that a method of the public contract asks for.
    static let knownScopes: Set<String> = {
        let services = [
            Ragdz_V1_Tenants.descriptor, Ragdz_V1_Keys.descriptor, Ragdz_V1_Retrieval.descriptor,
            Ragdz_V1_Workflows.descriptor, Ragdz_V1_Members.descriptor,
        ]
        // What only operators and services may do is nothing that a tenant's key could carry.
        let methods = services.flatMap(\.methods).filter {
            // A key has no account: those scopes are for members.
            $0.policy.credential != .operator && !$0.policy.scope.hasPrefix("account.")
        }
        return Set(methods.map(\.policy.scope).filter { !$0.isEmpty && $0 != "-" })
    }()

    /// Exact microseconds of a well-formed duration; nil when it is not, or too large to count.
    private static func micros(_ duration: Google_Protobuf_Duration) -> Int64? {
        let (seconds, nanos) = (duration.seconds, Int64(duration.nanos))
        guard abs(nanos) < 1_000_000_000, seconds == 0 || nanos == 0 || (seconds > 0) == (nanos > 0) else { return nil }
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        if overflow { return nil }
        let (sum, carried) = product.addingReportingOverflow(nanos / 1000)
        return carried ? nil : sum
    }
}

/// What an update of a key changes; nil leaves a field as it is.
struct KeyChange: Sendable {
    private(set) var name: String?
    private(set) var isDisabled: Bool?
    private(set) var limits: Ragdz_V1_KeyLimits?
    private(set) var networks: [String]?
    /// 0: none.
    private(set) var rotationPeriodMicros: Int64?

    /// It does nothing but turn the key off, which takes rights and gives none.
    var onlyDisables: Bool {
        isDisabled == true && name == nil && limits == nil && networks == nil && rotationPeriodMicros == nil
    }

    init(_ request: Ragdz_V1_UpdateKeyRequest) throws(Status) {
        let key = request.key ?? Ragdz_V1_Key()
        let paths = request.updateMask?.paths ?? []
        guard !paths.isEmpty else {
            throw .invalidArgument(
                "update_mask names the fields to change, e.g. \"name,limits\".", reason: "EMPTY_UPDATE_MASK",
                field: "update_mask")
        }
        for path in paths {
            switch path {
            case "name": name = try KeyRules.name(key.name)
            case "limits": limits = try KeyRules.limits(key.limits)
            case "rotation_period": rotationPeriodMicros = try KeyRules.rotationPeriod(key.rotationPeriod) ?? 0
            case "allowed_networks": networks = try KeyRules.networks(key.allowedNetworks)
            case "status":
                guard key.status == .active || key.status == .disabled else {
                    throw .invalidArgument(
                        "status is set to KEY_STATUS_ACTIVE or KEY_STATUS_DISABLED; RevokeKey ends a key.",
                        reason: "INVALID_STATUS", field: "key.status")
                }
                isDisabled = key.status == .disabled
            default:
                throw .invalidArgument(
                    "\"\(path.prefix(64))\" is no field that can be changed: name, status, limits, allowed_networks, "
                        + "rotation_period.",
                    reason: "INVALID_UPDATE_MASK", field: "update_mask")
            }
        }
    }
}
