internal import Bytes

/// Writes JSON into one growing buffer.
public struct JSONWriter {
    public internal(set) var bytes: [UInt8] = []
    public let options: JSONOptions

    public init(options: JSONOptions = .defaults) {
        self.options = options
        bytes.reserveCapacity(256)
    }

    // MARK: What generated `encodeJSON` functions call

    public mutating func beginObject() { bytes.append(UInt8(ascii: "{")) }
    public mutating func endObject() { bytes.append(UInt8(ascii: "}")) }

    /// A field without presence: left out when it has its default value.
    public mutating func singular<T: ProtoType>(
        _ type: T.Type, _ name: StaticString, _ value: T.Value
    ) throws(JSONError) {
        if options.writeDefaults || !T.isDefault(value) { try always(type, name, value) }
    }

    public mutating func always<T: ProtoType>(
        _ type: T.Type, _ name: StaticString, _ value: T.Value
    ) throws(JSONError) {
        field(name)
        try T.writeJSON(value, &self)
    }

    public mutating func optional<T: ProtoType>(
        _ type: T.Type, _ name: StaticString, _ value: T.Value?
    ) throws(JSONError) {
        if let value { try always(type, name, value) }
    }

    public mutating func repeated<T: ProtoType>(
        _ type: T.Type, _ name: StaticString, _ values: [T.Value]
    ) throws(JSONError) {
        if values.isEmpty && !options.writeDefaults { return }
        field(name)
        try array(type, values)
    }

    /// Entries are written in the order of their keys, so that equal messages have equal text.
    public mutating func map<K: ProtoMapKey, V: ProtoType>(
        _ keyType: K.Type, _ valueType: V.Type, _ name: StaticString, _ entries: [K.Value: V.Value]
    ) throws(JSONError) {
        if entries.isEmpty && !options.writeDefaults { return }
        field(name)
        try object(entries.map { (K.jsonKey($0.key), $0.value) }, of: V.self)
    }

    // MARK: Pieces

    mutating func array<T: ProtoType>(_ type: T.Type, _ values: [T.Value]) throws(JSONError) {
        bytes.append(UInt8(ascii: "["))
        for value in values {
            separate()
            try T.writeJSON(value, &self)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    mutating func object<V: ProtoType>(_ entries: [(String, V.Value)], of type: V.Type) throws(JSONError) {
        beginObject()
        for (key, value) in entries.sorted(by: { $0.0 < $1.0 }) {
            separate()
            string(key)
            bytes.append(UInt8(ascii: ":"))
            try V.writeJSON(value, &self)
        }
        endObject()
    }

    /// The name of the next field, with the comma before it where one is due.
    mutating func field(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    /// Whatever does not follow an opening bracket follows another element.
    mutating func separate() {
        switch bytes.last {
        case UInt8(ascii: "{"), UInt8(ascii: "["), nil: break
        default: bytes.append(UInt8(ascii: ","))
        }
    }

    mutating func literal(_ text: StaticString) { text.withUTF8Buffer { bytes.append(contentsOf: $0) } }

    mutating func bool(_ value: Bool) { literal(value ? "true" : "false") }

    mutating func number(_ value: some FixedWidthInteger) {
        var text = String(value)
        text.withUTF8 { bytes.append(contentsOf: $0) }
    }

    mutating func quotedNumber(_ value: some FixedWidthInteger) {
        bytes.append(UInt8(ascii: "\""))
        number(value)
        bytes.append(UInt8(ascii: "\""))
    }

    /// The shortest digits that read back as the same value; NaN and the infinities as strings.
    mutating func real<F: BinaryFloatingPoint & LosslessStringConvertible>(_ value: F) {
        if value.isNaN { return literal("\"NaN\"") }
        if value.isInfinite { return literal(value < 0 ? "\"-Infinity\"" : "\"Infinity\"") }
        var text = value.description
        // "-0" would be read as the integer 0 by many.
        if text.hasSuffix(".0") && value != 0 { text.removeLast(2) } else if text == "0.0" { text = "0" }
        text.withUTF8 { bytes.append(contentsOf: $0) }
    }

    mutating func base64(_ value: [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        bytes.append(contentsOf: Base64.encode(value).utf8)
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func enumeration<E: ProtoEnum>(_ value: E) {
        if E.self == Google_Protobuf_NullValue.self { return literal("null") }
        if let name = value.protoName { string(name) } else { number(value.rawValue) }
    }

    mutating func string(_ value: String) {
        var value = value
        bytes.append(UInt8(ascii: "\""))
        value.withUTF8 { text in
            var start = 0
            for index in 0..<text.count where Self.needsEscape(text[index]) {
                bytes.append(contentsOf: text[start..<index])
                escape(text[index])
                start = index + 1
            }
            bytes.append(contentsOf: text[start...])
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
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
            bytes.append(contentsOf: Hex.encode(CollectionOfOne(byte)).utf8)
        }
    }
}
