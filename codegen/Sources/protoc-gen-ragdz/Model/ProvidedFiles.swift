/// Files whose Swift is part of a module of ours, so that who imports them need not generate them.
struct ProvidedFiles {
    private static let inRuntime: Set<String> = Set(
        [
            "any", "api", "descriptor", "duration", "empty", "field_mask", "source_context", "struct", "timestamp",
            "type",
            "wrappers",
        ].map { "google/protobuf/\($0).proto" })
    private static let inRPC: Set<String> = ["google/rpc/status.proto", "google/rpc/error_details.proto"]

    /// The module that is being generated: it does not import itself.
    private let module: String
    private let generated: Set<String>

    init(options: GeneratorOptions, generated: Set<String>) {
        module = options.module
        self.generated = generated
    }

    /// Whether nothing is printed for this file even when it is asked for.
    func skips(_ file: String) -> Bool { module != "ProtoRuntime" && Self.inRuntime.contains(file) }

    /// The module to import for a type that this file declares; nil when that is no business of ours.
    func module(of file: String) -> String? {
        if Self.inRPC.contains(file) && !generated.contains(file) && module != "RPC" { return "RPC" }
        return nil
    }
}
