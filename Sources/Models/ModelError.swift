/// Why a model server gave no usable answer.
public struct ModelError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. More may be added.
    public struct Code: Sendable, Hashable {
        private enum Kind: Hashable {
            case unavailable, timeout, refused, invalidResponse, wrongDimension, notFinite, cancelled, busy
        }
        private let kind: Kind
        /// The server is down, or answers with a status of 500 or more.
        public static let unavailable = Code(kind: .unavailable)
        public static let timeout = Code(kind: .timeout)
        /// The server does not accept the request (a status of 400 to 499).
        public static let refused = Code(kind: .refused)
        /// The answer is no JSON of the expected form, or too large.
        public static let invalidResponse = Code(kind: .invalidResponse)
        /// The vectors have another dimension than the one configured.
        public static let wrongDimension = Code(kind: .wrongDimension)
        /// A vector holds NaN or infinity, or is all zero.
        public static let notFinite = Code(kind: .notFinite)
        public static let cancelled = Code(kind: .cancelled)
        /// Too many wait for the server already.
        public static let busy = Code(kind: .busy)
    }

    public let code: Code
    /// For the log; may name the server's address, so it is not for clients.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    init(_ error: HTTPError) {
        let code: Code =
            switch error.code {
            case .timeout: .timeout
            case .cancelled: .cancelled
            case .tooLarge: .invalidResponse
            default: .unavailable
            }
        self.init(code, error.message)
    }

    init?(status: Int, body: [UInt8]) {
        guard !(200...299).contains(status) else { return nil }
        let text = String(decoding: body.prefix(200), as: UTF8.self)
        self.init((400...499).contains(status) && status != 429 ? .refused : .unavailable, "status \(status): \(text)")
    }

    public var description: String { message }
}

/// Where a model server is and how to call it.
public struct ModelEndpoint: Sendable {
    /// The base of an OpenAI-compatible API, with its version: `http://127.0.0.1:8080/v1`.
    public var url: String
    public var unixSocket: String?
    /// Sent as a bearer token.
    public var apiKey: String?
    public var model: String
    public var limits: HTTPRequest.Limits

    public init(
        url: String, model: String, unixSocket: String? = nil, apiKey: String? = nil,
        limits: HTTPRequest.Limits = .defaults
    ) {
        self.url = url
        self.model = model
        self.unixSocket = unixSocket
        self.apiKey = apiKey
        self.limits = limits
    }

    func request(_ path: String, body: [UInt8]) -> HTTPRequest {
        var headers = [(name: "Content-Type", value: "application/json")]
        if let apiKey, !apiKey.isEmpty { headers.append(("Authorization", "Bearer \(apiKey)")) }
        var base = url[...]
        while base.last == "/" { base.removeLast() }
        return HTTPRequest(.post, base + path, headers: headers, body: body, limits: limits, unixSocket: unixSocket)
    }
}
