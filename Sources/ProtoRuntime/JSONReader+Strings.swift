internal import Bytes

// MARK: - Strings

extension JSONReader {
    @usableFromInline
    mutating func string() throws(JSONError) -> String {
        let (span, hasEscapes) = try rawString()
        if hasEscapes { return try unescape(span) }
        guard let text = String(checked: span) else {
            throw error(.invalidUTF8, "the string is not UTF-8")
        }
        return text
    }

    /// The bytes between the quotes as they stand.
    mutating func rawString() throws(JSONError) -> (UnsafeRawBufferPointer, hasEscapes: Bool) {
        guard try peek() == UInt8(ascii: "\"") else { throw error(.wrongType, "expected a string") }
        let first = place + 1
        var index = first
        var hasEscapes = false
        while true {
            index = plainEnd(from: index)
            guard index < count else { throw error(.syntax, "the string has no end") }
            switch self[index] {
            case UInt8(ascii: "\""):
                place = index + 1
                return (bytes(first, index), hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                index += 2
            default:
                place = index
                throw error(.syntax, "control characters in strings are written as escapes")
            }
        }
    }

    /// The next quote, backslash or control character; eight bytes are looked at together.
    private func plainEnd(from first: Int) -> Int {
        var index = first
        while index &+ 8 <= count {
            let special = JSONText.special(word(at: index))
            if special != 0 { return index &+ special.trailingZeroBitCount &>> 3 }
            index &+= 8
        }
        while index < count, !JSONText.isSpecial(self[index]) { index &+= 1 }
        return index
    }

    func unescape(_ span: UnsafeRawBufferPointer) throws(JSONError) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(span.count)
        var index = 0
        while index < span.count {
            let byte = span[index]
            index += 1
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            let escape = span[index]
            index += 1
            if escape == UInt8(ascii: "u") {
                let scalar = try scalar(span, &index)
                bytes.append(contentsOf: Array(String(Character(scalar)).utf8))
            } else {
                bytes.append(try character(escape))
            }
        }
        guard let text = bytes.withUnsafeBytes({ String(checked: $0) }) else {
            throw error(.invalidUTF8, "the string is not UTF-8")
        }
        return text
    }

    private func character(_ escape: UInt8) throws(JSONError) -> UInt8 {
        switch escape {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): escape
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: throw error(.syntax, "there is no such escape")
        }
    }

    /// The digits after `\u`, and the second half of a surrogate pair where one is due.
    private func scalar(_ span: UnsafeRawBufferPointer, _ index: inout Int) throws(JSONError) -> Unicode.Scalar {
        var value = try codeUnit(span, &index)
        if value >> 10 == 0x36 {
            guard index + 1 < span.count, span[index] == UInt8(ascii: "\\"), span[index + 1] == UInt8(ascii: "u") else {
                throw error(.invalidUTF8, "half a surrogate pair")
            }
            index += 2
            let low = try codeUnit(span, &index)
            guard low >> 10 == 0x37 else { throw error(.invalidUTF8, "half a surrogate pair") }
            value = 0x10000 + (value & 0x3FF) << 10 + low & 0x3FF
        }
        guard let scalar = Unicode.Scalar(value) else { throw error(.invalidUTF8, "half a surrogate pair") }
        return scalar
    }

    private func codeUnit(_ span: UnsafeRawBufferPointer, _ index: inout Int) throws(JSONError) -> UInt32 {
        guard span.count - index >= 4 else { throw error(.syntax, "\\u takes four hexadecimal digits") }
        var value: UInt32 = 0
        for digit in span[index..<(index + 4)] {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(digit - 0x30)
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt32(digit - 0x61 + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt32(digit - 0x41 + 10)
            default: throw error(.syntax, "\\u takes four hexadecimal digits")
            }
        }
        index += 4
        return value
    }

    @usableFromInline
    mutating func base64() throws(JSONError) -> [UInt8] {
        let text = try string()
        guard let bytes = Base64.decode(text) else { throw error(.invalidValue, "expected base64") }
        return bytes
    }
}

/// Which bytes of a string need care.
enum JSONText {
    static func isSpecial(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    /// For eight bytes: the high bit of each that is special; bits above the lowest one set may be wrong.
    @inline(__always)
    static func special(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quotes = word ^ (ones &* 0x22)
        let slashes = word ^ (ones &* 0x5C)
        let found =
            ((word &- ones &* 0x20) & ~word) | ((quotes &- ones) & ~quotes) | ((slashes &- ones) & ~slashes)
        return found & (ones &* 0x80)
    }
}
