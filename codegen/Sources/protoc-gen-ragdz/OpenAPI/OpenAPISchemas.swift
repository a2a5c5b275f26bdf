/// The JSON schemas of messages and enums, by the rules of canonical proto3 JSON.
struct OpenAPISchemas {
    private var messages: [String: ProtoMessageDescriptor] = [:]
    private var enums: [String: ProtoEnumDescriptor] = [:]
    private let package: String
    /// Messages that a schema named and that components must have.
    private(set) var wanted: [String] = []

    init(_ files: [ProtoFile], package: String) {
        self.package = package
        for file in files {
            for message in file.messages { index(message) }
            for enumeration in file.enums { enums[enumeration.fullName] = enumeration }
        }
    }

    private mutating func index(_ message: ProtoMessageDescriptor) {
        messages[message.fullName] = message
        for nested in message.messages { index(nested) }
        for nested in message.enums { enums[nested.fullName] = nested }
    }

    func message(_ name: String) -> ProtoMessageDescriptor? { messages[name] }

    /// The name of a message's component: without the package of the contract.
    func componentName(_ fullName: String) -> String {
        fullName.hasPrefix(package + ".") ? String(fullName.dropFirst(package.utf8.count + 1)) : fullName
    }

    /// The schema of a message where it is used.
    mutating func reference(_ name: String) -> JSONTree {
        if let known = Self.wellKnown[name] { return known }
        if enums[name] == nil && messages[name] == nil { return ["type": "object"] }
        if !wanted.contains(name) { wanted.append(name) }
        return ["$ref": .text("#/components/schemas/\(componentName(name))")]
    }

    /// Well-known types have a JSON form of their own.
    private static let wellKnown: [String: JSONTree] = [
        "google.protobuf.Timestamp": ["type": "string", "format": "date-time"],
        "google.protobuf.Duration": [
            "type": "string", "pattern": #"^-?[0-9]+(\.[0-9]{1,9})?s$"#, "examples": ["1.5s"],
        ],
        "google.protobuf.FieldMask": ["type": "string", "examples": ["name,defaultLanguage"]],
        "google.protobuf.Struct": ["type": "object", "additionalProperties": true],
        "google.protobuf.Value": [:],
        "google.protobuf.NullValue": ["type": "null"],
        "google.protobuf.ListValue": ["type": "array", "items": [:]],
        "google.protobuf.Empty": ["type": "object", "additionalProperties": false],
        "google.protobuf.Any": [
            "type": "object", "properties": ["@type": ["type": "string"]], "required": ["@type"],
            "additionalProperties": true,
        ],
        "google.protobuf.BoolValue": ["type": ["boolean", "null"]],
        "google.protobuf.StringValue": ["type": ["string", "null"]],
        "google.protobuf.BytesValue": ["type": ["string", "null"], "contentEncoding": "base64"],
        "google.protobuf.DoubleValue": ["type": ["number", "null"]],
        "google.protobuf.FloatValue": ["type": ["number", "null"]],
        "google.protobuf.Int32Value": ["type": ["integer", "null"], "format": "int32"],
        "google.protobuf.UInt32Value": ["type": ["integer", "null"], "format": "uint32"],
        "google.protobuf.Int64Value": ["type": ["string", "null"], "format": "int64"],
        "google.protobuf.UInt64Value": ["type": ["string", "null"], "format": "uint64"],
    ]

    mutating func field(_ field: ProtoFieldDescriptor) -> JSONTree {
        var schema: JSONTree
        if let entry = messages[field.typeName], entry.isMapEntry, field.isRepeated,
            let value = entry.fields.first(where: { $0.number == 2 })
        {
            schema = ["type": "object", "additionalProperties": single(value)]
        } else {
            schema = field.isRepeated ? ["type": "array", "items": single(field)] : single(field)
        }
        schema = schema.described(field.comment)
        return field.isDeprecated ? schema.adding("deprecated", true) : schema
    }

    private mutating func single(_ field: ProtoFieldDescriptor) -> JSONTree {
        switch field.type {
        case .double: ["type": "number", "format": "double"]
        case .float: ["type": "number", "format": "float"]
        case .int32, .sint32, .sfixed32: ["type": "integer", "format": "int32"]
        case .uint32, .fixed32: ["type": "integer", "format": "uint32", "minimum": 0]
        // 64-bit integers are strings, because JavaScript's numbers cannot hold them.
        case .int64, .sint64, .sfixed64: ["type": "string", "format": "int64"]
        case .uint64, .fixed64: ["type": "string", "format": "uint64"]
        case .bool: ["type": "boolean"]
        case .string: ["type": "string"]
        case .bytes: ["type": "string", "contentEncoding": "base64"]
        case .message, .enumeration, .group: reference(field.typeName)
        }
    }

    /// The component of a message or enum.
    mutating func component(_ name: String) -> JSONTree {
        if let enumeration = enums[name] { return Self.component(enumeration) }
        guard let message = messages[name] else { return ["type": "object"] }
        return object(message, without: []).described(message.comment)
    }

    mutating func object(_ message: ProtoMessageDescriptor, without left: Set<String>) -> JSONTree {
        var properties: [(String, JSONTree)] = []
        for one in message.fields where !left.contains(one.name) { properties.append((one.jsonName, field(one))) }
        return ["type": "object", "properties": .object(properties)]
    }

    private static func component(_ enumeration: ProtoEnumDescriptor) -> JSONTree {
        var comment = enumeration.comment
        for value in enumeration.values where !value.comment.isEmpty {
            comment.append("- `\(value.name)`: \(value.comment.joined(separator: " "))")
        }
        let names: [JSONTree] = enumeration.values.map { .text($0.name) }
        let schema: JSONTree = ["type": "string", "enum": .array(names)]
        return schema.described(comment)
    }
}
