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

        var prefixLength: Int { prefix.utf8CodeUnitCount }
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
        let (kind, length) = try bytes.withUnsafeBufferPointer { bytes in
            PresentedKey.read(bytes).map { ($0.reference.kind, $0.authenticated.count) }
        }.get()
        let id = bytes[kind.prefixLength..<(kind.prefixLength + idLength)]
        return APIKey(kind: kind, id: String(decoding: id, as: UTF8.self), authenticated: Array(bytes[..<length]))
    }

    /// Makes a credential with a new secret; with an `id` it is another secret of that key.
    public static func generate(_ kind: Kind, id: String? = nil) throws(CryptoError) -> APIKey {
        let id = if let id { id } else { String(decoding: try Base62.random(idLength), as: UTF8.self) }
        return APIKey(kind, id: id, secret: try Base62.random(secretLength))
    }

    /// The credential of an id and the characters of its secret.
    init(_ kind: Kind, id: String, secret: [UInt8]) {
        var bytes = kind.prefix.withUTF8Buffer { Array($0) }
        bytes += id.utf8
        bytes.append(Self.underscore)
        bytes += secret
        self.init(kind: kind, id: id, authenticated: bytes)
    }

    /// Kind and id.
    public var reference: KeyReference { KeyReference(kind: kind, id: id) }

    /// The whole credential, secret and all: for the one answer that hands it out.
    public var revealed: String {
        String(decoding: authenticated, as: UTF8.self) + "_"
            + String(decoding: Base62.encode(CRC32C.checksum(authenticated), width: Self.checkLength), as: UTF8.self)
    }

    /// What is stored instead of the secret: the code of the credential under a pepper.
    func digest(with pepper: HMACSHA256) -> Digest {
        authenticated.withUnsafeBytes { pepper.digest(for: $0) }
    }

    /// The credential as it is presented, in this value's memory.
    func withPresented<R>(_ body: (PresentedKey) -> R) -> R {
        authenticated.withUnsafeBytes { body(PresentedKey(reference: reference, authenticated: $0)) }
    }

    /// Whether `text` has the form of a key's id.
    public static func isID(_ text: String) -> Bool {
        text.utf8.count == idLength && text.utf8.allSatisfy(Base62.isDigit)
    }

    private init(kind: Kind, id: String, authenticated: [UInt8]) {
        self.kind = kind
        self.id = id
        self.authenticated = authenticated
    }

    static let underscore = UInt8(ascii: "_")
}

extension APIKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "\(kind.prefix)\(id)_…" }
    public var debugDescription: String { description }
    // Without it, dump and string interpolation of an enclosing value would print the secret.
    public var customMirror: Mirror { Mirror(self, children: ["id": id]) }
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

    /// Whether the digits are those of the number, leading zeros included.
    static func isEncoding(_ digits: Slice<UnsafeBufferPointer<UInt8>>, of number: UInt32) -> Bool {
        var rest = number
        var isSame = true
        for digit in digits.reversed() {
            isSame = isSame && digit == Self.digit(rest % 62)
            rest /= 62
        }
        return isSame && rest == 0
    }

    private static func digit(_ value: UInt32) -> UInt8 {
        switch value {
        case 0..<10: UInt8(ascii: "0") + UInt8(value)
        case 10..<36: UInt8(ascii: "A") + UInt8(value - 10)
        default: UInt8(ascii: "a") + UInt8(value - 36)
        }
    }

    /// `count` digits, each of the 62 with the same probability.
    static func random(_ count: Int) throws(CryptoError) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        while result.count < count {
            result += digits(of: try SecureRandom.bytes(count * 2)).prefix(count - result.count)
        }
        return result
    }

    /// A digit for each random byte that stands for one: 248 is the largest multiple of 62 in a byte, and the bytes above
    /// it would favour the first digits.
    static func digits(of random: [UInt8]) -> [UInt8] {
        random.compactMap { $0 < 248 ? digits[Int($0 % 62)] : nil }
    }
}
