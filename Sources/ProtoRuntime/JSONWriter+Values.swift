internal import Bytes

// MARK: - Numbers

extension JSONWriter {
    @usableFromInline
    mutating func bool(_ value: Bool) { literal(value ? "true" : "false") }

    @inlinable
    mutating func number<I: FixedWidthInteger>(_ value: I) {
        digits(UInt64(truncatingIfNeeded: value.magnitude), isNegative: value < 0)
    }

    @inlinable
    mutating func quotedNumber<I: FixedWidthInteger>(_ value: I) {
        byte(UInt8(ascii: "\""))
        number(value)
        byte(UInt8(ascii: "\""))
    }

    @usableFromInline
    mutating func digits(_ magnitude: UInt64, isNegative: Bool = false) {
        let place = room(20)
        var first = 20
        var rest = magnitude
        repeat {
            first &-= 1
            place.storeBytes(of: UInt8(truncatingIfNeeded: 0x30 &+ rest % 10), toByteOffset: first, as: UInt8.self)
            rest /= 10
        } while rest > 0
        if isNegative {
            first &-= 1
            place.storeBytes(of: UInt8(ascii: "-"), toByteOffset: first, as: UInt8.self)
        }
        place.copyMemory(from: place + first, byteCount: 20 &- first)
        advance(20 &- first)
    }

    /// The shortest digits that read back as the same value; NaN and the infinities as strings.
    @usableFromInline
    mutating func real(_ value: Double) {
        // Integers and numbers of few decimals are most of what is written, and their digits are at hand. A decimal of
        // at most 15 digits that reads back as the value is the shortest that does.
        let magnitude = value.magnitude
        if magnitude < 1e9 && !(value == 0 && value.sign == .minus) {
            var power: UInt64 = 1
            for decimals in 0...4 {
                let scaled = magnitude * Double(power)
                let whole = UInt64(scaled.rounded())
                if Double(whole) / Double(power) == magnitude {
                    return decimal(whole, power, decimals, isNegative: value < 0)
                }
                power *= 10
            }
        }
        shortest(value)
    }

    @usableFromInline
    mutating func real(_ value: Float) {
        if value.magnitude < 1e6 && value.rounded() == value && !(value == 0 && value.sign == .minus) {
            return digits(UInt64(value.magnitude), isNegative: value < 0)
        }
        shortest(value)
    }

    /// `whole` with its point moved to the left, e.g. 1234 and 100 as 12.34.
    private mutating func decimal(_ whole: UInt64, _ power: UInt64, _ decimals: Int, isNegative: Bool) {
        digits(whole / power, isNegative: isNegative)
        if decimals == 0 { return }
        let place = room(decimals + 1)
        place.storeBytes(of: UInt8(ascii: "."), as: UInt8.self)
        var rest = whole % power
        for index in (1...decimals).reversed() {
            place.storeBytes(of: UInt8(truncatingIfNeeded: 0x30 &+ rest % 10), toByteOffset: index, as: UInt8.self)
            rest /= 10
        }
        advance(decimals + 1)
    }

    @inline(never)
    private mutating func shortest<F: BinaryFloatingPoint & LosslessStringConvertible>(_ value: F) {
        if value.isNaN { return literal("\"NaN\"") }
        if value.isInfinite { return literal(value < 0 ? "\"-Infinity\"" : "\"Infinity\"") }
        var text = value.description
        text.withUTF8 { text in
            // "-0" would be read as the integer 0 by many, so it keeps its fraction.
            let isWhole = text.count > 2 && text[text.count - 2] == UInt8(ascii: ".") && text[text.count - 1] == 0x30
            append(
                UnsafeRawBufferPointer(
                    rebasing: UnsafeRawBufferPointer(text)[..<(text.count - (isWhole && value != 0 ? 2 : 0))]))
        }
    }
}

// MARK: - Strings

extension JSONWriter {
    @usableFromInline
    mutating func base64(_ value: [UInt8]) {
        byte(UInt8(ascii: "\""))
        var text = Base64.encode(value)
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
        byte(UInt8(ascii: "\""))
    }

    @usableFromInline
    mutating func enumeration<E: ProtoEnum>(_ value: E) {
        if E.self == Google_Protobuf_NullValue.self { return literal("null") }
        if let name = value.protoName { string(name) } else { number(value.rawValue) }
    }

    @usableFromInline
    mutating func string(_ value: String) {
        let isWritten: Void? = value.utf8.withContiguousStorageIfAvailable { string($0) }
        if isWritten == nil { Array(value.utf8).withUnsafeBufferPointer { string($0) } }
    }

    private mutating func string(_ text: UnsafeBufferPointer<UInt8>) {
        let place = room(text.count + 2)
        place.storeBytes(of: UInt8(ascii: "\""), as: UInt8.self)
        let source = UnsafeRawBufferPointer(text)
        let plain = Self.plainCount(source)
        if plain == text.count {
            if let base = source.baseAddress { (place + 1).copyMemory(from: base, byteCount: plain) }
            (place + 1 + plain).storeBytes(of: UInt8(ascii: "\""), as: UInt8.self)
            return advance(plain + 2)
        }
        advance(1)
        var start = 0
        for index in plain..<text.count where JSONText.isSpecial(text[index]) {
            append(UnsafeRawBufferPointer(rebasing: source[start..<index]))
            escape(text[index])
            start = index + 1
        }
        append(UnsafeRawBufferPointer(rebasing: source[start...]))
        byte(UInt8(ascii: "\""))
    }

    /// How many bytes from the start need no escape; eight are looked at together.
    private static func plainCount(_ text: UnsafeRawBufferPointer) -> Int {
        var index = 0
        while index &+ 8 <= text.count {
            let special = JSONText.special(
                UInt64(littleEndian: text.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
            if special != 0 { return index &+ special.trailingZeroBitCount &>> 3 }
            index &+= 8
        }
        while index < text.count, !JSONText.isSpecial(text[index]) { index &+= 1 }
        return index
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): literal("\\\"")
        case UInt8(ascii: "\\"): literal("\\\\")
        case 0x0A: literal("\\n")
        case 0x0D: literal("\\r")
        case 0x09: literal("\\t")
        default:
            literal("\\u00")
            var digits = Hex.encode(CollectionOfOne(byte))
            digits.withUTF8 { append(UnsafeRawBufferPointer($0)) }
        }
    }
}
