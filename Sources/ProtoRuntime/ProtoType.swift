/// One of the value types of the Protocol Buffers language: how it is sized, written and read in both forms.
///
/// Generated code names one for each field (`ProtoString`, `ProtoSInt32`, `ProtoMessage<Tenant>`); presence,
/// repetition and maps are the business of the readers and writers.
public protocol ProtoType {
    associatedtype Value: Hashable & Sendable

    static var wireType: WireType { get }
    static var defaultValue: Value { get }
    /// The bytes of every value, where that is constant: packed fields of such types are copied as a whole.
    static var fixedWidth: Int? { get }

    static func isDefault(_ value: Value) -> Bool
    /// The size without the tag, with the length of a length-delimited value.
    static func size(_ value: Value, _ sizes: inout WireSizes) -> Int
    static func write(_ value: Value, _ writer: inout WireWriter)
    static func read(_ reader: inout WireReader) throws(WireError) -> Value
    static func merge(_ reader: inout WireReader, _ value: inout Value) throws(WireError)

    static func writeJSON(_ value: Value, _ json: inout JSONWriter) throws(JSONError)
    /// Nil for a value that is to be passed over: the unknown name of an enum when unknown fields are ignored.
    static func readJSON(_ json: inout JSONReader) throws(JSONError) -> Value?
    /// Whether JSON `null` is a value of this type and not an absent field.
    static var acceptsNull: Bool { get }
}

extension ProtoType {
    @inlinable public static var fixedWidth: Int? { nil }
    @inlinable public static var acceptsNull: Bool { false }

    @inlinable @inline(__always)
    public static func isDefault(_ value: Value) -> Bool { value == defaultValue }

    @inlinable @inline(__always)
    public static func merge(_ reader: inout WireReader, _ value: inout Value) throws(WireError) {
        value = try read(&reader)
    }
}

/// A type that may be the key of a map.
public protocol ProtoMapKey: ProtoType {
    /// JSON object keys are strings, whatever the key's type.
    static func jsonKey(_ value: Value) -> String
    static func value(ofJSONKey key: String) -> Value?
}

/// A generated enum: open, so a number without a name is kept.
public protocol ProtoEnum: RawRepresentable, Hashable, Sendable, CustomStringConvertible where RawValue == Int32 {
    init(rawValue: Int32)
    /// The full name in the .proto file.
    static var protoEnumName: String { get }
    /// Number and name of each value in the order of declaration; aliases included.
    static var protoNames: [(number: Int32, name: String)] { get }
}

extension ProtoEnum {
    public var description: String { protoName ?? String(rawValue) }

    /// The name of the value in the .proto file, nil for a number without one.
    public var protoName: String? {
        Self.protoNames.first { $0.number == rawValue }?.name
    }

    public init?(protoName: String) {
        guard let entry = Self.protoNames.first(where: { $0.name == protoName }) else { return nil }
        self.init(rawValue: entry.number)
    }
}
