internal import Bytes
internal import HTTPTypes
internal import Hummingbird
internal import RPC

/// What the bridge takes from the headers of one HTTP request.
struct BridgeRequest: Sendable {
    let http: Request
    let metadata: Metadata
    let requestID: String
    let language: String
    let peer: String

    /// The headers that become metadata of the call; the others stay outside.
    private static let forwarded = ["authorization", "accept-language", "x-request-id", "traceparent", "tracestate"]

    init(_ http: Request, peer: String) {
        self.http = http
        self.peer = peer
        var metadata = Metadata()
        for name in Self.forwarded {
            guard let field = HTTPField.Name(name), let value = http.headers[field] else { continue }
            metadata.add(name, value)
        }
        self.metadata = metadata
        requestID = RPC.RequestID.from(metadata) ?? UUID128.v7().description
        language = AcceptLanguage.best(of: metadata["accept-language"])
    }

    /// The value of a header, whose name is written in lower case.
    func header(_ name: String) -> String? { HTTPField.Name(name).flatMap { http.headers[$0] } }

    var verb: String { http.method.rawValue }
    /// Still percent-encoded.
    var path: String { http.uri.path }

    func query() throws(Status) -> QueryParameters {
        guard let query = QueryParameters(http.uri.query) else {
            throw .invalidArgument(
                "The query string is not percent-encoded UTF-8.", reason: "INVALID_QUERY_PARAMETER")
        }
        return query
    }

    func context(_ method: MethodDescriptor, timeout: Duration) -> ServerContext {
        ServerContext(
            method: method, metadata: metadata, deadline: .after(timeout), peer: peer, requestID: requestID)
    }

    /// Refuses a body that says it is something else than JSON. `curl -d` says form; it is read as JSON.
    func requireJSON() throws(Status) {
        guard let type = http.headers[.contentType]?.split(separator: ";").first?.lowercased() else { return }
        let isJSON = type.hasPrefix("application/json") || type.hasSuffix("+json")
        guard isJSON || type == "application/x-www-form-urlencoded" || type == "text/plain" else {
            throw .invalidArgument(
                "Send the body as application/json.", reason: BridgeReason.unsupportedMediaType)
        }
    }
}
