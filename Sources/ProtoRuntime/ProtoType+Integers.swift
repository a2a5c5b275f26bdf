public import Bytes

// Each integer type of the language is one line of its own below: how the value becomes bits is all that differs.

/// A type written as a varint.
public protocol ProtoVarint: ProtoType {
    static func bits(_ value: Value) -> UInt64
    static func value(_ bits: UInt64) -> Value
}

extension ProtoVarint {
    @inlinable public static var wireType: WireType { .varint }

    @inlinable @inline(__always)
    public static func size(_ value: Value, _ sizes: inout WireSizes) -> Int { Varint.size(bits(value)) }

    @inlinable @inline(__always)
    public static func write(_ value: Value, _ writer: inout WireWriter) { writer.varint(bits(value)) }

    @inlinable @inline(__always)
    public static func read(_ reader: inout WireReader) throws(WireError) -> Value { value(try reader.varint()) }
}

/// A type written in four or eight bytes.
public protocol ProtoFixed: ProtoType {
    associatedtype Bits: FixedWidthInteger & UnsignedInteger
    static func bits(_ value: Value) -> Bits
    static func value(_ bits: Bits) -> Value
}

extension ProtoFixed {
    @inlinable public static var wireType: WireType { MemoryLayout<Bits>.size == 8 ? .fixed64 : .fixed32 }
    @inlinable public static var fixedWidth: Int? { MemoryLayout<Bits>.size }

    /// By bits, so that -0.0 is not taken for the default.
    @inlinable @inline(__always)
    public static func isDefault(_ value: Value) -> Bool { bits(value) == 0 }

    @inlinable @inline(__always)
    public static func size(_ value: Value, _ sizes: inout WireSizes) -> Int { MemoryLayout<Bits>.size }

    @inlinable @inline(__always)
    public static func write(_ value: Value, _ writer: inout WireWriter) { writer.fixed(bits(value)) }

    @inlinable @inline(__always)
    public static func read(_ reader: inout WireReader) throws(WireError) -> Value {
        value(try reader.fixed(Bits.self))
    }
}

/// The JSON form of integers: 32 bits as a number, 64 bits as a string, because JavaScript has no 64-bit integers.
public protocol ProtoInteger: ProtoMapKey where Value: FixedWidthInteger {}

extension ProtoInteger {
    @inlinable public static var defaultValue: Value { 0 }

    @inlinable
    public static func writeJSON(_ value: Value, _ json: inout JSONWriter) throws(JSONError) {
        if Value.bitWidth == 64 { json.quotedNumber(value) } else { json.number(value) }
    }

    @inlinable
    public static func readJSON(_ json: inout JSONReader) throws(JSONError) -> Value? { try json.integer(Value.self) }

    @inlinable
    public static func jsonKey(_ value: Value) -> String { String(value) }

    @inlinable
    public static func value(ofJSONKey key: String) -> Value? {
        // Only the canonical digits: "+1" and "01" are no JSON numbers.
        guard let value = Value(key), String(value) == key else { return nil }
        return value
    }
}

public enum ProtoInt32: ProtoVarint, ProtoInteger {
    public typealias Value = Int32
    @inlinable public static func bits(_ value: Int32) -> UInt64 { UInt64(bitPattern: Int64(value)) }
    @inlinable public static func value(_ bits: UInt64) -> Int32 { Int32(truncatingIfNeeded: bits) }
}

public enum ProtoInt64: ProtoVarint, ProtoInteger {
    public typealias Value = Int64
    @inlinable public static func bits(_ value: Int64) -> UInt64 { UInt64(bitPattern: value) }
    @inlinable public static func value(_ bits: UInt64) -> Int64 { Int64(bitPattern: bits) }
}

public enum ProtoUInt32: ProtoVarint, ProtoInteger {
    public typealias Value = UInt32
    @inlinable public static func bits(_ value: UInt32) -> UInt64 { UInt64(value) }
    @inlinable public static func value(_ bits: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: bits) }
}

public enum ProtoUInt64: ProtoVarint, ProtoInteger {
    public typealias Value = UInt64
    @inlinable public static func bits(_ value: UInt64) -> UInt64 { value }
    @inlinable public static func value(_ bits: UInt64) -> UInt64 { bits }
}

/// Zigzag: small negative numbers are short.
public enum ProtoSInt32: ProtoVarint, ProtoInteger {
    public typealias Value = Int32
    @inlinable public static func bits(_ value: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: (value << 1) ^ (value >> 31)))
    }
    @inlinable public static func value(_ bits: UInt64) -> Int32 {
        let low = UInt32(truncatingIfNeeded: bits)
        return Int32(bitPattern: low >> 1) ^ -Int32(bitPattern: low & 1)
    }
}

public enum ProtoSInt64: ProtoVarint, ProtoInteger {
    public typealias Value = Int64
    @inlinable public static func bits(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value << 1) ^ (value >> 63)) }
    @inlinable public static func value(_ bits: UInt64) -> Int64 {
        Int64(bitPattern: bits >> 1) ^ -Int64(bitPattern: bits & 1)
    }
}

public enum ProtoFixed32: ProtoFixed, ProtoInteger {
    public typealias Value = UInt32
    @inlinable public static func bits(_ value: UInt32) -> UInt32 { value }
    @inlinable public static func value(_ bits: UInt32) -> UInt32 { bits }
}

public enum ProtoFixed64: ProtoFixed, ProtoInteger {
    public typealias Value = UInt64
    @inlinable public static func bits(_ value: UInt64) -> UInt64 { value }
    @inlinable public static func value(_ bits: UInt64) -> UInt64 { bits }
}

public enum ProtoSFixed32: ProtoFixed, ProtoInteger {
    public typealias Value = Int32
    @inlinable public static func bits(_ value: Int32) -> UInt32 { UInt32(bitPattern: value) }
    @inlinable public static func value(_ bits: UInt32) -> Int32 { Int32(bitPattern: bits) }
}

public enum ProtoSFixed64: ProtoFixed, ProtoInteger {
    public typealias Value = Int64
    @inlinable public static func bits(_ value: Int64) -> UInt64 { UInt64(bitPattern: value) }
    @inlinable public static func value(_ bits: UInt64) -> Int64 { Int64(bitPattern: bits) }
}

public enum ProtoBool: ProtoVarint, ProtoMapKey {
    @inlinable public static var defaultValue: Bool { false }
    @inlinable public static func bits(_ value: Bool) -> UInt64 { value ? 1 : 0 }
    @inlinable public static func value(_ bits: UInt64) -> Bool { bits != 0 }
    @inlinable
    public static func writeJSON(_ value: Bool, _ json: inout JSONWriter) throws(JSONError) { json.bool(value) }
    @inlinable
    public static func readJSON(_ json: inout JSONReader) throws(JSONError) -> Bool? { try json.bool() }
    @inlinable
    public static func jsonKey(_ value: Bool) -> String { value ? "true" : "false" }
    @inlinable
    public static func value(ofJSONKey key: String) -> Bool? { key == "true" ? true : key == "false" ? false : nil }
}
