/// A message of a type named at run time (google.protobuf.Any).
public struct Google_Protobuf_Any: Message {
    public static var protoMessageName: String { "google.protobuf.Any" }
    /// What stands before the message's name in `typeURL` when we pack it.
    public static var typePrefix: String { "type.googleapis.com/" }

    /// The message's full name after the last slash.
    public var typeURL: String = ""
    /// The message in wire form.
    public var value: [UInt8] = []
    public var unknownFields = UnknownFields()

    public init() {}

    /// Packs `message`.
    public init<M: Message>(_ message: M) {
        typeURL = Self.typePrefix + M.protoMessageName
        value = message.wireBytes()
    }

    /// The full name of the message inside.
    public var messageName: String { Self.name(in: typeURL) }

    /// The message inside, nil when it is of another type.
    public func unpack<M: Message>(_ type: M.Type) throws(WireError) -> M? {
        guard messageName == M.protoMessageName else { return nil }
        return try M(wire: value)
    }

    public func measure(_ sizes: inout WireSizes) -> Int {
        sizes.singular(ProtoString.self, 1, typeURL) + sizes.singular(ProtoBytes.self, 2, value)
            + unknownFields.bytes.count
    }

    public func encode(into writer: inout WireWriter) {
        writer.singular(ProtoString.self, 1, typeURL)
        writer.singular(ProtoBytes.self, 2, value)
        writer.unknown(unknownFields)
    }

    public mutating func decode(from reader: inout WireReader) throws(WireError) {
        while let tag = try reader.nextTag() {
            switch tag {
            case 10: try reader.singular(ProtoString.self, &typeURL)
            case 18: try reader.singular(ProtoBytes.self, &value)
            default: try reader.unknown(tag, &unknownFields)
            }
        }
    }

    private static func name(in url: String) -> String {
        guard let slash = url.lastIndex(of: "/") else { return url }
        return String(url[url.index(after: slash)...])
    }
}

// MARK: - JSON

/// A type whose JSON form is no object of its fields: inside an `Any` it stands under "value".
private let wellKnownTypes: [String: any Message.Type] = {
    let types: [any Message.Type] = [
        Google_Protobuf_Any.self, Google_Protobuf_Timestamp.self, Google_Protobuf_Duration.self,
        Google_Protobuf_FieldMask.self, Google_Protobuf_Struct.self, Google_Protobuf_Value.self,
        Google_Protobuf_ListValue.self, Google_Protobuf_DoubleValue.self, Google_Protobuf_FloatValue.self,
        Google_Protobuf_Int64Value.self, Google_Protobuf_UInt64Value.self, Google_Protobuf_Int32Value.self,
        Google_Protobuf_UInt32Value.self, Google_Protobuf_BoolValue.self, Google_Protobuf_StringValue.self,
        Google_Protobuf_BytesValue.self,
    ]
    return Dictionary(uniqueKeysWithValues: types.map { ($0.protoMessageName, $0) })
}()

extension Google_Protobuf_Any {
    private static func type(_ name: String, _ options: JSONOptions) -> (any Message.Type)? {
        if let type = wellKnownTypes[name] ?? options.types[name] { return type }
        return name == Google_Protobuf_Empty.protoMessageName ? Google_Protobuf_Empty.self : nil
    }

    public func encodeJSON(into json: inout JSONWriter) throws(JSONError) {
        json.beginObject()
        if typeURL.isEmpty && value.isEmpty { return json.endObject() }
        guard let type = Self.type(messageName, json.options) else {
            throw JSONError(.unknownType, "the type \"\(messageName)\" of an Any is not known here")
        }
        json.field("@type")
        json.string(typeURL)
        let message: any Message
        do {
            message = try type.init(wire: value)
        } catch {
            throw JSONError(.invalidValue, "an Any holds no valid \(messageName)")
        }
        if wellKnownTypes[messageName] != nil {
            json.field("value")
            try message.encodeJSON(into: &json)
        } else {
            var inner = JSONWriter(options: json.options)
            try message.encodeJSON(into: &inner)
            // The message's own fields stand beside "@type": its braces are dropped.
            if inner.count > 2 {
                json.separate()
                json.append(UnsafeRawBufferPointer(rebasing: inner.written.dropFirst().dropLast()))
            }
        }
        json.endObject()
    }

    public mutating func decodeJSON(from json: inout JSONReader) throws(JSONError) {
        let start = json.place
        guard let url = try Self.findType(&json) else { return }
        let name = Self.name(in: url)
        guard url.utf8.contains(UInt8(ascii: "/")), let type = Self.type(name, json.options) else {
            throw json.error(.unknownType, "the type \"\(url)\" of an Any is not known here")
        }
        json.place = start
        typeURL = url
        value = wellKnownTypes[name] != nil ? try Self.readValue(type, &json) : try Self.readFields(type, &json)
    }

    /// Passes over the object to find its "@type", which may stand anywhere in it; nil for an empty object.
    private static func findType(_ json: inout JSONReader) throws(JSONError) -> String? {
        try json.open(UInt8(ascii: "{"), "an object")
        var isFirst = true
        var url: String?
        while try json.nextElement(UInt8(ascii: "}"), &isFirst) {
            let isType = try json.string() == "@type"
            try json.expect(UInt8(ascii: ":"), "\":\" after a name")
            if !isType {
                try json.skipValue()
            } else if url == nil {
                url = try json.string()
            } else {
                throw json.error(.duplicateField, "\"@type\" is given twice")
            }
        }
        if url == nil && !isFirst { throw json.error(.invalidValue, "an Any names its type in \"@type\"") }
        return url
    }

    private static func readFields(_ type: any Message.Type, _ json: inout JSONReader) throws(JSONError) -> [UInt8] {
        func read<M: Message>(_ type: M.Type) throws(JSONError) -> [UInt8] {
            var message = M()
            try message.decodeJSON(from: &json)
            return message.wireBytes()
        }
        // Only the outermost object may have the extra name; `beginObject` takes the flag along.
        json.passesType = true
        return try read(type)
    }

    private static func readValue(_ type: any Message.Type, _ json: inout JSONReader) throws(JSONError) -> [UInt8] {
        func read<M: Message>(_ type: M.Type) throws(JSONError) -> [UInt8] {
            var message = M()
            try message.decodeJSON(from: &json)
            return message.wireBytes()
        }
        try json.open(UInt8(ascii: "{"), "an object")
        var isFirst = true
        var bytes: [UInt8]?
        while try json.nextElement(UInt8(ascii: "}"), &isFirst) {
            let name = try json.string()
            try json.expect(UInt8(ascii: ":"), "\":\" after a name")
            switch name {
            case "@type": try json.skipValue()
            case "value":
                if bytes != nil { throw json.error(.duplicateField, "\"value\" is given twice") }
                bytes = try read(type)
            default:
                if !json.options.ignoreUnknownFields {
                    throw json.error(.unknownField, "there is no field \"\(name)\"")
                }
                try json.skipValue()
            }
        }
        guard let bytes else { throw json.error(.invalidValue, "an Any of a well-known type has a \"value\"") }
        return bytes
    }
}
