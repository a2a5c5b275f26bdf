import CDescriptor

typealias CFile = Google__Protobuf__FileDescriptorProto
typealias CMessage = Google__Protobuf__DescriptorProto
typealias CField = Google__Protobuf__FieldDescriptorProto
typealias CEnum = Google__Protobuf__EnumDescriptorProto
typealias CService = Google__Protobuf__ServiceDescriptorProto
typealias CMethod = Google__Protobuf__MethodDescriptorProto

struct GeneratorError: Error {
    let message: String
}

/// What protoc asks for.
struct GeneratorRequest {
    var filesToGenerate: [String] = []
    var parameter = ""
    /// Each after its imports.
    var files: [ProtoFile] = []
    /// Each file's descriptor in wire form without comments and positions, for reflection.
    var descriptors: [(name: String, bytes: [UInt8])] = []
}

/// Reads the request through libprotobuf-c.
enum RequestReader {
    static func read(_ bytes: [UInt8]) throws -> GeneratorRequest {
        guard let request = google__protobuf__compiler__code_generator_request__unpack(nil, bytes.count, bytes) else {
            throw GeneratorError(message: "the request on standard input is no CodeGeneratorRequest")
        }
        defer { google__protobuf__compiler__code_generator_request__free_unpacked(request, nil) }
        var result = GeneratorRequest()
        result.parameter = text(request.pointee.parameter)
        result.filesToGenerate = list(request.pointee.file_to_generate, request.pointee.n_file_to_generate).map(text)
        for file in list(request.pointee.proto_file, request.pointee.n_proto_file) {
            result.files.append(FileReader(file).read(file))
            result.descriptors.append((text(file.pointee.name), stripped(file)))
        }
        return result
    }

    private static func stripped(_ file: UnsafeMutablePointer<CFile>) -> [UInt8] {
        let info = file.pointee.source_code_info
        file.pointee.source_code_info = nil
        defer { file.pointee.source_code_info = info }
        let size = google__protobuf__file_descriptor_proto__get_packed_size(file)
        return [UInt8](unsafeUninitializedCapacity: size) { space, count in
            count = google__protobuf__file_descriptor_proto__pack(file, space.baseAddress)
        }
    }
}

/// A C string, empty for NULL.
func text(_ pointer: UnsafeMutablePointer<CChar>?) -> String {
    pointer.map { String(cString: $0) } ?? ""
}

/// The elements of a repeated field.
func list<T>(_ pointer: UnsafeMutablePointer<UnsafeMutablePointer<T>?>?, _ count: Int) -> [UnsafeMutablePointer<T>] {
    guard let pointer else { return [] }
    return (0..<count).compactMap { pointer[$0] }
}

/// Reads one file; holds its comments by their path in the descriptor.
struct FileReader {
    private var comments: [[Int32]: [String]] = [:]

    init(_ file: UnsafeMutablePointer<CFile>) {
        guard let info = file.pointee.source_code_info else { return }
        for location in list(info.pointee.location, info.pointee.n_location) {
            let path = (0..<location.pointee.n_path).map { location.pointee.path[$0] }
            let leading = text(location.pointee.leading_comments)
            let comment = leading.isEmpty ? text(location.pointee.trailing_comments) : leading
            if !comment.isEmpty { comments[path] = Self.lines(comment) }
        }
    }

    private static func lines(_ comment: String) -> [String] {
        var lines = comment.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            String(
                line.drop { $0 == " " || $0 == "\t" || $0 == "\r" }.reversed().drop { $0 == " " || $0 == "\r" }
                    .reversed())
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        while lines.first?.isEmpty == true { lines.removeFirst() }
        return lines
    }

    func read(_ file: UnsafeMutablePointer<CFile>) -> ProtoFile {
        let raw = file.pointee
        var result = ProtoFile()
        result.name = text(raw.name)
        result.package = text(raw.package)
        result.syntax = raw.syntax == nil ? "proto2" : text(raw.syntax)
        result.dependencies = list(raw.dependency, raw.n_dependency).map(text)
        let prefix = result.package.isEmpty ? "" : result.package + "."
        result.messages = list(raw.message_type, raw.n_message_type).enumerated().map {
            message($1.pointee, prefix, [4, Int32($0)], result.syntax)
        }
        result.enums = list(raw.enum_type, raw.n_enum_type).enumerated().map {
            enumeration($1.pointee, prefix, [5, Int32($0)])
        }
        result.services = list(raw.service, raw.n_service).enumerated().map {
            service($1.pointee, prefix, [6, Int32($0)])
        }
        return result
    }

    private func message(_ raw: CMessage, _ prefix: String, _ path: [Int32], _ syntax: String) -> ProtoMessageDescriptor
    {
        var result = ProtoMessageDescriptor()
        result.name = text(raw.name)
        result.fullName = prefix + result.name
        result.comment = comments[path] ?? []
        result.isMapEntry = raw.options?.pointee.map_entry != 0 && raw.options != nil
        let inner = result.fullName + "."
        result.fields = list(raw.field, raw.n_field).enumerated().map {
            field($1.pointee, path + [2, Int32($0)], syntax)
        }
        result.messages = list(raw.nested_type, raw.n_nested_type).enumerated().map {
            message($1.pointee, inner, path + [3, Int32($0)], syntax)
        }
        result.enums = list(raw.enum_type, raw.n_enum_type).enumerated().map {
            enumeration($1.pointee, inner, path + [4, Int32($0)])
        }
        result.oneofs = list(raw.oneof_decl, raw.n_oneof_decl).enumerated().map {
            (text($1.pointee.name), comments[path + [8, Int32($0)]] ?? [])
        }
        return result
    }

    private func field(_ raw: CField, _ path: [Int32], _ syntax: String) -> ProtoFieldDescriptor {
        var result = ProtoFieldDescriptor()
        result.name = text(raw.name)
        result.jsonName = raw.json_name == nil ? Naming.jsonName(result.name) : text(raw.json_name)
        result.number = UInt32(bitPattern: raw.number)
        result.comment = comments[path] ?? []
        result.type = ProtoFieldType(rawValue: raw.type.rawValue) ?? .bytes
        result.typeName = String(text(raw.type_name).drop { $0 == "." })
        result.isRepeated = raw.label.rawValue == 3
        let isSynthetic = raw.has_proto3_optional != 0 && raw.proto3_optional != 0
        result.isOptional = isSynthetic || (syntax == "proto2" && !result.isRepeated)
        if raw.has_oneof_index != 0 && !isSynthetic { result.oneof = Int(raw.oneof_index) }
        if let options = raw.options?.pointee {
            if options.has_packed != 0 { result.isPacked = options.packed != 0 }
            result.isDeprecated = options.has_deprecated != 0 && options.deprecated != 0
        }
        if result.isPacked == nil { result.isPacked = syntax != "proto2" }
        return result
    }

    private func enumeration(_ raw: CEnum, _ prefix: String, _ path: [Int32]) -> ProtoEnumDescriptor {
        var result = ProtoEnumDescriptor()
        result.name = text(raw.name)
        result.fullName = prefix + result.name
        result.comment = comments[path] ?? []
        result.values = list(raw.value, raw.n_value).enumerated().map {
            (text($1.pointee.name), $1.pointee.number, comments[path + [2, Int32($0)]] ?? [])
        }
        return result
    }

    private func service(_ raw: CService, _ prefix: String, _ path: [Int32]) -> ProtoServiceDescriptor {
        var result = ProtoServiceDescriptor()
        result.name = text(raw.name)
        result.fullName = prefix + result.name
        result.comment = comments[path] ?? []
        result.methods = list(raw.method, raw.n_method).enumerated().map { method($1.pointee, path + [2, Int32($0)]) }
        return result
    }

    private func method(_ raw: CMethod, _ path: [Int32]) -> ProtoMethodDescriptor {
        var result = ProtoMethodDescriptor()
        result.name = text(raw.name)
        result.comment = comments[path] ?? []
        result.input = String(text(raw.input_type).drop { $0 == "." })
        result.output = String(text(raw.output_type).drop { $0 == "." })
        result.streamsRequests = raw.has_client_streaming != 0 && raw.client_streaming != 0
        result.streamsResponses = raw.has_server_streaming != 0 && raw.server_streaming != 0
        guard let options = raw.options else { return result }
        if options.pointee.has_idempotency_level != 0 {
            result.idempotency = .init(rawValue: options.pointee.idempotency_level.rawValue) ?? .unknown
        }
        let unknown = options.pointee.base
        for index in 0..<Int(unknown.n_unknown_fields) {
            let field = unknown.unknown_fields[index]
            let bytes = Array(UnsafeBufferPointer(start: field.data, count: field.len))
            // protobuf-c keeps the length in front of a length-delimited field.
            var reader = OptionReader(bytes)
            guard field.wire_type.rawValue == 2, let value = reader.bytes() else { continue }
            switch field.tag {
            case OptionNumbers.http: result.http = HTTPRuleOption(value)
            case OptionNumbers.policy: result.policy = PolicyOption(value)
            default: break
            }
        }
        return result
    }
}
