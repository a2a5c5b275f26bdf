/// UTF-8 checks over raw bytes, as strict as RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF.
public enum UTF8Validation {
    /// Whether `bytes` is well-formed UTF-8. Eight ASCII bytes are checked at a time.
    public static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        let count = bytes.count
        while index < count {
            if count - index >= 8,
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

    /// Whether every byte is below 0x80.
    public static func isASCII(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        let count = bytes.count
        while count - index >= 32 {
            let first = bytes.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
            let second = bytes.loadUnaligned(fromByteOffset: index + 16, as: SIMD16<UInt8>.self)
            if (first | second).max() >= 0x80 { return false }
            index += 32
        }
        var union: UInt64 = 0
        while count - index >= 8 {
            union |= bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            index += 8
        }
        while index < count {
            union |= UInt64(bytes[index])
            index += 1
        }
        return union & 0x8080_8080_8080_8080 == 0
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
    /// `String(validating:)` costs 35 ns before it looks at a byte; ASCII needs no validation beyond our own, and the
    /// decoding initialiser is quick once we know that it has nothing to repair.
    public init?(checked bytes: UnsafeRawBufferPointer) {
        guard UTF8Validation.isASCII(bytes) || UTF8Validation.isValid(bytes) else { return nil }
        self.init(decoding: bytes, as: UTF8.self)
    }
}
