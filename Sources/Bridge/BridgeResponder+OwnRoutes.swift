internal import Hummingbird
internal import RPC

/// The routes that belong to the bridge and to no method.
extension BridgeResponder {
    private static let paths: Set<String> = ["/healthz", "/readyz", "/openapi.json"]

    func ownRoute(_ request: BridgeRequest) async throws -> Response? {
        guard Self.paths.contains(request.path) else { return nil }
        switch request.verb {
        case "GET", "HEAD": break
        case "OPTIONS": return Response(status: .noContent, headers: [.allow: "GET, HEAD, OPTIONS"])
        default: return Self.methodNotAllowed(["GET", "HEAD", "OPTIONS"], request)
        }
        return switch request.path {
        case "/healthz": Self.json(.ok, Array(#"{"status":"ok"}"#.utf8))
        case "/readyz": await ready()
        default: openAPI()
        }
    }

    private func ready() async -> Response {
        let parts = await readiness()
        let isReady = parts.allSatisfy(\.isReady)
        let members = parts.map { "\(JSONText.quote($0.part)):\($0.isReady)" }.joined(separator: ",")
        let json = "{\"status\":\(isReady ? "\"ready\"" : "\"not ready\""),\"parts\":{\(members)}}"
        return Self.json(isReady ? .ok : .serviceUnavailable, Array(json.utf8))
    }

    private func openAPI() -> Response { Self.json(.ok, Self.openAPIDocument) }

    private static let openAPIDocument = Array(OpenAPI.document.utf8)
}
