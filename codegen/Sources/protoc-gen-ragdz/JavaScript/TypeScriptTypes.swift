/// The TypeScript types of messages and enums in their JSON form.
struct TypeScriptTypes {
    private var messages: [String: ProtoMessageDescriptor] = [:]
    private var enums: [String: ProtoEnumDescriptor] = [:]
    private let package: String

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

    private static let wellKnown: [String: String] = [
        "google.protobuf.Timestamp": "string", "google.protobuf.Duration": "string",
        "google.protobuf.FieldMask": "string", "google.protobuf.Struct": "Record<string, unknown>",
        "google.protobuf.Value": "unknown", "google.protobuf.ListValue": "unknown[]",
        "google.protobuf.NullValue": "null", "google.protobuf.Empty": "Record<string, never>",
        "google.protobuf.Any": "{ \"@type\": string; [name: string]: unknown }",
        "google.protobuf.BoolValue": "boolean | null", "google.protobuf.StringValue": "string | null",
        "google.protobuf.BytesValue": "string | null", "google.protobuf.DoubleValue": "number | null",
        "google.protobuf.FloatValue": "number | null", "google.protobuf.Int32Value": "number | null",
        "google.protobuf.UInt32Value": "number | null", "google.protobuf.Int64Value": "string | null",
        "google.protobuf.UInt64Value": "string | null",
    ]

    /// The type's name, without the package of the contract.
    func name(_ fullName: String) -> String {
        if let known = Self.wellKnown[fullName] { return known }
        let short = fullName.hasPrefix(package + ".") ? String(fullName.dropFirst(package.utf8.count + 1)) : fullName
        return short.split(separator: ".").joined(separator: "_")
    }

    /// The message field of an upload's request: what is told about the bytes.
    func header(_ input: String) -> String {
        messages[input]?.fields.first { $0.type == .message }.map { name($0.typeName) } ?? "Record<string, unknown>"
    }

    private func field(_ field: ProtoFieldDescriptor) -> String {
        if let entry = messages[field.typeName], entry.isMapEntry,
            let value = entry.fields.first(where: { $0.number == 2 })
        {
            return "Record<string, \(single(value))>"
        }
        let type = single(field)
        if !field.isRepeated { return type }
        return type.contains("|") ? "(\(type))[]" : "\(type)[]"
    }

    private func single(_ field: ProtoFieldDescriptor) -> String {
        switch field.type {
        case .double, .float, .int32, .sint32, .sfixed32, .uint32, .fixed32: "number"
        // 64-bit integers are strings in JSON; bytes are base64.
        case .int64, .sint64, .sfixed64, .uint64, .fixed64, .string, .bytes: "string"
        case .bool: "boolean"
        case .message, .enumeration, .group: name(field.typeName)
        }
    }

    /// Every type that `roots` need.
    func print(
        from roots: [String], _ comment: ([String], inout CodePrinter) -> Void, _ out: inout CodePrinter
    ) {
        var wanted: [String] = []
        func want(_ name: String) {
            if Self.wellKnown[name] != nil || wanted.contains(name) { return }
            if messages[name] == nil && enums[name] == nil { return }
            if messages[name]?.isMapEntry != true { wanted.append(name) }
            for field in messages[name]?.fields ?? [] where !field.typeName.isEmpty { want(field.typeName) }
        }
        for root in roots { want(root) }
        for name in wanted.sorted() {
            out.line()
            if let enumeration = enums[name] {
                comment(enumeration.comment, &out)
                let values = enumeration.values.map { CodePrinter.literal($0.name) }.joined(separator: " | ")
                out.line("export type \(self.name(name)) = \(values);")
            } else if let message = messages[name] {
                comment(message.comment, &out)
                out.block("export interface \(self.name(name))") { out in
                    for one in message.fields {
                        comment(one.comment, &out)
                        out.line("\(property(one.jsonName))?: \(field(one));")
                    }
                }
            }
        }
    }

    private func property(_ name: String) -> String {
        name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" } ? name : CodePrinter.literal(name)
    }
}
