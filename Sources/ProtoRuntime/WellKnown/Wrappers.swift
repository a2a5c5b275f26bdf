/// A type that google.protobuf has a wrapper message for, to tell "absent" from "default".
public protocol WrappedProtoType: ProtoType {
    static var wrapperName: String { get }
}

extension ProtoDouble: WrappedProtoType { public static var wrapperName: String { "google.protobuf.DoubleValue" } }
extension ProtoFloat: WrappedProtoType { public static var wrapperName: String { "google.protobuf.FloatValue" } }
extension ProtoInt64: WrappedProtoType { public static var wrapperName: String { "google.protobuf.Int64Value" } }
extension ProtoUInt64: WrappedProtoType { public static var wrapperName: String { "google.protobuf.UInt64Value" } }
extension ProtoInt32: WrappedProtoType { public static var wrapperName: String { "google.protobuf.Int32Value" } }
extension ProtoUInt32: WrappedProtoType { public static var wrapperName: String { "google.protobuf.UInt32Value" } }
extension ProtoBool: WrappedProtoType { public static var wrapperName: String { "google.protobuf.BoolValue" } }
extension ProtoString: WrappedProtoType { public static var wrapperName: String { "google.protobuf.StringValue" } }
extension ProtoBytes: WrappedProtoType { public static var wrapperName: String { "google.protobuf.BytesValue" } }

public typealias Google_Protobuf_DoubleValue = Google_Protobuf_Wrapper<ProtoDouble>
public typealias Google_Protobuf_FloatValue = Google_Protobuf_Wrapper<ProtoFloat>
public typealias Google_Protobuf_Int64Value = Google_Protobuf_Wrapper<ProtoInt64>
public typealias Google_Protobuf_UInt64Value = Google_Protobuf_Wrapper<ProtoUInt64>
public typealias Google_Protobuf_Int32Value = Google_Protobuf_Wrapper<ProtoInt32>
public typealias Google_Protobuf_UInt32Value = Google_Protobuf_Wrapper<ProtoUInt32>
public typealias Google_Protobuf_BoolValue = Google_Protobuf_Wrapper<ProtoBool>
public typealias Google_Protobuf_StringValue = Google_Protobuf_Wrapper<ProtoString>
public typealias Google_Protobuf_BytesValue = Google_Protobuf_Wrapper<ProtoBytes>

/// The nine wrapper messages of google.protobuf: one field, whose JSON form is theirs.
public struct Google_Protobuf_Wrapper<Field: WrappedProtoType>: Message {
    public static var protoMessageName: String { Field.wrapperName }

    public var value: Field.Value = Field.defaultValue
    public var unknownFields = UnknownFields()

    public init() {}
    public init(_ value: Field.Value) { self.value = value }

    public func measure(_ sizes: inout WireSizes) -> Int {
        sizes.singular(Field.self, 1, value) + unknownFields.bytes.count
    }

    public func encode(into writer: inout WireWriter) {
        writer.singular(Field.self, 1, value)
        writer.unknown(unknownFields)
    }

    public mutating func decode(from reader: inout WireReader) throws(WireError) {
        while let tag = try reader.nextTag() {
            switch tag {
            case 8 | Field.wireType.rawValue: try reader.singular(Field.self, &value)
            default: try reader.unknown(tag, &unknownFields)
            }
        }
    }

    public func encodeJSON(into json: inout JSONWriter) throws(JSONError) { try Field.writeJSON(value, &json) }

    public mutating func decodeJSON(from json: inout JSONReader) throws(JSONError) {
        try json.singular(Field.self, &value)
    }

    public static func == (left: Self, right: Self) -> Bool {
        left.value == right.value && left.unknownFields == right.unknownFields
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(value)
        hasher.combine(unknownFields)
    }
}
