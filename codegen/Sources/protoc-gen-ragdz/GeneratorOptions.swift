/// The plugin's parameter: `key=value` pairs joined by commas.
///
/// - `Visibility=public|internal`: of everything generated; public unless said otherwise.
/// - `Module=Name`: the module that is generated, when it is one of ours that others import (ProtoRuntime, RPC).
/// - `Import=Module`: a module that the files import beside ProtoRuntime and RPC; may be given many times.
/// - `Emit=swift|descriptors|openapi|javascript`: what is printed; may be given many times; Swift when not given.
/// - `Descriptors=Name`: the enum that holds the descriptors.
/// - `Title=Text`: of the OpenAPI document.
/// - `DefaultPolicy=open`: methods without `ragdz.policy` may be called by everyone (denied when not given).
struct GeneratorOptions {
    var visibility = "public"
    var module = ""
    var imports: [String] = []
    var emit: Set<String> = []
    var descriptorsName = "FileDescriptors"
    var defaultPolicy = ""
    var title = "RAG-DZ"

    init(_ parameter: String) throws {
        for pair in parameter.split(separator: ",") {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            let value = parts.count > 1 ? parts[1] : ""
            switch parts[0] {
            case "Visibility":
                guard ["public", "internal"].contains(value) else {
                    throw GeneratorError(message: "Visibility is public or internal, not \"\(value)\"")
                }
                visibility = value
            case "Module": module = value
            case "Import": imports.append(value)
            case "Descriptors": descriptorsName = value
            case "Title": title = value
            case "DefaultPolicy": defaultPolicy = value
            case "Emit": emit.insert(value)
            default: throw GeneratorError(message: "unknown parameter \"\(pair)\"")
            }
        }
        if emit.isEmpty { emit = ["swift"] }
    }
}
