/// Any JSON value (google.protobuf.Value).
public struct Google_Protobuf_Value: Message {
    public static var protoMessageName: String { "google.protobuf.Value" }

    public enum OneOf_Kind: Hashable, Sendable {
        case nullValue(Google_Protobuf_NullValue)
        case numberValue(Double)
        case stringValue(String)
        case boolValue(Bool)
        case structValue(Google_Protobuf_Struct)
        case listValue(Google_Protobuf_ListValue)
    }

    /// Nil only in a message that was decoded without a kind; it has no JSON form.
    public var kind: OneOf_Kind?
    public var unknownFields = UnknownFields()

    public init() {}
    public init(_ kind: OneOf_Kind) { self.kind = kind }

    private typealias StructField = ProtoMessage<Google_Protobuf_Struct>
    private typealias ListField = ProtoMessage<Google_Protobuf_ListValue>
    private typealias NullField = ProtoEnumeration<Google_Protobuf_NullValue>

    public func measure(_ sizes: inout WireSizes) -> Int {
        let size =
            switch kind {
            case .nullValue(let value): sizes.always(NullField.self, 1, value)
            case .numberValue(let value): sizes.always(ProtoDouble.self, 2, value)
            case .stringValue(let value): sizes.always(ProtoString.self, 3, value)
            case .boolValue(let value): sizes.always(ProtoBool.self, 4, value)
            case .structValue(let value): sizes.always(StructField.self, 5, value)
            case .listValue(let value): sizes.always(ListField.self, 6, value)
            case nil: 0
            }
        return size + unknownFields.bytes.count
    }

    public func encode(into writer: inout WireWriter) {
        switch kind {
        case .nullValue(let value): writer.always(NullField.self, 1, value)
        case .numberValue(let value): writer.always(ProtoDouble.self, 2, value)
        case .stringValue(let value): writer.always(ProtoString.self, 3, value)
        case .boolValue(let value): writer.always(ProtoBool.self, 4, value)
        case .structValue(let value): writer.always(StructField.self, 5, value)
        case .listValue(let value): writer.always(ListField.self, 6, value)
        case nil: break
        }
        writer.unknown(unknownFields)
    }

    public mutating func decode(from reader: inout WireReader) throws(WireError) {
        while let tag = try reader.nextTag() {
            switch tag {
            case 8: kind = .nullValue(try reader.value(NullField.self))
            case 17: kind = .numberValue(try reader.value(ProtoDouble.self))
            case 26: kind = .stringValue(try reader.value(ProtoString.self))
            case 32: kind = .boolValue(try reader.value(ProtoBool.self))
            case 42: kind = .structValue(try reader.value(StructField.self, merging: structValue))
            case 50: kind = .listValue(try reader.value(ListField.self, merging: listValue))
            default: try reader.unknown(tag, &unknownFields)
            }
        }
    }

    public func encodeJSON(into json: inout JSONWriter) throws(JSONError) {
        switch kind {
        case .nullValue: json.literal("null")
        case .numberValue(let value):
            guard value.isFinite else { throw JSONError(.invalidValue, "a Value holds no NaN and no infinity") }
            json.real(value)
        case .stringValue(let value): json.string(value)
        case .boolValue(let value): json.bool(value)
        case .structValue(let value): try value.encodeJSON(into: &json)
        case .listValue(let value): try value.encodeJSON(into: &json)
        case nil: throw JSONError(.invalidValue, "a Value without a kind has no JSON form")
        }
    }

    public mutating func decodeJSON(from json: inout JSONReader) throws(JSONError) {
        switch try json.peek() {
        case UInt8(ascii: "n"):
            try json.null()
            kind = .nullValue(.nullValue)
        case UInt8(ascii: "t"), UInt8(ascii: "f"): kind = .boolValue(try json.bool())
        case UInt8(ascii: "\""): kind = .stringValue(try json.string())
        case UInt8(ascii: "{"): kind = try StructField.readJSON(&json).map { .structValue($0) }
        case UInt8(ascii: "["): kind = try ListField.readJSON(&json).map { .listValue($0) }
        default: kind = .numberValue(try json.real(Double.self))
        }
    }
}

// MARK: - Access by kind

extension Google_Protobuf_Value {
    public var isNull: Bool { if case .nullValue = kind { true } else { false } }
    public var numberValue: Double? { if case .numberValue(let value) = kind { value } else { nil } }
    public var stringValue: String? { if case .stringValue(let value) = kind { value } else { nil } }
    public var boolValue: Bool? { if case .boolValue(let value) = kind { value } else { nil } }
    public var structValue: Google_Protobuf_Struct? { if case .structValue(let value) = kind { value } else { nil } }
    public var listValue: Google_Protobuf_ListValue? { if case .listValue(let value) = kind { value } else { nil } }
}

extension Google_Protobuf_Value: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByStringInterpolation,
    ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) { kind = .nullValue(.nullValue) }
    public init(booleanLiteral value: Bool) { kind = .boolValue(value) }
    public init(stringLiteral value: String) { kind = .stringValue(value) }
    public init(floatLiteral value: Double) { kind = .numberValue(value) }
    public init(integerLiteral value: Int64) { kind = .numberValue(Double(value)) }
    public init(arrayLiteral elements: Google_Protobuf_Value...) { kind = .listValue(.init(values: elements)) }
    public init(dictionaryLiteral elements: (String, Google_Protobuf_Value)...) {
        kind = .structValue(.init(fields: Dictionary(elements) { $1 }))
    }
}

extension Google_Protobuf_Value {
    public static func string(_ value: String) -> Self { .init(.stringValue(value)) }
    public static func number(_ value: Double) -> Self { .init(.numberValue(value)) }
    public static func bool(_ value: Bool) -> Self { .init(.boolValue(value)) }
    public static func object(_ value: Google_Protobuf_Struct) -> Self { .init(.structValue(value)) }
    public static func list(_ values: [Google_Protobuf_Value]) -> Self { .init(.listValue(.init(values: values))) }
    public static var null: Self { .init(.nullValue(.nullValue)) }
}
