/// From a request to the files of the response.
enum Generator {
    struct File {
        let name: String
        let content: String
    }

    /// Well-known types whose Swift is part of ProtoRuntime.
    private static let inRuntime: Set<String> = [
        "google/protobuf/any.proto", "google/protobuf/duration.proto", "google/protobuf/empty.proto",
        "google/protobuf/field_mask.proto", "google/protobuf/struct.proto", "google/protobuf/timestamp.proto",
        "google/protobuf/wrappers.proto",
    ]

    static func run(_ request: GeneratorRequest) throws -> [File] {
        let options = try GeneratorOptions(request.parameter)
        let wanted = Set(request.filesToGenerate)
        let builder = ModelBuilder(request.files)
        var files: [File] = []
        if options.emit.contains("swift") {
            let printer = FilePrinter(options: options)
            for file in request.files where wanted.contains(file.name) && !inRuntime.contains(file.name) {
                files.append(File(name: swiftName(file.name), content: printer.print(builder.build(file))))
            }
        }
        if options.emit.contains("descriptors") {
            let content = DescriptorPrinter(options: options).print(request)
            files.append(File(name: "\(options.descriptorsName).pb.swift", content: content))
        }
        if options.emit.contains("openapi") {
            files.append(File(name: "OpenAPI.pb.swift", content: OpenAPIPrinter(options: options).print(request)))
        }
        if options.emit.contains("javascript") {
            let printer = JavaScriptPrinter(request)
            files.append(File(name: "ragdz.js", content: printer.module()))
            files.append(File(name: "ragdz.d.ts", content: printer.declarations()))
        }
        return files
    }

    /// `ragdz/v1/tenants.proto` becomes `ragdz_v1_tenants.pb.swift`: file names are unique in a module.
    private static func swiftName(_ name: String) -> String {
        let stem = name.hasSuffix(".proto") ? String(name.dropLast(6)) : name
        return stem.split(separator: "/").joined(separator: "_") + ".pb.swift"
    }
}
