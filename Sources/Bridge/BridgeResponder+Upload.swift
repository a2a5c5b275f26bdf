internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ProtoRuntime
internal import RPC

/// Documents as raw bytes.
extension BridgeResponder {
    func upload(
        _ entry: RouteTable.Entry, _ bindings: [PathTemplate.Binding], _ request: BridgeRequest
    ) async throws -> Response {
        throw Status.unimplemented("Uploads come with the schema.")
    }
}
