/// How names of the Protocol Buffers language become Swift names.
enum Naming {
    /// `ragdz.v1` becomes `Ragdz_V1_`.
    static func prefix(package: String) -> String {
        package.split(separator: ".").map { part in
            part.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined() + "_"
        }.joined()
    }

    static func typeName(_ name: String) -> String {
        guard let first = name.first else { return name }
        return first.uppercased() + name.dropFirst()
    }

    /// The enums of a message's oneofs: names that differ only in underscores or capitals get different types.
    static func oneofTypeNames(_ oneofs: [String]) -> [String] {
        var taken: Set<String> = []
        return oneofs.map { oneof in
            var name = "OneOf_" + typeName(lowerCamel(oneof))
            while !taken.insert(name).inserted { name += "_" }
            return name
        }
    }

    static func fieldName(_ name: String, number: UInt32, isCase: Bool = false) -> String {
        let camel = lowerCamel(name)
        if camel.isEmpty { return "field\(number)" }
        // In a pattern for an optional these mean the optional's own cases.
        if isCase && (camel == "none" || camel == "some") { return camel + "_p" }
        return reservedMembers.contains(camel) ? camel + "_p" : camel
    }

    /// `create_time` and `CreateTime` become `createTime`; a run of capitals in front is lowered whole (`HTTPRule`,
    /// `httpRule`).
    static func lowerCamel(_ name: String) -> String {
        let upper = camel(name[...], first: false)
        guard let first = upper.first else { return "" }
        if first.isNumber { return "_" + upper }
        guard first.isUppercase else { return upper }
        let capitals = upper.prefix { $0.isUppercase }
        if capitals.count == upper.count { return upper.lowercased() }
        let rest = upper.dropFirst(capitals.count)
        // The last capital of the run begins the next word, unless a digit follows or it is the only one.
        let lowered = capitals.count == 1 || rest.first?.isNumber == true ? capitals : capitals.dropLast()
        return lowered.lowercased() + upper.dropFirst(lowered.count)
    }

    /// Parts between underscores joined, each with a capital; the first one as `first` says.
    private static func camel(_ name: Substring, first: Bool) -> String {
        var result = ""
        for part in name.split(separator: "_") {
            let raise = first || !result.isEmpty
            if raise && abbreviations.contains(part.lowercased()) {
                result += part.uppercased()
            } else {
                result += raise ? part.prefix(1).uppercased() + part.dropFirst() : String(part)
            }
        }
        return result
    }

    /// Words that Swift writes in capitals.
    private static let abbreviations: Set<String> = ["id", "url", "http", "https"]

    /// The default JSON name, for a protoc that does not send it.
    static func jsonName(_ name: String) -> String {
        var result = ""
        var raise = false
        for character in name {
            if character == "_" {
                raise = true
            } else {
                result += raise ? character.uppercased() : String(character)
                raise = false
            }
        }
        return result
    }

    /// The values of an enum: `REGION_DZ` of `Region` becomes `dz`, where a letter follows the prefix.
    static func valueNames(_ values: [String], enumName: String) -> [String] {
        let prefix = fold(enumName)
        let stripped = values.map { strip(prefix, from: $0) }
        return stripped.map { name in
            let camel = name.contains { $0.isLowercase } ? lowerCamel(name) : lowerCamel(name.lowercased())
            let safe = camel.isEmpty ? "value" : camel
            return reservedStatics.contains(safe) ? safe + "_" : safe
        }
    }

    private static func fold(_ name: String) -> String { name.filter { $0 != "_" }.lowercased() }

    private static func strip(_ prefix: String, from value: String) -> String {
        var left = prefix[...]
        var index = value.startIndex
        while index < value.endIndex, let expected = left.first {
            if value[index] != "_" {
                guard value[index].lowercased() == String(expected) else { return value }
                left = left.dropFirst()
            }
            index = value.index(after: index)
        }
        guard left.isEmpty, index < value.endIndex, value[index] == "_" else { return value }
        let rest = value[index...].drop { $0 == "_" }
        guard let first = rest.first, first.isLetter else { return value }
        return String(rest)
    }

    /// A name as it is written where it is declared: keywords stand in backticks.
    static func escaped(_ name: String) -> String { keywords.contains(name) ? "`\(name)`" : name }

    static let keywords: Set<String> = [
        "actor", "any", "as", "associatedtype", "async", "await", "break", "case", "catch", "class", "continue",
        "default", "defer", "deinit", "do", "else", "enum", "extension", "fallthrough", "false", "fileprivate", "for",
        "func", "guard", "if", "import", "in", "indirect", "init", "inout", "internal", "is", "let", "nil", "open",
        "operator", "package", "precedencegroup", "private", "protocol", "public", "repeat", "rethrows", "return",
        "some", "static", "struct", "subscript", "super", "switch", "throw", "throws", "true", "try", "typealias",
        "var", "where", "while",
    ]

    /// Members that every message has, and names that Swift does not allow even in backticks.
    private static let reservedMembers: Set<String> = [
        "self", "Self", "Type", "Protocol", "init", "hash", "hashValue", "unknownFields", "measure", "encode", "decode",
        "encodeJSON", "decodeJSON", "encodedSize", "wirePlan", "wireBytes", "jsonBytes", "jsonString", "merge", "with",
        "protoMessageName", "jsonFields",
    ]
    private static let reservedStatics: Set<String> = [
        "self", "Self", "Type", "Protocol", "init", "protoEnumName", "protoNames", "protoName", "rawValue", "RawValue",
        "description", "hashValue", "hash",
    ]

    /// Types that generated code names: a message of the same name would hide them.
    static let reservedTypes: Set<String> = [
        "_", "Any", "Array", "Bool", "Boxed", "Dictionary", "Double", "Float", "Hashable", "Hasher", "Int", "Int32",
        "Int64",
        "JSONError", "JSONFields", "JSONReader", "JSONWriter", "Message", "Never", "Optional", "Protocol", "ProtoEnum",
        "ProtoEnumeration", "ProtoMessage", "ProtoBool", "ProtoBytes", "ProtoDouble", "ProtoFloat", "ProtoString",
        "ProtoInt32", "ProtoInt64", "ProtoUInt32", "ProtoUInt64", "ProtoSInt32", "ProtoSInt64", "ProtoFixed32",
        "ProtoFixed64", "ProtoSFixed32", "ProtoSFixed64", "Self", "Sendable", "String", "Swift", "Type", "UInt32",
        "UInt64", "UInt8", "UnknownFields", "Void", "WireError", "WireReader", "WireSizes", "WireWriter", "Error",
        "Equatable", "Comparable", "Sequence", "Collection", "Result", "Set", "Character", "Substring", "StaticString",
        "CallOptions", "ClientChannel", "HTTPRule", "MethodDescriptor", "MethodPolicy", "RPCService", "RequestStream",
        "ResponseStream", "ResponseWriter", "Router", "ServerContext", "ServiceDescriptor", "AsyncSequence",
        "ProtoType",
        "ProtoMapKey", "Status", "Metadata", "Deadline", "Duration", "Task",
    ]
}
