/// A 128-bit identifier, written 8-4-4-4-12 in lower-case hexadecimal (RFC 9562).
public struct UUID128: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The first eight bytes, big endian.
    public var hi: UInt64
    /// The last eight bytes, big endian.
    public var lo: UInt64

    public init(hi: UInt64, lo: UInt64) {
        self.hi = hi
        self.lo = lo
    }

    /// Nil unless `bytes` has exactly 16 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        hi = bytes[0..<8].reduce(0) { $0 << 8 | UInt64($1) }
        lo = bytes[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Strict: 36 characters, hyphens at 8, 13, 18 and 23, hexadecimal digits of any case elsewhere.
    public init?(_ text: some StringProtocol) {
        var words: (UInt64, UInt64) = (0, 0)
        var place = 0
        var digits = 0
        for byte in text.utf8 {
            if place == 8 || place == 13 || place == 18 || place == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
            } else {
                guard place < 36, let digit = Hex.value(of: byte) else { return nil }
                if digits < 16 {
                    words.0 = words.0 << 4 | UInt64(digit)
                } else {
                    words.1 = words.1 << 4 | UInt64(digit)
                }
                digits += 1
            }
            place += 1
        }
        guard place == 36 else { return nil }
        (hi, lo) = words
    }

    /// A random identifier (version 4).
    public static func v4() -> UUID128 {
        var source = SystemRandomNumberGenerator()
        let hi = source.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        return UUID128(hi: hi, lo: variant(source.next()))
    }

    /// An identifier that sorts by its time of creation in milliseconds (version 7).
    public static func v7() -> UUID128 {
        var source = SystemRandomNumberGenerator()
        // The 12 bits after the milliseconds hold the fraction, so that ids of one process mostly sort within it too.
        let micros = UInt64(max(0, WallClock.nowMicros()))
        let millis = micros / 1000
        let fraction = (micros % 1000) * 4096 / 1000
        let hi = millis << 16 | 0x7000 | fraction
        return UUID128(hi: hi, lo: variant(source.next()))
    }

    private static func variant(_ random: UInt64) -> UInt64 { random & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000 }

    public var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(16)
        for shift in stride(from: 56, through: 0, by: -8) {
            result.append(UInt8(truncatingIfNeeded: hi >> UInt64(shift)))
        }
        for shift in stride(from: 56, through: 0, by: -8) {
            result.append(UInt8(truncatingIfNeeded: lo >> UInt64(shift)))
        }
        return result
    }

    public var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            var place = 0
            for index in 0..<32 {
                if index == 8 || index == 12 || index == 16 || index == 20 {
                    buffer[place] = UInt8(ascii: "-")
                    place += 1
                }
                let word = index < 16 ? hi : lo
                let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (index & 15))) & 0xF
                buffer[place] = Hex.digit(digit)
                place += 1
            }
            return place
        }
    }

    public static func < (left: UUID128, right: UUID128) -> Bool {
        left.hi != right.hi ? left.hi < right.hi : left.lo < right.lo
    }
}
