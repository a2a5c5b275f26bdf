/// The fields that a call is about (google.protobuf.FieldMask).
public struct Google_Protobuf_FieldMask: Message {
    public static var protoMessageName: String { "google.protobuf.FieldMask" }

    /// Names as in the .proto file, parts joined by dots: "tenant.display_name".
    public var paths: [String] = []
    public var unknownFields = UnknownFields()

    public init() {}
    public init(paths: [String]) { self.paths = paths }

    public func measure(_ sizes: inout WireSizes) -> Int {
        sizes.repeated(ProtoString.self, 1, paths) + unknownFields.bytes.count
    }

    public func encode(into writer: inout WireWriter) {
        writer.repeated(ProtoString.self, 1, paths)
        writer.unknown(unknownFields)
    }

    public mutating func decode(from reader: inout WireReader) throws(WireError) {
        while let tag = try reader.nextTag() {
            switch tag {
            case 10: try reader.repeated(ProtoString.self, &paths)
            default: try reader.unknown(tag, &unknownFields)
            }
        }
    }

    /// One string, the paths in lowerCamelCase and joined by commas.
    public func encodeJSON(into json: inout JSONWriter) throws(JSONError) {
        var parts: [String] = []
        for path in paths {
            let camel = Self.camelCase(path)
            // A path that would read back as another one has no JSON form.
            guard Self.snakeCase(camel) == path else {
                throw JSONError(.invalidValue, "the path \"\(path)\" cannot be written in lowerCamelCase")
            }
            parts.append(camel)
        }
        json.string(parts.joined(separator: ","))
    }

    public mutating func decodeJSON(from json: inout JSONReader) throws(JSONError) {
        let text = try json.string()
        guard !text.utf8.contains(UInt8(ascii: "_")) else {
            throw json.error(.invalidValue, "the paths of a field mask are in lowerCamelCase: \"\(text)\"")
        }
        paths = text.split(separator: ",").map { Self.snakeCase(String($0)) }
    }

    private static func camelCase(_ path: String) -> String {
        var result: [UInt8] = []
        var raise = false
        for byte in path.utf8 {
            if byte == UInt8(ascii: "_") {
                raise = true
            } else {
                result.append(raise && byte &- 0x61 < 26 ? byte - 0x20 : byte)
                raise = false
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func snakeCase(_ path: String) -> String {
        var result: [UInt8] = []
        for byte in path.utf8 {
            if byte &- 0x41 < 26 {
                result.append(UInt8(ascii: "_"))
                result.append(byte + 0x20)
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

/// A message without fields (google.protobuf.Empty).
public struct Google_Protobuf_Empty: Message {
    public static var protoMessageName: String { "google.protobuf.Empty" }
    private static let jsonFields = JSONFields([])

    public var unknownFields = UnknownFields()

    public init() {}

    public func measure(_ sizes: inout WireSizes) -> Int { unknownFields.bytes.count }

    public func encode(into writer: inout WireWriter) { writer.unknown(unknownFields) }

    public mutating func decode(from reader: inout WireReader) throws(WireError) {
        while let tag = try reader.nextTag() { try reader.unknown(tag, &unknownFields) }
    }

    public func encodeJSON(into json: inout JSONWriter) throws(JSONError) {
        json.beginObject()
        json.endObject()
    }

    public mutating func decodeJSON(from json: inout JSONReader) throws(JSONError) {
        var object = try json.beginObject(Self.jsonFields)
        while try json.nextField(&object) != nil {}
    }
}
