internal import Bytes

/// What a credential is called without its secret: kind and id, in the form in which they are looked up.
public struct KeyReference: Sendable, Hashable, CustomStringConvertible {
    public let kind: APIKey.Kind
    /// The bytes of the id in order, zeros behind them: comparing and hashing it needs no string.
    private let words: (UInt64, UInt64, UInt64)

    /// An id of more than 24 bytes names nothing and is cut; that of a session is a UUID.
    public init(kind: APIKey.Kind, id: some StringProtocol) {
        self.kind = kind
        if kind == .session, let session = UUID128(id) {
            words = (session.hi, session.lo, 0)
        } else {
            words = Self.pack(id.utf8)
        }
    }

    init(session: UUID128) {
        kind = .session
        words = (session.hi, session.lo, 0)
    }

    init(kind: APIKey.Kind, bytes: some Sequence<UInt8>) {
        self.kind = kind
        words = Self.pack(bytes)
    }

    public var id: String {
        if kind == .session { return UUID128(hi: words.0, lo: words.1).description }
        let bytes = [words.0, words.1, words.2].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
        }
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    public var description: String { "\(kind.prefix)\(id)" }

    public static func == (one: KeyReference, other: KeyReference) -> Bool {
        one.words == other.words && one.kind == other.kind
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(kind)
    }

    private static func pack(_ bytes: some Sequence<UInt8>) -> (UInt64, UInt64, UInt64) {
        var words: (UInt64, UInt64, UInt64) = (0, 0, 0)
        var count: UInt64 = 0
        for byte in bytes {
            let shifted = UInt64(byte) << (56 - 8 * (count & 7))
            switch count >> 3 {
            case 0: words.0 |= shifted
            case 1: words.1 |= shifted
            case 2: words.2 |= shifted
            default: return words
            }
            count += 1
        }
        return words
    }
}

/// A credential in the memory of whoever presents it: read in place, without a copy, for as long as that memory lives.
struct PresentedKey {
    let reference: KeyReference
    /// Prefix, id and secret: what is authenticated.
    let authenticated: UnsafeRawBufferPointer

    /// Looks at no more than the length before the length is right, so that a long stranger costs nothing.
    static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<PresentedKey, APIKey.Malformation> {
        guard let kind = kind(of: bytes) else { return .failure(.prefix) }
        let idStart = kind.prefixLength
        let secretStart = idStart + APIKey.idLength + 1
        let checkStart = secretStart + APIKey.secretLength + 1
        guard bytes.count == checkStart + APIKey.checkLength else { return .failure(.length) }
        for index in idStart..<bytes.count {
            let isSeparator = index == secretStart - 1 || index == checkStart - 1
            guard isSeparator ? bytes[index] == APIKey.underscore : Base62.isDigit(bytes[index]) else {
                return .failure(.alphabet)
            }
        }
        let authenticated = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<(checkStart - 1)])
        guard Base62.isEncoding(bytes[checkStart...], of: CRC32C.checksum(authenticated)) else {
            return .failure(.checksum)
        }
        let id = bytes[idStart..<(secretStart - 1)]
        return .success(
            PresentedKey(reference: KeyReference(kind: kind, bytes: id), authenticated: authenticated))
    }

    private static func kind(of bytes: UnsafeBufferPointer<UInt8>) -> APIKey.Kind? {
        if starts(bytes, APIKey.Kind.live.prefix) { return .live }
        return starts(bytes, APIKey.Kind.platformOperator.prefix) ? .platformOperator : nil
    }

    private static func starts(_ bytes: UnsafeBufferPointer<UInt8>, _ prefix: StaticString) -> Bool {
        bytes.count >= prefix.utf8CodeUnitCount
            && prefix.withUTF8Buffer { prefix in prefix.indices.allSatisfy { prefix[$0] == bytes[$0] } }
    }
}
