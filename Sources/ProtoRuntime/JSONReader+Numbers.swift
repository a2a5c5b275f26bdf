extension JSONReader {
    @usableFromInline
    mutating func bool() throws(JSONError) -> Bool {
        if try word("true") { return true }
        if try word("false") { return false }
        throw error(.wrongType, "expected true or false")
    }

    /// The text of a number, by JSON's grammar.
    private mutating func numberToken() throws(JSONError) -> String {
        let first = place
        try skipNumber()
        return String(decoding: bytes(first, place), as: UTF8.self)
    }

    mutating func skipNumber() throws(JSONError) {
        _ = try peek()
        let length = JSONNumber.length(bytes(place, count))
        guard length > 0 else { throw error(.wrongType, "expected a number") }
        place += length
    }

    /// A number, or a string that holds one.
    private mutating func numberText() throws(JSONError) -> String {
        guard try peek() == UInt8(ascii: "\"") else { return try numberToken() }
        let text = try string()
        let isNumber = Array(text.utf8).withUnsafeBytes { $0.count > 0 && JSONNumber.length($0) == $0.count }
        guard isNumber else { throw error(.invalidValue, "expected a number, not \"\(text)\"") }
        return text
    }

    @inlinable
    mutating func integer<I: FixedWidthInteger>(_ type: I.Type) throws(JSONError) -> I {
        guard let value = try plainInteger() else { return try oddInteger(type) }
        guard let result = I(exactly: value) else { throw outOfRange(value) }
        return result
    }

    /// An integer of at most 18 digits with nothing but a sign and perhaps quotes around them, as most are.
    /// Nil for all else, and then nothing is read.
    @usableFromInline
    mutating func plainInteger() throws(JSONError) -> Int64? {
        let first = try peek()
        let isQuoted = first == UInt8(ascii: "\"")
        var index = isQuoted ? place &+ 1 : place
        let isNegative = index < count && self[index] == UInt8(ascii: "-")
        if isNegative { index &+= 1 }
        let digits = index
        var value: Int64 = 0
        while index < count, self[index] &- 0x30 < 10, index &- digits < 18 {
            value = value &* 10 &+ Int64(self[index] &- 0x30)
            index &+= 1
        }
        let length = index &- digits
        if length == 0 || (length > 1 && self[digits] == 0x30) { return nil }
        if index < count {
            switch self[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
                return nil
            default: break
            }
        }
        if isQuoted {
            guard index < count, self[index] == UInt8(ascii: "\"") else { return nil }
            index &+= 1
        }
        place = index
        return isNegative ? -value : value
    }

    @usableFromInline @inline(never)
    func outOfRange(_ value: Int64) -> JSONError {
        error(.outOfRange, "\(value) is no integer of this field's range")
    }

    /// Long ones, and 1.0 and 1e3, which are integers too.
    @usableFromInline @inline(never)
    mutating func oddInteger<I: FixedWidthInteger>(_ type: I.Type) throws(JSONError) -> I {
        let text = try numberText()
        if let value = I(text) { return value }
        guard let digits = JSONNumber.integerDigits(text), let value = I(digits) else {
            throw error(.outOfRange, "\(text) is no integer of this field's range")
        }
        return value
    }

    @usableFromInline
    mutating func real(_ type: Double.Type) throws(JSONError) -> Double {
        if let value = try plainReal() { return value }
        return try oddReal(type)
    }

    @usableFromInline
    mutating func real(_ type: Float.Type) throws(JSONError) -> Float {
        let start = place
        if let value = try plainReal() {
            // The double is the nearest to the text; rounded again it is the nearest float, unless it lies just between
            // two or is too small or too large for a float's usual form.
            let isBetween = value.bitPattern & 0x1FFF_FFFF == 0x1000_0000
            if !isBetween && value.magnitude < 0x1p127 && (value.magnitude > 0x1p-126 || value == 0) {
                return Float(value)
            }
            place = start
        }
        return try oddReal(type)
    }

    /// A number whose digits fit into a double exactly and whose power of ten does too, so that one multiplication or
    /// division rounds once. Nil for all else, and then nothing is read.
    private mutating func plainReal() throws(JSONError) -> Double? {
        _ = try peek()
        var index = place
        let isNegative = self[index] == UInt8(ascii: "-")
        if isNegative { index &+= 1 }
        var mantissa: UInt64 = 0
        let whole = index
        while index < count, self[index] &- 0x30 < 10, index &- whole < 15 {
            mantissa = mantissa &* 10 &+ UInt64(self[index] &- 0x30)
            index &+= 1
        }
        var digits = index &- whole
        if digits == 0 || (digits > 1 && self[whole] == 0x30) { return nil }
        var scale = 0
        if index < count, self[index] == UInt8(ascii: ".") {
            index &+= 1
            let fraction = index
            while index < count, self[index] &- 0x30 < 10, digits < 15 {
                mantissa = mantissa &* 10 &+ UInt64(self[index] &- 0x30)
                index &+= 1
                digits &+= 1
            }
            scale = index &- fraction
            if scale == 0 { return nil }
        }
        if index < count {
            let byte = self[index]
            if byte &- 0x30 < 10 || byte | 0x20 == UInt8(ascii: "e") || byte == UInt8(ascii: ".") { return nil }
        }
        place = index
        let value = scale == 0 ? Double(mantissa) : Double(mantissa) / JSONNumber.powersOfTen[scale]
        return isNegative ? -value : value
    }

    @inline(never)
    private mutating func oddReal<F: BinaryFloatingPoint & LosslessStringConvertible>(
        _ type: F.Type
    ) throws(JSONError) -> F {
        if try word("\"NaN\"") { return .nan }
        if try word("\"Infinity\"") { return .infinity }
        if try word("\"-Infinity\"") { return -.infinity }
        let text = try numberText()
        guard let value = F(text), value.isFinite else { throw error(.outOfRange, "\(text) is out of range") }
        return value
    }

    @usableFromInline
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
    /// Exact up to here, and beyond up to 10^22.
    static let powersOfTen: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ]

    /// The length of the number at the start of `bytes`, 0 when there is none.
    static func length(_ bytes: UnsafeRawBufferPointer) -> Int {
        var index = 0
        if isNext(bytes, index, UInt8(ascii: "-")) { index += 1 }
        let hasLeadingZero = isNext(bytes, index, UInt8(ascii: "0"))
        let whole = digits(bytes, &index)
        if whole == 0 || (hasLeadingZero && whole > 1) { return 0 }
        if isNext(bytes, index, UInt8(ascii: ".")) {
            index += 1
            if digits(bytes, &index) == 0 { return 0 }
        }
        if isNext(bytes, index, UInt8(ascii: "e")) || isNext(bytes, index, UInt8(ascii: "E")) {
            index += 1
            if isNext(bytes, index, UInt8(ascii: "+")) || isNext(bytes, index, UInt8(ascii: "-")) { index += 1 }
            if digits(bytes, &index) == 0 { return 0 }
        }
        return index
    }

    private static func isNext(_ bytes: UnsafeRawBufferPointer, _ index: Int, _ byte: UInt8) -> Bool {
        index < bytes.count && bytes[index] == byte
    }

    /// Passes over digits and says how many there were.
    private static func digits(_ bytes: UnsafeRawBufferPointer, _ index: inout Int) -> Int {
        let first = index
        while index < bytes.count, bytes[index] &- 0x30 < 10 { index += 1 }
        return index - first
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
