internal import Bytes

/// What is stored of a password: algorithm, parameters, salt and hash in one text, as
/// `$scrypt$ln=15,r=8,p=3$<salt>$<hash>` (base64url). The parameters travel with the hash, so that they can rise.
public struct PasswordHash: Sendable, Hashable {
    /// Bytes of a new salt.
    public static let saltSize = 16
    /// Bytes of a hash.
    public static let hashSize = 32
    /// 2¹⁵ · 8 · 3: 32 MiB, and the work that OWASP asks for at least.
    public static let defaultCost = Scrypt.Cost(cost: 1 << 15, blockSize: 8, parallelism: 3)

    public let cost: Scrypt.Cost
    private let salt: [UInt8]
    private let hash: [UInt8]

    /// Hashes a new password. Blocks its thread for a tenth of a second or more: never on an event loop.
    public init(of password: [UInt8], cost: Scrypt.Cost = defaultCost) throws(CryptoError) {
        try self.init(of: password, salt: try SecureRandom.bytes(Self.saltSize), cost: cost)
    }

    /// A hash that no password is known to have, for who does not exist: checking it takes the work of any other, making
    /// it takes none.
    public static func ofNobody(cost: Scrypt.Cost = defaultCost) throws(CryptoError) -> PasswordHash {
        PasswordHash(
            cost: cost, salt: try SecureRandom.bytes(saltSize), hash: try SecureRandom.bytes(hashSize))
    }

    private init(cost: Scrypt.Cost, salt: [UInt8], hash: [UInt8]) {
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    init(of password: [UInt8], salt: [UInt8], cost: Scrypt.Cost) throws(CryptoError) {
        self.cost = cost
        self.salt = salt
        hash = try Scrypt.deriveKey(password: password, salt: salt, cost: cost, count: Self.hashSize)
    }

    /// Reads the stored text; nil for anything that `text` does not write.
    public init?(_ text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt",
            let cost = Self.cost(parts[2]), let salt = Base64.decode(String(parts[3])), !salt.isEmpty,
            let hash = Base64.decode(String(parts[4])), hash.count == Self.hashSize
        else { return nil }
        self.cost = cost
        self.salt = salt
        self.hash = hash
        guard self.text == text else { return nil }
    }

    public var text: String {
        let exponent = cost.cost.trailingZeroBitCount
        return "$scrypt$ln=\(exponent),r=\(cost.blockSize),p=\(cost.parallelism)$"
            + "\(Base64.encode(salt, .url))$\(Base64.encode(hash, .url))"
    }

    /// Whether `password` is the one. The time depends on the parameters and not on the password or the hash. Blocks
    /// as `init(of:)` does.
    public func matches(_ password: [UInt8]) throws(CryptoError) -> Bool {
        ConstantTime.areEqual(
            hash, try Scrypt.deriveKey(password: password, salt: salt, cost: cost, count: Self.hashSize))
    }

    /// Whether it was made with less work or memory than `wanted`: then the next login is the time to hash again.
    public func isWeaker(than wanted: Scrypt.Cost) -> Bool {
        cost.cost * cost.blockSize < wanted.cost * wanted.blockSize
            || cost.cost * cost.blockSize * cost.parallelism < wanted.cost * wanted.blockSize * wanted.parallelism
    }

    private static func cost(_ text: Substring) -> Scrypt.Cost? {
        var values: [UInt64] = []
        for (part, name) in zip(text.split(separator: ",", omittingEmptySubsequences: false), ["ln=", "r=", "p="]) {
            guard part.hasPrefix(name), let value = UInt64(part.dropFirst(name.count)), (1...31).contains(value)
            else { return nil }
            values.append(value)
        }
        guard values.count == 3, text.utf8.count { $0 == UInt8(ascii: ",") } == 2 else { return nil }
        return Scrypt.Cost(cost: 1 << values[0], blockSize: values[1], parallelism: values[2])
    }
}
