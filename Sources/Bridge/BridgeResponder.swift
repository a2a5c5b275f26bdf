internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import LoopExecutor
internal import NIOCore
internal import ProtoRuntime
internal import RPC

/// Answers every request of the bridge: its own few routes, then the method table.
struct BridgeResponder: HTTPResponder {
    struct Context: InitializableFromSource {
        let channel: any Channel
        init(source: ApplicationRequestContextSource) { channel = source.channel }
    }

    let configuration: Bridge.Configuration
    let router: RPC.Router
    let routes: RouteTable
    let readiness: @Sendable () async -> [Bridge.Readiness]

    init(
        configuration: Bridge.Configuration, router: RPC.Router,
        readiness: @escaping @Sendable () async -> [Bridge.Readiness]
    ) {
        self.configuration = configuration
        self.router = router
        self.readiness = readiness
        routes = RouteTable(router.methods)
    }

    /// The whole request runs on its connection's loop, where the handlers find that loop's database pool.
    func respond(to request: Request, context: Context) async throws -> Response {
        let peer = context.channel.remoteAddress.map { "bridge:\($0)" } ?? "bridge"
        let executor = LoopExecutor.on(context.channel.eventLoop)
        return await withTaskExecutorPreference(executor) {
            await answer(BridgeRequest(request, peer: peer), executor: executor)
        }
    }

    private func answer(_ request: BridgeRequest, executor: LoopExecutor) async -> Response {
        var response: Response
        do {
            response = try await route(request, executor: executor)
        } catch {
            response = Self.problem(Status(wrapping: error), request)
        }
        addCommonHeaders(&response, request)
        if request.verb == "HEAD" { response = Response(status: response.status, headers: response.headers) }
        return response
    }

    private func route(_ request: BridgeRequest, executor: LoopExecutor) async throws -> Response {
        if let own = try await ownRoute(request) { return own }
        if let rpc = await rpcRoute(request, executor: executor) { return rpc }
        switch routes.match(verb: request.verb, path: request.path[...]) {
        case .notFound:
            throw Status.notFound(
                "There is no \(request.path.prefix(200)) here. /openapi.json lists the routes.",
                reason: BridgeReason.noSuchRoute)
        case .otherVerbs(let verbs):
            if request.verb == "OPTIONS" {
                return Response(status: .noContent, headers: [.allow: verbs.joined(separator: ", ")])
            }
            return Self.methodNotAllowed(verbs, request)
        case .found(let entry, let bindings):
            switch entry.method.callType {
            case .unary: return try await unary(entry, bindings, request)
            case .serverStreaming: return try await events(entry, bindings, request, executor)
            case .clientStreaming: return try await upload(entry, bindings, request)
            case .bidirectional:
                throw Status.unimplemented("This method needs an RPC client: it streams both ways.")
            }
        }
    }

    /// Calls by the path of their method: gRPC-Web and Connect, told apart by their content type.
    private func rpcRoute(_ request: BridgeRequest, executor: LoopExecutor) async -> Response? {
        let method = router.method(request.path)
        let type = request.http.headers[.contentType] ?? ""
        if request.verb == "OPTIONS", method != nil {
            return Response(status: .noContent, headers: [.allow: "POST, OPTIONS"])
        }
        if let form = GRPCWebFraming.Form(contentType: type) { return await grpcWeb(form, request, executor) }
        if let method { return await connect(method, request) }
        return request.header("connect-protocol-version") == nil
            ? nil : Self.connectError(.unknownMethod(request.path), request)
    }

    private func unary(
        _ entry: RouteTable.Entry, _ bindings: [PathTemplate.Binding], _ request: BridgeRequest
    ) async throws -> Response {
        let query = try request.query()
        let body = try await Self.jsonBody(request, limit: configuration.limits.jsonBody).body
        let wire = try RequestTranscoding(entry).wire(bindings: bindings, query: query, body: body)
        let context = request.context(entry.method, timeout: configuration.limits.unaryTimeout)
        let answer: [UInt8]
        do { answer = try await router.callUnary(entry.method.path, request: wire, context: context) } catch {
            return Self.problem(Status(wrapping: error), request, context)
        }
        return try Self.message(entry, answer, context)
    }

    /// The problem of a call that had begun, with the headers that were set before it failed: how much of a limit is left.
    static func problem(_ status: Status, _ request: BridgeRequest, _ context: ServerContext) -> Response {
        var response = problem(status, request)
        add(context.detachedAnswer.initialMetadata, to: &response)
        return response
    }

    /// The response message of a call as JSON, with the headers that the handler has set.
    static func message(_ entry: RouteTable.Entry, _ wire: [UInt8], _ context: ServerContext) throws -> Response {
        let message = try MessageCoding.message(entry.method.responseType, wire: wire)
        var response = json(.ok, try MessageCoding.json(message))
        add(context.detachedAnswer.initialMetadata, to: &response)
        return response
    }

    static func jsonBody(_ request: BridgeRequest, limit: Int) async throws -> (body: [UInt8], request: Request) {
        let (body, http) = try await bytes(request, limit: limit)
        if !body.isEmpty { try request.requireJSON() }
        return (body, http)
    }

    /// Reads the body into memory; the request that comes back still notices when its client leaves.
    static func bytes(_ request: BridgeRequest, limit: Int) async throws -> (body: [UInt8], request: Request) {
        var http = request.http
        if let length = http.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge(limit) }
        let buffer: ByteBuffer
        do { buffer = try await http.collectBody(upTo: limit) } catch is NIOTooManyBytesError { throw tooLarge(limit) }
        return (Array(buffer.readableBytesView), http)
    }

    static func tooLarge(_ limit: Int) -> Status {
        Status.resourceExhausted("The body is larger than \(limit) bytes.", reason: BridgeReason.bodyTooLarge)
            .with("limit", String(limit))
    }
}

// MARK: - Answers

extension BridgeResponder {
    static func json(_ status: HTTPResponse.Status, _ bytes: [UInt8], type: String = "application/json") -> Response {
        Response(
            status: status,
            headers: [.contentType: type, .contentLength: String(bytes.count)],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    static func problem(_ status: Status, _ request: BridgeRequest) -> Response {
        let problem = Problem(status, language: request.language, requestID: request.requestID)
        let code = HTTPResponse.Status(code: problem.httpStatus)
        var response = json(code, Array(problem.json.utf8), type: "application/problem+json")
        response.headers[.contentLanguage] = request.language
        if let seconds = problem.retryAfterSeconds { response.headers[.retryAfter] = String(seconds) }
        if problem.httpStatus == 401 { response.headers[.wwwAuthenticate] = "Bearer realm=\"ragdz\"" }
        return response
    }

    static func methodNotAllowed(_ allowed: [String], _ request: BridgeRequest) -> Response {
        let list = allowed.joined(separator: ", ")
        var response = problem(
            .unimplemented(
                "\(request.verb.prefix(20)) is not possible here; \(list) is.", reason: BridgeReason.methodNotAllowed),
            request)
        response.headers[.allow] = list
        return response
    }

    private func addCommonHeaders(_ response: inout Response, _ request: BridgeRequest) {
        for (name, value) in Self.securityHeaders { response.headers[name] = value }
        response.headers[Self.requestIDHeader] = request.requestID
        guard let origin = request.http.headers[.origin] else { return }
        response.headers.append(HTTPField(name: .vary, value: "origin"))
        guard configuration.allowedOrigins.contains(origin) else { return }
        response.headers[.accessControlAllowOrigin] = origin
        response.headers[.accessControlExposeHeaders] =
            "x-request-id, retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, "
            + "grpc-status, grpc-message, grpc-status-details-bin"
        if request.verb == "OPTIONS" {
            response.headers[.accessControlAllowMethods] = response.headers[.allow]
            response.headers[.accessControlAllowHeaders] =
                "authorization, content-type, accept-language, last-event-id, x-request-id, x-grpc-web, x-user-agent, "
                + "grpc-timeout, connect-protocol-version, connect-timeout-ms"
            response.headers[.accessControlMaxAge] = "600"
        }
    }

    private static let requestIDHeader = headerName("x-request-id")

    private static let securityHeaders: [(HTTPField.Name, String)] = [
        (.xContentTypeOptions, "nosniff"),
        (.cacheControl, "no-store"),
        (headerName("referrer-policy"), "no-referrer"),
        (.contentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'"),
    ]

    /// For names written in this file; one that HTTP does not allow would show as `x-bad-name` in every test.
    private static func headerName(_ text: String) -> HTTPField.Name { HTTPField.Name(text) ?? .xContentTypeOptions }
}
