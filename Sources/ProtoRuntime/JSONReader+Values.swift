internal import Bytes

// MARK: - Strings

extension JSONReader {
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
        let start = place + 1
        var index = start
        var hasEscapes = false
        while index < input.count {
            let byte = input[index]
            if byte == UInt8(ascii: "\"") {
                place = index + 1
                return (UnsafeRawBufferPointer(rebasing: input[start..<index]), hasEscapes)
            }
            if byte < 0x20 {
                place = index
                throw error(.syntax, "control characters in strings are written as escapes")
            }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                index += 1
            }
            index += 1
        }
        throw error(.syntax, "the string has no end")
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

    mutating func base64() throws(JSONError) -> [UInt8] {
        let text = try string()
        guard let bytes = Base64.decode(text) else { throw error(.invalidValue, "expected base64") }
        return bytes
    }
}

// MARK: - Numbers and names

extension JSONReader {
    mutating func bool() throws(JSONError) -> Bool {
        if try word("true") { return true }
        if try word("false") { return false }
        throw error(.wrongType, "expected true or false")
    }

    /// The text of a number, by JSON's grammar.
    mutating func numberToken() throws(JSONError) -> String {
        _ = try peek()
        let length = JSONNumber.length(input, from: place)
        guard length > 0 else { throw error(.wrongType, "expected a number") }
        let token = String(decoding: input[place..<(place + length)], as: UTF8.self)
        place += length
        return token
    }

    /// A number, or a string that holds one.
    private mutating func numberText() throws(JSONError) -> String {
        guard try peek() == UInt8(ascii: "\"") else { return try numberToken() }
        let text = try string()
        let isNumber = Array(text.utf8).withUnsafeBytes { $0.count > 0 && JSONNumber.length($0, from: 0) == $0.count }
        guard isNumber else { throw error(.invalidValue, "expected a number, not \"\(text)\"") }
        return text
    }

    mutating func integer<I: FixedWidthInteger>(_ type: I.Type) throws(JSONError) -> I {
        let text = try numberText()
        // Most are plain digits; 1.0 and 1e3 are integers too.
        if let value = I(text) { return value }
        guard let digits = JSONNumber.integerDigits(text), let value = I(digits) else {
            throw error(.outOfRange, "\(text) is no integer of this field's range")
        }
        return value
    }

    mutating func real<F: BinaryFloatingPoint & LosslessStringConvertible>(_ type: F.Type) throws(JSONError) -> F {
        if try word("\"NaN\"") { return .nan }
        if try word("\"Infinity\"") { return .infinity }
        if try word("\"-Infinity\"") { return -.infinity }
        let text = try numberText()
        guard let value = F(text), value.isFinite else { throw error(.outOfRange, "\(text) is out of range") }
        return value
    }

    mutating func enumeration<E: ProtoEnum>(_ type: E.Type) throws(JSONError) -> E? {
        let first = try peek()
        if E.self == Google_Protobuf_NullValue.self, first == UInt8(ascii: "n") {
            try null()
            return E(rawValue: 0)
        }
        guard first == UInt8(ascii: "\"") else { return E(rawValue: try integer(Int32.self)) }
        let name = try string()
        if let value = E(protoName: name) { return value }
        if options.ignoreUnknownFields { return nil }
        throw error(.unknownEnumValue, "\"\(name)\" is no value of \(E.protoEnumName)")
    }
}

/// The grammar of JSON's numbers.
enum JSONNumber {
    /// The length of the number at `start`, 0 when there is none.
    static func length(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        func digits() -> Int {
            let first = index
            while index < bytes.count, bytes[index] &- 0x30 < 10 { index += 1 }
            return index - first
        }
        func next(is byte: UInt8) -> Bool { index < bytes.count && bytes[index] == byte }
        if next(is: UInt8(ascii: "-")) { index += 1 }
        let leadingZero = next(is: UInt8(ascii: "0"))
        let whole = digits()
        if whole == 0 || (leadingZero && whole > 1) { return 0 }
        if next(is: UInt8(ascii: ".")) {
            index += 1
            if digits() == 0 { return 0 }
        }
        if next(is: UInt8(ascii: "e")) || next(is: UInt8(ascii: "E")) {
            index += 1
            if next(is: UInt8(ascii: "+")) || next(is: UInt8(ascii: "-")) { index += 1 }
            if digits() == 0 { return 0 }
        }
        return index - start
    }

    /// The digits of a number with fraction or exponent that is an integer of at most 20 digits; nil for others.
    static func integerDigits(_ text: String) -> String? {
        let parts = text.split(whereSeparator: { $0 == "e" || $0 == "E" })
        // Far beyond any integer, and so far from Int's ends that the sums below cannot overflow.
        guard let mantissa = parts.first, var exponent = parts.count > 1 ? Int(parts[1]) : 0,
            (-1_000_000_000...1_000_000_000).contains(exponent)
        else { return nil }
        let halves = mantissa.split(separator: ".")
        guard var digits = halves.first.map(String.init) else { return nil }
        if halves.count > 1 {
            digits += halves[1]
            exponent -= halves[1].utf8.count
        }
        let isNegative = digits.hasPrefix("-")
        digits = String(digits.drop { $0 == "-" || $0 == "0" })
        while digits.hasSuffix("0") {
            digits.removeLast()
            exponent += 1
        }
        if digits.isEmpty { return "0" }
        guard exponent >= 0, digits.utf8.count + exponent <= 20 else { return nil }
        return (isNegative ? "-" : "") + digits + String(repeating: "0", count: exponent)
    }
}
