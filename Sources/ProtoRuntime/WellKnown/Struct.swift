/// The only value of JSON's null (google.protobuf.NullValue).
public struct Google_Protobuf_NullValue: ProtoEnum {
    public var rawValue: Int32
    public init(rawValue: Int32 = 0) { self.rawValue = rawValue }

    public static let nullValue = Google_Protobuf_NullValue()
    public static var protoEnumName: String { "google.protobuf.NullValue" }
    public static let protoNames: [(number: Int32, name: String)] = [(0, "NULL_VALUE")]
}

/// A JSON object (google.protobuf.Struct).
public struct Google_Protobuf_Struct: Message, ExpressibleByDictionaryLiteral {
    public static var protoMessageName: String { "google.protobuf.Struct" }

    public var fields: [String: Google_Protobuf_Value] = [:]
    public var unknownFields = UnknownFields()

    public init() {}
    public init(fields: [String: Google_Protobuf_Value]) { self.fields = fields }
    public init(dictionaryLiteral elements: (String, Google_Protobuf_Value)...) {
        for (key, value) in elements { fields[key] = value }
    }

    public subscript(key: String) -> Google_Protobuf_Value? {
        get { fields[key] }
        set { fields[key] = newValue }
    }

    public func measure(_ sizes: inout WireSizes) -> Int {
        sizes.map(ProtoString.self, ProtoMessage<Google_Protobuf_Value>.self, 1, fields) + unknownFields.bytes.count
    }

    public func encode(into writer: inout WireWriter) {
        writer.map(ProtoString.self, ProtoMessage<Google_Protobuf_Value>.self, 1, fields)
        writer.unknown(unknownFields)
    }

    public mutating func decode(from reader: inout WireReader) throws(WireError) {
        while let tag = try reader.nextTag() {
            switch tag {
            case 10: try reader.map(ProtoString.self, ProtoMessage<Google_Protobuf_Value>.self, &fields)
            default: try reader.unknown(tag, &unknownFields)
            }
        }
    }

    public func encodeJSON(into json: inout JSONWriter) throws(JSONError) {
        try json.object(ProtoString.self, ProtoMessage<Google_Protobuf_Value>.self, fields)
    }

    public mutating func decodeJSON(from json: inout JSONReader) throws(JSONError) {
        try json.map(ProtoString.self, ProtoMessage<Google_Protobuf_Value>.self, &fields)
    }
}

/// A JSON array (google.protobuf.ListValue).
public struct Google_Protobuf_ListValue: Message, ExpressibleByArrayLiteral {
    public static var protoMessageName: String { "google.protobuf.ListValue" }

    public var values: [Google_Protobuf_Value] = []
    public var unknownFields = UnknownFields()

    public init() {}
    public init(values: [Google_Protobuf_Value]) { self.values = values }
    public init(arrayLiteral elements: Google_Protobuf_Value...) { values = elements }

    public func measure(_ sizes: inout WireSizes) -> Int {
        sizes.repeated(ProtoMessage<Google_Protobuf_Value>.self, 1, values) + unknownFields.bytes.count
    }

    public func encode(into writer: inout WireWriter) {
        writer.repeated(ProtoMessage<Google_Protobuf_Value>.self, 1, values)
        writer.unknown(unknownFields)
    }

    public mutating func decode(from reader: inout WireReader) throws(WireError) {
        while let tag = try reader.nextTag() {
            switch tag {
            case 10: try reader.repeated(ProtoMessage<Google_Protobuf_Value>.self, &values)
            default: try reader.unknown(tag, &unknownFields)
            }
        }
    }

    public func encodeJSON(into json: inout JSONWriter) throws(JSONError) {
        try json.array(ProtoMessage<Google_Protobuf_Value>.self, values)
    }

    public mutating func decodeJSON(from json: inout JSONReader) throws(JSONError) {
        try json.repeated(ProtoMessage<Google_Protobuf_Value>.self, &values)
    }
}
