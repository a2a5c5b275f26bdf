public import ProtoRuntime
public import RPC

/// `grpc.reflection.v1` and `v1alpha`: tells tools which services there are and what their messages look like.
public struct ReflectionService: Sendable, RPCService {
    private let services: [String]
    private let files: [String: ProtoFileDescriptor]
    private let symbols: [String: String]

    /// `files` are the descriptors of everything served and of what they import (generated `…Descriptors.files`);
    /// those of health and reflection themselves are added, and reflection lists itself.
    public init(services: [String], files: [ProtoFileDescriptor]) {
        let all = files + TransportDescriptors.files
        let own = [
            Grpc_Reflection_V1_ServerReflection.descriptor.name,
            Grpc_Reflection_V1alpha_ServerReflection.descriptor.name,
        ]
        self.services = Set(services + own).sorted()
        self.files = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        symbols = Dictionary(
            all.flatMap { file in file.symbols.map { ($0, file.name) } }, uniquingKeysWith: { first, _ in first })
    }

    public func register(in router: inout Router) {
        Current(reflection: self).register(in: &router)
        Alpha(reflection: self).register(in: &router)
    }

    private struct Current: Grpc_Reflection_V1_ServerReflection.ServiceProtocol {
        let reflection: ReflectionService

        func serverReflectionInfo(
            _ requests: RequestStream<Grpc_Reflection_V1_ServerReflectionRequest>,
            responses: ResponseWriter<Grpc_Reflection_V1_ServerReflectionResponse>, context: ServerContext
        ) async throws {
            for try await request in requests { try await responses.write(reflection.answer(request)) }
        }
    }

    /// The older name of the same protocol: the messages have the same wire form.
    private struct Alpha: Grpc_Reflection_V1alpha_ServerReflection.ServiceProtocol {
        let reflection: ReflectionService

        func serverReflectionInfo(
            _ requests: RequestStream<Grpc_Reflection_V1alpha_ServerReflectionRequest>,
            responses: ResponseWriter<Grpc_Reflection_V1alpha_ServerReflectionResponse>, context: ServerContext
        ) async throws {
            for try await request in requests {
                let current = try Grpc_Reflection_V1_ServerReflectionRequest(wire: request.wireBytes())
                let answer = reflection.answer(current).wireBytes()
                try await responses.write(Grpc_Reflection_V1alpha_ServerReflectionResponse(wire: answer))
            }
        }
    }

    func answer(
        _ request: Grpc_Reflection_V1_ServerReflectionRequest
    ) -> Grpc_Reflection_V1_ServerReflectionResponse {
        var answer = Grpc_Reflection_V1_ServerReflectionResponse()
        answer.validHost = request.host
        answer.originalRequest = request
        switch request.messageRequest {
        case .fileByFilename(let name): answer.messageResponse = file(name)
        case .fileContainingSymbol(let symbol): answer.messageResponse = file(containing(symbol))
        case .listServices:
            var list = Grpc_Reflection_V1_ListServiceResponse()
            list.service = services.map { name in
                var service = Grpc_Reflection_V1_ServiceResponse()
                service.name = name
                return service
            }
            answer.messageResponse = .listServicesResponse(list)
        case .fileContainingExtension, .allExtensionNumbersOfType, nil:
            answer.messageResponse = Self.error(.notFound, "This server does not list extensions.")
        }
        return answer
    }

    /// The file that declares a symbol; a field or enum value is found through the type around it.
    private func containing(_ symbol: String) -> String? {
        var name = Substring(symbol)
        while true {
            if let file = symbols[String(name)] { return file }
            guard let dot = name.lastIndex(of: ".") else { return nil }
            name = name[..<dot]
        }
    }

    private func file(_ name: String?) -> Grpc_Reflection_V1_ServerReflectionResponse.OneOf_MessageResponse {
        guard let name, files[name] != nil else { return Self.error(.notFound, "No such file or symbol here.") }
        var response = Grpc_Reflection_V1_FileDescriptorResponse()
        var seen: Set<String> = []
        var queue = [name]
        while !queue.isEmpty {
            let next = queue.removeFirst()
            guard seen.insert(next).inserted, let file = files[next] else { continue }
            response.fileDescriptorProto.append(file.bytes)
            queue.append(contentsOf: file.dependencies)
        }
        return .fileDescriptorResponse(response)
    }

    private static func error(
        _ code: Status.Code, _ message: String
    ) -> Grpc_Reflection_V1_ServerReflectionResponse.OneOf_MessageResponse {
        var error = Grpc_Reflection_V1_ErrorResponse()
        error.errorCode = Int32(code.rawValue)
        error.errorMessage = message
        return .errorResponse(error)
    }
}
