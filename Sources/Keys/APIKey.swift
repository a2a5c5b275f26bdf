internal import Bytes
public import Cryptography

/// A credential as a caller presents it: `ragdz_live_<id>_<secret>_<check>` for a tenant's key and
/// `ragdz_operator_<id>_<secret>_<check>` for an operator of the platform.
///
/// The id is 22 and the secret 43 characters of base62 (256 bits), the check is the CRC-32C of everything before its
/// underscore in 6 characters. The widths are fixed, so a truncated or mistyped key is told apart from an unknown one
/// without asking anybody. The check is no secret and proves nothing about the caller.
///
/// Printing one shows the id and never the secret.
public struct APIKey: Sendable, Hashable {
    /// Whom a credential speaks for.
    public enum Kind: Sendable, Hashable {
        case live, platformOperator
        /// A member's session. It is no key and has a form of its own (`SessionSource`), but is remembered like one.
        case session

        var prefix: StaticString {
            switch self {
            case .live: "ragdz_live_"
            case .platformOperator: "ragdz_operator_"
            case .session: "ragdz_session_"
            }
        }
    }

    /// What is wrong with the form of a credential.
    public enum Malformation: Error, Sendable, Hashable {
        /// It does not begin with a prefix of RAG-DZ.
        case prefix
        /// It is shorter or longer than its kind is.
        case length
        /// A character is not of base62, or an underscore stands elsewhere.
        case alphabet
        /// The check does not fit: a character was changed.
        case checksum
    }

    /// Characters of an id.
    public static let idLength = 22
    /// Characters of a secret: the least number of base62 digits that hold 256 bits.
    public static let secretLength = 43
    /// Characters of a check: the least number of base62 digits that hold 32 bits.
    public static let checkLength = 6

    /// What a credential is called without its secret.
    public struct Reference: Sendable, Hashable {
        public var kind: Kind
        public var id: String

        public init(kind: Kind, id: String) {
            self.kind = kind
            self.id = id
        }
    }

    public let kind: Kind
    /// The public part: it names the key in requests, logs and the console.
    public let id: String
    /// Prefix, id and secret: what is authenticated.
    private let authenticated: [UInt8]

    /// Reads a credential without any I/O.
    public static func parse(_ text: some StringProtocol) throws(Malformation) -> APIKey {
        try parse([UInt8](text.utf8))
    }

    /// Reads a credential from its ASCII bytes, without any I/O.
    public static func parse(_ bytes: [UInt8]) throws(Malformation) -> APIKey {
        guard let kind = kind(of: bytes) else { throw .prefix }
        let idStart = kind.prefix.utf8CodeUnitCount
        let secretStart = idStart + idLength + 1
        let checkStart = secretStart + secretLength + 1
        guard bytes.count == checkStart + checkLength else { throw .length }
        for index in idStart..<bytes.count {
            let isSeparator = index == secretStart - 1 || index == checkStart - 1
            guard isSeparator ? bytes[index] == underscore : Base62.isDigit(bytes[index]) else { throw .alphabet }
        }
        let authenticated = [UInt8](bytes[..<(checkStart - 1)])
        guard Base62.encode(CRC32C.checksum(authenticated), width: checkLength) == [UInt8](bytes[checkStart...])
        else { throw .checksum }
        return APIKey(
            kind: kind, id: String(decoding: bytes[idStart..<(secretStart - 1)], as: UTF8.self),
            authenticated: authenticated)
    }

    /// Makes a credential with a new secret; with an `id` it is another secret of that key.
    public static func generate(_ kind: Kind, id: String? = nil) throws(CryptoError) -> APIKey {
        let id = if let id { id } else { String(decoding: try Base62.random(idLength), as: UTF8.self) }
        let secret = try Base62.random(secretLength)
        var bytes = kind.prefix.withUTF8Buffer { Array($0) }
        bytes += id.utf8
        bytes.append(underscore)
        bytes += secret
        return APIKey(kind: kind, id: id, authenticated: bytes)
    }

    /// Kind and id.
    public var reference: Reference { Reference(kind: kind, id: id) }

    /// The whole credential, secret and all: for the one answer that hands it out.
    public var revealed: String {
        String(decoding: authenticated, as: UTF8.self) + "_"
            + String(decoding: Base62.encode(CRC32C.checksum(authenticated), width: Self.checkLength), as: UTF8.self)
    }

    /// What is stored instead of the secret: the code of the credential under a pepper, 32 bytes.
    public func hash(with pepper: HMACSHA256) -> [UInt8] { pepper.authenticationCode(for: authenticated) }

    /// Whether `text` has the form of a key's id.
    public static func isID(_ text: String) -> Bool {
        text.utf8.count == idLength && text.utf8.allSatisfy(Base62.isDigit)
    }

    private init(kind: Kind, id: String, authenticated: [UInt8]) {
        self.kind = kind
        self.id = id
        self.authenticated = authenticated
    }

    private static let underscore = UInt8(ascii: "_")

    private static func kind(of bytes: [UInt8]) -> Kind? {
        if bytes.starts(with: Kind.live.prefix) { return .live }
        return bytes.starts(with: Kind.platformOperator.prefix) ? .platformOperator : nil
    }
}

extension APIKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "\(kind.prefix)\(id)_…" }
    public var debugDescription: String { description }
    // Without it, dump and string interpolation of an enclosing value would print the secret.
    public var customMirror: Mirror { Mirror(self, children: ["id": id]) }
}

extension [UInt8] {
    fileprivate func starts(with prefix: StaticString) -> Bool {
        prefix.withUTF8Buffer { self.starts(with: $0) }
    }
}

/// Digits 0-9, A-Z, a-z.
enum Base62 {
    private static let digits = [UInt8]("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }

    /// The number in exactly `width` digits, leading zeros included.
    static func encode(_ number: UInt32, width: Int) -> [UInt8] {
        var rest = number
        var result = [UInt8](repeating: digits[0], count: width)
        for index in stride(from: width - 1, through: 0, by: -1) {
            result[index] = digits[Int(rest % 62)]
            rest /= 62
        }
        return result
    }

    /// `count` digits, each of the 62 with the same probability.
    static func random(_ count: Int) throws(CryptoError) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        while result.count < count {
            // 248 is the largest multiple of 62 in a byte: the bytes above it would favour the first digits.
            for byte in try SecureRandom.bytes(count * 2) where byte < 248 && result.count < count {
                result.append(digits[Int(byte % 62)])
            }
        }
        return result
    }
}
