internal import ArgumentParser
internal import Foundation
internal import ProtoRuntime
internal import RPC
internal import RPCTransport
internal import Schema

/// JSON that is given in an argument, in a file or on standard input.
enum JSONArgument {
    static func bytes(_ argument: String) throws -> [UInt8] {
        if argument == "-" { return Array(FileHandle.standardInput.readDataToEndOfFile()) }
        guard argument.hasPrefix("@") else { return Array(argument.utf8) }
        let path = String(argument.dropFirst())
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure.usage("\(path) cannot be read.")
        }
        return Array(data)
    }
}

/// Calls any method of the contract with JSON.
struct CallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call", abstract: "Calls any method with JSON and prints the answers, one a line.",
        discussion: """
            Example: ragdz call Tenants/GetTenant '{"id":"me"}'
            A method that takes a stream reads one message a line. `ragdz call --list` names the methods.
            """)

    @OptionGroup var connection: ConnectionOptions
    @Flag(help: "List the methods with their HTTP routes and scopes.") var list = false
    @Argument(help: "Service/Method; the package ragdz.v1 may be left out.") var method: String?
    @Argument(help: "The request as JSON, @FILE, or - for standard input.") var request = "{}"

    static let methods: [MethodDescriptor] =
        Ragdz_V1_Tenants.descriptor.methods + Ragdz_V1_Keys.descriptor.methods
        + Ragdz_V1_Retrieval.descriptor.methods + Ragdz_V1_Workflows.descriptor.methods
        + Ragdz_V1_Members.descriptor.methods
        + Ragdz_V1_Operators.descriptor.methods

    func validate() throws {
        if !list, method == nil { throw ValidationError("Name a method, e.g. Tenants/GetTenant, or give --list.") }
    }

    func run() async throws {
        guard !list, let name = method else { return Self.printMethods() }
        let wanted = name.hasPrefix("/") ? name : "/\(name)"
        let found = Self.methods.filter { $0.path == wanted || $0.path == "/ragdz.v1." + wanted.dropFirst() }
        guard let method = found.first else {
            throw Failure.usage("There is no method \(name). `ragdz call --list` names all.")
        }
        let bytes = try JSONArgument.bytes(request)
        try await Session.run(connection) { session in
            try await DynamicCall(method: method, session: session).run(method.requestType, bytes)
        }
    }

    private static func printMethods() {
        Terminal.table(
            ["METHOD", "SCOPE", "HTTP"],
            methods.map { method in
                let http = method.http.map { "\($0.verb) \($0.template)" } ?? ""
                return [String(method.path.dropFirst()), method.policy.scope, http]
            })
    }
}

/// A call whose types are known only at run time.
struct DynamicCall: Sendable {
    let method: MethodDescriptor
    let session: Session

    func run<Request: Message>(_ request: Request.Type, _ json: [UInt8]) async throws {
        try await run(request, method.responseType, json)
    }

    private func run<Request: Message, Response: Message>(
        _: Request.Type, _: Response.Type, _ json: [UInt8]
    ) async throws {
        let client = session.client
        let options = session.options
        if method.callType.streamsRequests {
            let messages = try json.split(separator: UInt8(ascii: "\n")).map { try decode(Request.self, Array($0)) }
            let stream = AsyncThrowingStream<Request, any Error> { continuation in
                for message in messages { continuation.yield(message) }
                continuation.finish()
            }
            if method.callType == .clientStreaming {
                return try Terminal.printJSON(
                    try await client.clientStreaming(method, stream, options: options) as Response)
            }
            let responses: ResponseStream<Response> = try await client.bidirectional(method, stream, options: options)
            for try await response in responses { try Terminal.printJSON(response) }
            return
        }
        let message = try decode(Request.self, json)
        if method.callType == .unary {
            return try Terminal.printJSON(try await client.unary(method, message, options: options) as Response)
        }
        let responses: ResponseStream<Response> = try await client.serverStreaming(method, message, options: options)
        for try await response in responses { try Terminal.printJSON(response) }
    }

    private func decode<Request: Message>(_: Request.Type, _ json: [UInt8]) throws -> Request {
        do { return try Request(json: json) } catch {
            throw Failure.usage("The request is no \(Request.protoMessageName): \(error)")
        }
    }
}
