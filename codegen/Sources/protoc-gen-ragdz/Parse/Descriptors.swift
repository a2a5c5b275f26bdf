import CDescriptor

/// What the generator knows of a .proto file: plain values, read once from protobuf-c's structs.
struct ProtoFile {
    var name = ""
    var package = ""
    var syntax = "proto2"
    var dependencies: [String] = []
    var messages: [ProtoMessageDescriptor] = []
    var enums: [ProtoEnumDescriptor] = []
    var services: [ProtoServiceDescriptor] = []
}

struct ProtoMessageDescriptor {
    var name = ""
    /// With the package, without a leading dot.
    var fullName = ""
    var comment: [String] = []
    var fields: [ProtoFieldDescriptor] = []
    var messages: [ProtoMessageDescriptor] = []
    var enums: [ProtoEnumDescriptor] = []
    /// Names of the oneofs that the file declares, then those that stand for `optional` fields.
    var oneofs: [(name: String, comment: [String])] = []
    var isMapEntry = false
}

struct ProtoFieldDescriptor {
    var name = ""
    var jsonName = ""
    var number: UInt32 = 0
    var comment: [String] = []
    var type = ProtoFieldType.int32
    /// The full name of the message or enum.
    var typeName = ""
    var isRepeated = false
    var isOptional = false
    var isPacked: Bool?
    var oneof: Int?
    var isDeprecated = false
}

/// FieldDescriptorProto.Type by its number.
enum ProtoFieldType: UInt32 {
    case double = 1, float, int64, uint64, int32, fixed64, fixed32, bool, string, group, message, bytes, uint32
    case enumeration, sfixed32, sfixed64, sint32, sint64
}

struct ProtoEnumDescriptor {
    var name = ""
    var fullName = ""
    var comment: [String] = []
    var values: [(name: String, number: Int32, comment: [String])] = []
}

struct ProtoServiceDescriptor {
    var name = ""
    var fullName = ""
    var comment: [String] = []
    var methods: [ProtoMethodDescriptor] = []
}

struct ProtoMethodDescriptor {
    var name = ""
    var comment: [String] = []
    var input = ""
    var output = ""
    var streamsRequests = false
    var streamsResponses = false
    var idempotency = Idempotency.unknown
    var http: HTTPRuleOption?
    var policy: PolicyOption?

    enum Idempotency: UInt32 { case unknown, noSideEffects, idempotent }
}

/// `google.api.http`.
struct HTTPRuleOption {
    var verb = ""
    var template = ""
    var body = ""
    var responseBody = ""
    var additional: [HTTPRuleOption] = []
}

/// `ragdz.policy`.
struct PolicyOption {
    var credential: UInt64 = 0
    var scope = ""
    var isResumable = false
    var costClass = ""
}
