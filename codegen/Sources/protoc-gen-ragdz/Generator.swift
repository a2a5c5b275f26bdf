/// From a request to the files of the response.
enum Generator {
    struct File {
        let name: String
        let content: String
    }

    static func run(_ request: GeneratorRequest) throws -> [File] {
        let options = try GeneratorOptions(request.parameter)
        let wanted = Set(request.filesToGenerate)
        let builder = ModelBuilder(
            request.files, provided: ProvidedFiles(options: options, generated: wanted))
        var files: [File] = []
        if options.emit.contains("swift") {
            let printer = FilePrinter(options: options)
            var taken: Set<String> = []
            for file in request.files where wanted.contains(file.name) {
                if builder.provided.skips(file.name) { continue }
                let name = swiftName(file.name, &taken)
                files.append(File(name: name, content: printer.print(builder.build(file))))
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
    private static func swiftName(_ name: String, _ taken: inout Set<String>) -> String {
        let stem = name.hasSuffix(".proto") ? String(name.dropLast(6)) : name
        var result = stem.split(separator: "/").joined(separator: "_")
        // `a/b.proto` and `a_b.proto` are two files; some file systems do not tell capitals apart.
        while !taken.insert(result.lowercased()).inserted { result += "_" }
        return result + ".pb.swift"
    }
}
