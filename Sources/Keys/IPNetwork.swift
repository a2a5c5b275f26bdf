internal import Glibc

/// A network that a key may be used from, such as `10.0.0.0/8` or `2001:db8::/32`; an address alone is a network of one.
public struct IPNetwork: Sendable, Hashable, CustomStringConvertible {
    /// IPv4 addresses stand in `::ffff:0:0/96`, so that there is one kind only.
    private let address: (UInt64, UInt64)
    private let mask: (UInt64, UInt64)
    public let description: String

    /// Nil for anything that is no network, and for one with bits set behind its prefix.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let (address, isV4) = Self.parse(String(first)) else { return nil }
        let width = isV4 ? 32 : 128
        var prefix = width
        if parts.count == 2 {
            guard parts[1].utf8.count <= 3, parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(parts[1]), number <= width
            else { return nil }
            prefix = number
        }
        if isV4 { prefix += 96 }
        let mask = (Self.ones(min(prefix, 64)), Self.ones(max(prefix - 64, 0)))
        guard address.0 & ~mask.0 == 0, address.1 & ~mask.1 == 0 else { return nil }
        self.address = address
        self.mask = mask
        description = text
    }

    /// A network that no caller is in.
    static let nowhere = IPNetwork(address: (0, 0), mask: (.max, .max), description: "::")

    private init(address: (UInt64, UInt64), mask: (UInt64, UInt64), description: String) {
        (self.address, self.mask, self.description) = (address, mask, description)
    }

    /// Whether an address, such as `127.0.0.1` or `::1`, lies in the network.
    public func contains(_ text: String) -> Bool {
        guard let (other, _) = Self.parse(text) else { return false }
        return other.0 & mask.0 == address.0 && other.1 & mask.1 == address.1
    }

    /// Whether all addresses of another network lie in this one.
    func contains(_ other: IPNetwork) -> Bool {
        mask.0 & ~other.mask.0 == 0 && mask.1 & ~other.mask.1 == 0
            && other.address.0 & mask.0 == address.0 && other.address.1 & mask.1 == address.1
    }

    /// The address of a peer: `10.1.2.3:443` or `[::1]:443`.
    public static func address(ofPeer peer: String) -> String {
        guard let colon = peer.lastIndex(of: ":") else { return peer }
        if peer.first == "[", let end = peer.lastIndex(of: "]") {
            return String(peer[peer.index(after: peer.startIndex)..<end])
        }
        // More than one colon and no brackets: an IPv6 address without a port.
        return peer.firstIndex(of: ":") == colon ? String(peer[..<colon]) : peer
    }

    private static func ones(_ count: Int) -> UInt64 { count == 0 ? 0 : ~0 << UInt64(64 - count) }

    private static func parse(_ text: String) -> ((UInt64, UInt64), isV4: Bool)? {
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            return ((0, 0xFFFF_0000_0000 | UInt64(UInt32(bigEndian: v4.s_addr))), true)
        }
        var bytes = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, text, &bytes) == 1 else { return nil }
        let halves = (bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }, bytes[8...].reduce(0) { $0 << 8 | UInt64($1) })
        return (halves, false)
    }

    public static func == (one: IPNetwork, other: IPNetwork) -> Bool {
        one.address == other.address && one.mask == other.mask
    }
    public func hash(into hasher: inout Hasher) {
        hasher.combine(address.0)
        hasher.combine(address.1)
    }
}
