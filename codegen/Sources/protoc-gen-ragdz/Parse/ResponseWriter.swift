import CDescriptor
import Glibc

/// Packs the CodeGeneratorResponse through libprotobuf-c.
enum ResponseWriter {
    private typealias CResponse = Google__Protobuf__Compiler__CodeGeneratorResponse
    private typealias CResponseFile = Google__Protobuf__Compiler__CodeGeneratorResponse__File

    static func bytes(_ files: [Generator.File] = [], error: String? = nil) -> [UInt8] {
        var response = CResponse()
        google__protobuf__compiler__code_generator_response__init(&response)
        response.has_supported_features = 1
        // FEATURE_PROTO3_OPTIONAL
        response.supported_features = 1
        response.error = error.flatMap { strdup($0) }
        let pointers = UnsafeMutablePointer<UnsafeMutablePointer<CResponseFile>?>.allocate(
            capacity: max(1, files.count))
        for (index, file) in files.enumerated() {
            let pointer = UnsafeMutablePointer<CResponseFile>.allocate(capacity: 1)
            google__protobuf__compiler__code_generator_response__file__init(pointer)
            pointer.pointee.name = strdup(file.name)
            pointer.pointee.content = strdup(file.content)
            pointers[index] = pointer
        }
        response.file = pointers
        response.n_file = files.count
        // The process ends after the answer, which frees all of it.
        let size = google__protobuf__compiler__code_generator_response__get_packed_size(&response)
        return [UInt8](unsafeUninitializedCapacity: size) { space, count in
            count = google__protobuf__compiler__code_generator_response__pack(&response, space.baseAddress)
        }
    }
}
