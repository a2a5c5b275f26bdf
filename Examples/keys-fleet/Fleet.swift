import Glibc
import Logging
import NIOPosix
import ProtoRuntime
import RPC
import RPCTransport
import Schema

/// Several servers of one database, as clients see them: one client of ours for each.
struct Fleet: Sendable {
    struct Tenant: Sendable {
        let id: String
        let admin: String
    }

    /// A key with the secret that a client knows.
    struct Key: Sendable {
        let id: String
        var secret: String
    }

    let nodes: [RPCClient]
    let operatorKey: String

    init(_ addresses: [String], operatorKey: String) throws {
        // Attempts are counted, so none is made again behind our back.
        var configuration = RPCClient.Configuration.defaults
        configuration.retry = .never
        let logger = Logger(label: "fleet") { _ in SwiftLogNoOpLogHandler() }
        nodes = try addresses.map { address in
            guard let colon = address.lastIndex(of: ":"), let port = Int(address[address.index(after: colon)...]) else {
                throw Failure(text: "\(address) is no host:port")
            }
            return RPCClient(.host(String(address[..<colon]), port: port), configuration: configuration, logger: logger)
        }
        self.operatorKey = operatorKey
    }

    struct Failure: Error, CustomStringConvertible {
        let text: String
        var description: String { text }
    }

    func close() async { for node in nodes { await node.close() } }

    static func options(_ key: String) -> CallOptions {
        CallOptions(timeout: .seconds(30), metadata: ["authorization": "Bearer \(key)"])
    }

    func makeTenant(plan: String = "enterprise") async throws -> Tenant {
        var request = Ragdz_V1_CreateTenantRequest()
        request.slug = "fleet-\(getpid())-\(Self.now() % 1_000_000_000)"
        request.name = "Fleet"
        request.region = .dz
        request.plan = plan
        let tenant = try await Ragdz_V1_Tenants.Client(nodes[0]).createTenant(
            request, options: Self.options(operatorKey))
        var key = Ragdz_V1_CreateKeyRequest()
        key.name = "admin"
        key.scopes = ["*"]
        key.tenantID = tenant.id
        let made = try await Ragdz_V1_Keys.Client(nodes[0]).createKey(key, options: Self.options(operatorKey))
        return Tenant(id: tenant.id, admin: made.secret)
    }

    func makeKeys(_ count: Int, of tenant: Tenant, limits: Ragdz_V1_KeyLimits? = nil) async throws -> [Key] {
        var keys: [Key] = []
        for number in 0..<count {
            var request = Ragdz_V1_CreateKeyRequest()
            request.name = "key \(number)"
            request.scopes = ["keys.read"]
            request.limits = limits
            let made = try await Ragdz_V1_Keys.Client(nodes[number % nodes.count]).createKey(
                request, options: Self.options(tenant.admin))
            keys.append(Key(id: made.key?.id ?? "", secret: made.secret))
        }
        return keys
    }

    /// One call with a key: nil, or what it failed with.
    func call(_ key: Key, on node: Int) async -> Status? {
        var request = Ragdz_V1_GetKeyRequest()
        request.id = key.id
        do {
            _ = try await Ragdz_V1_Keys.Client(nodes[node]).getKey(request, options: Self.options(key.secret))
            return nil
        } catch { return error as? Status ?? Status(.unknown, "\(error)") }
    }

    /// Monotonic, in microseconds.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    /// The value below which so many per thousand lie.
    static func quantile(_ values: [Int64], _ perMille: Int) -> Int64 {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return 0 }
        return sorted[min(sorted.count - 1, sorted.count * perMille / 1_000)]
    }

    static func line(_ what: String, _ micros: [Int64]) -> String {
        func ms(_ value: Int64) -> String { "\(Double(value / 10) / 100)" }
        return "\(what): p50 \(ms(quantile(micros, 500))) ms, p99 \(ms(quantile(micros, 990))) ms, "
            + "max \(ms(micros.max() ?? 0)) ms of \(micros.count)"
    }
}
