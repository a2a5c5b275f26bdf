internal import Bytes

/// A .proto file as the reflection service hands it out.
public struct ProtoFileDescriptor: Sendable {
    /// As other files import it, e.g. `ragdz/v1/tenants.proto`.
    public let name: String
    /// The names of the files that it imports.
    public let dependencies: [String]
    /// The full names of the services, methods, messages, enums and enum values that it declares.
    public let symbols: [String]
    /// A serialised google.protobuf.FileDescriptorProto, without comments.
    public let bytes: [UInt8]

    /// `base64` may be broken into lines.
    public init(name: String, dependencies: [String], symbols: [String], base64: String) {
        self.name = name
        self.dependencies = dependencies
        self.symbols = symbols
        bytes = Base64.decode(base64.filter { !$0.isNewline }) ?? []
    }
}
