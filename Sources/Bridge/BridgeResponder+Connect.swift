internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ProtoRuntime
internal import RPC

/// The unary half of the Connect protocol: `POST /ragdz.v1.Tenants/GetTenant` with `application/json` or
/// `application/proto`, so that generated Connect clients work without gRPC.
extension BridgeResponder {
    func connect(_ method: MethodDescriptor, _ request: BridgeRequest) async -> Response {
        guard request.verb == "POST" else { return Self.methodNotAllowed(["POST"], request) }
        do {
            guard method.callType == .unary else {
                throw Status.unimplemented(
                    "Over Connect this server answers unary methods; streams are server-sent events or gRPC.")
            }
            return try await connectUnary(method, request)
        } catch {
            return Self.connectError(Status(wrapping: error))
        }
    }

    private func connectUnary(_ method: MethodDescriptor, _ request: BridgeRequest) async throws -> Response {
        let type = request.http.headers[.contentType]?.split(separator: ";").first?.lowercased() ?? ""
        guard type == "application/json" || type == "application/proto" else {
            throw Status.invalidArgument(
                "Send application/json or application/proto.", reason: BridgeReason.unsupportedMediaType)
        }
        let isJSON = type == "application/json"
        let body = try await Self.bytes(request, limit: configuration.limits.jsonBody).body
        let context = request.context(method, timeout: timeout(request))
        let answer = try await router.callUnary(
            method.path, request: isJSON ? try Self.wire(method, body) : body, context: context)
        guard isJSON else { return Self.json(.ok, answer, type: type) }
        return Self.json(.ok, try MessageCoding.json(MessageCoding.message(method.responseType, wire: answer)))
    }

    private static func wire(_ method: MethodDescriptor, _ body: [UInt8]) throws(Status) -> [UInt8] {
        do { return try MessageCoding.wire(method.requestType, json: body) } catch {
            throw .invalidArgument("The JSON body cannot be read: \(error).", reason: "INVALID_JSON")
        }
    }

    /// `connect-timeout-ms`, at most the limit of the bridge.
    private func timeout(_ request: BridgeRequest) -> Duration {
        let limit = configuration.limits.unaryTimeout
        guard let name = HTTPField.Name("connect-timeout-ms"), let text = request.http.headers[name],
            text.utf8.count <= 10, let milliseconds = Int64(text), milliseconds >= 0
        else { return limit }
        return min(limit, .milliseconds(milliseconds))
    }

    private static func connectError(_ status: Status) -> Response {
        // The one name that Connect spells otherwise.
        let code = status.code == .cancelled ? "canceled" : status.code.name.lowercased()
        let reason = status.reason.map { ",\"reason\":\(JSONText.quote($0))" } ?? ""
        let text = "{\"code\":\(JSONText.quote(code)),\"message\":\(JSONText.quote(status.message))\(reason)}"
        return json(HTTPResponse.Status(code: Problem.httpStatus(status)), Array(text.utf8))
    }
}
