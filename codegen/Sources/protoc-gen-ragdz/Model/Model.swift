/// The Swift that a .proto file becomes: names chosen, fields classified, boxes decided. Printers only print it.
struct FileModel {
    let name: String
    let isProto3: Bool
    var messages: [MessageModel] = []
    var enums: [EnumModel] = []
    var services: [ServiceModel] = []
    /// Modules that declare types which this file uses.
    var modules: Set<String> = []
    /// The Swift names of every message in the file, nested ones too.
    var messageTypes: [String] { messages.flatMap(\.allTypes) }
}

struct MessageModel {
    let protoName: String
    /// The name where it is declared and the whole path.
    let swiftName: String
    let swiftPath: String
    let comment: [String]
    var fields: [FieldModel] = []
    var oneofs: [OneofModel] = []
    var messages: [MessageModel] = []
    var enums: [EnumModel] = []

    var allTypes: [String] { [swiftPath] + messages.flatMap(\.allTypes) }
    /// In the order of their numbers, as they are written.
    var sortedFields: [FieldModel] { fields.sorted { $0.number < $1.number } }
}

struct OneofModel {
    let protoName: String
    let swiftName: String
    let typeName: String
    let comment: [String]
    let index: Int
}

/// How a field is used, and with that what its Swift type is.
enum FieldKind {
    /// Without presence.
    case singular(ValueType)
    /// With presence; boxed when the message contains itself or is large.
    case optional(ValueType, isBoxed: Bool)
    case repeated(ValueType, isPacked: Bool)
    case map(key: ValueType, value: ValueType)
    /// A case of the oneof with this index.
    case member(ValueType, oneof: Int, isIndirect: Bool)
}

struct FieldModel {
    let protoName: String
    let swiftName: String
    let jsonName: String
    let number: UInt32
    let comment: [String]
    let isDeprecated: Bool
    let kind: FieldKind
}

/// The type of one value: its name in the runtime and in Swift.
struct ValueType {
    /// e.g. `ProtoString`, `ProtoMessage<Ragdz_V1_Tenant>`.
    let coding: String
    /// e.g. `String`, `Ragdz_V1_Tenant`.
    let swift: String
    /// The initial value of a field without presence.
    let defaultValue: String
    let wireType: UInt32
    /// The full proto name of a message or enum.
    let typeName: String?
    let isMessage: Bool
    let proto: ProtoFieldType

    /// JSON null is a value of these, not an absent field.
    var acceptsNull: Bool { typeName == "google.protobuf.Value" || typeName == "google.protobuf.NullValue" }
}

struct EnumModel {
    let protoName: String
    let swiftName: String
    let swiftPath: String
    let comment: [String]
    let values: [Value]

    struct Value {
        let protoName: String
        let swiftName: String
        let number: Int32
        let comment: [String]
    }
}

struct ServiceModel {
    let protoName: String
    let swiftName: String
    let comment: [String]
    let methods: [MethodModel]
}

struct MethodModel {
    let protoName: String
    let swiftName: String
    let comment: [String]
    let input: String
    let output: String
    let descriptor: ProtoMethodDescriptor

    var callType: String {
        switch (descriptor.streamsRequests, descriptor.streamsResponses) {
        case (false, false): "unary"
        case (false, true): "serverStreaming"
        case (true, false): "clientStreaming"
        case (true, true): "bidirectional"
        }
    }
}
