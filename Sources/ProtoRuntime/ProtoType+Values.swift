public import Bytes

public enum ProtoFloat: ProtoFixed {
    @inlinable public static var defaultValue: Float { 0 }
    @inlinable public static func bits(_ value: Float) -> UInt32 { value.bitPattern }
    @inlinable public static func value(_ bits: UInt32) -> Float { Float(bitPattern: bits) }
    @inlinable
    public static func writeJSON(_ value: Float, _ json: inout JSONWriter) throws(JSONError) { json.real(value) }
    @inlinable
    public static func readJSON(_ json: inout JSONReader) throws(JSONError) -> Float? { try json.real(Float.self) }
}

public enum ProtoDouble: ProtoFixed {
    @inlinable public static var defaultValue: Double { 0 }
    @inlinable public static func bits(_ value: Double) -> UInt64 { value.bitPattern }
    @inlinable public static func value(_ bits: UInt64) -> Double { Double(bitPattern: bits) }
    @inlinable
    public static func writeJSON(_ value: Double, _ json: inout JSONWriter) throws(JSONError) { json.real(value) }
    @inlinable
    public static func readJSON(_ json: inout JSONReader) throws(JSONError) -> Double? { try json.real(Double.self) }
}

public enum ProtoString: ProtoMapKey {
    @inlinable public static var wireType: WireType { .lengthDelimited }
    @inlinable public static var defaultValue: String { "" }

    @inlinable @inline(__always)
    public static func isDefault(_ value: String) -> Bool { value.isEmpty }

    @inlinable @inline(__always)
    public static func size(_ value: String, _ sizes: inout WireSizes) -> Int {
        let count = value.utf8.count
        return Varint.size(UInt64(count)) + count
    }

    @inlinable
    public static func write(_ value: String, _ writer: inout WireWriter) {
        let count = value.utf8.count
        writer.varint(UInt64(count))
        // Every string of Swift's own has its bytes in one piece; a bridged one would be copied first.
        let isWritten: Void? = value.utf8.withContiguousStorageIfAvailable { writer.raw(UnsafeRawBufferPointer($0)) }
        if isWritten == nil { Array(value.utf8).withUnsafeBytes { writer.raw($0) } }
    }

    @inlinable
    public static func read(_ reader: inout WireReader) throws(WireError) -> String {
        let bytes = try reader.span()
        if bytes.isEmpty { return "" }
        guard let text = String(checked: bytes) else { throw WireError(.invalidUTF8) }
        return text
    }

    @inlinable
    public static func writeJSON(_ value: String, _ json: inout JSONWriter) throws(JSONError) { json.string(value) }
    @inlinable
    public static func readJSON(_ json: inout JSONReader) throws(JSONError) -> String? { try json.string() }
    @inlinable
    public static func jsonKey(_ value: String) -> String { value }
    @inlinable
    public static func value(ofJSONKey key: String) -> String? { key }
}

public enum ProtoBytes: ProtoType {
    @inlinable public static var wireType: WireType { .lengthDelimited }
    @inlinable public static var defaultValue: [UInt8] { [] }

    @inlinable @inline(__always)
    public static func isDefault(_ value: [UInt8]) -> Bool { value.isEmpty }

    @inlinable @inline(__always)
    public static func size(_ value: [UInt8], _ sizes: inout WireSizes) -> Int {
        Varint.size(UInt64(value.count)) + value.count
    }

    @inlinable
    public static func write(_ value: [UInt8], _ writer: inout WireWriter) {
        writer.varint(UInt64(value.count))
        value.withUnsafeBytes { writer.raw($0) }
    }

    @inlinable
    public static func read(_ reader: inout WireReader) throws(WireError) -> [UInt8] { Array(try reader.span()) }

    @inlinable
    public static func writeJSON(_ value: [UInt8], _ json: inout JSONWriter) throws(JSONError) { json.base64(value) }
    @inlinable
    public static func readJSON(_ json: inout JSONReader) throws(JSONError) -> [UInt8]? { try json.base64() }
}

/// A field of enum `E`. An unknown number is kept, as every proto3 enum is open.
public enum ProtoEnumeration<E: ProtoEnum>: ProtoVarint {
    @inlinable public static var defaultValue: E { E(rawValue: 0) }
    @inlinable public static func bits(_ value: E) -> UInt64 { UInt64(bitPattern: Int64(value.rawValue)) }
    @inlinable public static func value(_ bits: UInt64) -> E { E(rawValue: Int32(truncatingIfNeeded: bits)) }
    @inlinable
    public static func writeJSON(_ value: E, _ json: inout JSONWriter) throws(JSONError) { json.enumeration(value) }
    @inlinable
    public static func readJSON(_ json: inout JSONReader) throws(JSONError) -> E? { try json.enumeration(E.self) }
    @inlinable
    public static var acceptsNull: Bool { E.self == Google_Protobuf_NullValue.self }
}

/// A field of message `M`.
public enum ProtoMessage<M: Message>: ProtoType {
    @inlinable public static var wireType: WireType { .lengthDelimited }
    @inlinable public static var defaultValue: M { M() }

    /// Messages have presence: what is there is written.
    @inlinable public static func isDefault(_ value: M) -> Bool { false }

    @inlinable
    public static func size(_ value: M, _ sizes: inout WireSizes) -> Int { sizes.message(value) }

    @inlinable
    public static func write(_ value: M, _ writer: inout WireWriter) {
        writer.varint(UInt64(writer.takeLength()))
        value.encode(into: &writer)
    }

    @inlinable
    public static func read(_ reader: inout WireReader) throws(WireError) -> M {
        var value = M()
        try merge(&reader, &value)
        return value
    }

    @inlinable
    public static func merge(_ reader: inout WireReader, _ value: inout M) throws(WireError) {
        let outer = try reader.enter()
        try value.decode(from: &reader)
        reader.leave(outer)
    }

    @inlinable
    public static func writeJSON(_ value: M, _ json: inout JSONWriter) throws(JSONError) {
        try value.encodeJSON(into: &json)
    }

    @inlinable
    public static func readJSON(_ json: inout JSONReader) throws(JSONError) -> M? {
        var value = M()
        try value.decodeJSON(from: &json)
        return value
    }

    @inlinable
    public static var acceptsNull: Bool { M.self == Google_Protobuf_Value.self }
}
