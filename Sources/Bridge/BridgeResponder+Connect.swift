internal import Bytes
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ProtoRuntime
internal import RPC

/// The unary half of the Connect protocol: `POST /ragdz.v1.Tenants/GetTenant` with `application/json` or
/// `application/proto`, so that generated Connect clients work without gRPC.
extension BridgeResponder {
    func connect(_ method: MethodDescriptor, _ request: BridgeRequest) async -> Response {
        guard request.verb == "POST" else { return Self.methodNotAllowed(["POST", "OPTIONS"], request) }
        do {
            guard method.callType == .unary else {
                throw Status.unimplemented(
                    "Over Connect this server answers unary methods; streams are server-sent events, gRPC-Web or gRPC.")
            }
            return try await connectUnary(method, request)
        } catch {
            return Self.connectError(Status(wrapping: error), request)
        }
    }

    private func connectUnary(_ method: MethodDescriptor, _ request: BridgeRequest) async throws -> Response {
        let type = request.http.headers[.contentType]?.split(separator: ";").first?.lowercased() ?? ""
        guard type == "application/json" || type == "application/proto" else {
            throw Status.invalidArgument(
                "Send application/json or application/proto.", reason: BridgeReason.unsupportedMediaType)
        }
        try Self.checkProtocol(request)
        let isJSON = type == "application/json"
        let limit = isJSON ? configuration.limits.jsonBody : configuration.limits.message
        let context = request.context(method, timeout: try timeout(request))
        let body = try await Self.bytes(request, limit: limit).body
        let wire = isJSON ? try Self.wire(method, body) : body
        let answer: [UInt8]
        do {
            answer = try await router.callUnary(method.path, request: wire, context: context)
        } catch {
            var response = Self.connectError(Status(wrapping: error), request)
            Self.add(context.detachedAnswer.initialMetadata, to: &response)
            Self.addTrailers(of: context, to: &response)
            return response
        }
        let message = isJSON ? try MessageCoding.json(MessageCoding.message(method.responseType, wire: answer)) : answer
        var response = Self.json(.ok, message, type: type)
        Self.add(context.detachedAnswer.initialMetadata, to: &response)
        Self.addTrailers(of: context, to: &response)
        return response
    }

    private static func checkProtocol(_ request: BridgeRequest) throws(Status) {
        if let version = request.header("connect-protocol-version"), version != "1" {
            throw .invalidArgument(
                "connect-protocol-version is 1 here.", reason: "INVALID_ARGUMENT", field: "connect-protocol-version")
        }
        if let encoding = request.header("content-encoding"), encoding != "identity" {
            throw .unimplemented(
                "The request's content-encoding is not known: the bridge takes identity.", reason: "UNKNOWN_ENCODING")
        }
    }

    /// Trailers are headers with a prefix, as the protocol has it for calls that answer once.
    private static func addTrailers(of context: ServerContext, to response: inout Response) {
        var prefixed = Metadata()
        for entry in context.detachedAnswer.trailers.entries {
            switch entry.value {
            case .text(let text): prefixed.add("trailer-\(entry.name)", text)
            case .binary(let bytes): prefixed.add("trailer-\(entry.name)", Base64.encode(bytes))
            }
        }
        add(prefixed, to: &response)
    }

    private static func wire(_ method: MethodDescriptor, _ body: [UInt8]) throws(Status) -> [UInt8] {
        do { return try MessageCoding.wire(method.requestType, json: body) } catch {
            throw .invalidArgument("The JSON body cannot be read: \(error).", reason: "INVALID_JSON")
        }
    }

    /// `connect-timeout-ms`, at most the limit of the bridge.
    private func timeout(_ request: BridgeRequest) throws(Status) -> Duration {
        let limit = configuration.limits.unaryTimeout
        guard let text = request.header("connect-timeout-ms") else { return limit }
        guard (1...10).contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            let milliseconds = Int64(text)
        else {
            throw .invalidArgument("connect-timeout-ms is a number of at most ten digits.", reason: "INVALID_TIMEOUT")
        }
        return min(limit, .milliseconds(milliseconds))
    }

    /// The error as the protocol has it: its code, its text, and the `google.rpc` details in base64.
    static func connectError(_ status: Status, _ request: BridgeRequest) -> Response {
        let status = status.localized(for: request.metadata)
        // The one name that Connect spells otherwise.
        let code = status.code == .cancelled ? "canceled" : status.code.name.lowercased()
        let reason = status.reason.map { ",\"reason\":\(JSONText.quote($0))" } ?? ""
        let details = status.details.packed.map { detail in
            let value = Base64.encode(detail.value).prefix { $0 != "=" }
            return "{\"type\":\(JSONText.quote(detail.messageName)),\"value\":\"\(value)\"}"
        }
        let list = details.isEmpty ? "" : ",\"details\":[\(details.joined(separator: ","))]"
        let text = "{\"code\":\(JSONText.quote(code)),\"message\":\(JSONText.quote(status.message))\(reason)\(list)}"
        var response = json(HTTPResponse.Status(code: Problem.httpStatus(status)), Array(text.utf8))
        if let seconds = Problem(status, language: "en", requestID: request.requestID).retryAfterSeconds {
            response.headers[.retryAfter] = String(seconds)
        }
        return response
    }
}
