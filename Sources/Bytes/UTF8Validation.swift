/// UTF-8 checks over raw bytes, as strict as RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF.
public enum UTF8Validation {
    /// Whether `bytes` is well-formed UTF-8. Eight ASCII bytes are checked at a time.
    public static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        let count = bytes.count
        while index < count {
            if count &- index >= 8,
                bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
            {
                index += 8
                continue
            }
            let length = sequenceLength(bytes, at: index)
            if length == 0 { return false }
            index += length
        }
        return true
    }

    public static func isValid(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { isValid($0) }
    }

    /// Whether every byte is below 0x80. The last bytes are read together with some before them, never one by one.
    @inlinable
    public static func isASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let count = bytes.count
        guard let base = bytes.baseAddress else { return true }
        if count >= 16 { return isLongASCII(base, count) }
        if count >= 8 {
            let word =
                base.loadUnaligned(as: UInt64.self) | (base + (count &- 8)).loadUnaligned(as: UInt64.self)
            return word & 0x8080_8080_8080_8080 == 0
        }
        if count >= 4 {
            let word =
                base.loadUnaligned(as: UInt32.self) | (base + (count &- 4)).loadUnaligned(as: UInt32.self)
            return word & 0x8080_8080 == 0
        }
        var union: UInt8 = 0
        for index in 0..<count { union |= base.load(fromByteOffset: index, as: UInt8.self) }
        return union < 0x80
    }

    @usableFromInline
    static func isLongASCII(_ base: UnsafeRawPointer, _ count: Int) -> Bool {
        // Text of another script shows it at once.
        var union = base.loadUnaligned(as: SIMD2<UInt64>.self)
        if (union[0] | union[1]) & 0x8080_8080_8080_8080 != 0 { return false }
        union |= (base + (count &- 16)).loadUnaligned(as: SIMD2<UInt64>.self)
        var index = 16
        while index &+ 32 <= count {
            union |= (base + index).loadUnaligned(as: SIMD2<UInt64>.self)
            union |= (base + (index &+ 16)).loadUnaligned(as: SIMD2<UInt64>.self)
            index &+= 32
        }
        if index &+ 16 <= count { union |= (base + index).loadUnaligned(as: SIMD2<UInt64>.self) }
        return (union[0] | union[1]) & 0x8080_8080_8080_8080 == 0
    }

    /// The length of the well-formed sequence at `index`, 0 when it is not well-formed.
    @inline(__always)
    private static func sequenceLength(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Int {
        let first = bytes[index]
        if first < 0x80 { return 1 }
        let left = bytes.count - index
        switch first {
        case 0xC2...0xDF:
            return left >= 2 && isContinuation(bytes[index + 1]) ? 2 : 0
        case 0xE0...0xEF:
            guard left >= 3 else { return 0 }
            let second = bytes[index + 1]
            // E0 must not be overlong; ED must not reach the surrogates.
            let low: UInt8 = first == 0xE0 ? 0xA0 : 0x80
            let high: UInt8 = first == 0xED ? 0x9F : 0xBF
            return second >= low && second <= high && isContinuation(bytes[index + 2]) ? 3 : 0
        case 0xF0...0xF4:
            guard left >= 4 else { return 0 }
            let second = bytes[index + 1]
            // F0 must not be overlong; F4 must not pass U+10FFFF.
            let low: UInt8 = first == 0xF0 ? 0x90 : 0x80
            let high: UInt8 = first == 0xF4 ? 0x8F : 0xBF
            return second >= low && second <= high && isContinuation(bytes[index + 2])
                && isContinuation(bytes[index + 3]) ? 4 : 0
        default:
            return 0
        }
    }

    @inline(__always)
    private static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }
}

extension String {
    /// The text of `bytes`, nil when they are not UTF-8.
    ///
    /// `String(validating:)` costs 35 ns before it looks at a byte. So the bytes are checked here, quickly where they are
    /// ASCII, and the string is made of them without a second check.
    public init?(checked bytes: UnsafeRawBufferPointer) {
        let isASCII = UTF8Validation.isASCII(bytes)
        guard isASCII || UTF8Validation.isValid(bytes) else { return nil }
        let units = unsafe Span<UInt8>(_unsafeBytes: bytes)
        self.init(copying: unsafe UTF8Span(unchecked: units, isKnownASCII: isASCII))
    }
}
