internal import Glibc
internal import RPC
internal import Synchronization

/// Where a login comes from, as guesses are counted: an IPv4 address, or the first 64 bits of an IPv6 one, since a household
/// has all the rest.
struct LoginNetwork: Sendable, Hashable {
    let text: String

    /// - Parameter peer: `10.1.2.3:443`, `[2001:db8::1]:443` or whatever else a transport calls its other side.
    init(peer: String) {
        var host = Substring(peer)
        if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
            host = host[host.index(after: host.startIndex)..<end]
        } else if let colon = host.lastIndex(of: ":"), host.firstIndex(of: ":") == colon {
            host = host[..<colon]
        }
        var address = in6_addr()
        guard inet_pton(AF_INET6, String(host), &address) == 1 else {
            text = String(host.prefix(64))
            return
        }
        let bytes = withUnsafeBytes(of: address) { [UInt8]($0) }
        // ::ffff:10.1.2.3 is 10.1.2.3.
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 255 && bytes[11] == 255
        text =
            isMapped
            ? bytes[12...].map(String.init).joined(separator: ".")
            : bytes[..<8].map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined() + "/64"
    }
}

/// How many guesses there may be: so many at once, and then one each time the gap is over.
public struct LoginLimits: Sendable, Hashable {
    public struct Rule: Sendable, Hashable {
        public var burst: Int64
        public var gapMicros: Int64

        public init(burst: Int64, gapMicros: Int64) {
            self.burst = burst
            self.gapMicros = gapMicros
        }
    }

    /// At one account from one network; a login that succeeds begins anew.
    public var network: Rule
    /// At one account from all networks together from which its member has not logged in within 90 days.
    public var account: Rule
    /// Logins from one network at any account, on one server.
    public var address: Rule

    public init(network: Rule, account: Rule, address: Rule) {
        self.network = network
        self.account = account
        self.address = address
    }

    /// 8 and then one a minute; 40 and then one in two minutes; 60 and then one a second.
    public static var defaults: LoginLimits {
        LoginLimits(
            network: Rule(burst: 8, gapMicros: 60_000_000), account: Rule(burst: 40, gapMicros: 120_000_000),
            address: Rule(burst: 60, gapMicros: 1_000_000))
    }
}

/// Logins by network on this server, by the generic cell rate algorithm. A pure value.
struct AddressGuard: Sendable {
    /// Networks that are remembered; beyond it those whose time is over are forgotten, and if there are none, all.
    static let maximumEntries = 65_536

    private var arrivals: [LoginNetwork: Int64] = [:]
    private let rule: LoginLimits.Rule

    init(rule: LoginLimits.Rule) { self.rule = rule }

    var count: Int { arrivals.count }

    /// 0 when the login may go on, else the microseconds to wait. `now` is monotonic.
    mutating func admit(_ network: LoginNetwork, now: Int64) -> Int64 {
        let due = max(arrivals[network] ?? now, now)
        let latest = now + rule.gapMicros * (rule.burst - 1)
        guard due <= latest else { return due - latest }
        if arrivals.count >= Self.maximumEntries, arrivals[network] == nil {
            arrivals = arrivals.filter { $0.value > now }
            if arrivals.count >= Self.maximumEntries { arrivals.removeAll(keepingCapacity: true) }
        }
        arrivals[network] = due + rule.gapMicros
        return 0
    }
}

/// The guards of one server.
final class LoginGate: Sendable {
    let limits: LoginLimits
    private let addresses: Mutex<AddressGuard>

    init(limits: LoginLimits) {
        self.limits = limits
        addresses = Mutex(AddressGuard(rule: limits.address))
    }

    func admit(_ network: LoginNetwork) throws(Status) {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let now = Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
        let wait = addresses.withLock { $0.admit(network, now: now) }
        if wait > 0 { throw Self.delayed(wait) }
    }

    static func delayed(_ micros: Int64) -> Status {
        .resourceExhausted(
            "Too many attempts to log in: come back after the time that is named.", reason: "LOGIN_DELAYED",
            retryAfter: .microseconds(micros))
    }
}
