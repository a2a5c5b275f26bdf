import Foundation
import NIOPosix
import ProtoRuntime
import RPC
import RPCTransport
import Schema

/// Calls methods of a running server by their descriptors: requests are JSON, answers are raw bytes.
final class ServerCaller: Sendable {
    private let client: RPCClient

    /// What came of a call.
    struct Outcome: Sendable {
        var status: Status?
        /// All response messages, one after the other, in their wire form.
        var bytes: [UInt8] = []

        /// Everything that the caller gets to see, as text to search in.
        var visible: String {
            String(decoding: bytes, as: UTF8.self) + (status.map { "\($0) \($0.details)" } ?? "")
        }
    }

    struct BadAddress: Error {}

    init(_ server: RunningServer) throws {
        let parts = server.rpc.split(separator: ":")
        guard parts.count == 2, let port = Int(parts[1]) else { throw BadAddress() }
        client = RPCClient(.host(String(parts[0]), port: port), group: MultiThreadedEventLoopGroup.singleton)
    }

    func close() async { await client.close() }

    /// A call that must succeed, with its typed answer.
    func get<Response: Message>(
        _ method: MethodDescriptor, _ json: String, key: String, as type: Response.Type = Response.self
    ) async throws -> Response {
        let outcome = await call(method, json, key: key)
        if let status = outcome.status { throw status }
        return try Response(wire: outcome.bytes)
    }

    /// A call whatever comes of it.
    func call(
        _ method: MethodDescriptor, _ json: String, key: String, timeout: Duration = .seconds(20)
    ) async -> Outcome {
        func open<Request: Message>(_ type: Request.Type) async -> Outcome {
            var outcome = Outcome()
            do {
                let requests = try json.split(separator: "\n").map { try Request(json: [UInt8]($0.utf8)) }
                try await send(method, requests, key, timeout) { outcome.bytes += $0 }
            } catch { outcome.status = error as? Status ?? Status(.unknown, "\(error)") }
            return outcome
        }
        return await open(method.requestType)
    }

    /// A call with messages that are in wire form already, under any authorization header or none.
    func call(
        _ method: MethodDescriptor, wire: [[UInt8]], authorization: String?, timeout: Duration,
        metadata: [String: String] = [:]
    ) async -> Outcome {
        var outcome = Outcome()
        do {
            // The empty message keeps every field that it does not know: all of them.
            let requests = try wire.map { try Google_Protobuf_Empty(wire: $0) }
            var options = CallOptions(timeout: timeout)
            if let authorization { options.metadata.add("authorization", authorization) }
            for (name, value) in metadata { options.metadata.add(name, value) }
            try await send(method, requests, options) { outcome.bytes += $0 }
        } catch { outcome.status = error as? Status ?? Status(.unknown, "\(error)") }
        return outcome
    }

    private func send<Request: Message>(
        _ method: MethodDescriptor, _ requests: [Request], _ key: String, _ timeout: Duration,
        _ take: ([UInt8]) -> Void
    ) async throws {
        var options = CallOptions(timeout: timeout)
        options.metadata.add("authorization", "Bearer \(key)")
        try await send(method, requests, options, take)
    }

    private func send<Request: Message>(
        _ method: MethodDescriptor, _ requests: [Request], _ options: CallOptions, _ take: ([UInt8]) -> Void
    ) async throws {
        let first = requests.first ?? Request()
        // The empty message keeps every field that it does not know: all of them.
        switch method.callType {
        case .unary:
            let answer: Google_Protobuf_Empty = try await client.unary(method, first, options: options)
            take(answer.wireBytes())
        case .serverStreaming:
            let answers: ResponseStream<Google_Protobuf_Empty> = try await client.serverStreaming(
                method, first, options: options)
            for try await answer in answers { take(answer.wireBytes()) }
        case .clientStreaming, .bidirectional:
            let stream = AsyncStream { continuation in
                for request in requests { continuation.yield(request) }
                continuation.finish()
            }
            let answer: Google_Protobuf_Empty = try await client.clientStreaming(method, stream, options: options)
            take(answer.wireBytes())
        }
    }
}

/// Every method of the public contract.
let contractMethods: [MethodDescriptor] = [
    Ragdz_V1_Tenants.descriptor, Ragdz_V1_Keys.descriptor, Ragdz_V1_Retrieval.descriptor,
    Ragdz_V1_Workflows.descriptor, Ragdz_V1_Members.descriptor, Ragdz_V1_Operators.descriptor,
].flatMap(\.methods)
